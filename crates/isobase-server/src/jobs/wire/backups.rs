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
}

fn backups(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "backups", summary)
}

fn backup() -> Parameter {
    Parameter::new(Location::Path, "backup", "The name of a backup.")
        .example("isobase-20261120-140900.isobase")
}

pub(in crate::jobs) fn list_backups() -> Operation {
    let example =
        BackupsShape { backups: vec![BackupShape::example()], every_s: Some(86_400), files: false };
    backups("list_backups", "List the backups")
        .description("Archives in the folder of backups of this service, the latest first.")
        .answers(Answer::new(200, "The backups.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER])
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
