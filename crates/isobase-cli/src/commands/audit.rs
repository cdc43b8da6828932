//! `isobase audit`: whether the audit is as it was written.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use isobase::Purpose;
use isobase_auth::{AuditChain, AuditReport, ChainHead, Clock};
use isobase_client::{Body, Client, Request};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::AppFlags,
    local,
    opening::open_failure,
    print::Printer,
    progress::thousands,
    service_failure::client_failure,
    settings::{Config, Given, Loaded},
};

const EXAMPLES: &str = "\
Examples:
  isobase audit verify                 0 when every entry is as it was written, else 1
  isobase audit verify --json
  isobase audit verify --expect 1204:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

Each entry carries the hash of the one before. Note the end of the chain that is printed somewhere
else: with --expect it proves later that nothing before it was changed, and that nothing was cut off.
A running service of this data folder is asked.";

/// How often a job of the service is looked at.
const LOOKS_EVERY: Duration = Duration::from_millis(200);

/// Verify the audit, which says who changed what
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum AuditCommand {
    /// Compare every entry with its hash, and each with the one before
    Verify {
        /// An end of the chain that was printed before: it must be in it
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Option<ChainHead>,
        #[command(flatten)]
        app: AppFlags,
    },
}

impl AppCommand for AuditCommand {
    fn given(&self) -> Given {
        let Self::Verify { app, .. } = self;
        app.given()
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let Self::Verify { expect, .. } = self;
        let report = match local::service_of(&config.data).await {
            Some(service) => by_service(&service.client(None)?, expect.as_ref()).await?,
            None => in_database(config, expect.as_ref()).await?,
        };
        tell(&report, printer)
    }
}

async fn in_database(config: &Config, expect: Option<&ChainHead>) -> Result<AuditReport> {
    if !config.records.is_kept() {
        let message = "the audit is in the memory of a service (memory:), and none runs with \
                       this data folder";
        return Err(Failure::usage(message).into());
    }
    if let Some(path) = config.records.missing_file() {
        return Err(Failure::usage(format!("there is no database {}", path.display())).into());
    }
    let opened = config.records.open(Purpose::Use, &config.options).await;
    let store = opened.map_err(open_failure)?.store(&config.options);
    let chain = AuditChain::new(&store, Clock::default());
    let verified = Box::pin(chain.verify(expect, |_, _| true)).await;
    store.close().await?;
    Ok(verified?)
}

/// A job as far as it matters here.
#[derive(Deserialize)]
struct Job {
    id: String,
    state: String,
    result: Option<AuditReport>,
    error: Option<String>,
}

/// Lets the service do it: no other process opens its file.
async fn by_service(client: &Client, expect: Option<&ChainHead>) -> Result<AuditReport> {
    let body = json!({ "expect": expect.map(ToString::to_string) }).to_string();
    let begin = Request::new(Method::POST, &["api", "v1", "jobs", "audit"]).body(Body::json(body));
    let mut job: Job = answer(client, begin).await?;
    while matches!(&*job.state, "queued" | "running") {
        sleep(LOOKS_EVERY).await;
        let look = Request::new(Method::GET, &["api", "v1", "jobs", &job.id]);
        job = answer(client, look).await?;
    }
    let ended = || job.error.unwrap_or_else(|| format!("the job was {}", job.state));
    Ok(job.result.ok_or_else(|| Failure::new(ended()))?)
}

async fn answer<T: DeserializeOwned>(client: &Client, request: Request) -> Result<T> {
    let answer = client.send(request).await.map_err(client_failure)?;
    Ok(answer.json().await.map_err(client_failure)?)
}

fn tell(report: &AuditReport, printer: Printer) -> Result<()> {
    if printer.json {
        printer.json_line(&json!(report));
    } else {
        lines(report, printer);
    }
    match report.faults.first() {
        None if report.whole => Ok(()),
        first => {
            let first = first.map(|fault| &*fault.message).unwrap_or_default();
            let count = thousands(report.faults_total);
            Err(Failure::new(format!(
                "the audit is not as it was written, {count} faults: {first}"
            ))
            .into())
        }
    }
}

fn lines(report: &AuditReport, printer: Printer) {
    if let Some(trimmed) = &report.trimmed {
        let last = thousands(trimmed.last);
        printer.note(&format!("entries 1 to {last} were deleted by their age at {}", trimmed.at));
    }
    if let Some(unsealed) = report.unsealed.filter(|count| *count > 0) {
        let entries = if unsealed == 1 { "entry is" } else { "entries are" };
        printer.note(&format!("{} {entries} not in the chain yet", thousands(unsealed)));
    }
    for fault in &report.faults {
        let id = fault.id.as_deref().unwrap_or("-");
        // An attacker who changed an entry may have chosen these.
        printer.line(&format!("{}  {}  {}", fault.number, id.escape_debug(), fault.message));
    }
    if report.whole {
        let entries = thousands(report.entries);
        printer.headline(
            &format!("{entries} entries"),
            &format!(" are as they were written; the chain ends with {}", report.head),
        );
    }
}
