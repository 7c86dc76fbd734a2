/// splitmix64: small, fast, the same everywhere.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `below` - 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.bits() % below.max(1)
    }

    /// True in this share of calls.
    pub fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && (self.bits() >> 11) as f64 / ((1u64 << 53) as f64) < share
    }

    /// A generator of its own, so that drawing from one changes nothing in another.
    pub fn fork(&mut self) -> Self {
        Self(self.bits())
    }
}
