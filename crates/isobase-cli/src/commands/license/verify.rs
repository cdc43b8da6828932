//! `isobase license verify`: offline.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Result;
use clap::Args;
use isobase::types::Timestamp;
use serde_json::json;

use super::show::printable;
use crate::{failure::Failure, print::Printer};

/// Verify a license file
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The license file, - for standard input
    file: PathBuf,
    /// The public key: Base64, as GET /api/v1/license/public-key shows it
    #[arg(long, value_name = "KEY")]
    public_key: String,
    /// The installation it must be for
    #[arg(long, value_name = "ID")]
    installation: Option<String>,
}

pub(super) fn run(arguments: &VerifyArguments, printer: Printer) -> Result<()> {
    let text = read(&arguments.file).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", arguments.file.display()))
    })?;
    let now = Timestamp::from_system_time(SystemTime::now());
    let installation = arguments.installation.as_deref();
    let file = isobase_licences::verify(&text, &arguments.public_key, installation, now)
        .map_err(|fault| Failure::new(format!("the license file is not good: {fault}")))?;
    if printer.json {
        printer.json_line(&json!(file));
        return Ok(());
    }
    let (email, id) = (printable(&file.email), file.license_id);
    let expiry = file.expires_at.as_deref().unwrap_or("never");
    printer.line(&format!(
        "good: license {id} of {email}, expires {expiry}; the file is good until {}",
        file.valid_until
    ));
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    if path != Path::new("-") {
        return fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
