//! What the admin site needs.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use isobase_jobs::Jobs;
use isobase_store::{CollectionInfo, ErrorKind, IndexDefinition, Store, StoreError};
use isobase_types::CollectionName;
use tokio::{sync::OnceCell, time::timeout};

/// Where features write who changed what.
const AUDIT_COLLECTION: &str = "isobase_audit";

/// A database that takes longer is told as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the admin site needs.
pub(crate) struct State {
    /// With system collections: the hub counts them.
    pub(super) store: Store,
    pub(super) jobs: Jobs,
    /// JSON: an array.
    pub(super) settings: Option<Arc<str>>,
    /// Whether there are SQL screens.
    pub(super) has_sql: bool,
    pub(super) started_at: SystemTime,
    pub(super) audit: CollectionName,
    /// Whether the audit can be read in the order of time; made when it is first read.
    audit_index: OnceCell<()>,
}

impl State {
    pub(crate) fn new(
        store: &Store,
        jobs: Jobs,
        settings: Option<Arc<str>>,
        has_sql: bool,
    ) -> Self {
        let audit = CollectionName::new(AUDIT_COLLECTION).expect("it is a valid name");
        let audit_index = OnceCell::new();
        Self {
            store: store.system(),
            jobs,
            settings,
            has_sql,
            started_at: SystemTime::now(),
            audit,
            audit_index,
        }
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
