//! Flags that several commands have.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCompleter;

use isobase::ops::{Existing, OnRefused, System};

use crate::{
    candidates,
    settings::{AnySetting, DATA, Given, LOG},
};

/// Flags that stand for settings, on every command that reads settings.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct SettingFlags {
    /// Settings file, in place of isobase.toml in the app folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// File of variables (.env); variables of the process come before it
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Data folder [default: data in the app folder] [env: ISOBASE_DATA]
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// What is logged: a level, or part=level,… [default: info] [env: ISOBASE_LOG]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Any setting of isobase config print; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    #[arg(add = ArgValueCompleter::new(candidates::settings))]
    set: Vec<(String, String)>,
}

/// Which app a command beside the service is about.
#[derive(Debug, Args)]
pub(crate) struct AppFlags {
    /// App folder [default: the current folder]
    #[arg(long, value_name = "APP", default_value = ".", hide_default_value = true)]
    #[arg(help_heading = "Settings")]
    app: PathBuf,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Where the records of a command are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct TargetFlags {
    /// Address of a service (http://…, https://…) or URL of a database [default: the settings]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// API key for the service [default: INTERNAL_API_KEY]
    #[arg(long, value_name = "KEY", env = "ISOBASE_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) app: AppFlags,
}

impl AppFlags {
    /// The app, and the settings that the command line names.
    pub(crate) fn given(&self) -> Given {
        self.settings.given(&self.app)
    }
}

impl SettingFlags {
    /// The settings that the command line names for an app.
    pub(crate) fn given(&self, app: &Path) -> Given {
        let mut flags = Vec::new();
        let settings: [(&dyn AnySetting, _); 2] = [(&DATA, &self.data), (&LOG, &self.log)];
        for (setting, value) in settings {
            flags.extend(value.iter().map(|value| flag(setting, value)));
        }
        // The flag that names its setting is more particular than the general one.
        let set =
            self.set.iter().map(|(key, value)| (key.clone(), "--set".to_owned(), value.clone()));
        flags.splice(0..0, set);
        Given {
            app: app.to_owned(),
            file: self.config.clone(),
            env_file: self.env_file.clone(),
            flags,
            ..Given::default()
        }
    }
}

/// The flag of a setting: its key, the flag as it is written, the value.
pub(crate) fn flag(setting: &dyn AnySetting, value: &str) -> (String, String, String) {
    let declared = setting.declared();
    let flag = declared.flag().unwrap_or_default();
    (declared.key.to_owned(), flag, value.to_owned())
}

/// Where the bytes of uploads are.
#[derive(Debug, Args)]
pub(crate) struct UploadFlags {
    /// Where uploaded files are: a folder, or s3://bucket/prefix [default: what the settings say;
    /// with --url of an SQLite file uploads beside it]
    #[arg(long, value_name = "PLACE")]
    pub(crate) uploads: Option<String>,
    /// Leave uploaded files out
    #[arg(long, conflicts_with = "uploads")]
    pub(crate) without_files: bool,
}

/// How records are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// An array of objects
    Json,
    /// One object per line
    Ndjson,
    /// A row of names, then one row per record
    Csv,
}

impl From<Format> for isobase::ops::import::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Ndjson => Self::Ndjson,
            Format::Csv => Self::Csv,
        }
    }
}

/// Whether what the service keeps about itself travels.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SystemFlags {
    /// Leave out what the service keeps about itself: keys, accounts and others; schemas travel
    #[arg(long)]
    pub(crate) without_system: bool,
}

impl SystemFlags {
    pub(crate) fn which(self) -> System {
        if self.without_system { System::LeftOut } else { System::Taken }
    }
}

/// How documents are written into a database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Writing")]
pub(crate) struct LoadFlags {
    /// Replace documents of the target that have the same ids
    #[arg(long, conflicts_with = "skip_existing")]
    pub(crate) overwrite: bool,
    /// Leave documents of the target as they are
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Leave out documents that the target cannot hold, and name them
    #[arg(long)]
    pub(crate) leave_out: bool,
    /// Write at most N documents in a second
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<NonZeroU32>,
    /// Write so many parts at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) parallel: u32,
    /// Forget what an earlier run has written into the target, and begin anew
    #[arg(long)]
    pub(crate) restart: bool,
    /// Write the report as JSON into a file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

impl LoadFlags {
    pub(crate) fn existing(&self) -> Existing {
        match (self.overwrite, self.skip_existing) {
            (true, _) => Existing::Overwrite,
            (false, true) => Existing::Skip,
            (false, false) => Existing::Refuse,
        }
    }

    pub(crate) fn on_refused(&self) -> OnRefused {
        if self.leave_out { OnRefused::LeaveOut } else { OnRefused::Stop }
    }
}

/// Which database a command is about.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct DatabaseFlags {
    /// URL of the database [default: the settings]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) app: AppFlags,
}

/// Where a passphrase is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Encryption")]
pub(crate) struct PassphraseFlags {
    /// File whose first line is the passphrase [default: ISOBASE_PASSPHRASE]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Completes names of collections.
pub(crate) fn collection_names() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates::collections)
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
