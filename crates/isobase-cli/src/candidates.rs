//! Candidates for completion: names that only this machine knows.

use std::{ffi::OsStr, path::PathBuf, time::Duration};

use anyhow::Result;
use clap_complete::CompletionCandidate;
use http::Method;
use isobase_client::Request;

use crate::{
    local,
    settings::{self, Config, Given, setting_keys},
    source::Source,
};

/// A person waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keys of settings, each with the `=` that follows it.
pub(crate) fn settings(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    setting_keys()
        .filter(|key| key.starts_with(current))
        .map(|key| CompletionCandidate::new(format!("{key}=")))
        .collect()
}

/// Names of collections; of several with commas the last one is completed.
pub(crate) fn collections(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let (before, last) = match current.rfind(',') {
        Some(comma) => current.split_at(comma + 1),
        None => ("", current),
    };
    // A failure offers nothing: a shell shows no errors.
    let names = names().unwrap_or_default();
    let fitting = names.into_iter().filter(|name| name.starts_with(last));
    fitting.map(|name| CompletionCandidate::new(format!("{before}{name}"))).collect()
}

/// The collections of the service of the data folder, else of its database file.
fn names() -> Result<Vec<String>> {
    let loaded = settings::load(&given(), &crate::read_settings::environment())?;
    let config = Config::new(&loaded)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(&config)).await? })
}

async fn ask(config: &Config) -> Result<Vec<String>> {
    if let Some(service) = local::service_of(&config.data).await {
        let request = Request::new(Method::GET, &["collections"]).deadline(PATIENCE);
        let answer = service.client(None)?.send(request).await?;
        let answer: Answer = answer.json().await?;
        return Ok(answer.collections);
    }
    let source = Source::open(&config.records, config).await?;
    let found = source.engine.collections().await;
    source.engine.close().await?;
    Ok(found?.into_iter().map(|found| found.name.as_str().to_owned()).collect())
}

#[derive(serde::Deserialize)]
struct Answer {
    collections: Vec<String>,
}

/// The settings that the words before name, as far as they decide where the records are.
fn given() -> Given {
    let words: Vec<String> = std::env::args().collect();
    let value = |flag: &str| {
        let place = words.iter().position(|word| word == flag)?;
        words.get(place + 1).cloned()
    };
    let flags = value("--data").map(|data| ("data".to_owned(), "--data".to_owned(), data));
    Given {
        app: value("--app").map_or_else(|| PathBuf::from("."), PathBuf::from),
        file: value("--config").map(PathBuf::from),
        env_file: value("--env-file").map(PathBuf::from),
        flags: flags.into_iter().collect(),
        ..Given::default()
    }
}
