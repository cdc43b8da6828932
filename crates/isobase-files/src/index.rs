//! The documents that say which files there are.

use std::{collections::HashSet, time::SystemTime};

use isobase_store::{
    Action, Atomicity, ErrorKind, IfMissing, IndexDefinition, Precondition, Store, StoreError,
    UPLOADS_COLLECTION, WriteBatch, WriteOperation,
};
use isobase_types::{
    CollectionName, Comparison, Count, Document, DocumentId, FieldPath, Filter, Literal, Operator,
    Order, PageRequest, Query, Timestamp, json::Patch,
};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::{FileQuery, FileState};

/// The order of lists: the newest first; files that came before this was noted are last.
const ORDER: &str = "-created_us";
/// Names that are looked for together: as many ids as one plan looks for.
const NAMES_TOGETHER: usize = 50;

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name here.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Its kind.
    pub media_type: String,
    /// Whether a browser may show it.
    pub shown: bool,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// When it came.
    pub created_at: Timestamp,
    /// Who sent it.
    pub owner: String,
    /// A document names it in a private field, or did: not everybody may read it.
    pub private: bool,
}

/// A file that documents name, or have named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimedFile {
    pub(crate) name: String,
    /// Since when no document names it, as was found; in microseconds since 1970.
    pub(crate) unused_us: Option<i64>,
    /// Its document.
    body: String,
}

/// A file, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// The file.
    pub file: StoredFile,
    /// The sender's name of it.
    pub original: String,
    /// Who sent it.
    pub owner: String,
    /// A document names it in a field of the type `file`, or did.
    pub claimed: bool,
    /// Since when no document names it, as a sweep has found.
    pub unused_since: Option<Timestamp>,
}

impl ListedFile {
    /// Whether documents name it.
    #[must_use]
    pub fn state(&self) -> FileState {
        match (self.claimed, self.unused_since) {
            (false, _) => FileState::NeverNamed,
            (true, None) => FileState::Named,
            (true, Some(_)) => FileState::Unused,
        }
    }
}

/// The content of a document.
#[derive(Deserialize, Serialize)]
struct Entry {
    original: String,
    size: u64,
    media_type: String,
    shown: bool,
    sha256: String,
    owner: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    /// A document names it, or did: it goes when none does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    claimed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unused_us: Option<i64>,
    /// When it came, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_us: Option<i64>,
}

impl Entry {
    fn listed(self, name: &str, created_at: Timestamp) -> ListedFile {
        ListedFile {
            original: self.original.clone(),
            owner: self.owner.clone(),
            claimed: self.claimed,
            unused_since: self.unused_us.map(|unix_us| Timestamp { unix_us }),
            file: self.stored(name, created_at),
        }
    }

    fn stored(self, name: &str, created_at: Timestamp) -> StoredFile {
        StoredFile {
            name: name.to_owned(),
            size: self.size,
            media_type: self.media_type,
            shown: self.shown,
            sha256: self.sha256,
            created_at,
            owner: self.owner,
            private: self.private,
        }
    }
}

/// Which files there are.
#[derive(Debug)]
pub(crate) struct Index {
    store: Store,
    collection: CollectionName,
    /// Set by the first who finds or makes the index of lists.
    prepared: OnceCell<()>,
}

impl Index {
    pub(crate) fn new(store: &Store) -> Self {
        let collection = CollectionName::new(UPLOADS_COLLECTION).expect("it is a valid name");
        Self { store: store.system(), collection, prepared: OnceCell::new() }
    }

