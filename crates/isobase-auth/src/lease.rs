//! Which of the processes of a database does what only one may do.

use std::time::Duration;

use isobase_store::{Action, IfMissing, Precondition, Store, StoreError};
use isobase_types::DocumentId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::timeout;

use crate::{Clock, Documents};

/// The system collection of leases. It stays when a database is copied or dumped.
const LEASES_COLLECTION: &str = "isobase_leases";
/// How long a process that has one may be silent before another one takes over.
pub const LEASE_LASTS: Duration = Duration::from_secs(30);
/// How often a process that has one renews it.
pub const LEASE_RENEWED: Duration = Duration::from_secs(10);
/// How long a process that ends may take to say so.
const RELEASE_MAX: Duration = Duration::from_secs(2);

/// The right to do something that one process of a database does at a time.
///
/// A process that was paused may believe that it has it when it has not: what is done under it must
/// bear that.
#[derive(Debug)]
pub struct Lease {
    documents: Documents,
    id: DocumentId,
    holder: String,
    clock: Clock,
}

/// Who has it, and until when.
#[derive(Serialize, Deserialize)]
struct Held {
    holder: String,
    until_us: i64,
}

impl Lease {
    /// The lease of this name, which this process takes as `holder`: the same name after a restart, so
    /// that it waits for no one then, and none other's.
    #[must_use]
    pub fn new(store: &Store, name: &str, holder: String, clock: Clock) -> Self {
        let documents = Documents::new(store, LEASES_COLLECTION, &[], &[]);
        Self { documents, id: DocumentId::Text(name.into()), holder, clock }
    }

    /// Takes or renews it; false when another process has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(&self) -> Result<bool, StoreError> {
        let now = self.clock.now().unix_us;
        let lasts = i64::try_from(LEASE_LASTS.as_micros()).unwrap_or(i64::MAX);
        let there = self.documents.get(&self.id).await?;
        let held = there.as_ref().and_then(|it| serde_json::from_str::<Held>(&it.body).ok());
        // One that ends too far ahead was written by a clock that has gone back since.
        let holds = |held: &Held| {
            held.holder != self.holder && (now..now + 2 * lasts).contains(&held.until_us)
        };
        if held.as_ref().is_some_and(holds) {
            return Ok(false);
        }
        let body = json!({ "holder": self.holder, "until_us": now + lasts }).to_string();
        let action = Action::Put { id: self.id.clone(), body, if_missing: IfMissing::Create };
        let precondition = match there {
            Some(there) => Precondition::RevisionIn(vec![there.revision]),
            None => Precondition::Missing,
        };
        Ok(self.documents.write(action, precondition).await?.is_ok())
    }

    /// Lets another process take it at once.
    pub async fn release(&self) {
        let ours = async {
            let there = self.documents.get(&self.id).await.ok()??;
            let held: Held = serde_json::from_str(&there.body).ok()?;
            if held.holder != self.holder {
                return None;
            }
            let body = json!({ "holder": "", "until_us": 0 }).to_string();
            let action = Action::Put { id: self.id.clone(), body, if_missing: IfMissing::Refuse };
            let unchanged = Precondition::RevisionIn(vec![there.revision]);
            self.documents.write(action, unchanged).await.ok()
        };
        // Who does not learn of it waits until the lease ends.
        let _ = timeout(RELEASE_MAX, ours).await;
    }
}
