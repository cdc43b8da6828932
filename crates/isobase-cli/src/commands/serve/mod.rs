//! `isobase serve`: opens the records, listens, answers until told to stop.
//!
//! By stage: `checks` before anything is opened, `listen`, `database`, `introduce`; then `round` after
//! round, each from one change of the settings to the next, with `background` beside it.

mod background;
mod checks;
mod database;
#[cfg(feature = "providers")]
mod fetcher;
mod hooks;
mod introduce;
mod letters;
mod listen;
mod measures;
mod owner;
mod providers;
mod round;
mod rules;
mod seed;
mod signals;
#[cfg(feature = "mail")]
mod smtp;
mod stored_settings;
mod unfit;
mod watch;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use clap::Args;
use isobase::{Purpose, Store};
use isobase_jobs::{Imports, Jobs, JobsOptions};
use isobase_server::Shelf;

use self::{
    round::{JOBS_STOP_MAX, Round},
    watch::Watched,
};
use crate::{
    command::{Command, block_on},
    flags::{SettingFlags, flag},
    keys, logging,
    opening::open_failure,
    print::Printer,
    read_settings::load_settings,
    settings::{AnySetting, Config, Given, HOST, Loaded, OPEN, PORT, connections_max, schedule},
    transfer::{
        OtherDatabases, own_name,
        uploads::{backups_with_files, file_place},
    },
};

const EXAMPLES: &str = "\
Examples:
  isobase serve                        this folder; records in ./data/isobase.db
  isobase serve my-app                 the same in the folder my-app
  isobase serve my-app 3000            on port 3000
  isobase serve --port 0               a free port, printed at start
  INTERNAL_API_KEY=… isobase serve --host 0.0.0.0

SIGTERM, SIGHUP and Ctrl-C let requests finish, for 10 seconds; a second one ends at once.";

/// Serve the records over HTTP
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    service: ServiceArguments,
}

/// Which service: `config print` takes the same.
#[derive(Debug, Args)]
pub(crate) struct ServiceArguments {
    /// App folder
    #[arg(value_name = "APP", default_value = ".", hide_default_value = true)]
    app: PathBuf,
    /// Port to listen on, as --port: hosts of many apps give it so
    #[arg(value_name = "PORT", conflicts_with = "port")]
    app_port: Option<String>,
    /// Take changes of isobase.toml while it serves
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    service: ServiceFlags,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Flags of the service itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
struct ServiceFlags {
    /// Address to listen on [default: 127.0.0.1] [env: HOST]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on, 0 for a free one [default: 8002] [env: PORT]
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Let everyone read and write, also beyond this machine
    #[arg(long)]
    open: bool,
}

impl ServiceArguments {
    /// The app, and the settings that the command line names.
    pub(crate) fn given(&self) -> Given {
        let mut given = self.settings.given(&self.app);
        let ServiceFlags { host, port, open } = &self.service;
        let open = open.then(|| "true".to_owned());
        let settings: [(&dyn AnySetting, _); 3] = [(&HOST, host), (&PORT, port), (&OPEN, &open)];
        for (setting, value) in settings {
            given.flags.extend(value.iter().map(|value| flag(setting, value)));
        }
        if let Some(port) = &self.app_port {
            given.flags.push((PORT.key().to_owned(), "PORT".to_owned(), port.clone()));
        }
        given
    }
}

impl Command for ServeCommand {
    fn run(self, printer: Printer) -> Result<()> {
        let given = self.service.given();
        let (loaded, config) = load_settings(&given, printer)?;
        logging::start(&loaded, printer);
        let watched = Watched::new(&given, loaded, config);
        block_on(serve(&given, watched, self.service.watch, printer))
    }
}

/// With `watch` the settings are taken again when they change; the port and the database stay.
async fn serve(given: &Given, watched: Watched, watch: bool, printer: Printer) -> Result<()> {
    let Watched { loaded, config, .. } = &watched;
    let shutdown = signals::stop_on_signal(printer)?;
    checks::app_is_there(loaded)?;
    listen::open_files(connections_max(loaded));
    // Nothing is made for a service that cannot listen, unless there is a database already: when
    // this folder is served by another process, that is the better message.
    let reserved = match listen::reserve(&config.host, config.port).await {
        Err(failure) if config.records.missing_file().is_some() => return Err(failure.into()),
        reserved => reserved,
    };
    checks::before_opening(loaded, config, printer)?;
    let opened = config.records.open(Purpose::Use, &config.options).await.map_err(open_failure)?;
    let own = opened.store(&config.options);
    let (mut given, watched) = stored_settings::at_start(given, watched, &own, printer).await;
    let Watched { loaded, config, .. } = &watched;
    owner::make_first_owner(loaded, &own).await?;
    let authorizer = keys::authorizer(loaded, config, &own).await?;
    keys::exposed(config, &authorizer)?;
    checks::sql_exposed(loaded, config, &authorizer)?;
    let (listener, address) = listen::listen(reserved?, config)?;
    let url = format!("http://{}", listen::reachable(address));
    opened.announce(&url).context("cannot note the address in the lock file")?;
    let store = database::prepare(&own, config).await?;
    let jobs = jobs(loaded, config, &own);
    introduce::introduce(loaded, config, &authorizer, &store, &url, printer);

    let beside = listen::listen_beside(&config.host, address);
    let listener = listener.into_std().context("cannot keep the listener")?;
    let mut round = Round { watched, listener, beside, authorizer, store: own, jobs, printer };
    while let Some(next) = round.serve(&given, watch, &shutdown).await? {
        printer.note("  the settings changed, and are taken");
        (given, round.watched) = next;
    }
    round.jobs.close(JOBS_STOP_MAX).await;
    database::close(&round.store).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Runs long work for the service.
fn jobs(loaded: &Loaded, config: &Config, store: &Store) -> Jobs {
    let options = JobsOptions {
        backups: Some(backups_with_files(loaded, config)),
        imports: Some(Imports::new(config.data.join("imports"))),
        databases: Some(Arc::new(OtherDatabases::new(config))),
        files: Some(file_place(Shelf::of(&config.files))),
        source: own_name(config),
        backups_every: schedule(loaded).map(|schedule| schedule.every),
    };
    Jobs::new(store, options)
}
