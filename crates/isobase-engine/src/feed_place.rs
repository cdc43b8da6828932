//! Places in a change feed as callers know them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use isobase_types::Sequence;

use crate::Identity;

/// First byte of the text's content. With it no text begins with a digit: bare numbers and words
/// in the same place stay something else.
const VERSION: u8 = 1;

/// Bytes of an identity.
const IDENTITY: usize = 16;

/// Bytes of one head.
const HEAD: usize = 8;

/// A place in the change feed of one database; opaque as text.
///
/// The text holds the identity and then the place at each head of the database. Today there is one
/// head; a text of several is another length, which this version refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedPlace {
    /// Of which database and epoch.
    pub identity: Identity,
    /// After which of its writes.
    pub sequence: Sequence,
}

impl fmt::Display for FeedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [VERSION; 1 + IDENTITY + HEAD];
        let numbers = [self.identity.database, self.identity.epoch, self.sequence.0];
        for (place, number) in bytes[1..].chunks_exact_mut(HEAD).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The text is not a place of a change feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a place as the change feed gave it")]
pub struct InvalidPlace;

impl FromStr for FeedPlace {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidPlace)?;
        let Some((&VERSION, numbers)) = bytes.split_first() else { return Err(InvalidPlace) };
        if numbers.len() != IDENTITY + HEAD {
            return Err(InvalidPlace);
        }
        let number = |place: usize| {
            let bytes = numbers.get(place * HEAD..(place + 1) * HEAD)?;
            Some(u64::from_be_bytes(bytes.try_into().ok()?))
        };
        match (number(0), number(1), number(2)) {
            (Some(database), Some(epoch), Some(sequence)) => {
                Ok(Self { identity: Identity { database, epoch }, sequence: Sequence(sequence) })
            }
            _ => Err(InvalidPlace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read_back_and_is_never_a_number() {
        let identity = Identity { database: 7, epoch: u64::MAX };
        for sequence in [0, 1, u64::MAX] {
            let place = FeedPlace { identity, sequence: Sequence(sequence) };
            let text = place.to_string();
            assert_eq!(text.parse(), Ok(place));
            assert!(text.starts_with('A') && text.len() == 34, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let place = FeedPlace { identity: Identity::new(), sequence: Sequence(1) }.to_string();
        let another_version = format!("B{}", &place[1..]);
        let two_heads = BASE64_URL_SAFE_NO_PAD.encode([VERSION; 1 + IDENTITY + 2 * HEAD]);
        for text in ["", "now", "17", &place[1..], &another_version, &two_heads] {
            assert_eq!(text.parse::<FeedPlace>(), Err(InvalidPlace), "{text}");
        }
    }
}
