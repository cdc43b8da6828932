//! Jobs that are begun.

use isobase_http::{Content, Operation};
use isobase_jobs::Existing;
use schemars::JsonSchema;
use serde_json::json;

use super::described::begins;
use crate::codes;

/// How a copy treats documents that the other database has already.
pub(in crate::jobs) const EXISTING: [(&str, Existing); 4] = [
    ("refuse", Existing::Refuse),
    ("overwrite", Existing::Overwrite),
    ("skip", Existing::Skip),
    ("mirror", Existing::Mirror),
];

/// A copy that is to be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewCopy {
    /// The URL of the other database.
    to: String,
    /// Only these; all when there are none.
    collections: Option<Vec<String>>,
    /// When the other database has documents: `refuse`, `overwrite`, `skip` or `mirror`.
    existing: Option<String>,
    /// Leave out what the other one cannot hold.
    leave_out: Option<bool>,
    /// Say what would be, and write nothing.
    dry_run: Option<bool>,
}

/// A restore that is to be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewRestore {
    /// The name of a backup.
    backup: String,
    /// The URL of an empty database.
    to: String,
}

/// A backup that is to be read.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewVerification {
    /// Its name.
    backup: String,
    /// Also restore it into an empty database, which goes again.
    restore: Option<bool>,
}

pub(in crate::jobs) fn start_copy() -> Operation {
    begins(
        "start_copy",
        "Copy to another database",
        "Everything, accounts and keys included and sessions not, is written into the other database, \
         read there again and compared. Unfinished, the same copy goes on where it was. With \
         `dry_run` it is said what the other database would refuse, and nothing is written. While the \
         service is open beyond this machine nobody copies over HTTP.",
    )
    .takes(Content::of::<NewCopy>().example(json!({ "to": "sqlite:///srv/copy.db" })))
    .problems([codes::INVALID_JSON, codes::NOT_AN_OBJECT, codes::INVALID_BODY])
}

pub(in crate::jobs) fn start_restore() -> Operation {
    begins(
        "start_restore",
        "Restore a backup into an empty database",
        "The backup is read from its first byte to its last before anything is written, and what was \
         written is read again and compared. Never into the database of this service.",
    )
    .takes(Content::of::<NewRestore>().example(json!({
        "backup": "isobase-20261120-140900.isobase", "to": "sqlite:///srv/restored.db",
    })))
    .problems([
        codes::INVALID_JSON,
        codes::NOT_AN_OBJECT,
        codes::INVALID_BODY,
        codes::BACKUP_NOT_FOUND,
    ])
}

pub(in crate::jobs) fn start_backup() -> Operation {
    begins(
        "start_backup",
        "Make a backup",
        "Everything of the database, without sessions and uploaded files, is written into an archive \
         in the folder of backups, which is then read again to its end.",
    )
}

pub(in crate::jobs) fn start_verify() -> Operation {
    begins(
        "start_verify",
        "Verify a backup",
        "Every checksum in it is compared; with `restore` it is also loaded into an empty database, \
         which goes again.",
    )
    .takes(
        Content::of::<NewVerification>()
            .example(json!({ "backup": "isobase-20261120-140900.isobase" })),
    )
    .problems([
        codes::INVALID_JSON,
        codes::NOT_AN_OBJECT,
        codes::INVALID_BODY,
        codes::BACKUP_NOT_FOUND,
    ])
}

pub(in crate::jobs) fn start_reconcile() -> Operation {
    begins(
        "start_reconcile",
        "Take in what other programs wrote",
        "Documents that other programs wrote into the database by themselves are listed and told in \
         the change feed. Only CouchDB, DynamoDB and Firestore have any.",
    )
}

/// Which end of the chain of the audit is expected.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: members are read one by one")]
struct NewAudit {
    /// A `head` that a former report told, noted elsewhere: the chain must have passed it.
    expect: Option<String>,
}

pub(in crate::jobs) fn start_audit() -> Operation {
    begins(
        "start_audit",
        "Verify the chain of the audit",
        "Each entry of the audit carries the hash of the one before: all of them are compared. The job \
         succeeds also when something is wrong: `result.whole` says so, and `result.faults` names the \
         entries. `result.head` is the end of the chain; a reader who notes it elsewhere can prove later, by \
         `expect`, that nothing before it was changed or cut off. Entries of the last moments are not \
         in the chain yet: `result.unsealed` counts them.",
    )
    .takes(Content::of::<NewAudit>().example(json!({})))
    .problems([codes::INVALID_JSON, codes::NOT_AN_OBJECT, codes::INVALID_BODY])
}

pub(in crate::jobs) fn start_sweep() -> Operation {
    begins(
        "start_sweep",
        "Delete what has expired",
        "Expired documents are not shown any more; this frees their room at once rather than within \
         a minute.",
    )
}
