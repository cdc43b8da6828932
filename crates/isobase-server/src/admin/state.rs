//! State of the admin site.

use std::time::{Duration, Instant, SystemTime};

use isobase_auth::{AUDIT_COLLECTION, Sealer};
use isobase_http::OpenTo;
use isobase_jobs::Jobs;
use isobase_store::{CollectionInfo, ErrorKind, IndexDefinition, Store, StoreError};
use isobase_types::CollectionName;
use tokio::{sync::OnceCell, time::timeout};

use super::Machine;

/// A database that takes longer is told as one that does not answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Facts about the process for the admin site.
#[derive(Clone, Default)]
pub struct AdminFacts {
    /// Whether there are SQL screens.
    pub has_sql: bool,
    /// The machine.
    pub machine: Option<Machine>,
    /// Seals secrets; `None` if nothing does.
    pub sealer: Option<Sealer>,
}

/// State of the admin site.
pub(crate) struct State {
    /// With system collections: the hub counts them.
    pub(super) store: Store,
    pub(super) jobs: Jobs,
    pub(super) facts: AdminFacts,
    /// For whom open mode is.
    pub(super) open_to: OpenTo,
    pub(super) started_at: SystemTime,
    /// The same moment by a clock that no one sets.
    started: Instant,
    pub(super) audit: CollectionName,
    /// Whether the audit can be read in the order of time; made when it is first read.
    audit_index: OnceCell<()>,
}

impl State {
    pub(crate) fn new(store: &Store, jobs: Jobs, facts: AdminFacts, open_to: OpenTo) -> Self {
        let audit = CollectionName::new(AUDIT_COLLECTION).expect("it is a valid name");
        Self {
            store: store.system(),
            jobs,
            facts,
            open_to,
            started_at: SystemTime::now(),
            started: Instant::now(),
            audit,
            audit_index: OnceCell::new(),
        }
    }

    /// By how much the clock was set back since the service began. That it is ahead says nothing: a
    /// machine may have slept.
    pub(super) fn set_back(&self) -> Option<Duration> {
        let expected = self.started_at + self.started.elapsed();
        expected.duration_since(SystemTime::now()).ok()
    }

    /// Declares the index that the audit is read by, once. An engine without indexes reads it all.
    ///
    /// # Errors
    /// When the engine fails.
    pub(super) async fn index_audit(&self) -> Result<(), StoreError> {
        let declare = async || {
            let by_time = IndexDefinition::parse("-at").expect("it is a valid index");
            match self.store.create_index(&self.audit, &by_time).await {
                Err(error) if error.kind() != ErrorKind::Unsupported => Err(error),
                _ => Ok(()),
            }
        };
        self.audit_index.get_or_try_init(declare).await.copied()
    }

    /// All collections, those of the service too.
    ///
    /// # Errors
    /// Says why the database does not answer, for the log.
    pub(super) async fn collections(&self) -> Result<Vec<CollectionInfo>, String> {
        let asked = async {
            self.store.check().await?;
            self.store.collections().await
        };
        match timeout(PATIENCE, asked).await {
            Ok(collections) => collections.map_err(|error: StoreError| error.to_string()),
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        }
    }
}
