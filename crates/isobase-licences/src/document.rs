//! Bodies of documents.

use isobase_types::json;
use serde::Serialize;

/// A body of a type of ours, as the contract wants it.
pub(crate) fn body(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value).expect("our types have text keys and always serialise");
    json::canonicalise_document(&text).expect("our types are objects without ids")
}
