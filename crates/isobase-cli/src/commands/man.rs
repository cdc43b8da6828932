//! `isobase man`: a manual page for every command.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::print::Printer;

/// Write manual pages into a folder
#[derive(Debug, Args)]
pub(crate) struct ManCommand {
    /// The folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl ManCommand {
    /// Writes `isobase.1`, `isobase-serve.1` and so on into the folder, which is made if it is not
    /// there.
    pub(crate) fn run(self, command_line: clap::Command, printer: Printer) -> Result<()> {
        let folder = self.folder;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        clap_mangen::generate_to(command_line, &folder)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        match printer.json {
            true => printer.json_line(&json!({ "folder": folder })),
            false => printer.note(&format!("man -l {}", folder.join("isobase.1").display())),
        }
        Ok(())
    }
}
