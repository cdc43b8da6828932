//! Documents in the words of CouchDB: the rows of an answer, and the paths of documents.

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::Tree;

use crate::{
    client::segment,
    codec::Found,
    error::{Complaint, strange},
};

/// The documents of a database under an id.
pub(crate) enum Row {
    /// There was never a document.
    Missing,
    /// There is a tombstone.
    Deleted {
        /// Its version.
        revision: String,
    },
    /// There is a document.
    Live {
        /// Its version.
        revision: String,
        /// The document, if it was asked for.
        document: Option<Found>,
    },
}

impl Row {
    pub(crate) fn of(tree: Tree, what: &str) -> Result<Self, EngineError> {
        match tree.get("error").and_then(Tree::as_str) {
            None => {}
            Some("not_found") => return Ok(Self::Missing),
            // A part of a cluster did not answer: no one knows what is there.
            Some(_) => {
                let complaint = Complaint::of_tree(&tree);
                let message = format!("CouchDB answered {} to {what}", complaint.error);
                return Err(EngineError::new(ErrorKind::Unavailable, message));
            }
        }
        let Tree::Object(fields) = tree else { return Err(strange(what)) };
        let (mut revision, mut is_deleted, mut document) = (None, false, None);
        for (name, value) in fields {
            match name.as_str() {
                "value" => {
                    is_deleted = value.get("deleted") == Some(&Tree::Bool(true));
                    revision = value.get("rev").and_then(Tree::as_str).map(str::to_owned);
                }
                "doc" if value != Tree::Null => document = Found::of(value),
                _ => {}
            }
        }
        let revision = revision.ok_or_else(|| strange(what))?;
        Ok(match is_deleted {
            true => Self::Deleted { revision },
            false => Self::Live { revision, document },
        })
    }
}

/// The rows of an answer.
pub(crate) fn rows_of(tree: Tree, what: &str) -> Result<Vec<Tree>, EngineError> {
    match tree {
        Tree::Object(fields) => fields
            .into_iter()
            .find_map(|(name, value)| match value {
                Tree::Array(rows) if name == "rows" => Some(rows),
                _ => None,
            })
            .ok_or_else(|| strange(what)),
        _ => Err(strange(what)),
    }
}

/// The path of a document; `None` of `.` and `..`, which steps of a path are, whatever their
/// spelling (WHATWG URL, 4.4): they are asked for by their ids.
pub(crate) fn document_path(database: &str, id: &str) -> Option<String> {
    (!matches!(id, "." | "..")).then(|| journal_path(database, id))
}

/// The path of a document of the journal, or of another whose id is no step.
pub(crate) fn journal_path(database: &str, id: &str) -> String {
    format!("/{}/{}", segment(database), segment(id))
}
