//! `isobase verify`: archives from the first byte to the last.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isobase::ops::archive::{self, ArchiveReport};

use crate::{
    command::{Command, block_on},
    flags::PassphraseFlags,
    print::Printer,
    progress::thousands,
    transfer::{
        archives::{inputs, passphrase, without_target},
        report,
        watch::watch,
    },
};

const EXAMPLES: &str = "\
Examples:
  isobase verify backup.isobase
  isobase verify monday.isobase tuesday.isobase";

/// Read archives and compare every checksum
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyCommand {
    /// The archive with everything, then those with changes; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

impl Command for VerifyCommand {
    fn run(self, printer: Printer) -> Result<()> {
        block_on(verify(self, printer))
    }
}

async fn verify(arguments: VerifyCommand, printer: Printer) -> Result<()> {
    let inputs = inputs(&arguments.files, passphrase(&arguments.passphrase)?.as_ref())?;
    let verified = archive::verify(inputs, &watch(printer).control).await;
    let verified = verified.map_err(without_target)?;
    report::keep("verify", &verified, None, printer)?;
    report::table(&verified.collections, printer);
    told_verify(&verified, printer);
    Ok(())
}

fn told_verify(verified: &ArchiveReport, printer: Printer) {
    for one in &verified.archives {
        let moment = if one.footer.one_moment { "of one moment" } else { "not of one moment" };
        let since = one.header.since.as_ref();
        let since = since.map(|since| format!(" after {}", since.sequence)).unwrap_or_default();
        let without = if one.header.without_system { ", without keys and accounts" } else { "" };
        printer.note(&format!(
            "{}: {} of {}, up to {}{since}, {moment}{without}",
            one.name,
            // The writer of the archive chose these: control characters must not reach a terminal.
            one.header.created_at.escape_debug(),
            one.header.source.escape_debug(),
            one.footer.sequence
        ));
    }
    let files = match verified.files {
        0 => String::new(),
        files => format!(" and {} files", thousands(files)),
    };
    printer.headline(
        &format!("{} documents", thousands(verified.documents)),
        &format!("{files}, every checksum agrees"),
    );
}