    /// Makes the index of lists unless it is there.
    async fn prepare(&self) -> Result<(), StoreError> {
        let made = self.prepared.get_or_try_init(async || {
            let newest = IndexDefinition::parse(ORDER).expect("the order above is an index");
            match self.store.create_index(&self.collection, &newest).await {
                Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
                _ => Ok(()),
            }
        });
        made.await.copied()
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<StoredFile>, StoreError> {
        let id = DocumentId::Text(name.into());
        let Some(document) = self.store.get(&self.collection, &id).await? else { return Ok(None) };
        let entry: Option<Entry> = serde_json::from_str(&document.body).ok();
        Ok(entry.map(|entry| entry.stored(name, document.created_at)))
    }

    pub(crate) async fn find(&self, name: &str) -> Result<Option<ListedFile>, StoreError> {
        let found = self.store.get(&self.collection, &DocumentId::Text(name.into())).await?;
        Ok(found.as_ref().and_then(read))
    }

    /// Files, the newest first, from a cursor on, and the cursor of the next ones.
    pub(crate) async fn list(
        &self,
        wanted: &FileQuery,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ListedFile>, Option<String>), StoreError> {
        self.prepare().await?;
        let order = Order::parse(ORDER).expect("the order above is one");
        self.page((wanted.filter(), order), after, limit).await
    }

    /// Files in no order, from a cursor on, and the cursor of the next ones.
    pub(crate) async fn some(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ListedFile>, Option<String>), StoreError> {
        self.page((Filter::all(), Order::default()), after, limit).await
    }

    async fn page(
        &self,
        (filter, order): (Filter, Order),
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ListedFile>, Option<String>), StoreError> {
        let page = PageRequest::Cursor { limit, after };
        let query = Query { filter, order, page, fields: Vec::new(), count: Count::None };
        let page = self.store.list(&self.collection, &query).await?;
        let next = page.next.as_ref().map(|position| position.cursor().to_owned());
        Ok((page.documents.iter().filter_map(read).collect(), next))
    }

    /// Which of some names are those of files.
    pub(crate) async fn known(&self, names: &[String]) -> Result<HashSet<String>, StoreError> {
        let path = FieldPath::parse("id").expect("the path of the id");
        let mut known = HashSet::new();
        for some in names.chunks(NAMES_TOGETHER) {
            let literals = some.iter().cloned().map(Literal::Text).collect();
            let operator = Operator::In(literals);
            let filter = Filter::Compare(Comparison { path: path.clone(), operator });
            let limit = u32::try_from(NAMES_TOGETHER).unwrap_or(u32::MAX);
            let (found, _) = self.page((filter, Order::default()), None, limit).await?;
            known.extend(found.into_iter().map(|listed| listed.file.name));
        }
        Ok(known)
    }

    /// Calls a file otherwise; says whether it is there.
    pub(crate) async fn rename(&self, name: &str, original: &str) -> Result<bool, StoreError> {
        let patch = serde_json::json!({ "original": original }).to_string();
        let patch = Patch::merge(patch.as_bytes()).expect("an object with a text");
        let id = DocumentId::Text(name.into());
        self.write(Action::Patch { id, patch }, Precondition::None).await
    }

    /// Files that documents name or have named, from a cursor on, and the cursor of the next ones.
    pub(crate) async fn claimed(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ClaimedFile>, Option<String>), StoreError> {
        let query = Query {
            filter: Filter::all(),
            order: Order::default(),
            page: PageRequest::Cursor { limit, after },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = self.store.list(&self.collection, &query).await?;
        let next = page.next.as_ref().map(|next| next.cursor().to_owned());
        let claimed = page.documents.into_iter().filter_map(|document| {
            let DocumentId::Text(name) = &document.id else { return None };
            let entry: Entry = serde_json::from_str(&document.body).ok()?;
            let (name, unused_us, body) = (name.to_string(), entry.unused_us, document.body);
            entry.claimed.then_some(ClaimedFile { name, unused_us, body })
        });
        Ok((claimed.collect(), next))
    }

    /// Notes since when no document names a file.
    pub(crate) async fn note_unused(
        &self,
        name: &str,
        since: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let since = since.map_or("null".to_owned(), |since| since.unix_us.to_string());
        let patch = Patch::Merge(format!("{{\"unused_us\":{since}}}"));
        let id = DocumentId::Text(name.into());
        // It may be gone.
        self.write(Action::Patch { id, patch }, Precondition::None).await.map(|_| ())
    }

    /// Puts a file back that was forgotten.
    pub(crate) async fn restore(&self, file: ClaimedFile) -> Result<(), StoreError> {
        let id = DocumentId::Text(file.name.into());
        let action = Action::Put { id, body: file.body, if_missing: IfMissing::Create };
        self.write(action, Precondition::Missing).await.map(|_| ())
    }

    /// Forgets a file; says whether it was there.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let action = Action::Delete { id: DocumentId::Text(name.into()) };
        self.write(action, Precondition::None).await
    }

    /// Carries out one action; says whether it was carried out.
    async fn write(&self, action: Action, precondition: Precondition) -> Result<bool, StoreError> {
        let collection = self.collection.clone();
        let operation = WriteOperation { collection, action, precondition };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await?;
        Ok(report.outcomes.iter().all(Result::is_ok))
    }

    /// Notes a file that lies there. `original` is what its sender calls it, `owner` who that is.
    pub(crate) async fn add(
        &self,
        file: StoredFile,
        original: &str,
        owner: &str,
    ) -> Result<StoredFile, StoreError> {
        let entry = Entry {
            original: original.to_owned(),
            size: file.size,
            media_type: file.media_type.clone(),
            shown: file.shown,
            sha256: file.sha256.clone(),
            owner: owner.to_owned(),
            private: false,
            claimed: false,
            unused_us: None,
            created_us: Some(Timestamp::from_system_time(SystemTime::now()).unix_us),
        };
        let body = serde_json::to_string(&entry).expect("texts and numbers always serialise");
        let id = DocumentId::Text(file.name.as_str().into());
        let operation = WriteOperation {
            collection: self.collection.clone(),
            action: Action::Put { id, body, if_missing: IfMissing::Create },
            precondition: Precondition::Missing,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await?;
        // Names are random: no one else has this one.
        let at = report.outcomes.into_iter().find_map(Result::ok).map(|it| it.created_at);
        let (created_at, owner) = (at.unwrap_or_default(), owner.to_owned());
        Ok(StoredFile { created_at, owner, ..file })
    }
}

/// The file of a document; `None` of one that cannot be read.
fn read(document: &Document) -> Option<ListedFile> {
    let DocumentId::Text(name) = &document.id else { return None };
    let entry: Entry = serde_json::from_str(&document.body).ok()?;
    Some(entry.listed(name, document.created_at))
}
