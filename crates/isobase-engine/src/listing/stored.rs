//! Keys of indexes where a database bounds their length.

use isobase_types::hex;
use sha2::{Digest, Sha256};

/// Digits of the hash at the end of a cut key: 128 bits.
const HASH_DIGITS: usize = 32;

/// How a database that bounds the length of keys stores them.
///
/// A longer key is stored as its beginning and a hash of the whole. Stored keys are as unique as
/// whole ones and sort like them, but for those that begin alike: a reader takes all of a group
/// ([`StoredKeys::group`]) and sorts them by their whole keys, which it makes of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredKeys {
    bytes_max: usize,
}

impl StoredKeys {
    /// Keys of at most `bytes_max` bytes, which must be more than 64.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { bytes_max }
    }

    /// How many bytes of a cut key are its own. Twice the hash below the bound, so that a cut key
    /// has room for what a database adds.
    const fn kept(self) -> usize {
        self.bytes_max.saturating_sub(2 * HASH_DIGITS)
    }

    /// The stored form of a whole key.
    #[must_use]
    pub fn of(self, mut key: Vec<u8>) -> Vec<u8> {
        if key.len() <= self.bytes_max {
            return key;
        }
        let hash = Sha256::digest(&key);
        key.truncate(self.kept());
        // Digits hold no byte that a database would have to escape.
        key.extend_from_slice(hex(&hash[..HASH_DIGITS / 2]).as_bytes());
        key
    }

    /// The range of stored keys that has every whole key of a range, and perhaps others.
    #[must_use]
    pub fn range(self, lower: &[u8], upper: Option<&[u8]>) -> (Vec<u8>, Option<Vec<u8>>) {
        let kept = self.kept();
        let upper = match upper {
            Some(upper) if upper.len() > kept => {
                isobase_types::key::successor(upper[..kept].to_vec())
            }
            upper => upper.map(<[u8]>::to_vec),
        };
        (lower[..lower.len().min(kept)].to_vec(), upper)
    }

    /// Whether [`StoredKeys::range`] has nothing else than the whole keys of the range.
    #[must_use]
    pub fn is_exact(self, lower: &[u8], upper: Option<&[u8]>) -> bool {
        lower.len() <= self.kept() && upper.is_none_or(|upper| upper.len() <= self.kept())
    }

    /// The beginning of all stored keys among which this one is in no order; `None` for a key that
    /// is in its place.
    #[must_use]
    pub fn group(self, stored: &[u8]) -> Option<&[u8]> {
        (stored.len() > self.kept()).then(|| &stored[..self.kept()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: StoredKeys = StoredKeys::new(100);

    fn key(text: &str, length: usize) -> Vec<u8> {
        let mut key = text.as_bytes().to_vec();
        key.resize(length, b'x');
        key
    }

    #[test]
    fn short_keys_are_stored_as_they_are() {
        for length in [0, 1, 36, 37, 100] {
            assert_eq!(KEYS.of(key("a", length)), key("a", length));
        }
        assert_eq!(KEYS.group(&key("a", 36)), None);
        assert_eq!(StoredKeys::new(usize::MAX).group(&key("a", 10_000)), None);
    }

    #[test]
    fn long_keys_are_a_beginning_and_a_hash() {
        let (one, other) = (KEYS.of(key("a", 101)), KEYS.of(key("a", 102)));
        assert_ne!(one, other);
        for stored in [&one, &other] {
            assert_eq!(stored.len(), 36 + 32);
            assert_eq!(KEYS.group(stored), Some(&key("a", 36)[..]));
        }
    }

    #[test]
    fn ranges_hold_every_key_that_they_should() {
        let all = ["a", "b"].iter().flat_map(|text| {
            [1, 35, 36, 37, 90, 100, 101, 150, 200].map(|length| key(text, length))
        });
        let all: Vec<Vec<u8>> = all.collect();
        for lower in &all {
            for upper in all.iter().map(Some).chain([None]) {
                let upper = upper.map(Vec::as_slice);
                let (first, end) = KEYS.range(lower, upper);
                for key in &all {
                    let is_in = key >= lower && upper.is_none_or(|upper| key.as_slice() < upper);
                    let stored = KEYS.of(key.clone());
                    let found = stored >= first && end.as_ref().is_none_or(|end| stored < *end);
                    assert!(found || !is_in, "{key:?} in {lower:?}..{upper:?}");
                    assert!(is_in || !found || !KEYS.is_exact(lower, upper), "{key:?}");
                }
            }
        }
    }
}
