//! Cursors: places as text, bound to the question they belong to.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use isobase_engine::{Identity, Place};
use isobase_types::{CollectionName, Order};

use crate::{ForeignPlace, StoreError};

/// First byte of a cursor: the version of its layout.
const VERSION: u8 = 2;

/// Bytes of the binding to collection and order, and of the one to the database.
const QUESTION: usize = 4;
const DATABASE: usize = 8;

/// Writes a place as text: version, four bytes that bind it to collection and order, eight that
/// bind it to the database and its epoch, the place.
///
/// The binding catches mistakes, not attackers: a forged cursor only selects an odd part of a
/// listing that the caller may read anyway.
pub(crate) fn encode(
    identity: &Identity,
    collection: &CollectionName,
    order: &Order,
    place: &Place,
) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&question(collection, order));
    bytes.extend_from_slice(&database(identity));
    bytes.extend_from_slice(place.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a place back.
pub(crate) fn decode(
    identity: &Identity,
    collection: &CollectionName,
    order: &Order,
    cursor: &str,
) -> Result<Place, StoreError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| StoreError::ForeignCursor)?;
    let Some((&[VERSION], rest)) = bytes.split_first_chunk() else {
        return Err(StoreError::ForeignCursor);
    };
    let Some((asked, rest)) = rest.split_first_chunk::<QUESTION>() else {
        return Err(StoreError::ForeignCursor);
    };
    match rest.split_first_chunk::<DATABASE>() {
        Some(_) if *asked != question(collection, order) => Err(StoreError::ForeignCursor),
        Some((found, _)) if *found != database(identity) => {
            Err(StoreError::ForeignPlace(ForeignPlace::Cursor))
        }
        Some((_, place)) => Ok(Place::from_bytes(place.to_vec())),
        None => Err(StoreError::ForeignCursor),
    }
}

fn question(collection: &CollectionName, order: &Order) -> [u8; QUESTION] {
    let [a, b, c, d, ..] = hash((collection.as_str(), order.to_string()));
    [a, b, c, d]
}

fn database(identity: &Identity) -> [u8; DATABASE] {
    hash(identity)
}

/// `DefaultHasher::new` has fixed keys, so a cursor outlives the process that made it.
fn hash(value: impl Hash) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish().to_be_bytes()
}
