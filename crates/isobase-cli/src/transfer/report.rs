//! Reports of finished work, for people, for programs and for a file.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use isobase::{
    engine::NotRead,
    ops::{CollectionReport, CopyReport, Lag, PreflightReport},
};
use serde::Serialize;
use serde_json::json;

use super::{failure::describe, uploads};
use crate::{
    failure::{Failure, Problem},
    overwriting,
    print::Printer,
    progress::thousands,
};

/// Digits of a digest that are shown; reports have all.
const DIGEST_SHOWN: usize = 16;

/// Names of what is no collection that are shown; reports have all.
const NOT_READ_SHOWN: usize = 20;

/// Writes the report into the file, and prints it where JSON was asked for.
pub(crate) fn keep(
    command: &str,
    report: &impl Serialize,
    file: Option<&Path>,
    printer: Printer,
) -> Result<()> {
    if let Some(file) = file {
        check_file(Some(file))?;
        let mut text = serde_json::to_vec_pretty(report)?;
        text.push(b'\n');
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if printer.json {
        printer.json_line(&json!({"event": "done", "command": command, "report": report}));
    }
    Ok(())
}

/// Refuses a file that cannot be written when the work is done, before it is begun.
pub(crate) fn check_file(file: Option<&Path>) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    overwriting::check(file)?;
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    match folder {
        Some(folder) if !folder.is_dir() => {
            let message = format!("--report: there is no folder {}", folder.display());
            Err(Failure::usage(message).hint("make it first, or name another file"))
        }
        _ => Ok(()),
    }
}

/// A table of collections.
pub(crate) fn table(collections: &[CollectionReport], printer: Printer) {
    if printer.json {
        return;
    }
    let width = collections.iter().map(|it| it.name.chars().count()).max().unwrap_or_default();
    for CollectionReport { name, digest } in collections {
        let content = digest.content.to_string();
        let shown = content.get(..DIGEST_SHOWN).unwrap_or(&content);
        let documents = thousands(digest.documents);
        printer.line(&format!("{name:width$}  {documents:>13}  {shown}"));
    }
}

/// Documents that were left out.
pub(crate) fn left_out(report: &PreflightReport, printer: Printer) {
    if report.refused == 0 {
        return;
    }
    // Also with --quiet: these are not in the target.
    report.refusals.iter().for_each(|refusal| printer.warning(&warning(describe(refusal))));
    printer.warning(&warning(format!(
        "left out: {} documents that the target cannot hold",
        thousands(report.refused)
    )));
}

/// What other programs have beside the collections: it is nowhere but in the source.
pub(crate) fn not_read(found: &[NotRead], printer: Printer) {
    for NotRead { name, reason } in found.iter().take(NOT_READ_SHOWN) {
        printer.warning(&warning(format!("left out: {name} ({reason})")));
    }
    let more = found.len().saturating_sub(NOT_READ_SHOWN);
    if more > 0 {
        printer.warning(&warning(format!("left out: {more} more; --json and --report name all")));
    }
}

/// Indexes that the target cannot have.
pub(crate) fn indexes_left_out(indexes: &[String], printer: Printer) {
    for index in indexes {
        let message = format!("left out: the index {index}, the target has no indexes");
        printer.warning(&warning(message));
    }
}

/// Schemas that no one asked for by name.
pub(crate) fn schemas_left_out(collections: &[String], printer: Printer) {
    if collections.is_empty() {
        return;
    }
    let message = format!("left out: the schemas of {}", collections.join(", "));
    let hint = "name isobase_schemas in --collections too".to_owned();
    printer.warning(&Problem { message, hint: Some(hint) });
}

/// Reports which of the service's own collections travelled, and which did not.
pub(crate) fn system(taken: &[String], left_out: &[String], printer: Printer) {
    if printer.json {
        return;
    }
    if !taken.is_empty() {
        printer.note(&format!(
            "taken along: {} (what is sealed in them opens with the same secret only: take \
             data/secret, or ISOBASE_SECRET, to the other side)",
            taken.join(", ")
        ));
    }
    if !left_out.is_empty() {
        printer.note(&format!("stayed behind: {}", left_out.join(", ")));
    }
}

fn warning(message: String) -> Problem {
    Problem { message, hint: None }
}

/// `3.2 s, 52,000 documents/s`
pub(crate) fn pace(seconds: f64, per_second: f64) -> String {
    format!("{seconds:.1} s, {} documents/s written", thousands(per_second.round() as u64))
}

/// Reports a copy.
pub(crate) fn copied(copied: &CopyReport, (from, to): (&str, &str), printer: Printer) {
    table(&copied.collections, printer);
    left_out(&copied.left_out, printer);
    not_read(&copied.left_out.not_read, printer);
    indexes_left_out(&copied.indexes_left_out, printer);
    schemas_left_out(&copied.schemas_left_out, printer);
    system(&copied.system, &copied.system_left_out, printer);
    if let Some(files) = &copied.files {
        uploads::told(files, printer);
    }
    if copied.skipped > 0 {
        printer.note(&format!("skipped: {} documents were there", thousands(copied.skipped)));
    }
    if copied.deleted > 0 {
        printer.note(&format!(
            "deleted: {} documents that the source does not have",
            thousands(copied.deleted)
        ));
    }
    if let Some(Lag { changes, seconds }) = copied.lag {
        printer.note(&format!(
            "behind when it ended: {} changes, {seconds:.1} s; they were brought over",
            thousands(changes)
        ));
    }
    if !copied.one_moment {
        printer.note("the documents are not all of one moment: the source was written meanwhile");
    }
    let documents = thousands(copied.documents);
    let pace = pace(copied.seconds, copied.documents_per_second);
    printer.headline(
        &format!("{documents} documents"),
        &format!(" of {from} are equal in {to} ({pace})"),
    );
}
