//! State that all sessions of a connector share.

use crate::{Dialect, Settings, cache::Cache};

/// The database's language, the settings of the connector, and what it remembers of tables.
#[derive(Debug)]
pub struct Shared {
    dialect: Dialect,
    settings: Settings,
    cache: Cache,
}

impl Shared {
    pub(crate) fn new(dialect: Dialect, settings: Settings) -> Self {
        Self { dialect, settings, cache: Cache::default() }
    }

    /// Which SQL is spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// How the connector behaves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }
}
