//! Definitions of indexes for production.

use isobase_types::CollectionName;
use serde_json::{Value, json};

use crate::{FirestoreOptions, Indexing, names::Names};

/// The text of `firestore.indexes.json`, for `firebase deploy --only firestore:indexes`.
///
/// Listings need nothing but the index that Firestore makes for every field by itself, of the
/// fields under `isobase_meta.keys`; no composite index is needed. With [`Indexing::KeysOnly`] the
/// file keeps that index, and exempts all other fields.
#[must_use]
pub fn index_plan(options: &FirestoreOptions, collections: &[CollectionName]) -> String {
    let names = Names::new("-", &options.database, &options.prefix);
    let mut overrides = Vec::new();
    if options.indexing == Indexing::KeysOnly {
        for collection in collections {
            let group = names.collection(collection);
            overrides.push(field(&group, "*", false));
            overrides.push(field(&group, "isobase_meta.keys", true));
        }
    }
    for group in [names.log(), names.answers()] {
        overrides.push(field(&group, "*", false));
        overrides.push(field(&group, "at", true));
    }
    let plan = json!({ "indexes": [], "fieldOverrides": overrides });
    let mut text = serde_json::to_string_pretty(&plan).unwrap_or_default();
    text.push('\n');
    text
}

/// The rule for a field and all below it.
fn field(group: &str, path: &str, indexed: bool) -> Value {
    let scope = |order: &str| json!({ "order": order, "queryScope": "COLLECTION" });
    let indexes = match indexed {
        true => vec![scope("ASCENDING"), scope("DESCENDING")],
        false => Vec::new(),
    };
    json!({ "collectionGroup": group, "fieldPath": path, "indexes": indexes })
}
