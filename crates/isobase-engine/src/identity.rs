//! Which database it is.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    str::FromStr,
};

/// Which database, and which of its epochs.
///
/// An epoch is the time in which the places of a database are places of one history. It ends with
/// every load ([`crate::BulkLoad::finish`]): what a place of before stood for may be something else
/// then. Two databases never have one identity, unless the files of one were copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The database, for as long as it is there.
    pub database: u64,
    /// Its epoch; 0 is the first.
    pub epoch: u64,
}

impl Identity {
    /// That of a database which begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { database: random(), epoch: 0 }
    }

    /// That of a database of an older form, which has none yet: the same for everybody who asks
    /// with the same words, so that it can be told before it can be written.
    #[must_use]
    pub fn derived(of: &[&str]) -> Self {
        // FNV-1a: it must be the same in every version of this program.
        let bytes = of.iter().flat_map(|word| word.bytes().chain([0]));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { database: (hash >> 1).max(1), epoch: 0 }
    }

    /// The next epoch of a database; of a new one when it had no identity.
    #[must_use]
    pub fn renewed(before: Option<Self>) -> Self {
        let database = before.map_or_else(random, |before| before.database);
        // Not the next number: a database that was put back from a copy of its files would come
        // to the same epoch twice.
        Self { database, epoch: random() }
    }

    /// Whether nothing was ever loaded into the database: then a number of its feed is a place.
    #[must_use]
    pub fn is_first_epoch(&self) -> bool {
        self.epoch == 0
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self::new()
    }
}

/// 1 to 2^63 - 1, so that every database holds it as a number. The standard library seeds its
/// hashers from the system's source of randomness.
fn random() -> u64 {
    (RandomState::new().hash_one(()) >> 1).max(1)
}

/// 32 hexadecimal digits and a hyphen, as databases without large numbers keep it.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.database, self.epoch)
    }
}

/// The text is not an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identity has two times 16 hexadecimal digits with a hyphen between them")]
pub struct InvalidIdentity;

impl FromStr for Identity {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        let read = |digits: &str| {
            let is_hex = digits.len() == 16 && digits.bytes().all(|it| it.is_ascii_hexdigit());
            is_hex.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        let (database, epoch) = text.split_once('-').ok_or(InvalidIdentity)?;
        match (read(database), read(epoch)) {
            (Some(database), Some(epoch)) => Ok(Self { database, epoch }),
            _ => Err(InvalidIdentity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_is_another_one_of_the_same_database() {
        let first = Identity::new();
        assert!(first.is_first_epoch() && first != Identity::new());
        let second = Identity::renewed(Some(first));
        assert!(!second.is_first_epoch() && second.database == first.database);
        assert_ne!(second, Identity::renewed(Some(first)));
        assert_ne!(Identity::renewed(None).database, first.database);
    }

    #[test]
    fn derived_ones_are_told_apart_by_all_words() {
        let derived = Identity::derived(&["couchdb", "a"]);
        assert_eq!(derived.to_string(), "14d44520e98a9bcc-0000000000000000");
        assert_ne!(derived, Identity::derived(&["couchdba", ""]));
    }

    #[test]
    fn the_text_is_read_back() {
        let identity = Identity::renewed(None);
        assert_eq!(identity.to_string().parse(), Ok(identity));
        for text in ["", "1-2", "0123456789abcdef", "0123456789abcdef-+123456789abcdef"] {
            assert_eq!(text.parse::<Identity>(), Err(InvalidIdentity), "{text}");
        }
    }
}
