//! Ids of the HTTP interface.

use isobase_types::DocumentId;

/// Routes under `/records/{collection}/`: a document of that id could not be reached.
const RESERVED: [&str; 2] = ["batch", "changes"];

/// The id names a route.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id '{id}' is the name of a route; choose another")]
pub(super) struct ReservedId {
    id: &'static str,
}

/// Refuses ids that cannot be reached. Only for writes: nothing is stored under them.
pub(super) fn refuse_reserved(id: &DocumentId) -> Result<(), ReservedId> {
    match id {
        DocumentId::Integer(_) => Ok(()),
        DocumentId::Text(text) => match RESERVED.into_iter().find(|name| *name == &**text) {
            Some(id) => Err(ReservedId { id }),
            None => Ok(()),
        },
    }
}
