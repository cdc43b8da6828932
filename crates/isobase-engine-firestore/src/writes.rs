//! The parts of commits.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_journal::{After, Head, META_FIELD};
use isobase_types::DocumentId;
use proto::{Document, DocumentMask, Precondition, Write, precondition::ConditionType, write};

use crate::{codec, fields::Fields, names};

/// A head and its version.
#[derive(Clone, Debug)]
pub(crate) struct SeenHead {
    pub(crate) head: Head,
    /// The commit that wrote it.
    pub(crate) token: String,
    pub(crate) version: prost_types::Timestamp,
}

/// Tells this commit from every other.
pub(crate) fn token() -> String {
    format!("{:032x}", rand::random::<u128>())
}

pub(crate) fn put(name: String, fields: Fields) -> Write {
    let document = Document { name, fields, ..Document::default() };
    Write { operation: Some(write::Operation::Update(document)), ..Write::default() }
}

/// Our bookkeeping in a document, whose content stays where it is.
pub(crate) fn bookkeeping(name: String, id: &DocumentId, after: &After) -> Write {
    let fields = Fields::from([(META_FIELD.to_owned(), codec::meta(id, after))]);
    let mut write = put(name, fields);
    write.update_mask = Some(DocumentMask { field_paths: vec![META_FIELD.to_owned()] });
    write
}

pub(crate) fn delete(name: String) -> Write {
    Write { operation: Some(write::Operation::Delete(name)), ..Write::default() }
}

/// The condition of a [`Write`].
pub(crate) trait WriteExt {
    /// Only if the document is so.
    fn under(self, condition: ConditionType) -> Self;
}

impl WriteExt for Write {
    fn under(mut self, condition: ConditionType) -> Self {
        self.current_document = Some(Precondition { condition_type: Some(condition) });
        self
    }
}

/// The last part of the name of the last document.
pub(crate) fn last_id(documents: &[proto::Document]) -> Option<String> {
    documents.last().map(|document| names::native_id_of(&document.name).to_owned())
}
