//! Settings that the database keeps: which those are, and how a service takes them while it runs.

use std::{fmt, time::Duration};

use isobase::Store;
use isobase_server::{Offered, RunningSettings, StoredSettings};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    letters,
    watch::{Watched, needs_a_start},
};
use crate::{
    failure::Failure,
    print::Printer,
    read_settings::{environment, load_settings},
    settings::{self, Config, Given, Loaded, changeable, offered, server_config},
};

/// How long a service waits that could not ask its database.
const AGAIN: Duration = Duration::from_secs(2);

/// Adds what the database keeps, and reads all settings again. Settings that cannot be taken are
/// reported and left out: they must not keep a service from starting.
pub(crate) async fn at_start(
    given: &Given,
    watched: Watched,
    store: &Store,
    printer: Printer,
) -> (Given, Watched) {
    let stored = match StoredSettings::new(store).list().await {
        Ok(stored) => stored,
        Err(error) => {
            tracing::warn!(%error, "the settings that the database keeps are not known yet: {error}");
            Vec::new()
        }
    };
    let with = Given { stored, ..given.clone() };
    if with.stored.is_empty() {
        return (with, watched);
    }
    match taken(&with, &watched, printer) {
        Ok(next) => (with, next),
        Err(failure) => {
            printer.failure(&failure);
            (with, watched)
        }
    }
}

/// Waits until the database keeps other settings that can be taken; `None` when the service stops.
pub(crate) async fn next(
    given: &Given,
    current: &Watched,
    store: &Store,
    stopping: &CancellationToken,
    printer: Printer,
) -> Option<(Given, Watched)> {
    tokio::select! {
        () = stopping.cancelled() => None,
        next = changed(given, current, store, printer) => Some(next),
    }
}

async fn changed(
    given: &Given,
    current: &Watched,
    store: &Store,
    printer: Printer,
) -> (Given, Watched) {
    let kept = StoredSettings::new(store);
    let mut seen = given.stored.clone();
    loop {
        let asked = async {
            let place = kept.place().await?;
            let stored = kept.list().await?;
            if stored == seen {
                kept.changed(place).await?;
                return kept.list().await;
            }
            Ok(stored)
        };
        let stored = match asked.await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::warn!(%error, "changed settings are not taken yet: {error}");
                sleep(AGAIN).await;
                continue;
            }
        };
        if stored == seen {
            // A wait may come back early, and does at once when the engine is closed.
            sleep(AGAIN / 20).await;
            continue;
        }
        seen.clone_from(&stored);
        let with = Given { stored, ..given.clone() };
        match taken(&with, current, printer) {
            Ok(next) => return (with, next),
            Err(failure) => printer.failure(&failure),
        }
    }
}

/// All settings with what the database keeps.
fn taken(given: &Given, current: &Watched, printer: Printer) -> Result<Watched, Failure> {
    let (loaded, config) = load_settings(given, printer).map_err(Failure::from_error)?;
    server_config(&loaded, &config)?;
    letters::mail(&loaded)?;
    let next = Watched::new(given, loaded, config);
    match needs_a_start(current, &next) {
        Some(setting) => {
            Err(Failure::usage(format!("setting {setting} cannot change while it is used")))
        }
        None => Ok(next),
    }
}

/// The settings of this process, for the API.
pub(crate) struct Running {
    given: Given,
    rows: Vec<Offered>,
}

impl Running {
    pub(crate) fn new(given: &Given, loaded: &Loaded, config: &Config) -> Self {
        Self { given: given.clone(), rows: offered(loaded, config) }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl RunningSettings for Running {
    fn list(&self) -> Vec<Offered> {
        self.rows.clone()
    }

    fn check(&self, stored: &[(String, String)]) -> Result<(), String> {
        for (key, text) in stored {
            let Some(setting) = changeable(key) else { continue };
            let parsed = setting.parse_stored(text);
            parsed.map_err(|expected| format!("{key}: expected {expected}"))?;
        }
        let given = Given { stored: stored.to_vec(), ..self.given.clone() };
        let read = || -> Result<(), Failure> {
            let loaded = settings::load(&given, &environment())?;
            let config = Config::new(&loaded)?;
            server_config(&loaded, &config)?;
            letters::mail(&loaded).map(drop)
        };
        read().map_err(|failure| failure.to_string())
    }
}
