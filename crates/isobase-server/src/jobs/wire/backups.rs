//! Backups.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_jobs::Backup;
use schemars::JsonSchema;
use serde::Serialize;

use crate::codes;

/// A list of backups.
#[derive(Serialize)]
pub(in crate::jobs) struct Backups {
    pub(in crate::jobs) backups: Vec<Backup>,
    /// How often they are due by the schedule, in seconds; null without one.
    pub(in crate::jobs) every_s: Option<u64>,
    /// Whether uploaded files are in new ones.
    pub(in crate::jobs) files: bool,
    /// Where good ones are copied, too.
    pub(in crate::jobs) remote: Option<String>,
}

/// Whether the other place of backups can be used.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "BackupPlaceTrial")]
pub(in crate::jobs) struct RemoteTrial {
    /// How it is called.
    pub(in crate::jobs) remote: String,
    /// A small file was written there and read again.
    pub(in crate::jobs) usable: bool,
    /// What failed.
    pub(in crate::jobs) error: Option<String>,
}

/// A backup.
#[derive(JsonSchema, Serialize)]
struct BackupShape {
    name: &'static str,
    bytes: u64,
    created_at: &'static str,
    /// Whether the schedule made it.
    scheduled: bool,
    engine: Option<&'static str>,
    documents: Option<u64>,
    /// Whether all of it is of one moment.
    one_moment: Option<bool>,
    seconds: Option<f64>,
    verified_at: Option<&'static str>,
    /// Whether every checksum agreed then; null if it was not verified.
    verified: Option<bool>,
    /// Whether it could be restored then; null when that was not tried.
    restored: Option<bool>,
    error: Option<&'static str>,
    /// Whether it was encrypted when it was made.
    encrypted: bool,
    /// Whether it is at the other place, too; null where it was not to be.
    remote: Option<bool>,
    remote_error: Option<&'static str>,
}

impl BackupShape {
    fn example() -> Self {
        Self {
            name: "isobase-20261120-140900.isobase",
            bytes: 48_213,
            created_at: "2026-11-20T14:09:00.000000Z",
            scheduled: true,
            engine: Some("sqlite"),
            documents: Some(1_204),
            one_moment: Some(true),
            seconds: Some(0.2),
            verified_at: Some("2026-11-20T14:09:01.000000Z"),
            verified: Some(true),
            restored: None,
            error: None,
            encrypted: false,
            remote: Some(true),
            remote_error: None,
        }
    }
}

/// A list of backups.
#[derive(JsonSchema, Serialize)]
struct BackupsShape {
    backups: Vec<BackupShape>,
    /// How often they are due by the schedule, in seconds; null without one.
    every_s: Option<u64>,
    /// Whether uploaded files are in new ones.
    files: bool,
    /// Where good ones are copied, too (`backups.remote`); null: nowhere.
    remote: Option<&'static str>,
}

fn backups(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "backups", summary)
}

fn backup() -> Parameter {
    Parameter::new(Location::Path, "backup", "The name of a backup.")
        .example("isobase-20261120-140900.isobase")
}

pub(in crate::jobs) fn list_backups() -> Operation {
    let example = BackupsShape {
        backups: vec![BackupShape::example()],
        every_s: Some(86_400),
        files: false,
        remote: Some("s3://backups/shop"),
    };
    backups("list_backups", "List the backups")
        .description("Archives in the folder of backups of this service, the latest first.")
        .answers(Answer::new(200, "The backups.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER])
}

pub(in crate::jobs) fn try_remote() -> Operation {
    let example = RemoteTrial { remote: "s3://backups/shop".to_owned(), usable: true, error: None };
    backups("try_backup_place", "Try the other place of backups")
        .description("Writes a small file to `backups.remote` and reads it again.")
        .answers(Answer::new(200, "Whether it can be used.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER, codes::UNSUPPORTED])
}

pub(in crate::jobs) fn send_backup() -> Operation {
    let name = Parameter::new(
        Location::Query,
        "name",
        "How it is called; if another one is called so, or without it, it gets a name with the time.",
    );
    backups("upload_backup", "Upload a backup")
        .description(
            "An archive as `isobase dump` and the service write them, at most as large as \
             `limits.stream_body_bytes`; a larger one is put into the folder of backups by hand. Nothing is \
             known of it before it is verified. The audit notes who sent it.",
        )
        .parameters([name])
        .takes(Content::text("application/octet-stream").example("…"))
        .answers(Answer::new(201, "It is kept.").content(Content::like(&BackupShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::BODY_TOO_LARGE, codes::UNSUPPORTED, codes::BACKUP_NOT_FOUND])
}

pub(in crate::jobs) fn get_backup() -> Operation {
    backups("download_backup", "Download a backup")
        .description(
            "The archive, as `isobase restore` takes it. It holds everything, hashes of passwords \
             included; the audit notes who took it.",
        )
        .parameters([backup()])
        .answers(
            Answer::new(200, "The archive.").content(Content::text("application/octet-stream")),
        )
        .problems([codes::INVALID_PARAMETER, codes::BACKUP_NOT_FOUND, codes::UNSUPPORTED])
}

pub(in crate::jobs) fn delete_backup() -> Operation {
    backups("delete_backup", "Delete a backup")
        .description("For good. The audit notes who did.")
        .parameters([backup()])
        .answers(Answer::new(200, "What it was.").content(Content::like(&BackupShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::BACKUP_NOT_FOUND, codes::UNSUPPORTED])
}
