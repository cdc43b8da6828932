//! Bytes whose order (as `memcmp` compares) is the order of values.

use std::ops::Range;

use crate::{Direction, DocumentId, Literal, Order, json::Raw};

/// How many bytes of a string count for its place in an order.
pub const KEY_STRING_BYTES_MAX: usize = 256;

/// Appends the component of a value; none is a missing value.
pub fn encode(_value: Option<Raw<'_>>, _direction: Direction, _out: &mut Vec<u8>) {
    todo!()
}

/// Appends the component of a literal, the same as of its JSON.
pub fn encode_literal(_literal: &Literal, _direction: Direction, _out: &mut Vec<u8>) {
    todo!()
}

/// Appends the key of an id. It has no end mark: it is the last part of a key.
pub fn encode_id(_id: &DocumentId, _out: &mut Vec<u8>) {
    todo!()
}

/// The id of a key made by [`encode_id`].
#[must_use]
pub fn decode_id(_key: &[u8]) -> Option<DocumentId> {
    todo!()
}

/// The first bytes of components of all values of the literal's type.
#[must_use]
pub fn type_range(_literal: &Literal, _direction: Direction) -> Range<u8> {
    todo!()
}

/// The smallest byte string greater than every one with this prefix; none if there is none.
#[must_use]
pub fn successor(_prefix: Vec<u8>) -> Option<Vec<u8>> {
    todo!()
}

/// Whether the component of the literal stands for other values too.
#[must_use]
pub fn is_truncating(_literal: &Literal) -> bool {
    todo!()
}

/// Appends the components of all fields of an order.
pub fn document_key(_body: &str, _id: &DocumentId, _order: &Order, _out: &mut Vec<u8>) {
    todo!()
}
