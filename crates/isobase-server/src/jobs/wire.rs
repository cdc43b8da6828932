//! Jobs and backups as they are told, and how their routes are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_jobs::{Backup, Existing, Job, Sample};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{codes, request::idempotency};

/// What a copy does when the other database has documents.
pub(super) const EXISTING: [(&str, Existing); 4] = [
    ("refuse", Existing::Refuse),
    ("overwrite", Existing::Overwrite),
    ("skip", Existing::Skip),
    ("mirror", Existing::Mirror),
];

/// A list of jobs.
#[derive(Serialize)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<Job>,
}

/// Documents of both sides.
#[derive(Serialize)]
pub(super) struct Samples {
    pub(super) samples: Vec<Sample>,
}

/// A list of backups.
#[derive(Serialize)]
pub(super) struct Backups {
    pub(super) backups: Vec<Backup>,
    /// How often they are due by the schedule, in seconds; null without one.
    pub(super) every_s: Option<u64>,
}

/// A job.
#[derive(JsonSchema, Serialize)]
struct JobShape {
    id: &'static str,
    /// `backup`, `verify`, `restore`, `copy`, `import`, `reconcile`, `audit` or `sweep`.
    kind: &'static str,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled` or `interrupted`.
    state: &'static str,
    /// Who asked for it.
    by: &'static str,
    /// What was asked for, without secrets.
    parameters: serde_json::Value,
    created_at: &'static str,
    started_at: Option<&'static str>,
    ended_at: Option<&'static str>,
    /// Whether it rests in the middle, until somebody lets it go on.
    paused: bool,
    progress: Option<ProgressShape>,
    /// The report of the work.
    result: Option<serde_json::Value>,
    /// Why it failed.
    error: Option<&'static str>,
    /// When its process was heard of last, in microseconds since 1970.
    beat_us: i64,
}

/// How far a job is.
#[derive(JsonSchema, Serialize)]
struct ProgressShape {
    stage: &'static str,
    collection: Option<&'static str>,
    documents: u64,
    documents_total: Option<u64>,
    /// Of their text; of an import those of the file that were read.
    bytes: u64,
    /// Of the file that is imported.
    bytes_total: Option<u64>,
    rate: Option<RateShape>,
}

/// How fast a stage goes.
#[derive(JsonSchema, Serialize)]
struct RateShape {
    documents_per_second: f64,
    seconds_left: Option<f64>,
}

impl JobShape {
    fn example() -> Self {
        Self {
            id: "j17645100000001f0a5d",
            kind: "copy",
            state: "running",
            by: "account:1",
            parameters: json!({ "to": "postgres://app@db.example.com/app", "dry_run": false }),
            created_at: "2026-11-20T14:09:00.000000Z",
            started_at: Some("2026-11-20T14:09:00.000000Z"),
            ended_at: None,
            paused: false,
            progress: Some(ProgressShape {
                stage: "writing",
                collection: Some("orders"),
                documents: 12_000,
                documents_total: Some(48_000),
                bytes: 3_400_000,
                bytes_total: None,
                rate: Some(RateShape { documents_per_second: 24_000.0, seconds_left: Some(1.5) }),
            }),
            result: None,
            error: None,
            beat_us: 1_764_510_000_000_000,
        }
    }
}

/// A list of jobs.
#[derive(JsonSchema, Serialize)]
struct JobsShape {
    jobs: Vec<JobShape>,
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
    /// Whether every checksum agreed then; null when nobody has looked.
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
}

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

fn jobs(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "jobs", summary)
}

fn backups(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "backups", summary)
}

fn job() -> Parameter {
    Parameter::new(Location::Path, "job", "The id of a job.").example("j17645100000001f0a5d")
}

fn backup() -> Parameter {
    Parameter::new(Location::Path, "backup", "The name of a backup.")
        .example("isobase-20261120-140900.isobase")
}

/// A job that was begun.
pub(crate) fn begins(
    id: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Operation {
    jobs(id, summary)
        .description(description)
        .answers(
            Answer::new(202, "The job, which runs as soon as it has its turn.")
                .content(Content::like(&JobShape::example())),
        )
        .parameters([idempotency::parameter()])
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::IDEMPOTENCY_MISMATCH,
            codes::TOO_MANY_JOBS,
            codes::UNSUPPORTED,
        ])
}

