//! State of the SQL routes.

use std::time::Duration;

use isobase_auth::{Audit, Clock};
use isobase_http::Problem;
use isobase_sql::{SqlReader, SqlWriter};
use isobase_store::Store;

use super::{history::History, problems, running::Running};
use crate::{Call, failure::Failure, owner::is_owner};

/// The database that owners look at and may change, and its limits.
#[derive(Clone, Debug)]
pub struct SqlOptions {
    /// The database.
    pub reader: SqlReader,
    /// The same database for statements that change it. Without one nothing is changed.
    pub writer: Option<SqlWriter>,
    /// Most rows that an answer shows.
    pub rows_max: usize,
    /// How long a statement may run.
    pub timeout: Duration,
}

/// State of the SQL routes.
pub(crate) struct State {
    pub(super) options: SqlOptions,
    pub(super) running: Running,
    pub(super) history: History,
    pub(super) audit: Audit,
}

impl State {
    pub(crate) fn new(store: &Store, options: SqlOptions) -> Self {
        let audit = Audit::new(store, Clock::default());
        Self { options, running: Running::default(), history: History::new(store), audit }
    }
}

impl State {
    /// What changes the database, for whom has typed its name.
    pub(super) fn writer(&self, typed: &str) -> Result<&SqlWriter, Problem> {
        let writer = self.options.writer.as_ref().ok_or_else(problems::read_only)?;
        match typed == writer.database() {
            true => Ok(writer),
            false => Err(problems::not_confirmed("/database", writer.database())),
        }
    }
}

/// The owner who asks.
pub(super) fn owner(call: &Call) -> Result<String, Failure> {
    match is_owner(&call.principal) {
        true => Ok(call.principal.id().to_owned()),
        false => Err(problems::owners_only().into()),
    }
}
