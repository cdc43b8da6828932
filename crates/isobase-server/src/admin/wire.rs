//! Answers to the admin site, and the description of its routes.

use std::{collections::BTreeMap, time::SystemTime};

use isobase_auth::Principal;
use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::Space;
use crate::codes;

/// The numbers of the hub.
#[derive(Serialize, JsonSchema)]
pub(super) struct Overview {
    version: &'static str,
    /// The kind of database.
    engine: &'static str,
    /// When this process began.
    started_at: String,
    /// The clock.
    now: String,
    /// Whether the database answers.
    pub(super) ready: bool,
    /// The account that asks; null for a key, and where no one is asked who they are.
    pub(super) account: Option<String>,
    /// A warning.
    warnings: Vec<String>,
    /// The role of that account; null as above.
    pub(super) role: Option<String>,
    /// The owner who acts as that account; null where no one does.
    impersonated_by: Option<String>,
    /// The rights of the caller: scopes, as keys have them.
    scopes: Vec<String>,
    /// Whether there are SQL screens, which only owners see.
    pub(super) sql: bool,
    /// How busy the engine of this process is, as `/metrics` has it without `isobase_`:
    /// `pool_connections_leased`, `writer_queue_jobs`. Each engine has its own.
    pub(super) engine_gauges: BTreeMap<&'static str, f64>,
    /// Jobs that wait or run in this process.
    pub(super) jobs_open: usize,
    /// Jobs that failed within a day.
    pub(super) jobs_failed: usize,
    pub(super) backups: BackupFacts,
    /// Room where data, uploads and backups are; folders of one disk are told once.
    disks: Vec<DiskFacts>,
    data: Data,
    /// How many documents each system collection has, by name without its prefix.
    system: BTreeMap<String, u64>,
}

/// How the backups stand.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct BackupFacts {
    /// How many there are.
    pub(super) count: usize,
    /// When the last good one was made; null when there is none.
    pub(super) last_good_at: Option<String>,
    /// How often they are due by the schedule, in seconds; null without one.
    pub(super) every_s: Option<u64>,
}

/// Room on a disk.
#[derive(Serialize, JsonSchema)]
pub(super) struct DiskFacts {
    /// The kind of its content: `data`, `uploads`, `backups`.
    purpose: &'static str,
    /// Bytes that may still be written.
    free: u64,
    /// Bytes that it holds at most.
    total: u64,
}

/// Most collections whose documents are told one by one.
const NAMED_MAX: usize = 1_000;

/// The parts that applications keep.
#[derive(Default, Serialize, JsonSchema)]
struct Data {
    records: u64,
    collections: u64,
    /// Documents of each of at most 1,000 collections; left out for those who may not read them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    documents: BTreeMap<String, u64>,
}

impl Overview {
    pub(super) fn new(started_at: SystemTime, engine: &'static str, principal: &Principal) -> Self {
        let (account, role) = match principal {
            Principal::Account { name, role, .. } => {
                (Some(name.to_string()), Some(role.to_string()))
            }
            _ => (None, None),
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            engine,
            started_at: Timestamp::from_system_time(started_at).to_string(),
            now: Timestamp::from_system_time(SystemTime::now()).to_string(),
            ready: false,
            account,
            role,
            impersonated_by: principal.impersonator().map(|owner| owner.name.to_string()),
            scopes: principal.scopes().iter().map(ToString::to_string).collect(),
            sql: false,
            engine_gauges: BTreeMap::new(),
            jobs_open: 0,
            jobs_failed: 0,
            disks: Vec::new(),
            backups: BackupFacts::default(),
            warnings: Vec::new(),
            data: Data::default(),
            system: BTreeMap::new(),
        }
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    pub(super) fn disk(&mut self, purpose: &'static str, space: Space) {
        self.disks.push(DiskFacts { purpose, free: space.free, total: space.total });
    }

    pub(super) fn has_system(&self, name: &str) -> bool {
        self.system.get(name).is_some_and(|documents| *documents > 0)
    }

    pub(super) fn collection(&mut self, name: Option<&str>, documents: u64) {
        self.data.collections += 1;
        self.data.records += documents;
        if let Some(name) = name.filter(|_| self.data.documents.len() < NAMED_MAX) {
            self.data.documents.insert(name.to_owned(), documents);
        }
    }

    pub(super) fn system(&mut self, name: &str, documents: u64) {
        self.system.insert(name.to_owned(), documents);
    }
}

/// An entry of the audit, as far as every entry has it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: entries are documents")]
pub(super) struct Entry {
    id: String,
    /// When it happened.
    at: String,
    /// Who asked: `internal`, the id of a key or an account.
    actor: String,
    /// The account that this one, an owner, acted as; left out where no one did.
    acting_as: Option<String>,
    /// The event, such as `license.suspended`.
    action: String,
    object_type: String,
    object_id: String,
    before: serde_json::Value,
    after: serde_json::Value,
}

/// A page of the audit.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used: entries are documents")]
pub(super) struct Audit {
    entries: Vec<Entry>,
    next: Option<String>,
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "admin", summary)
}

