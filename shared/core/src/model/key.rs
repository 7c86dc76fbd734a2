use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// Names a row: the 128-bit hash of the sync's namespace and the row's key columns. Its hex form is the default insert_id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowKey(pub [u8; 16]);

/// The order of the bytes, compared as one number: sorting an index is mostly this.
impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl RowKey {
    /// Hashes the parts, each prefixed with its length so that `("a", "bc")` and `("ab", "c")` differ.
    /// `scratch` is cleared and reused, so that hashing a row allocates nothing.
    pub fn from_parts<'a>(namespace: &'a str, parts: impl Iterator<Item = &'a [u8]>, scratch: &mut Vec<u8>) -> Self {
        scratch.clear();
        for part in std::iter::once(namespace.as_bytes()).chain(parts) {
            scratch.extend_from_slice(&(part.len() as u64).to_le_bytes());
            scratch.extend_from_slice(part);
        }
        Self(first_16(blake3::hash(scratch).as_bytes()))
    }

    /// 32 lower-case hex digits.
    pub fn to_hex(self) -> String {
        self.hex_digits().as_str().to_string()
    }

    /// The same without allocating, for the hot path.
    pub fn hex_digits(self) -> HexDigits {
        let mut digits = [0u8; 32];
        for (n, byte) in self.0.iter().enumerate() {
            digits[2 * n] = DIGITS[usize::from(byte >> 4)];
            digits[2 * n + 1] = DIGITS[usize::from(byte & 15)];
        }
        HexDigits(digits)
    }

    /// The reverse of [`Self::to_hex`].
    pub fn from_hex(digits: &str) -> Option<Self> {
        let number = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
        Some(Self(number.to_be_bytes()))
    }

    /// The insert_id of the key's `revision`-th identity. Revision 0 is the key itself; a later one is a fresh hash,
    /// because Mixpanel's compaction may merge equal insert_ids of one day (docs.mixpanel.com/reference/event-deduplication, 2026-08-21).
    pub fn insert_id(self, revision: u32) -> String {
        if revision == 0 {
            return self.to_hex();
        }
        let mut input = [0u8; 20];
        input[..16].copy_from_slice(&self.0);
        input[16..].copy_from_slice(&revision.to_le_bytes());
        hex_of(&first_16(blake3::hash(&input).as_bytes()))
    }
}

/// 32 hex digits.
pub struct HexDigits([u8; 32]);

impl HexDigits {
    /// As text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// 64-bit hash of what a row looks like at the destination, without its insert_id.
pub fn fingerprint(encoded: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(encoded)
}

/// Lower-case hex of some bytes.
pub fn hex_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)] as char);
        text.push(DIGITS[usize::from(byte & 15)] as char);
    }
    text
}

fn first_16(bytes: &[u8; 32]) -> [u8; 16] {
    let mut first = [0u8; 16];
    first.copy_from_slice(&bytes[..16]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted_between_columns() {
        let key = |parts: &[&str]| RowKey::from_parts("n", parts.iter().map(|p| p.as_bytes()), &mut Vec::new());
        assert_ne!(key(&["a", "bc"]), key(&["ab", "c"]));
        assert_eq!(key(&["a", "bc"]), key(&["a", "bc"]));
    }

    #[test]
    fn revisions_have_distinct_ids_and_the_first_is_the_key() {
        let key = RowKey([7; 16]);
        assert_eq!(key.insert_id(0), "07".repeat(16));
        assert_ne!(key.insert_id(1), key.insert_id(2));
        assert_eq!(key.insert_id(1).len(), 32);
        assert_eq!(RowKey::from_hex(&key.to_hex()), Some(key));
        assert_eq!(["", "07", &"0g".repeat(16)].map(RowKey::from_hex), [None; 3]);
    }
}
