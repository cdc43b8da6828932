//! `isobase man`: a manual page for every command.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use clap::Command;
use serde_json::json;

use crate::print::Printer;

/// Writes `isobase.1`, `isobase-serve.1` and so on into a folder, which is made if it is not there.
pub(crate) fn run(folder: &Path, command: Command, printer: Printer) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    match printer.json {
        true => printer.json_line(&json!({ "folder": folder })),
        false => printer.note(&format!("man -l {}", folder.join("isobase.1").display())),
    }
    Ok(())
}
