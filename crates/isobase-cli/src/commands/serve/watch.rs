//! `isobase serve --watch`: takes what is changed in the app folder while it is served.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use crate::{
    failure::Failure,
    print::Printer,
    read_settings::load_settings,
    settings::{
        Config, DATA, Given, HOST, INTERNAL_API_KEY, Loaded, OPEN, PORT, RECORDS_URL,
        internal_api_key,
    },
};

/// How often the files are looked at.
const PERIOD: Duration = Duration::from_millis(300);

/// The settings of a service and what they were read from.
pub(crate) struct Watched {
    pub(crate) loaded: Loaded,
    pub(crate) config: Config,
    /// The files as they were when they had been read: what changes before somebody looks at them
    /// again is a change, too.
    seen: State,
}

impl Watched {
    pub(crate) fn new(given: &Given, loaded: Loaded, config: Config) -> Self {
        let seen = State::of(&files(given, &loaded));
        Self { loaded, config, seen }
    }
}

/// Waits until the settings changed and can be used; `None` when the service stops. Mistakes are
/// reported, and the service goes on as it is.
pub(crate) async fn next(
    given: &Given,
    current: &Watched,
    stopping: &CancellationToken,
    printer: Printer,
) -> Option<Watched> {
    let mut ticks = tokio::time::interval(PERIOD);
    let mut seen = current.seen.clone();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return None,
            _ = ticks.tick() => {}
        }
        let now = State::of(&files(given, &current.loaded));
        if now == seen {
            continue;
        }
        seen = now;
        let loaded = load_settings(given, printer);
        match loaded.map(|(loaded, config)| Watched::new(given, loaded, config)) {
            Ok(next) => match needs_a_start(current, &next) {
                Some(setting) => printer.failure(
                    &Failure::usage(format!("setting {setting} cannot change while it is used"))
                        .hint("stop the service and start it again"),
                ),
                None => return Some(next),
            },
            Err(error) => printer.failure(&Failure::from_error(error)),
        }
    }
}

/// The first setting that is taken only at a start, among those that changed.
pub(crate) fn needs_a_start(current: &Watched, next: &Watched) -> Option<&'static str> {
    let (was, is) = (&current.config, &next.config);
    let changed = [
        (HOST.key(), was.host != is.host),
        (PORT.key(), was.port != is.port),
        (OPEN.key(), was.open != is.open),
        (DATA.key(), was.data != is.data),
        (RECORDS_URL.key(), was.records != is.records),
        (
            INTERNAL_API_KEY.key(),
            internal_api_key(&current.loaded) != internal_api_key(&next.loaded),
        ),
    ];
    changed.into_iter().find(|(_, changed)| *changed).map(|(setting, _)| setting)
}

/// The files that settings were read from, and those whose being there decides on routes.
fn files(given: &Given, loaded: &Loaded) -> Vec<PathBuf> {
    let app = &given.app;
    let mut files = vec![given.file.clone().unwrap_or_else(|| app.join("isobase.toml"))];
    files.extend(given.env_file.clone());
    files.extend(loaded.schema_files());
    files.extend(["index.html", "public", "public/index.html"].map(|name| app.join(name)));
    files
}

/// The state of files, as far as it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State(Vec<Option<(SystemTime, u64)>>);

impl State {
    fn of(files: &[PathBuf]) -> Self {
        Self(files.iter().map(|path| Self::of_one(path)).collect())
    }

    /// Of a settings file its time and size, of a page only that it is there: pages are read anew
    /// by themselves.
    fn of_one(path: &Path) -> Option<(SystemTime, u64)> {
        let metadata = path.metadata().ok()?;
        let is_page = metadata.is_dir() || path.extension().is_some_and(|ending| ending == "html");
        match is_page {
            true => Some((SystemTime::UNIX_EPOCH, 0)),
            false => Some((metadata.modified().ok()?, metadata.len())),
        }
    }
}
