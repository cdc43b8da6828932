//! The outcome of an import, and the description of its route.

use isobase_http::{Answer, Content, Operation};
use isobase_licences::{self as library, ImportReport, ImportedInstallation, ImportedLicence};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::described::{BODY, maybe, operation, takes};
use crate::codes;

/// The outcome of an import.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseImport")]
pub(in crate::licences) struct Imported {
    /// Nothing was written.
    dry_run: bool,
    licenses: Tally,
    installations: Tally,
    /// The rows refused or taken over with a remark.
    errors: Vec<String>,
}

/// The outcome of rows of one kind.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportTally")]
struct Tally {
    read: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    failed: u64,
}

impl Imported {
    pub(in crate::licences) fn of(report: ImportReport, dry_run: bool) -> Self {
        let tally = |it: library::Tally| Tally {
            read: it.read,
            created: it.created,
            updated: it.updated,
            unchanged: it.unchanged,
            failed: it.failed,
        };
        Self {
            dry_run,
            licenses: tally(report.licenses),
            installations: tally(report.installations),
            errors: report.errors,
        }
    }
}

/// Rows of another licence service, as an import takes them.
#[derive(Serialize)]
pub(in crate::licences) struct FoundInFile {
    pub(in crate::licences) licenses: Vec<ImportedLicence>,
    pub(in crate::licences) installations: Vec<ImportedInstallation>,
}

/// The same, described.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LicenseFileRows")]
struct FoundShape {
    licenses: Vec<serde_json::Map<String, serde_json::Value>>,
    installations: Vec<serde_json::Map<String, serde_json::Value>>,
}

pub(in crate::licences) fn read_license_file() -> Operation {
    operation("read_license_file", "Read the file of another licence service")
        .description(
            "The SQLite file of the older licence service, at most 64 MiB; the answer has its rows, to be \
             sent to `POST /api/v1/db/license/import` in parts. Nothing is written. What is only in a \
             write-ahead log beside the file is not seen: stop that service first, or use `isobase license \
             import` beside it.",
        )
        .takes(Content::text("application/octet-stream").example("SQLite format 3\u{0}"))
        .answers(Answer::new(200, "Its rows.").content(Content::of::<FoundShape>()))
        .problems([codes::INVALID_BODY, codes::BODY_TOO_LARGE, codes::UNSUPPORTED])
}

pub(in crate::licences) fn import_licenses() -> Operation {
    let body = takes(
        &[],
        json!({
            "licenses": { "type": "array", "items": { "type": "object" } },
            "installations": { "type": "array", "items": { "type": "object" } },
        }),
        json!({
            "licenses": [{
                "id": 1,
                "email": "ann@example.com",
                "license_key": "ann-example-com-20270223-48F47778",
                "expiry_date": "2027-02-23T10:00:00",
                "created_at": "2026-02-23 10:00:00",
                "status": "active",
            }],
            "installations": [{
                "email": "ann@example.com",
                "installation_id": "5f0c",
                "activated_at": "2026-02-23 10:00:00",
                "last_seen": "2026-02-24 10:00:00",
            }],
        }),
    );
    let tally = || Tally { read: 1, created: 1, updated: 0, unchanged: 0, failed: 0 };
    let example =
        Imported { dry_run: true, licenses: tally(), installations: tally(), errors: Vec::new() };
    operation("import_licenses", "Import licences and installations")
        .description(
            "Takes over rows of another program, at most 500 together. A licence is known by its \
             key and an installation by its e-mail and id, so a repeat changes nothing. A row that \
             is refused stops no other.",
        )
        .parameters([maybe("dry_run", "Say what would become of each row, and write nothing.")
            .schema(json!({ "type": "boolean" }))])
        .takes(body)
        .answers(Answer::new(200, "What became of the rows.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::LIMIT_EXCEEDED])
}
