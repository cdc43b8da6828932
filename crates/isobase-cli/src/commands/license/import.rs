//! `isobase license import`.

use anyhow::{Context, Result};
use clap::Args;
use isobase_licences::{ImportReport, ImportedInstallation, ImportedLicence, Tally};
use serde_json::json;

use super::{
    caller::Caller,
    show::printable,
    source::{self, Source},
};
use crate::{
    failure::Failure,
    flags::TargetFlags,
    print::Printer,
    settings::{Loaded, licence_source},
};

const EXAMPLES: &str = "\
Examples:
  isobase license import licenses.db --dry-run
  isobase license import licenses.db
  isobase license import postgresql://me:secret@db/licenses
  isobase license import http://127.0.0.1:8003    from a running service of the same routes

A license is known by its key and an installation by its email and id: what is here already is not
made twice, and an import that broke off is simply repeated.";

/// Take licenses and installations over from another license service
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArguments {
    /// SQLite file of the other service, its database (postgres://…) or its address (http://…)
    /// [default: licences.source of the settings, else data/licenses.db]
    #[arg(value_name = "SOURCE")]
    source: Option<String>,
    /// Write nothing, and say what would become of every row
    #[arg(long)]
    dry_run: bool,
    /// Key of the other service, where it asks for one
    #[arg(long, value_name = "KEY")]
    source_key: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

/// Rows of one request.
const CHUNK: usize = 200;

/// Errors that are shown one by one.
const ERRORS_SHOWN: usize = 20;

pub(super) async fn run(
    arguments: &ImportArguments,
    loaded: &Loaded,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    let named = arguments.source.clone().unwrap_or_else(|| licence_source(loaded));
    let source = source::read(&named, arguments.source_key.as_deref()).await?;
    let report = send(&source, caller, arguments.dry_run).await?;
    tell(&report, arguments.dry_run, printer);
    if let Some(hidden) = source.hidden
        && !printer.json
    {
        printer.note(hidden);
    }
    if arguments.dry_run {
        return Ok(());
    }
    compare(&source, &report, caller, printer).await
}

/// Asks once more what would become of the rows: all that were not refused must be there as they
/// are.
async fn compare(
    source: &Source,
    report: &ImportReport,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    let again = send(source, caller, true).await?;
    let there = |again: &Tally, first: &Tally| again.unchanged + first.failed == first.read;
    let (licences, installations) = (&again.licenses, &again.installations);
    if !there(licences, &report.licenses) || !there(installations, &report.installations) {
        return Err(Failure::new(format!(
            "compared with the source: {} of {} licenses and {} of {} installations are here; \
             somebody changes one of both, or a key or installation is there twice",
            licences.unchanged, licences.read, installations.unchanged, installations.read
        ))
        .hint("import again when nobody writes")
        .into());
    }
    if !printer.json {
        printer.note(&format!(
            "compared with the source: {} licenses and {} installations are here as they are there",
            licences.unchanged, installations.unchanged
        ));
    }
    let failed = report.licenses.failed + report.installations.failed;
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} rows were refused")).into()),
    }
}

async fn send(source: &Source, caller: &Caller, dry: bool) -> Result<ImportReport> {
    let mut whole = ImportReport::default();
    // Installations are linked with the licences of their e-mail, so those come first.
    for licences in source.licences.chunks(CHUNK) {
        add(&mut whole, part((licences, &[]), caller, dry).await?);
    }
    for installations in source.installations.chunks(CHUNK) {
        add(&mut whole, part((&[], installations), caller, dry).await?);
    }
    Ok(whole)
}

async fn part(
    (licences, installations): (&[ImportedLicence], &[ImportedInstallation]),
    caller: &Caller,
    dry: bool,
) -> Result<ImportReport> {
    let body = json!({ "licenses": licences, "installations": installations });
    let parameters = [("dry_run", dry.to_string())];
    let answer = caller.post(&["license", "import"], &parameters, &body).await?;
    serde_json::from_value(answer).context("the answer is no report of an import")
}

fn add(whole: &mut ImportReport, part: ImportReport) {
    for (sum, part) in
        [(&mut whole.licenses, part.licenses), (&mut whole.installations, part.installations)]
    {
        sum.read += part.read;
        sum.created += part.created;
        sum.updated += part.updated;
        sum.unchanged += part.unchanged;
        sum.failed += part.failed;
    }
    whole.errors.extend(part.errors);
}

fn tell(report: &ImportReport, dry: bool, printer: Printer) {
    if printer.json {
        let mut value = json!(report);
        value["dry_run"] = dry.into();
        printer.json_line(&value);
        return;
    }
    for error in report.errors.iter().take(ERRORS_SHOWN) {
        printer.note(&printable(error));
    }
    if report.errors.len() > ERRORS_SHOWN {
        printer.note(&format!("and {} more; --json shows all", report.errors.len() - ERRORS_SHOWN));
    }
    let would = if dry { "would be " } else { "" };
    for (name, tally) in [("licenses", &report.licenses), ("installations", &report.installations)]
    {
        let Tally { read, created, updated, unchanged, failed } = tally;
        printer.line(&format!(
            "{name:14} {read} read: {created} {would}created, {updated} {would}updated, \
             {unchanged} unchanged, {failed} refused"
        ));
    }
}
