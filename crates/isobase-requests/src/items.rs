//! Work of a service that is done once for the same input: what came in, and what came out.
//!
//! A service asks before it works. Of several that ask for the same input one works, and the others
//! wait for its output.

use isobase_store::{
    Action, Atomicity, Precondition, Rejection, Store, WriteBatch, WriteOperation, WriteOutcome,
};
use isobase_types::{
    CollectionName, Count, Document, DocumentId, Filter, Literal, Operator, Order, PageRequest,
    Query, Revision, json,
};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::{Now, RequestsError, cut, query::compare, requests::index};

/// Where the items are.
pub const ITEMS_COLLECTION: &str = "isobase_extract_items";

/// Characters that are kept of an input or an output.
const JSON_CHARACTERS_MAX: usize = 100_000;
/// Characters that are kept of an error.
const ERROR_CHARACTERS_MAX: usize = 4_000;
/// Longest id, hash, key or status, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// Most items that a listing looks at.
const ITEMS_MAX: usize = 10_000;
/// How often an item is changed anew when others come between.
const ATTEMPTS_MAX: u32 = 50;

/// Work that is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewItem {
    /// Names it; unique.
    pub correlation_id: String,
    /// For which licence.
    pub license_key: Option<String>,
    /// For which installation.
    pub installation_id: Option<String>,
    /// The input.
    pub input_json: Option<String>,
    /// A hash of it; unique.
    pub input_hash: Option<String>,
}

/// The outcome of work; members that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemUpdate {
    /// Which work.
    pub correlation_id: String,
    /// The output.
    pub output_json: Option<String>,
    /// `completed`, `failed`, …
    pub status: String,
    /// The error.
    pub error_message: Option<String>,
    /// With which status it was answered.
    pub http_status_code: Option<i64>,
    /// How long it took.
    pub duration_ms: Option<f64>,
}

/// Work, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its number.
    #[serde(skip)]
    pub id: i64,
    /// The revision that a write of it compares; none while it is not stored.
    #[serde(skip)]
    pub revision: Option<Revision>,
    /// Names it.
    pub correlation_id: String,
    /// When it came: `2026-11-20T14:09:00.000000Z`.
    pub created_at: String,
    /// When it was last changed.
    pub updated_at: String,
    /// For which licence.
    pub license_key: Option<String>,
    /// For which installation.
    pub installation_id: Option<String>,
    /// The input.
    pub input_json: Option<String>,
    /// The output.
    pub output_json: Option<String>,
    /// A hash of what came in.
    pub input_hash: Option<String>,
    /// `pending`, `completed`, …
    pub status: String,
    /// The error.
    pub error_message: Option<String>,
    /// With which status it was answered.
    pub http_status_code: Option<i64>,
    /// How long it took.
    pub duration_ms: Option<f64>,
}

/// Which items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemQuery {
    /// With this status.
    pub status: Option<String>,
    /// With this text in licence or installation, in small or capital letters.
    pub search: Option<String>,
}

/// A page of items, the newest first.
#[derive(Clone, Debug)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<Item>,
    /// How many there are, among the newest 10,000.
    pub total: usize,
}

/// The items of a database.
pub struct Items {
    store: Store,
    now: Now,
    prepared: OnceCell<()>,
}

impl Items {
    /// The items of a database.
    #[must_use]
    pub fn new(store: &Store, now: Now) -> Self {
        Self { store: store.system(), now, prepared: OnceCell::new() }
    }

    async fn prepare(&self) -> Result<(), RequestsError> {
        let made = self.prepared.get_or_try_init(async || {
            for text in ["unique(correlation_id)", "unique(input_hash)"] {
                self.store.create_index(&collection(), &index(text)).await?;
            }
            Ok::<_, RequestsError>(())
        });
        made.await.copied()
    }

