//! The data store: values under a namespace and a key, apart for each user, with counted accesses.
//!
//! Each record is a document of the collection [`COLLECTION`], so it travels with the others and
//! can be read as one. Every change compares the revision it was made from, so counts and
//! metadata of several writers at once are all kept.

mod caller;
mod fields;
mod identity;
mod namespaces;
mod record;
mod records;
mod routes;

use isobase_types::CollectionName;

pub(crate) use record::Turns;
pub(crate) use routes::{ROUTES, SCHEMAS};

/// Where the records are.
const COLLECTION: &str = "agent_data_store";

/// The collection of the records.
fn collection() -> CollectionName {
    CollectionName::new(COLLECTION).expect("it is a valid name, as the tests show")
}
