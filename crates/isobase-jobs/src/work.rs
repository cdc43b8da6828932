//! The work of a job.

use isobase_auth::ChainHead;
use isobase_ops::Existing;
use isobase_types::CollectionName;
use serde_json::{Value, json};

use crate::{Import, Origin};

/// The work of a job.
#[derive(Clone, Debug)]
pub enum Work {
    /// Writes everything into an archive in the folder of backups, and reads it again.
    Backup {
        /// Who wants it.
        origin: Origin,
    },
    /// Reads a backup to its end and compares every checksum.
    Verify {
        /// Its name.
        backup: String,
        /// Also restores it into an empty database that goes again.
        restore: bool,
    },
    /// Loads a backup into an empty database, and compares.
    Restore {
        /// Its name.
        backup: String,
        /// The database.
        to: String,
    },
    /// Copies this database to another one, and compares.
    Copy {
        /// The other one.
        to: String,
        /// Only these collections; all when none is named.
        collections: Vec<CollectionName>,
        /// The way to treat another one that has documents.
        existing: Existing,
        /// Leave out what the other one cannot hold.
        leave_out: bool,
        /// Say what would be, and write nothing.
        dry_run: bool,
    },
    /// Brings a file that was sent into a collection.
    Import(Box<Import>),
    /// Takes in what other programs wrote.
    Reconcile {
        /// Only of these collections; of all when none is named.
        collections: Vec<CollectionName>,
    },
    /// Compares every entry of the audit with its hash, and each with the one before.
    Audit {
        /// An end of the chain that was noted before.
        expected: Option<ChainHead>,
    },
    /// Deletes what has expired.
    Sweep,
}

impl Work {
    /// Its name: `backup`, `copy`, …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Backup { .. } => "backup",
            Self::Verify { .. } => "verify",
            Self::Restore { .. } => "restore",
            Self::Copy { .. } => "copy",
            Self::Import(_) => "import",
            Self::Reconcile { .. } => "reconcile",
            Self::Audit { .. } => "audit",
            Self::Sweep => "sweep",
        }
    }

    /// The request, with the database as it may be shown.
    pub(crate) fn parameters(&self, shown: Option<&str>) -> Value {
        let names = |collections: &[CollectionName]| -> Vec<String> {
            collections.iter().map(ToString::to_string).collect()
        };
        match self {
            Self::Backup { origin } => json!({ "origin": origin }),
            Self::Verify { backup, restore } => json!({ "backup": backup, "restore": restore }),
            Self::Restore { backup, .. } => json!({ "backup": backup, "to": shown }),
            Self::Copy { collections, existing, leave_out, dry_run, .. } => json!({
                "to": shown, "collections": names(collections), "existing": word(*existing),
                "leave_out": leave_out, "dry_run": dry_run,
            }),
            Self::Import(import) => import.parameters(),
            Self::Reconcile { collections } => json!({ "collections": names(collections) }),
            Self::Audit { expected } => {
                json!({ "expect": expected.as_ref().map(ToString::to_string) })
            }
            Self::Sweep => json!({}),
        }
    }

    /// Whether it can rest in the middle.
    pub(crate) fn can_rest(&self) -> bool {
        matches!(self, Self::Copy { .. })
    }

    /// The URL of the other database.
    pub(crate) fn to(&self) -> Option<&str> {
        match self {
            Self::Restore { to, .. } | Self::Copy { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The file it brings in.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            Self::Import(import) => Some(&import.file),
            _ => None,
        }
    }

    /// The backup it reads.
    pub(crate) fn backup(&self) -> Option<&str> {
        match self {
            Self::Verify { backup, .. } | Self::Restore { backup, .. } => Some(backup),
            _ => None,
        }
    }
}

fn word(existing: Existing) -> &'static str {
    match existing {
        Existing::Refuse => "refuse",
        Existing::Overwrite => "overwrite",
        Existing::Skip => "skip",
        Existing::Mirror => "mirror",
    }
}
