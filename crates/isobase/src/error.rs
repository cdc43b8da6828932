//! Why a store was not opened.

use std::{error::Error, path::PathBuf};

use crate::engines::{ENGINES, providers};

/// Why a store was not opened. Messages never hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The environment does not name a database.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The text has no scheme.
    #[error("{text:?} is not a database URL; expected one like {}", example_urls())]
    NotAUrl {
        /// The text.
        text: String,
    },
    /// No engine has this scheme.
    #[error("no engine has URLs that begin with {scheme}:{}; known are {}", did_you_mean(*suggestion), known_schemes())]
    UnknownScheme {
        /// The scheme.
        scheme: String,
        /// The known one that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// The engine was left out when this program was built.
    #[error(
        "the {engine} engine is not in this build; build with the cargo feature \"{feature}\": \
         cargo build --release --features {feature}"
    )]
    NotCompiled {
        /// Its name.
        engine: &'static str,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The scheme is known, the rest is wrong.
    #[error("the database URL {url} is wrong: {expected}")]
    InvalidUrl {
        /// The URL, without password.
        url: String,
        /// The expectation.
        expected: String,
    },
    /// Another process has the file open.
    #[error("database {} is in use{}", path.display(), holder(*pid, address.as_deref()))]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process, when it could be read.
        pid: Option<u32>,
        /// Where that process serves, once it does.
        address: Option<String>,
    },
    /// A copy or restore into the database was begun and not finished: what it holds is not
    /// whole.
    #[error(
        "the database {url} is unfinished ({note}); run the same command again to resume it, or \
         start it anew with --restart"
    )]
    Unfinished {
        /// The URL, without secrets.
        url: String,
        /// The load that was begun, from where and when.
        note: String,
    },
    /// There is nothing to read: no program of ours has ever opened the database to write.
    #[error("there is nothing in {url}: no collection, and nothing was ever written")]
    Nothing {
        /// The URL, without secrets.
        url: String,
    },
    /// The engine could not open the database.
    #[error("cannot open {url}")]
    Engine {
        /// The URL, without password.
        url: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

fn example_urls() -> String {
    let urls: Vec<_> = ENGINES.iter().map(|engine| engine.url).collect();
    urls.join(", ")
}

fn known_schemes() -> String {
    let schemes: Vec<_> = ENGINES.iter().flat_map(|engine| engine.schemes).copied().collect();
    schemes.join(", ")
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|known| format!("; did you mean {known}?")).unwrap_or_default()
}

fn holder(pid: Option<u32>, address: Option<&str>) -> String {
    match (pid, address) {
        (Some(pid), Some(address)) => format!(" by process {pid}, which serves {address}"),
        (Some(pid), None) => format!(" by process {pid}"),
        (None, _) => " by another process".to_owned(),
    }
}

/// Why variables do not name a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// `DATABASE_PROVIDER` is none we know.
    #[error("Unknown database provider: {provider}; known are {}", providers().join(", "))]
    UnknownProvider {
        /// Its kind.
        provider: String,
    },
    /// Variables of a provider are not set.
    #[error("{needed} must be set for {provider} provider; missing: {}", missing.join(", "))]
    Missing {
        /// The provider.
        provider: &'static str,
        /// All it needs, in words.
        needed: &'static str,
        /// Those that are not set.
        missing: Vec<&'static str>,
    },
    /// `COUCHDB_URL` is no address.
    #[error(
        "COUCHDB_URL is {url:?}, expected http://host:5984, https://host or https://host/path, without \
         user and password"
    )]
    CouchdbUrl {
        /// The URL, without a password.
        url: String,
    },
    /// `DATABASE_URL` is another database than `DATABASE_PROVIDER` says.
    #[error("DATABASE_PROVIDER is {provider}, but DATABASE_URL is {url}")]
    Contradiction {
        /// The provider.
        provider: &'static str,
        /// The URL, without its password.
        url: String,
    },
    /// A variable holds a URL that is wrong.
    #[error("{variable}: {source}")]
    Url {
        /// Its name.
        variable: &'static str,
        /// Why.
        source: Box<OpenError>,
    },
}
