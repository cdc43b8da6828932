//! Archives that are read, and the passphrase that opens them.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use isobase::ops::{
    OpsError,
    archive::{ArchiveInput, Passphrase},
};

use super::failure::{TargetState, failure};
use crate::{failure::Failure, flags::PassphraseFlags, settings::without_line_end};

/// The variable that holds a passphrase.
pub(crate) const PASSPHRASE_VARIABLE: &str = "ISOBASE_PASSPHRASE";

/// The archives of a command, in the order of its arguments.
pub(crate) fn inputs(
    files: &[PathBuf],
    passphrase: Option<&Passphrase>,
) -> Result<Vec<ArchiveInput>> {
    files.iter().map(|file| input(file, passphrase)).collect()
}

/// An archive, or standard input for `-`.
pub(crate) fn input(file: &Path, passphrase: Option<&Passphrase>) -> Result<ArchiveInput> {
    let passphrase = passphrase.cloned();
    if file == Path::new("-") {
        return ArchiveInput::from_stream("standard input", io::stdin().lock(), passphrase)
            .context("cannot keep standard input in a temporary file");
    }
    let name = file.display().to_string();
    let opened = File::open(file).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(ArchiveInput::from_file(name, opened, passphrase))
}

/// The passphrase of the file of the flag, else that of the variable.
pub(crate) fn passphrase(flags: &PassphraseFlags) -> Result<Option<Passphrase>> {
    let Some(path) = &flags.passphrase_file else {
        let given = std::env::var(PASSPHRASE_VARIABLE).ok();
        return Ok(given.as_deref().map(without_line_end).and_then(Passphrase::new));
    };
    let wrong =
        |reason: String| Failure::usage(format!("--passphrase-file: {}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let line = text.lines().next().unwrap_or_default();
    let passphrase =
        Passphrase::new(line).ok_or_else(|| wrong("its first line is empty".into()))?;
    Ok(Some(passphrase))
}

/// The failure of a work that only reads databases.
pub(crate) fn without_target(error: OpsError) -> Failure {
    failure(error, TargetState::None)
}