pub(super) fn list_jobs() -> Operation {
    let number = json!({ "type": "integer", "minimum": 1, "maximum": 200 });
    let limit = Parameter::new(Location::Query, "limit", "Most jobs. Default 50.").schema(number);
    let kind = Parameter::new(Location::Query, "kind", "Only of this kind.").example("copy");
    jobs("list_jobs", "List the jobs")
        .description(
            "The latest first, with those of other services on the database. A database remembers \
             200 jobs. One whose process ended is `interrupted` after 20 seconds.",
        )
        .parameters([kind, limit])
        .answers(
            Answer::new(200, "The jobs.")
                .content(Content::like(&JobsShape { jobs: vec![JobShape::example()] })),
        )
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn get_job() -> Operation {
    jobs("get_job", "Read a job")
        .description("How far it is, and when it is over its report, or why it failed.")
        .parameters([job()])
        .answers(Answer::new(200, "The job.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND])
}

pub(super) fn cancel_job() -> Operation {
    jobs("cancel_job", "Cancel a job")
        .description(
            "It ends a moment later. A copy and a restore leave their target unfinished, an import the \
             records that it stored; the same job goes on from there.",
        )
        .parameters([job()])
        .answers(Answer::new(202, "It was told.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND, codes::JOB_STATE])
}

pub(super) fn pause_job() -> Operation {
    jobs("pause_job", "Let a copy rest")
        .description(
            "It rests in the middle, for an hour at most, and its target stays unfinished; longer, it is \
             interrupted, and the same copy goes on from there. One may rest at a time.",
        )
        .parameters([job()])
        .answers(Answer::new(200, "The job.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND, codes::JOB_STATE])
}

pub(super) fn continue_job() -> Operation {
    jobs("continue_job", "Let a copy that rests go on")
        .description("It goes on where it was, and compares both sides at its end as any copy.")
        .parameters([job()])
        .answers(Answer::new(200, "The job.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND, codes::JOB_STATE])
}

/// Documents of both sides of a copy.
#[derive(JsonSchema, Serialize)]
struct SamplesShape {
    samples: Vec<SampleShape>,
}

/// A document of both sides.
#[derive(JsonSchema, Serialize)]
struct SampleShape {
    collection: &'static str,
    id: &'static str,
    /// The text that the source has, cut after 16 KiB; null where it is gone meanwhile.
    source: Option<&'static str>,
    /// The text that the target has.
    target: Option<&'static str>,
    /// Whether the whole texts are equal, byte for byte.
    equal: bool,
}

pub(super) fn get_samples() -> Operation {
    let text = "{\"number\":\"2026-17\"}";
    let sample = SampleShape {
        collection: "orders",
        id: "1",
        source: Some(text),
        target: Some(text),
        equal: true,
    };
    jobs("get_samples", "Read samples of a copy")
        .description(
            "20 documents, picked by chance among the first of each collection of people's own, as they \
             are on both sides when the copy is done. Those of the last copies are kept in memory, by \
             the service that made them.",
        )
        .parameters([job()])
        .answers(
            Answer::new(200, "The samples.")
                .content(Content::like(&SamplesShape { samples: vec![sample] })),
        )
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND])
}

pub(super) fn start_copy() -> Operation {
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

pub(super) fn start_restore() -> Operation {
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

pub(super) fn start_backup() -> Operation {
    begins(
        "start_backup",
        "Make a backup",
        "Everything of the database, without sessions and uploaded files, is written into an archive \
         in the folder of backups, which is then read again to its end.",
    )
}

pub(super) fn start_verify() -> Operation {
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

pub(super) fn start_reconcile() -> Operation {
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

pub(super) fn start_audit() -> Operation {
    begins(
        "start_audit",
        "Verify the chain of the audit",
        "Each entry of the audit carries the hash of the one before: all of them are compared. The job \
         succeeds also when something is wrong: `result.whole` says so, and `result.faults` names the \
         entries. `result.head` is the end of the chain; whoever notes it elsewhere can prove later, by \
         `expect`, that nothing before it was changed or cut off. Entries of the last moments are not \
         in the chain yet: `result.unsealed` counts them.",
    )
    .takes(Content::of::<NewAudit>().example(json!({})))
    .problems([codes::INVALID_JSON, codes::NOT_AN_OBJECT, codes::INVALID_BODY])
}

pub(super) fn start_sweep() -> Operation {
    begins(
        "start_sweep",
        "Delete what has expired",
        "Expired documents are not shown any more; this frees their room at once rather than within \
         a minute.",
    )
}

pub(super) fn list_backups() -> Operation {
    let example = BackupsShape { backups: vec![BackupShape::example()], every_s: Some(86_400) };
    backups("list_backups", "List the backups")
        .description("Archives in the folder of backups of this service, the latest first.")
        .answers(Answer::new(200, "The backups.").content(Content::like(&example)))
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn get_backup() -> Operation {
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

pub(super) fn delete_backup() -> Operation {
    backups("delete_backup", "Delete a backup")
        .description("For good. The audit notes who did.")
        .parameters([backup()])
        .answers(Answer::new(200, "What it was.").content(Content::like(&BackupShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::BACKUP_NOT_FOUND, codes::UNSUPPORTED])
}
