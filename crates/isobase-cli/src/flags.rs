//! Flags that several commands have.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::{candidates, settings::Given};

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
    /// What is said about settings.
    pub(crate) fn given(&self) -> Given {
        self.settings.given(&self.app)
    }
}

impl SettingFlags {
    /// What is said about settings of an app.
    pub(crate) fn given(&self, app: &Path) -> Given {
        let mut flags = Vec::new();
        for (key, value) in [("data", &self.data), ("log", &self.log)] {
            flags.extend(value.iter().map(|value| flag(key, value)));
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

/// A flag, as settings are told of it.
pub(crate) fn flag(key: &str, value: &str) -> (String, String, String) {
    (key.to_owned(), format!("--{key}"), value.to_owned())
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

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}
