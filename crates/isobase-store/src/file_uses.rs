//! Which documents name an uploaded file, and how another file takes its place in them.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use isobase_engine::{Action, Precondition, Rejection, WriteBatch, WriteOperation};
use isobase_types::{
    CollectionName, Document, DocumentId, FieldPath, Filter, PageRequest,
    json::{self, Patch},
};
use serde_json::{Value, json as value};

use crate::{
    Atomicity, FileField, Store, StoreError, View,
    file_fields::{contains, literals, name_in, names_any, query, texts_of},
    file_names::{Namers, namers, uploads},
};

/// Documents that name a file that are read at a time.
const PAGE: u32 = 200;
/// Documents that the engine looks at before a search asks itself for how long it has gone on.
const SCAN_STEP: u64 = 20_000;
/// How long a search through collections whose fields hold lists may go on.
const BUDGET: Duration = Duration::from_secs(2);
/// How often a document is read again that others change meanwhile.
const ATTEMPTS: u32 = 5;

/// A document that names an uploaded file, by one of its fields.
#[derive(Clone, Debug)]
pub struct FileUse {
    /// Where the document is.
    pub collection: CollectionName,
    /// The field that names the file.
    pub field: FieldPath,
    /// The document as it is stored, with what is never shown.
    pub document: Document,
}

/// The documents that name a file.
#[derive(Clone, Debug)]
pub struct FileUses {
    /// Those that were found; one document appears once for each of its fields that names the file.
    pub uses: Vec<FileUse>,
    /// There are no others. Else the bound, or the time for a search, was reached.
    pub complete: bool,
}

/// The outcome of the documents that named a file.
#[derive(Clone, Debug, Default)]
pub struct FileReplaced {
    /// How many name the other file now.
    pub documents: u64,
    /// Those that could not be changed, and why.
    pub left: Vec<(CollectionName, DocumentId, Rejection)>,
}

impl Store {
    /// The documents that name an uploaded file in fields of the type `file`, at most about `max`.
    /// A file that is in lists of more than 50 documents takes a look at their collections, for two
    /// seconds at most.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn file_uses(&self, name: &str, max: usize) -> Result<FileUses, StoreError> {
        let document = self.engine.get(&uploads(), &DocumentId::Text(name.into())).await?;
        let told = document.map_or(Namers::Unknown, |document| namers(&document.body));
        let fields = self.file_fields().await?;
        self.index_file_fields(&fields).await?;
        let (mut uses, deadline) = (Vec::new(), Instant::now() + BUDGET);
        let mut complete = true;
        for (collection, file) in &fields {
            if uses.len() >= max {
                return Ok(FileUses { uses, complete: false });
            }
            let found = match &told {
                Namers::Told(told) if file.many => {
                    (self.told_uses(name, (collection, file), told).await?, true)
                }
                _ => self.sought_uses(name, (collection, file), max, deadline).await?,
            };
            complete &= found.1;
            uses.extend(found.0.into_iter().map(|document| FileUse {
                collection: collection.clone(),
                field: file.field.clone(),
                document,
            }));
        }
        Ok(FileUses { uses, complete })
    }

    /// Those of the documents that the document of a file tells of which still name it.
    async fn told_uses(
        &self,
        name: &str,
        (collection, file): (&CollectionName, &FileField),
        told: &[(CollectionName, DocumentId)],
    ) -> Result<Vec<Document>, StoreError> {
        let mut found = Vec::new();
        for (_, id) in told.iter().filter(|(of, _)| of == collection) {
            let document = self.stored(collection, id).await?;
            found.extend(document.filter(|document| names(document, file, name)));
        }
        Ok(found)
    }

    /// Those that an index or a look at the collection finds, and whether that was all of it.
    async fn sought_uses(
        &self,
        name: &str,
        (collection, file): (&CollectionName, &FileField),
        max: usize,
        deadline: Instant,
    ) -> Result<(Vec<Document>, bool), StoreError> {
        let wanted = HashSet::from([name.to_owned()]);
        let filter = match file.many {
            false => names_any(&file.field, &wanted),
            true => Filter::Or(literals(&wanted).map(|it| contains(&file.field, it)).collect()),
        };
        let (mut query, mut found) = (query(filter, PAGE), Vec::new());
        let store = self.whole().scanning(SCAN_STEP);
        loop {
            let page = store.list(collection, &query).await?;
            found.extend(page.documents.into_iter().filter(|it| names(it, file, name)));
            let Some(next) = page.next else { return Ok((found, true)) };
            if found.len() >= max || Instant::now() >= deadline {
                return Ok((found, false));
            }
            query.page = PageRequest::Cursor { limit: PAGE, after: Some(next.cursor().to_owned()) };
        }
    }
}

