//! Which database is meant.

use std::{env, path::Path, time::Duration};

use anyhow::Result;
use clap::Args;
use isobase_sql::{
    DatabaseSync, DbConnector, Environment, Error, ErrorKind, Programs, Settings,
    url_from_variables,
};

use crate::failure::Failure;

/// A migration or a load takes as long as it takes.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// A database.
#[derive(Debug, Args)]
pub(crate) struct DatabaseFlags {
    /// Where it is: postgres://… or sqlite://PATH
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The test database of the variables TEST_DB_…
    #[arg(long, conflicts_with = "url")]
    test: bool,
}

/// The name of the production database, typed once more before it is overwritten.
#[derive(Debug, Args)]
pub(crate) struct Confirmation {
    /// The name of the production database, when it is to be overwritten
    #[arg(long, value_name = "NAME", env = "ISOBASE_CONFIRM_PRODUCTION")]
    confirm: Option<String>,
}

impl DatabaseFlags {
    pub(super) fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| variable_url(self.test))
    }

    pub(super) fn open(&self) -> Result<DbConnector, Failure> {
        let settings = Settings { statement_timeout: STATEMENT_TIMEOUT, ..Settings::default() };
        DbConnector::new(&self.url(), settings).map_err(failure)
    }
}

impl Confirmation {
    pub(super) fn name(&self) -> Option<&str> {
        self.confirm.as_deref()
    }
}

/// The dumps of the working directory.
pub(super) fn dumps(built_in: bool) -> DatabaseSync {
    let (production, test) = (variable_url(false), variable_url(true));
    let programs = if built_in { Programs::BuiltIn } else { Programs::Postgres };
    let sync = DatabaseSync::new(Path::new("."), production, test, env::var_os("PATH"));
    sync.with_programs(programs)
}

/// A refusal of the toolkit before anything is tried is a wrong command.
pub(super) fn failure(error: Error) -> Failure {
    match error.kind {
        ErrorKind::Invalid | ErrorKind::ColumnMatch => Failure::usage(error.to_string()),
        _ => Failure::new(error.to_string()),
    }
}

fn variable_url(test: bool) -> String {
    let environment = if test { Environment::Test } else { Environment::Production };
    url_from_variables(environment, |name| env::var(name).ok())
}