fn page() -> Answer {
    Answer::new(200, "The page.").content(Content::text("text/html"))
}

pub(super) fn get_hub() -> Operation {
    operation("get_admin", "Open the admin site")
        .description("A page for browsers; what it shows comes from the other routes.")
        .answers(page())
}

pub(super) fn get_screen() -> Operation {
    operation("get_admin_screen", "Open a screen of the admin site")
        .description("Every address of the site answers the same page.")
        .parameters([Parameter::new(Location::Path, "screen", "The screen.").example("licenses")])
        .answers(page())
}

pub(super) fn get_asset() -> Operation {
    operation("get_admin_asset", "Read a file of the admin site")
        .description("Scripts, styles and texts. They hold no data.")
        .parameters([Parameter::new(Location::Path, "file", "The file.").example("main.js")])
        .answers(Answer::new(200, "The file.").content(Content::text("text/javascript")))
        .problems([codes::ROUTE_NOT_FOUND])
}

pub(super) fn get_overview() -> Operation {
    operation("get_admin_overview", "Read the numbers of the hub")
        .description("Also answers while the database does not: `ready` says so.")
        .answers(Answer::new(200, "The numbers.").content(Content::of::<Overview>()))
}

pub(super) fn list_audit() -> Operation {
    let parameter = |name, description| Parameter::new(Location::Query, name, description);
    operation("list_audit", "Read the audit")
        .description(
            "Who changed what, newest first, with the state before and after. Entries are never \
             changed or deleted over HTTP. Filters are those of listings: `action=license.revoked`.",
        )
        .parameters([
            parameter("actor", "Who asked."),
            parameter("action", "What happened."),
            parameter("limit", "Most entries of a page.").schema(json!({ "type": "integer" })),
            parameter("cursor", "The `next` of the page before."),
        ])
        .answers(Answer::new(200, "A page.").content(Content::of::<Audit>()))
        .problems([codes::INVALID_PARAMETER])
}

/// The views that somebody keeps.
#[derive(Serialize, JsonSchema)]
pub(super) struct SavedViews {
    pub(super) views: Vec<SavedView>,
}

/// An address of the site under a name.
#[derive(Serialize, JsonSchema)]
pub(super) struct SavedView {
    pub(super) name: String,
    pub(super) address: String,
}

/// The parts of a view.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its shape is used")]
struct NewView {
    /// Below `/admin`, with its query.
    address: String,
}

fn view() -> Parameter {
    Parameter::new(Location::Path, "view", "Its name.").example("Open orders")
}

fn views() -> Answer {
    let view = SavedView {
        name: "Open orders".to_owned(),
        address: "/admin/data/orders?filter=status%3Dopen".to_owned(),
    };
    Answer::new(200, "The views.").content(Content::like(&SavedViews { views: vec![view] }))
}

pub(super) fn list_views() -> Operation {
    operation("list_admin_views", "List the own views of the admin site")
        .description("Addresses of the site that the one who asks keeps under names; at most 100.")
        .answers(views())
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn put_view() -> Operation {
    operation("put_admin_view", "Keep a view of the admin site")
        .description("Keeps an address of the site under a name, for you alone. A view of that name is replaced.")
        .parameters([view()])
        .takes(
            Content::of::<NewView>()
                .example(json!({ "address": "/admin/data/orders?filter=status%3Dopen" })),
        )
        .answers(views())
        .problems([
            codes::INVALID_BODY,
            codes::INVALID_JSON,
            codes::NOT_AN_OBJECT,
            codes::INVALID_PARAMETER,
            codes::LIMIT_EXCEEDED,
            codes::REVISION_CONFLICT,
        ])
}

pub(super) fn delete_view() -> Operation {
    operation("delete_admin_view", "Delete a view of the admin site")
        .description(
            "Deletes one of your own views. Where there is none of that name, nothing changes.",
        )
        .parameters([view()])
        .answers(views())
        .problems([codes::INVALID_PARAMETER, codes::REVISION_CONFLICT])
}

/// The crates of others in the executable.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AdminParts")]
pub(super) struct Parts {
    parts: Vec<Part>,
}

/// A crate of others.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AdminPart")]
struct Part {
    name: String,
    version: String,
    /// As an SPDX expression.
    licence: String,
}

impl Parts {
    /// Reads lines of name, version and licence.
    pub(super) fn of(lines: &str) -> Self {
        let part = |line: &str| {
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            Some(Part { name: words.next()?, version: words.next()?, licence: words.next()? })
        };
        Self { parts: lines.lines().filter_map(part).collect() }
    }
}

pub(super) fn list_parts() -> Operation {
    operation("list_admin_parts", "List the parts of the executable")
        .description("The crates of others that are in it, each with its licence.")
        .answers(
            Answer::new(200, "The parts.").content(Content::like(&Parts::of("bytes 1.10.0 MIT"))),
        )
        .problems([codes::INVALID_PARAMETER])
}
