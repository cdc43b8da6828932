//! Where the chain of the audit is kept.

use std::sync::atomic::AtomicU64;

use isobase_store::{
    Action, DocumentPage, ErrorKind, IfMissing, IndexDefinition, PagePosition, Precondition,
    StoreError,
};
use isobase_types::{
    Comparison, Count, Document, DocumentId, FieldPath, Filter, Literal, Operator, Order,
    PageRequest, Query, Revision, json::canonicalise_document,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::OnceCell;

use super::link::ChainHead;
use crate::{AUDIT_COLLECTION, Audit, Clock, Documents};

/// The system collection of the head and the anchor.
const CHAIN_COLLECTION: &str = "isobase_audit_chain";
const HEAD: &str = "head";
const ANCHOR: &str = "anchor";
/// Entries that are not in the chain have no number, and the oldest of them come first.
const NUMBERED: &str = "seal.number,at";
const NUMBER: &str = "seal.number";

/// The chain of the audit of a database.
#[derive(Debug)]
pub struct AuditChain {
    pub(super) entries: Documents,
    pub(super) audit: Audit,
    places: Documents,
    pub(super) clock: Clock,
    /// Up to which number this process knows that entries have their seals; anyone who writes them raises
    /// it.
    pub(super) finished: AtomicU64,
    indexed: OnceCell<()>,
}

/// How far the chain is, and what was put into it last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) number: u64,
    pub(super) hash: String,
    pub(super) at: String,
    /// The entries after `before`, in their order: to be sealed by the process that finds that they are not.
    pub(super) before: Before,
    pub(super) entries: Vec<Entered>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) number: u64,
    pub(super) hash: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entered {
    pub(super) id: String,
    pub(super) hash: String,
}

impl Head {
    pub(super) fn end(&self) -> ChainHead {
        ChainHead { number: self.number, hash: self.hash.clone() }
    }
}

/// Where the chain begins since older entries were deleted by their age.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Anchor {
    pub(super) number: u64,
    pub(super) hash: String,
    pub(super) at: String,
}

impl AuditChain {
    /// The chain of a store's database.
    #[must_use]
    pub fn new(store: &isobase_store::Store, clock: Clock) -> Self {
        Self {
            entries: Documents::new(store, AUDIT_COLLECTION, &[], &[]),
            audit: Audit::new(store, clock.clone()),
            places: Documents::new(store, CHAIN_COLLECTION, &[], &[]),
            clock,
            finished: AtomicU64::new(0),
            indexed: OnceCell::new(),
        }
    }

    pub(super) async fn head(&self) -> Result<Option<(Head, Revision)>, StoreError> {
        self.place(HEAD).await
    }

    pub(super) async fn anchor(&self) -> Result<Option<(Anchor, Revision)>, StoreError> {
        self.place(ANCHOR).await
    }

    /// Puts a head in the place of the one that was read; false when another one came between.
    pub(super) async fn put_head(
        &self,
        head: &Head,
        read: Option<Revision>,
    ) -> Result<bool, StoreError> {
        self.put(HEAD, head, read).await
    }

    /// As [`AuditChain::put_head`], of the anchor.
    pub(super) async fn put_anchor(
        &self,
        anchor: &Anchor,
        read: Option<Revision>,
    ) -> Result<bool, StoreError> {
        self.put(ANCHOR, anchor, read).await
    }

    /// Whether there is any entry at all, which is asked without an index.
    pub(super) async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.entries.find(None).await?.is_none())
    }

    /// The oldest entries that are not in the chain.
    pub(super) async fn unsealed(&self, limit: u32) -> Result<Vec<Document>, StoreError> {
        self.index().await?;
        let page = PageRequest::Cursor { limit, after: None };
        let query = numbered(unnumbered(), page);
        let page = self.entries.store().list(self.entries.collection(), &query).await?;
        Ok(page.documents)
    }

    /// How many entries are not in the chain; `None` where that takes too long to count.
    pub(super) async fn count_unsealed(&self) -> Option<u64> {
        self.entries.store().count(self.entries.collection(), &unnumbered()).await.ok()
    }

    /// Entries of the chain after a number, in their order.
    pub(super) async fn sealed_after(
        &self,
        number: u64,
        limit: u32,
        position: Option<&PagePosition>,
    ) -> Result<DocumentPage, StoreError> {
        self.index().await?;
        let literal = Literal::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let after = compare(Operator::Greater(literal));
        let query = numbered(after, PageRequest::Cursor { limit, after: None });
        let (store, collection) = (self.entries.store(), self.entries.collection());
        match position {
            None => store.list(collection, &query).await,
            Some(position) => store.list_next(collection, &query, position).await,
        }
    }

    /// Declares the index by which the chain is read, once. An engine without indexes reads all.
    async fn index(&self) -> Result<(), StoreError> {
        let declare = async || {
            let definition = IndexDefinition::parse(NUMBERED).expect("it is a valid index");
            let (store, collection) = (self.entries.store(), self.entries.collection());
            match store.create_index(collection, &definition).await {
                Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
                _ => Ok(()),
            }
        };
        self.indexed.get_or_try_init(declare).await.copied()
    }

    async fn place<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<(T, Revision)>, StoreError> {
        let document = self.places.get(&DocumentId::Text(name.into())).await?;
        // One that cannot be read counts as none, and its revision is in the way of another one.
        Ok(document.and_then(|it| Some((serde_json::from_str(&it.body).ok()?, it.revision))))
    }

    async fn put(
        &self,
        name: &str,
        place: &impl Serialize,
        read: Option<Revision>,
    ) -> Result<bool, StoreError> {
        let text = serde_json::to_vec(place).expect("texts and numbers always serialise");
        let body = canonicalise_document(&text).expect("a struct is an object");
        let id = DocumentId::Text(name.into());
        let action = Action::Put { id, body, if_missing: IfMissing::Create };
        let precondition = match read {
            Some(revision) => Precondition::RevisionIn(vec![revision]),
            None => Precondition::Missing,
        };
        Ok(self.places.write(action, precondition).await?.is_ok())
    }
}

/// When an entry says that it was written. Such texts have the order of the moments.
pub(super) fn at_of(entry: &Document) -> Option<String> {
    #[derive(Deserialize)]
    struct Told {
        at: String,
    }
    serde_json::from_str::<Told>(&entry.body).ok().map(|told| told.at)
}

fn numbered(filter: Filter, page: PageRequest) -> Query {
    let order = Order::parse(NUMBERED).expect("it is a valid order");
    Query { filter, order, page, fields: Vec::new(), count: Count::None }
}

fn unnumbered() -> Filter {
    compare(Operator::Null)
}

fn compare(operator: Operator) -> Filter {
    let path = FieldPath::parse(NUMBER).expect("it is a valid path");
    Filter::Compare(Comparison { path, operator })
}
