//! What the SQL routes need.

use std::time::Duration;

use isobase_sql::SqlReader;
use isobase_store::Store;

use super::{history::History, problems, running::Running};
use crate::{Call, failure::Failure, owner::is_owner};

/// The database that owners look at, and its limits.
#[derive(Clone, Debug)]
pub struct SqlOptions {
    /// The database.
    pub reader: SqlReader,
    /// Most rows that an answer shows.
    pub rows_max: usize,
    /// How long a statement may run.
    pub timeout: Duration,
}

/// What the SQL routes need.
pub(crate) struct State {
    pub(super) options: SqlOptions,
    pub(super) running: Running,
    pub(super) history: History,
}

impl State {
    pub(crate) fn new(store: &Store, options: SqlOptions) -> Self {
        Self { options, running: Running::default(), history: History::new(store) }
    }
}

/// The owner who asks.
pub(super) fn owner(call: &Call) -> Result<String, Failure> {
    match is_owner(&call.principal) {
        true => Ok(call.principal.id().to_owned()),
        false => Err(problems::owners_only().into()),
    }
}
