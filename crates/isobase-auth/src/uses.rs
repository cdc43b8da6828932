//! When sessions and keys were last used, to the minute.
//!
//! These stand beside the sessions and the keys, in a collection that stays out of the change feed:
//! a change of a session or a key means that somebody's rights are others, and ends their streams.

use std::collections::HashMap;

use isobase_store::{Action, ErrorKind, IfMissing, StoreError, Terms};
use isobase_types::{Document, DocumentId, Literal, Timestamp};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::documents::Documents;

/// The system collection of the uses.
const USES_COLLECTION: &str = "isobase_uses";

const MINUTE_US: i64 = 60 * 1_000_000;

/// A minute since 1970.
pub(crate) fn minute_of(now: Timestamp) -> i64 {
    now.unix_us.div_euclid(MINUTE_US)
}

/// When a minute began.
pub(crate) fn start_of(minute: i64) -> Timestamp {
    Timestamp { unix_us: minute.saturating_mul(MINUTE_US) }
}

/// Something that was used.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    /// Its id.
    pub(crate) id: String,
    /// Whose it is: a word by which uses are listed.
    pub(crate) of: String,
    pub(crate) minute: i64,
}

/// When sessions and keys were last used.
#[derive(Debug)]
pub(crate) struct Uses {
    documents: Documents,
    termed: OnceCell<()>,
}

#[derive(Deserialize)]
struct Stored {
    used_us: i64,
}

impl Uses {
    pub(crate) fn new(store: &isobase_store::Store) -> Self {
        let documents = Documents::new(store, USES_COLLECTION, &[], &["of"]);
        Self { documents, termed: OnceCell::new() }
    }

    /// Notes uses; one that is noted already is overwritten.
    pub(crate) async fn note(&self, used: &[Use]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        self.termed.get_or_try_init(|| self.keep_out_of_the_feed()).await?;
        let put = |Use { id, of, minute }: &Use| {
            let of = serde_json::Value::from(of.as_str());
            let body = format!("{{\"of\":{of},\"used_us\":{}}}", start_of(*minute).unix_us);
            Action::Put { id: document_id(id), body, if_missing: IfMissing::Create }
        };
        self.documents.write_each(used.iter().map(put)).await
    }

    async fn keep_out_of_the_feed(&self) -> Result<(), StoreError> {
        let terms = Terms { expires: None, changes: false };
        let collection = self.documents.collection();
        match self.documents.store().set_terms(collection, terms).await {
            // On an engine without terms the feed tells of them, and no one looks.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
            set => set,
        }
    }

    /// When those of somebody were last used, by their ids.
    pub(crate) async fn of(&self, of: &str) -> Result<HashMap<String, Timestamp>, StoreError> {
        let of = Literal::Text(of.to_owned());
        Ok(read(self.documents.list(Some(("of", of))).await?))
    }

    /// When these were last used, by their ids.
    pub(crate) async fn at(
        &self,
        ids: &[String],
    ) -> Result<HashMap<String, Timestamp>, StoreError> {
        let ids = ids.iter().map(|id| Literal::Text(format!("{PREFIX}{id}"))).collect();
        Ok(read(self.documents.list_in("id", ids).await?))
    }

    /// Forgets when these were used.
    pub(crate) async fn forget(&self, ids: Vec<String>) -> Result<(), StoreError> {
        let delete = |id: &String| Action::Delete { id: document_id(id) };
        self.documents.write_each(ids.iter().map(delete)).await
    }
}

fn read(documents: Vec<Document>) -> HashMap<String, Timestamp> {
    let used = documents.into_iter().filter_map(|document| {
        let stored: Stored = serde_json::from_str(&document.body).ok()?;
        let id = document.id.to_string().strip_prefix(PREFIX)?.to_owned();
        Some((id, Timestamp { unix_us: stored.used_us }))
    });
    used.collect()
}

/// The prefix of the ids of the documents: an id of digits alone would be an integer.
const PREFIX: &str = "use:";

fn document_id(id: &str) -> DocumentId {
    DocumentId::Text(format!("{PREFIX}{id}").into())
}
