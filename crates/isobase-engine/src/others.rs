//! Documents beside the one that is written.

use isobase_types::{CollectionName, Direction, DocumentId, FieldPath, Literal, Order, json, key};

/// Questions that a check may ask about documents beside the one that is written: other documents, as they are at the
/// commit, with what earlier operations of the batch did to them.
///
/// An engine that works out a commit in memory may not know yet: then it reads what was asked for
/// and decides anew, and what the check said does not count.
pub trait Others {
    /// Whether a document is there; `None` while that is not known.
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool>;

    /// Whether a document of a collection [refers](refers) to an id in a field. The collection
    /// must have an index that [finds them](finds_referrers). Documents that have expired do not
    /// count, and neither do those that `leaves` knows: the same batch deletes them. There are at
    /// most as many as it has operations.
    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
        leaves: &dyn Fn(&DocumentId) -> bool,
    ) -> Referred;
}

/// Whether a document is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referred {
    /// Not known yet.
    Unknown,
    /// No document does.
    No,
    /// At least one does.
    Yes,
    /// There is no index that tells, or it is not ready.
    NoIndex,
}

/// The answer of those who know.
impl From<bool> for Referred {
    fn from(is_referred_to: bool) -> Self {
        if is_referred_to { Self::Yes } else { Self::No }
    }
}

/// Whether the value of a field is an id.
#[must_use]
pub fn refers(body: &str, field: &FieldPath, id: &DocumentId) -> bool {
    let (mut value, mut whole) = (Vec::new(), Vec::new());
    key::encode_id_whole(id, &mut whole);
    json::find(body, field).is_some_and(|found| key::encode_whole(found, &mut value))
        && value == whole
}

/// Whether the documents that refer to an id in a field lie together in an order, ascending.
#[must_use]
pub fn finds_referrers(order: &Order, field: &FieldPath) -> bool {
    let first = order.0.first();
    first.is_some_and(|it| it.path == *field && it.direction == Direction::Ascending)
}

/// Where in such an index the documents lie that refer to an id, and perhaps others: the first
/// key, and the first after them.
#[must_use]
pub fn referrer_keys(id: &DocumentId) -> (Vec<u8>, Vec<u8>) {
    let value = match id {
        DocumentId::Integer(integer) => Literal::Integer(*integer),
        DocumentId::Text(text) => Literal::Text(text.as_ref().to_owned()),
    };
    let mut lower = Vec::new();
    key::encode_literal(&value, Direction::Ascending, &mut lower);
    // A component is never all `ff`.
    let upper = key::successor(lower.clone()).unwrap_or_else(|| vec![u8::MAX]);
    (lower, upper)
}

/// Whether all documents between [these keys](referrer_keys) refer to the id. Of a long one the
/// keys have the beginning only, and so there may be others before those that do.
#[must_use]
pub fn referrer_keys_are_whole(id: &DocumentId) -> bool {
    match id {
        DocumentId::Integer(_) => true,
        DocumentId::Text(text) => !key::is_truncating(&Literal::Text(text.as_ref().to_owned())),
    }
}

/// For what has no other documents, as tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoOthers;

impl Others for NoOthers {
    fn exists(&mut self, _: &CollectionName, _: &DocumentId) -> Option<bool> {
        Some(false)
    }

    fn is_referred_to(
        &mut self,
        _: &CollectionName,
        _: &FieldPath,
        _: &DocumentId,
        _: &dyn Fn(&DocumentId) -> bool,
    ) -> Referred {
        Referred::No
    }
}
