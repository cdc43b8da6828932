//! `isobase license file`

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use http::Method;
use serde_json::json;

use super::caller::Caller;
use crate::{flags::TargetFlags, print::Printer};

/// Make a file that a product can verify offline
#[derive(Debug, Args)]
pub(crate) struct FileArguments {
    /// Its number or its key
    license: String,
    /// For how many days the file is good
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u32,
    /// For this installation only
    #[arg(long, value_name = "ID")]
    installation: Option<String>,
    /// Write the file here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

pub(super) async fn run(
    arguments: &FileArguments,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    let licence = caller.find(&arguments.license).await?;
    let id = licence["id"].to_string();
    let body = json!({ "days": arguments.days, "installation_id": arguments.installation });
    let text = caller.text(Method::POST, &["license", &id, "file"], &body).await?;
    match &arguments.output {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            printer.note(&format!("license file written to {}", path.display()));
        }
        None => printer.result(&text),
    }
    Ok(())
}
