//! The place of a document in an order.

use isobase_types::{Direction, Document, DocumentId, Indexed, Order, OrderField, json, key};

use crate::terms::age_key;

/// The place of a document in an order, as bytes that sort like the order does.
///
/// One component per field of the order and the id at the end, which has the direction of the
/// last field. Opaque to callers; [`Place::from_bytes`] takes any bytes, a foreign place only
/// selects an odd part of the listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(Vec<u8>);

impl Place {
    /// The place of a document.
    #[must_use]
    pub fn of(document: &Document, order: &Order) -> Self {
        Self(index_key(document.into(), order))
    }

    /// A place from the bytes of [`Place::as_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id of a place in the order of ids.
    pub(crate) fn id(&self, direction: Direction) -> Option<DocumentId> {
        match direction {
            Direction::Ascending => decode_id(&self.0),
            Direction::Descending => decode_id(&complement(&self.0)),
        }
    }
}

/// The key of a document in an index (or order) with these fields.
#[must_use]
pub fn index_key(document: Indexed<'_>, order: &Order) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48);
    encode_place(document, order, &mut bytes);
    bytes
}

/// Appends the place of a document in an order.
pub(crate) fn encode_place(document: Indexed<'_>, order: &Order, out: &mut Vec<u8>) {
    let (fields, id_direction) = split(order);
    for OrderField { path, direction } in fields {
        match path.time() {
            Some(time) => key::encode_text(&time.of(document).to_string(), *direction, out),
            None => key::encode(json::find(document.body, path), *direction, out),
        }
    }
    encode_id(document.id, id_direction, out);
}

/// The place of an id in the order of ids.
#[must_use]
pub fn id_key(id: &DocumentId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(48);
    encode_id(id, Direction::Ascending, &mut bytes);
    bytes
}

/// The key of a document in an index by age: oldest first.
pub(crate) fn age_index_key(document: Indexed<'_>) -> Vec<u8> {
    let mut bytes = age_key(document.updated_at);
    encode_id(document.id, Direction::Ascending, &mut bytes);
    bytes
}

/// The fields that decide before the id, and the direction of the id.
///
/// An id is unique, so no field after `id` decides anything.
pub(crate) fn split(order: &Order) -> (&[OrderField], Direction) {
    match order.0.iter().position(|field| field.path.is_id()) {
        Some(at) => (&order.0[..at], order.0[at].direction),
        None => (&order.0, order.0.last().map(|field| field.direction).unwrap_or_default()),
    }
}

/// Tags of the id component; the order of kinds is the order of [`DocumentId`].
const TAG_INTEGER: u8 = 1;
const TAG_TEXT: u8 = 2;

/// Unlike a string value the id keeps all its bytes: it decides between equals.
fn encode_id(id: &DocumentId, direction: Direction, out: &mut Vec<u8>) {
    let start = out.len();
    match id {
        DocumentId::Integer(integer) => {
            out.push(TAG_INTEGER);
            out.extend_from_slice(&integer.to_be_bytes());
        }
        DocumentId::Text(text) => {
            // Ids hold no NUL, so NUL ends the text and sorts it before its extensions.
            out.push(TAG_TEXT);
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        }
    }
    if direction == Direction::Descending {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// The same bytes in the opposite order.
pub(crate) fn complement(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

fn decode_id(bytes: &[u8]) -> Option<DocumentId> {
    match bytes.split_first()? {
        (&TAG_INTEGER, integer) => Some(i64::from_be_bytes(integer.try_into().ok()?).into()),
        (&TAG_TEXT, [text @ .., 0]) => {
            Some(DocumentId::Text(std::str::from_utf8(text).ok()?.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_ids_sort_like_ids() {
        let ids: Vec<DocumentId> = ["0", "9", "10", "9223372036854775807", "A", "a", "aa", "é"]
            .iter()
            .map(|text| DocumentId::parse(text).unwrap())
            .collect();
        for direction in [Direction::Ascending, Direction::Descending] {
            let keys: Vec<Vec<u8>> = ids
                .iter()
                .map(|id| {
                    let mut key = Vec::new();
                    encode_id(id, direction, &mut key);
                    key
                })
                .collect();
            let sorted = keys.windows(2).all(|pair| match direction {
                Direction::Ascending => pair[0] < pair[1],
                Direction::Descending => pair[0] > pair[1],
            });
            assert!(sorted, "{direction:?}");
        }
    }

    #[test]
    fn id_of_a_place_is_read_back() {
        for text in ["7", "x", "é"] {
            let id = DocumentId::parse(text).unwrap();
            let place = Place(id_key(&id));
            assert_eq!(place.id(Direction::Ascending), Some(id));
        }
    }
}
