//! The documents of uploads that come in several requests.

use std::time::Duration;

use isobase_store::{
    Action, Atomicity, IfMissing, IndexDefinition, Precondition, Store, StoreError, WriteBatch,
    WriteOperation,
};
use isobase_types::{
    CollectionName, Comparison, Count, DocumentId, FieldPath, Filter, Literal, Operator, Order,
    PageRequest, Query, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The system collection of these documents.
const COLLECTION: &str = "isobase_transfers";
/// Documents that are read at a time.
const PAGE: u32 = 100;

/// An upload that comes in several requests. How much of it has come, its bytes on the disk say.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Transfer {
    /// The document's id, which is part of its address and is told to no one else.
    #[serde(skip)]
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) owner: String,
    /// Bytes, when it is whole; `None` while its sender does not know.
    #[serde(default)]
    pub(crate) length: Option<u64>,
    /// On whose disk its bytes lie; empty in documents of older programs.
    #[serde(default)]
    pub(crate) place: String,
    /// The sender's name of it.
    pub(crate) original: String,
    /// The sender's words about it, as sent.
    pub(crate) metadata: String,
    /// The name of the file that it becomes; empty for one that is only a part.
    pub(crate) name: String,
    /// The parts that it was joined of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<String>,
    /// Whether the file is there.
    pub(crate) done: bool,
    /// Microseconds since 1970.
    pub(crate) expires_us: i64,
}

impl Transfer {
    pub(crate) fn is_part(&self) -> bool {
        self.name.is_empty()
    }

    pub(crate) fn is_joined(&self) -> bool {
        !self.parts.is_empty()
    }

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_us <= now.unix_us
    }

    /// Lets it live on, from now; says whether that is worth a write.
    pub(crate) fn renew(&mut self, now: Timestamp, lifetime: Duration) -> bool {
        let lifetime = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX / 4);
        let left = self.expires_us - now.unix_us;
        self.expires_us = now.unix_us.saturating_add(lifetime);
        left < lifetime / 2
    }
}

/// Which uploads are on their way.
#[derive(Debug)]
pub(crate) struct Transfers {
    store: Store,
    collection: CollectionName,
}

impl Transfers {
    pub(crate) fn new(store: &Store) -> Self {
        let collection = CollectionName::new(COLLECTION).expect("it is a valid name");
        Self { store: store.system(), collection }
    }

    /// Makes the index, unless it is there.
    pub(crate) async fn prepare(&self) -> Result<(), StoreError> {
        for fields in ["owner", "expires_us"] {
            let index = IndexDefinition::parse(fields).expect("it is a valid index");
            self.store.create_index(&self.collection, &index).await?;
        }
        Ok(())
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Option<Transfer>, StoreError> {
        let key = DocumentId::Text(id.into());
        let Some(document) = self.store.get(&self.collection, &key).await? else {
            return Ok(None);
        };
        Ok(serde_json::from_str(&document.body).ok().map(|it| Transfer { id: id.to_owned(), ..it }))
    }

    pub(crate) async fn put(&self, transfer: &Transfer) -> Result<(), StoreError> {
        let body = serde_json::to_string(transfer).expect("texts and numbers always serialise");
        let id = DocumentId::Text(transfer.id.as_str().into());
        self.write(Action::Put { id, body, if_missing: IfMissing::Create }).await
    }

    /// Forgets one; it may be gone already.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.write(Action::Delete { id: DocumentId::Text(id.into()) }).await
    }

    async fn write(&self, action: Action) -> Result<(), StoreError> {
        let collection = self.collection.clone();
        let operation = WriteOperation { collection, action, precondition: Precondition::None };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        // Nothing can be refused: there is no condition, and no one else writes here.
        self.store.write(batch, Atomicity::EachAlone).await.map(|_| ())
    }

    /// How many of somebody's are not yet files, and still may become some.
    pub(crate) async fn unfinished(&self, owner: &str, now: Timestamp) -> Result<u64, StoreError> {
        let filter = Filter::And(vec![
            compare("owner", Operator::In(vec![Literal::Text(owner.to_owned())])),
            compare("done", Operator::In(vec![Literal::Bool(false)])),
            compare("expires_us", Operator::Greater(Literal::Integer(now.unix_us))),
        ]);
        self.store.count(&self.collection, &filter).await
    }

    /// Those whose time is over, from a cursor on, and the cursor of the next ones.
    pub(crate) async fn over(
        &self,
        now: Timestamp,
        after: Option<String>,
    ) -> Result<(Vec<Transfer>, Option<String>), StoreError> {
        let query = Query {
            filter: compare("expires_us", Operator::LessOrEqual(Literal::Integer(now.unix_us))),
            order: Order::default(),
            page: PageRequest::Cursor { limit: PAGE, after },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = self.store.list(&self.collection, &query).await?;
        let found = page.documents.iter().filter_map(|document| {
            let DocumentId::Text(id) = &document.id else { return None };
            let transfer: Transfer = serde_json::from_str(&document.body).ok()?;
            Some(Transfer { id: id.to_string(), ..transfer })
        });
        Ok((found.collect(), page.next.as_ref().map(|next| next.cursor().to_owned())))
    }
}

fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("it is a valid field");
    Filter::Compare(Comparison { path, operator })
}