fn names(document: &Document, file: &FileField, name: &str) -> bool {
    texts_of(&document.body, file).any(|text| name_in(&text) == Some(name))
}

impl View {
    /// Puts another file in the place of one in documents that name it, in every field that does,
    /// as the caller's writes: rules and schemas decide, and no change of others is lost. Called
    /// again it goes on where it failed.
    ///
    /// # Errors
    /// When the engine fails, or the caller may change nothing of a collection; documents before
    /// that are changed.
    pub async fn replace_file(
        &self,
        uses: Vec<FileUse>,
        (old, new): (&str, &str),
    ) -> Result<FileReplaced, StoreError> {
        let fields = self.store().file_fields().await?;
        let mut documents: HashMap<(CollectionName, DocumentId), Document> = HashMap::new();
        for FileUse { collection, document, .. } in uses {
            documents.insert((collection, document.id.clone()), document);
        }
        let mut replaced = FileReplaced::default();
        for ((collection, id), document) in documents {
            let own = || fields.iter().filter(|(of, _)| *of == collection).map(|(_, file)| file);
            let mut document = Some(document);
            for _ in 0..ATTEMPTS {
                // It is gone, or names the file no more.
                let Some(known) = document.take() else { break };
                let Some(patch) = replacing(&known.body, own(), (old, new)) else { break };
                let operation = WriteOperation {
                    collection: collection.clone(),
                    action: Action::Patch { id: id.clone(), patch },
                    precondition: Precondition::RevisionIn(vec![known.revision]),
                };
                let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
                match self.write(batch, Atomicity::EachAlone).await?.outcomes.into_iter().next() {
                    Some(Err(Rejection::RevisionConflict { .. })) => {
                        document = self.store().stored(&collection, &id).await?;
                    }
                    Some(Err(Rejection::NotFound)) | None => {}
                    Some(Err(rejection)) => {
                        replaced.left.push((collection.clone(), id.clone(), rejection));
                    }
                    Some(Ok(_)) => replaced.documents += 1,
                }
            }
        }
        Ok(replaced)
    }
}

/// The change that makes a document name another file; `None` if it does not name the one.
fn replacing<'f>(
    body: &str,
    fields: impl Iterator<Item = &'f FileField>,
    (old, new): (&str, &str),
) -> Option<Patch> {
    let mut patch = value!({});
    for file in fields {
        let Some(found) = json::find(body, &file.field) else { continue };
        let Ok(held) = serde_json::from_str::<Value>(found.as_text()) else { continue };
        let renamed = match &held {
            Value::Array(elements) => {
                Value::Array(elements.iter().map(|one| renamed(one, (old, new))).collect())
            }
            one => renamed(one, (old, new)),
        };
        if renamed != held {
            let mut place = &mut patch;
            for step in file.field.steps() {
                place = &mut place[&**step];
            }
            *place = renamed;
        }
    }
    let is_empty = patch.as_object().is_none_or(serde_json::Map::is_empty);
    if is_empty { None } else { Patch::merge(patch.to_string().as_bytes()).ok() }
}

/// A value of a field, with the other name where it has the one: an address stays an address.
fn renamed(held: &Value, (old, new): (&str, &str)) -> Value {
    match held.as_str().filter(|text| name_in(text) == Some(old)) {
        Some(text) => Value::String(text.replace(old, new)),
        None => held.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0b6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.png";
    const NEW: &str = "1c6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.jpg";

    #[test]
    fn a_name_is_replaced_wherever_a_field_has_it() {
        let field = |path: &str, many| FileField {
            field: FieldPath::parse(path).unwrap(),
            many,
            private: false,
        };
        let fields = [field("cover", false), field("more.scans", true)];
        let patch = |body: &str| match replacing(body, fields.iter(), (OLD, NEW)) {
            Some(Patch::Merge(text)) => Some(text),
            _ => None,
        };
        assert_eq!(
            patch(&format!(r#"{{"cover":"/uploads/{OLD}","text":"{OLD}"}}"#)),
            Some(format!(r#"{{"cover":"/uploads/{NEW}"}}"#))
        );
        assert_eq!(
            patch(&format!(r#"{{"more":{{"scans":["a","{OLD}",1]}}}}"#)),
            Some(format!(r#"{{"more":{{"scans":["a","{NEW}",1]}}}}"#))
        );
        assert_eq!(patch(&format!(r#"{{"cover":"{NEW}","text":"{OLD}"}}"#)), None);
        assert_eq!(patch(r#"{"cover":null,"more":7}"#), None);
    }
}
