//! The change feed as callers ask for it.

use isobase_engine::{ChangesPage, FeedPlace, Identity};
use isobase_types::{Change, CollectionName, Sequence};

use crate::{ForeignPlace, StoreError};

/// Where to begin in the change feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Before the first write; on the wire `0`.
    Start,
    /// After the last write; on the wire `now`.
    Now,
    /// A bare number: a place only in a database into which nothing was ever loaded.
    Number(u64),
    /// A place that the feed gave.
    Place(FeedPlace),
}

/// The text is no place to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a place as the change feed gave it, 0, or now")]
pub struct InvalidSince;

impl Since {
    /// Reads what a caller sent.
    ///
    /// # Errors
    /// [`InvalidSince`].
    pub fn parse(text: &str) -> Result<Self, InvalidSince> {
        match text {
            "0" => Ok(Self::Start),
            "now" => Ok(Self::Now),
            digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Engines keep the numbers of their writes as signed integers.
                let number = digits.parse::<i64>().map_err(|_| InvalidSince)?;
                Ok(Self::Number(number.cast_unsigned()))
            }
            text => text.parse().map(Self::Place).map_err(|_| InvalidSince),
        }
    }

    /// The number of the write after which the feed is read; `now` is the last one's.
    pub(crate) fn sequence(self, now: Sequence) -> Sequence {
        match self {
            Self::Start => Sequence::default(),
            Self::Now => now,
            Self::Number(number) => Sequence(number),
            Self::Place(place) => place.sequence,
        }
    }

    /// Refuses a place that is none in the database of this identity.
    pub(crate) fn check(self, identity: &Identity) -> Result<(), StoreError> {
        let foreign = match self {
            Self::Place(place) if place.identity == *identity => return Ok(()),
            Self::Place(place) if place.identity.database == identity.database => {
                ForeignPlace::EarlierEpoch
            }
            Self::Place(_) => ForeignPlace::OtherDatabase,
            Self::Number(number) if !identity.is_first_epoch() => ForeignPlace::Number { number },
            Self::Start | Self::Now | Self::Number(_) => return Ok(()),
        };
        Err(StoreError::ForeignPlace(foreign))
    }
}

/// Which part of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRequest {
    /// Only changes after this place.
    pub since: Since,
    /// Only changes of this collection.
    pub collection: Option<CollectionName>,
    /// At most this many.
    pub limit: u32,
    /// With the bodies that the entries keep.
    pub bodies: bool,
}

/// A part of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// In the order of the feed.
    pub changes: Vec<Change>,
    /// Where to go on.
    pub next: FeedPlace,
    /// There are more changes now.
    pub more: bool,
}

impl FeedPage {
    pub(crate) fn of(page: ChangesPage) -> Self {
        let ChangesPage { changes, next, more, identity } = page;
        Self { changes, next: FeedPlace { identity, sequence: next }, more }
    }

    /// The place of a change of this page: where to go on after it.
    #[must_use]
    pub fn place_of(&self, change: &Change) -> FeedPlace {
        FeedPlace { sequence: change.sequence, ..self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_send_is_a_word_a_number_or_a_place() {
        let place = FeedPlace { identity: Identity::new(), sequence: Sequence(7) };
        assert_eq!(Since::parse("0"), Ok(Since::Start));
        assert_eq!(Since::parse("now"), Ok(Since::Now));
        assert_eq!(Since::parse("17"), Ok(Since::Number(17)));
        assert_eq!(Since::parse(&place.to_string()), Ok(Since::Place(place)));
        for text in ["", "-1", "+1", "x", "NOW", "9223372036854775808", "1.5", " 1"] {
            assert_eq!(Since::parse(text), Err(InvalidSince), "{text}");
        }
    }
}
