//! Where a value comes from.

use std::{fmt, path::PathBuf};

use serde::Serialize;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Origin {
    /// It is not set.
    Default,
    /// A line of the settings file.
    File {
        /// As it was found.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// The database, where the API has put it.
    Database,
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
    },
    /// A line of a file of variables.
    EnvFile {
        /// As it was given.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// The name of the variable.
        name: String,
    },
    /// A flag of the command.
    Flag {
        /// As it is written: `--port`.
        name: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Database => f.write_str("database"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Env { name } => write!(f, "env {name}"),
            Self::EnvFile { path, line, name } => {
                write!(f, "{}:{line} ({name})", path.display())
            }
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}
