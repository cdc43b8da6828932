//! Cursors: places as text, bound to the question they belong to.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use isobase_engine::Place;
use isobase_types::{CollectionName, Order};

use crate::StoreError;

/// First byte of a cursor: the version of its layout.
const VERSION: u8 = 1;

/// Writes a place as text: version, four bytes that bind it to collection and order, the place.
///
/// The binding catches mistakes, not attackers: a forged cursor only selects an odd part of a
/// listing that the caller may read anyway.
pub(crate) fn encode(collection: &CollectionName, order: &Order, place: &Place) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&binding(collection, order));
    bytes.extend_from_slice(place.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a place back.
pub(crate) fn decode(
    collection: &CollectionName,
    order: &Order,
    cursor: &str,
) -> Result<Place, StoreError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| StoreError::ForeignCursor)?;
    match bytes.split_first_chunk::<5>() {
        Some((head, place)) if head[0] == VERSION && head[1..] == binding(collection, order) => {
            Ok(Place::from_bytes(place.to_vec()))
        }
        _ => Err(StoreError::ForeignCursor),
    }
}

/// `DefaultHasher::new` has fixed keys, so a cursor outlives the process that made it.
fn binding(collection: &CollectionName, order: &Order) -> [u8; 4] {
    let mut hasher = DefaultHasher::new();
    collection.as_str().hash(&mut hasher);
    order.to_string().hash(&mut hasher);
    let [a, b, c, d, ..] = hasher.finish().to_be_bytes();
    [a, b, c, d]
}
