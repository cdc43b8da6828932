//! State of settings.

use std::{fmt, sync::Arc};

use isobase_auth::{Accounts, Audit, Clock};
use isobase_store::Store;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::stored::StoredSettings;

/// A setting of the process, as those see it who may do everything. No secret is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offered {
    /// Its name: `requests.retention`.
    pub key: String,
    /// As it would be written; `None` if it is not set.
    pub value: Option<String>,
    /// Where that comes from.
    pub origin: Value,
    /// Its effect. Empty for what a collection declares.
    pub about: String,
    /// Its possible values.
    pub expects: String,
    /// Its default, as it would be written.
    pub default: Option<String>,
    /// Whether it can be changed while the service runs.
    pub changeable: bool,
    /// Why it cannot be changed here although it could be; `None` if it can.
    pub locked_by: Option<String>,
}

/// The settings of the process, as only the executable knows them.
pub trait RunningSettings: fmt::Debug + Send + Sync {
    /// Every setting.
    fn list(&self) -> Vec<Offered>;

    /// Whether this process could take these in place of those that the database keeps now.
    ///
    /// # Errors
    /// The fault, for the caller.
    fn check(&self, stored: &[(String, String)]) -> Result<(), String>;
}

/// State of settings.
pub(crate) struct State {
    pub(super) running: Option<Arc<dyn RunningSettings>>,
    pub(super) stored: StoredSettings,
    pub(super) accounts: Arc<Accounts>,
    pub(super) audit: Audit,
    /// One letter is tried at a time.
    pub(super) trying: Semaphore,
}

impl State {
    pub(crate) fn new(
        store: &Store,
        accounts: Arc<Accounts>,
        running: Option<Arc<dyn RunningSettings>>,
    ) -> Self {
        Self {
            running,
            stored: StoredSettings::new(store),
            accounts,
            audit: Audit::new(store, Clock::default()),
            trying: Semaphore::new(1),
        }
    }
}