    /// Takes work, unless the same input is there; says whether it did.
    ///
    /// # Errors
    /// [`RequestsError::ItemExists`] when other work has the correlation id, or when the database
    /// fails.
    pub async fn create(&self, new: &NewItem) -> Result<(Item, bool), RequestsError> {
        check("correlation_id", &new.correlation_id)?;
        for (field, text) in [
            ("license_key", &new.license_key),
            ("installation_id", &new.installation_id),
            ("input_hash", &new.input_hash),
        ] {
            text.as_deref().map(|text| check(field, text)).transpose()?;
        }
        self.prepare().await?;
        for _ in 0..ATTEMPTS_MAX {
            if let Some(hash) = &new.input_hash
                && let Some(found) = self.find("input_hash", hash).await?
            {
                return Ok((found, false));
            }
            let now = (self.now)().to_string();
            let item = Item {
                correlation_id: new.correlation_id.clone(),
                created_at: now.clone(),
                updated_at: now,
                license_key: new.license_key.clone(),
                installation_id: new.installation_id.clone(),
                input_json: new.input_json.as_deref().map(|text| cut(text, JSON_CHARACTERS_MAX).0),
                input_hash: new.input_hash.clone(),
                status: "pending".to_owned(),
                ..Item::default()
            };
            match self.write(Action::Create { body: body(&item) }, Precondition::None).await? {
                Ok(written) => {
                    let DocumentId::Integer(id) = written.id else {
                        return Err(RequestsError::Busy);
                    };
                    return Ok((Item { id, ..item }, true));
                }
                Err(Rejection::NotUnique { fields }) => {
                    let by_id = fields.iter().any(|field| field.to_string() == "correlation_id");
                    if by_id {
                        return Err(RequestsError::ItemExists(new.correlation_id.clone()));
                    }
                    // Another one has taken the input meanwhile.
                }
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(RequestsError::Busy)
    }

    /// Notes what became of work; says whether it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update(&self, update: &ItemUpdate) -> Result<bool, RequestsError> {
        check("status", &update.status)?;
        for _ in 0..ATTEMPTS_MAX {
            let Some(mut item) = self.find("correlation_id", &update.correlation_id).await? else {
                return Ok(false);
            };
            let cut_if = |text: &Option<String>, max| text.as_deref().map(|text| cut(text, max).0);
            item.status.clone_from(&update.status);
            item.updated_at = (self.now)().to_string();
            item.output_json =
                cut_if(&update.output_json, JSON_CHARACTERS_MAX).or(item.output_json);
            item.error_message =
                cut_if(&update.error_message, ERROR_CHARACTERS_MAX).or(item.error_message);
            item.http_status_code = update.http_status_code.or(item.http_status_code);
            item.duration_ms = update.duration_ms.or(item.duration_ms);
            let precondition = Precondition::RevisionIn(item.revision.iter().cloned().collect());
            let action = Action::Put {
                id: DocumentId::Integer(item.id),
                body: body(&item),
                if_missing: isobase_store::IfMissing::Refuse,
            };
            match self.write(action, precondition).await? {
                Ok(_) => return Ok(true),
                Err(Rejection::RevisionConflict { .. } | Rejection::NotFound) => {}
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(RequestsError::Busy)
    }

    /// The item of an input.
    ///
    /// # Errors
    /// [`RequestsError::ItemNotFound`], or when the database fails.
    pub async fn by_input_hash(&self, hash: &str) -> Result<Item, RequestsError> {
        self.find("input_hash", hash).await?.ok_or(RequestsError::ItemNotFound)
    }

    /// A page of items, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(
        &self,
        query: &ItemQuery,
        (offset, limit): (usize, usize),
    ) -> Result<ItemPage, RequestsError> {
        let filter = match &query.status {
            Some(status) => compare("status", Operator::In(vec![Literal::Text(status.clone())])),
            None => Filter::all(),
        };
        let asked = (filter, Order::default());
        let documents = self.store.list_all(&collection(), asked, ITEMS_MAX).await?;
        let search = query.search.as_deref().unwrap_or_default().to_lowercase();
        let found = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| text.to_lowercase().contains(&search))
        };
        let mut items: Vec<Item> = documents.iter().filter_map(Item::read).collect();
        items.retain(|item| {
            search.is_empty() || found(&item.license_key) || found(&item.installation_id)
        });
        items.sort_by_key(|item| std::cmp::Reverse(item.id));
        let total = items.len();
        let items = items.into_iter().skip(offset).take(limit).collect();
        Ok(ItemPage { items, total })
    }

    async fn find(&self, field: &str, value: &str) -> Result<Option<Item>, RequestsError> {
        self.prepare().await?;
        let query = Query {
            filter: compare(field, Operator::In(vec![Literal::Text(value.to_owned())])),
            order: Order::default(),
            page: PageRequest::Cursor { limit: 1, after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        let found = self.store.list(&collection(), &query).await?.documents;
        Ok(found.first().and_then(Item::read))
    }

    async fn write(
        &self,
        action: Action,
        precondition: Precondition,
    ) -> Result<WriteOutcome, RequestsError> {
        let operation = WriteOperation { collection: collection(), action, precondition };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let mut report = self.store.write(batch, Atomicity::EachAlone).await?;
        report.outcomes.pop().ok_or(RequestsError::Busy)
    }
}

impl Item {
    fn read(document: &Document) -> Option<Self> {
        let DocumentId::Integer(id) = document.id else { return None };
        let item: Self = serde_json::from_str(&document.body).ok()?;
        Some(Self { id, revision: Some(document.revision.clone()), ..item })
    }
}

impl std::fmt::Debug for Items {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

fn body(item: &Item) -> String {
    let text = serde_json::to_vec(item).expect("an item has text keys and always serialises");
    json::canonicalise_document(&text).expect("an item is an object without an id")
}

fn check(field: &'static str, text: &str) -> Result<(), RequestsError> {
    if (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message =
        format!("expected 1 to {NAME_BYTES_MAX} bytes of UTF-8 without control characters");
    Err(RequestsError::Invalid { field, message })
}

fn collection() -> CollectionName {
    CollectionName::new(ITEMS_COLLECTION).expect("it is a valid name, as the tests show")
}
