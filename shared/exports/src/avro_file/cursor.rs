/// Reads Avro's binary encoding (specification 1.11, "Binary Encoding").
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
}

/// What is wrong with the data.
pub(super) type Fault = &'static str;

const SHORT: Fault = "the data ends too early";

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(SHORT)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    /// A zig-zag number of variable length.
    pub(super) fn long(&mut self) -> Result<i64, Fault> {
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let [byte] = self.array::<1>()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok((number >> 1) as i64 ^ -((number & 1) as i64));
            }
        }
        Err("a number is longer than 64 bits")
    }

    pub(super) fn int(&mut self) -> Result<i32, Fault> {
        i32::try_from(self.long()?).map_err(|_| "a number does not fit its type")
    }

    pub(super) fn length(&mut self) -> Result<usize, Fault> {
        usize::try_from(self.long()?).map_err(|_| "a length is negative")
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.length()?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "a text is not valid UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_zig_zag_numbers() {
        let long = |bytes: &[u8]| Cursor { bytes }.long();
        assert_eq!(long(&[0]), Ok(0));
        assert_eq!(long(&[1]), Ok(-1));
        assert_eq!(long(&[0x80, 0x01]), Ok(64));
        assert_eq!(long(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(i64::MIN));
        assert_eq!(long(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(i64::MAX));
        assert!(long(&[0xff; 11]).is_err());
        assert!(long(&[0x80]).is_err());
        assert!(Cursor { bytes: &[1] }.bytes().is_err());
    }
}
