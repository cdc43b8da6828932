//! Which documents name a file in a list. No index tells of elements of lists, so the document of
//! the file does.
//!
//! Before a write that names a file its document counts the write, and after it takes the id of the
//! one that names it. A count that is not zero says that a process was killed in between: then the
//! collections are read.

use std::collections::{BTreeMap, BTreeSet};

use isobase_engine::{Action, Precondition, WriteBatch, WriteOperation, WriteReport};
use isobase_types::{
    CollectionName, DocumentId, FieldPath,
    json::{self, Kind, Patch, Raw},
};

use crate::{Store, StoreError};

/// The system collection of uploaded files: their names are the ids of its documents, and their
/// `owner` is who sent them.
pub const UPLOADS_COLLECTION: &str = "isobase_uploads";
/// The document of a file tells of fewer documents than these. Of a file that more have named it tells
/// nothing, and the collections are read.
const TOLD_MAX: usize = 50;

/// Operations of a batch, by the names that they bring into lists.
#[derive(Debug, Default)]
pub(crate) struct Naming(BTreeMap<String, BTreeSet<usize>>);

/// Documents that name a file in lists.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Namers {
    /// No others do.
    Told(Vec<(CollectionName, DocumentId)>),
    /// There may be others.
    Unknown,
}

impl Naming {
    /// Forgets a name that no document may have.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(crate) fn add(&mut self, name: &str, operation: usize) {
        self.0.entry(name.to_owned()).or_default().insert(operation);
    }

    /// Leaves out what documents of files tell already; says whether a file's document must tell more.
    pub(crate) fn needs_to_tell(&mut self, name: &str, file: &str, batch: &WriteBatch) -> bool {
        let told = match namers(file) {
            Namers::Told(told) if told.len() < TOLD_MAX => told,
            _ => {
                self.0.remove(name);
                return false;
            }
        };
        let Some(operations) = self.0.get_mut(name) else { return false };
        operations.retain(|operation| match batch.operations.get(*operation) {
            Some(WriteOperation {
                collection,
                action: Action::Put { id, .. } | Action::Patch { id, .. },
                ..
            }) => !told.iter().any(|(known, of)| (known, of) == (collection, id)),
            _ => true,
        });
        if operations.is_empty() {
            self.0.remove(name);
        }
        self.0.contains_key(name)
    }
}

pub(crate) fn uploads() -> CollectionName {
    CollectionName::new(UPLOADS_COLLECTION).expect("it is a valid name")
}

/// The content of a file's document.
pub(crate) fn namers(file: &str) -> Namers {
    let value = |field: &str| {
        let path = FieldPath::parse(field).ok()?;
        json::find(file, &path)
    };
    let is_told = value("told").is_some_and(|told| told.as_text() == "true");
    let is_open = value("telling").is_some_and(|open| open.as_text() != "0");
    if !is_told || is_open {
        return Namers::Unknown;
    }
    let Some(list) = value("named_by") else { return Namers::Told(Vec::new()) };
    let read: Option<Vec<_>> = elements(&list).map(read_namer).collect();
    // Behind a full list there may be documents that it had no room for.
    read.filter(|told| told.len() < TOLD_MAX).map_or(Namers::Unknown, Namers::Told)
}

fn elements<'a>(list: &Raw<'a>) -> impl Iterator<Item = Raw<'a>> {
    (list.kind() == Kind::Array).then(|| list.elements()).into_iter().flatten()
}

fn read_namer(element: Raw<'_>) -> Option<(CollectionName, DocumentId)> {
    let text = element.as_str_decoded()?;
    let (collection, id) = text.split_once('/')?;
    Some((CollectionName::new(collection).ok()?, DocumentId::parse(id).ok()?))
}

impl Store {
    /// Tells the documents of files which documents name them. What cannot be told stays counted.
    pub(crate) async fn tell_files(
        &self,
        naming: Naming,
        batch: &[CollectionName],
        report: &WriteReport,
    ) {
        for (name, operations) in naming.0 {
            let mut by = Vec::new();
            for operation in operations {
                if let (Some(collection), Some(Ok(written))) =
                    (batch.get(operation), report.outcomes.get(operation))
                {
                    json::write_string(&format!("{collection}/{}", written.id), &mut by);
                    by.push(b',');
                }
            }
            by.pop();
            let mut update = r#"{"increment":{"telling":-1}"#.to_owned();
            if !by.is_empty() {
                let by = String::from_utf8_lossy(&by);
                update.push_str(&format!(
                    r#","remove":{{"named_by":[{by}]}},"append":{{"named_by":[{by}]}}"#
                ));
            }
            update.push('}');
            // It stays counted then, and the collections are read.
            let _ = self.patch_file(&name, &update).await;
        }
    }

    /// Changes the document of a file; says whether it is there.
    pub(crate) async fn patch_file(&self, name: &str, update: &str) -> Result<bool, StoreError> {
        let patch = Patch::update(update.as_bytes()).expect("it is an update");
        let action = Action::Patch { id: DocumentId::Text(name.into()), patch };
        let collection = uploads();
        let operation = WriteOperation { collection, action, precondition: Precondition::None };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.engine.write(batch).await?;
        Ok(report.outcomes.iter().all(Result::is_ok))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_who_names_it_unless_a_write_is_on_its_way() {
        let named = |text: &str| match namers(text) {
            Namers::Told(told) => {
                Some(told.iter().map(|(name, id)| format!("{name} {id}")).collect::<Vec<_>>())
            }
            Namers::Unknown => None,
        };
        assert_eq!(named(r#"{"told":true}"#), Some(vec![]));
        assert_eq!(
            named(r#"{"told":true,"telling":0,"named_by":["a/1","b/x/y"]}"#),
            Some(vec!["a 1".to_owned(), "b x/y".to_owned()])
        );
        let full = format!(r#"{{"told":true,"named_by":[{}"a/1"]}}"#, r#""a/2","#.repeat(49));
        for text in [
            &full,
            "{}",
            r#"{"named_by":["a/1"]}"#,
            r#"{"told":true,"telling":1,"named_by":["a/1"]}"#,
            r#"{"told":true,"telling":0,"named_by":["a"]}"#,
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
