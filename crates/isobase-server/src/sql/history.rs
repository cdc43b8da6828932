//! The statements of each owner: a document for each statement, the latest run first.

use std::time::Duration;

use isobase_auth::Documents;
use isobase_store::{Action, ErrorKind, IfMissing, Precondition, Store, StoreError, Terms};
use isobase_types::{
    Comparison, Count, Document, DocumentId, FieldPath, Filter, Literal, Operator, Order,
    PageRequest, Query, hex, json::canonicalise_document, like_contains,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// Where it is kept.
const COLLECTION: &str = "isobase_sql_statements";
/// How long a statement is remembered after it was last run.
const KEPT: Duration = Duration::from_secs(365 * 86_400);
/// Bytes of a statement that is remembered: the smallest engine holds documents of 400 KB, and JSON
/// writes some letters with six.
const BYTES_MAX: usize = 60 * 1024;
/// Statements that are forgotten at a time.
const FORGOTTEN_AT_ONCE: u32 = 500;
/// The keys by which statements are found.
const INDEXES: [&str; 1] = ["owner,-at"];

/// A statement that was run.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SqlHistoryEntry")]
pub(super) struct Entry {
    /// When it began.
    pub(super) at: String,
    /// Its text.
    pub(super) statement: String,
    /// How long it took, in milliseconds.
    pub(super) ms: u64,
    /// Rows that it showed; null when it failed.
    pub(super) rows: Option<u64>,
    /// The code of the problem; null when it was answered.
    pub(super) problem: Option<String>,
}

#[derive(Serialize)]
struct Stored<'a> {
    owner: &'a str,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// A request to it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) limit: u32,
    /// Where the page begins.
    pub(super) cursor: Option<String>,
    /// Stands in the statement, in small or capital letters.
    pub(super) text: Option<String>,
}

/// The statements of each owner.
pub(super) struct History {
    documents: Documents,
    termed: OnceCell<()>,
}

impl History {
    pub(super) fn new(store: &Store) -> Self {
        let documents = Documents::new(store, COLLECTION, &[], &INDEXES);
        Self { documents, termed: OnceCell::new() }
    }

    /// A page of what an owner has run, the latest first, and where the next one begins.
    pub(super) async fn of(
        &self,
        owner: &str,
        asked: Asked,
    ) -> Result<(Vec<Entry>, Option<String>), StoreError> {
        let mut filters = vec![is_of(owner)];
        filters.extend(asked.text.as_deref().map(containing));
        let page = PageRequest::Cursor { limit: asked.limit, after: asked.cursor };
        let page = self.page(Filter::And(filters), page).await?;
        let entry = |document: &Document| serde_json::from_str(&document.body).ok();
        Ok((page.0.iter().filter_map(entry).collect(), page.1))
    }

    async fn page(
        &self,
        filter: Filter,
        page: PageRequest,
    ) -> Result<(Vec<Document>, Option<String>), StoreError> {
        let order = Order::parse("-at").expect("the order is valid, as the tests show");
        let query = Query { filter, order, page, fields: Vec::new(), count: Count::None };
        let page = self.documents.store().list(self.documents.collection(), &query).await?;
        let next = page.next.as_ref().map(|next| next.cursor().to_owned());
        Ok((page.documents, next))
    }

    /// Remembers a statement. The same one again only moves to the front.
    pub(super) async fn add(&self, owner: &str, entry: Entry) -> Result<(), StoreError> {
        if entry.statement.len() > BYTES_MAX {
            return Ok(());
        }
        self.termed.get_or_try_init(|| self.set_terms()).await?;
        let id = id_of(owner, &entry.statement);
        let text = serde_json::to_vec(&Stored { owner, entry: &entry });
        let body = canonicalise_document(&text.expect("texts and numbers always serialise"))
            .expect("a struct is an object, and its texts are valid");
        let action = Action::Put { id, body, if_missing: IfMissing::Create };
        // What another statement of the same text wrote meanwhile is as good.
        self.documents.write(action, Precondition::None).await.map(drop)
    }

    /// Forgets what an owner has run.
    pub(super) async fn clear(&self, owner: &str) -> Result<(), StoreError> {
        loop {
            let page = PageRequest::Cursor { limit: FORGOTTEN_AT_ONCE, after: None };
            let (documents, next) = self.page(is_of(owner), page).await?;
            for document in documents {
                let action = Action::Delete { id: document.id };
                self.documents.write(action, Precondition::None).await?.ok();
            }
            if next.is_none() {
                return Ok(());
            }
        }
    }

    async fn set_terms(&self) -> Result<(), StoreError> {
        let terms = Terms { expires: Some(KEPT), changes: false };
        match self.documents.store().set_terms(self.documents.collection(), terms).await {
            // An engine without terms keeps everything.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
            set => set,
        }
    }
}

/// One for each text of each owner.
fn id_of(owner: &str, statement: &str) -> DocumentId {
    let hash = Sha256::new().chain_update(owner).chain_update([0]).chain_update(statement);
    DocumentId::Text(format!("s-{}", hex(&hash.finalize())).into())
}

fn is_of(owner: &str) -> Filter {
    compare("owner", Operator::In(vec![Literal::Text(owner.to_owned())]))
}

fn containing(text: &str) -> Filter {
    let pattern = like_contains(text);
    compare("statement", Operator::Like { pattern, ignore_case: true })
}

fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("the fields above are valid");
    Filter::Compare(Comparison { path, operator })
}
