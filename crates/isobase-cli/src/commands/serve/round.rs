//! A service between two changes of its settings.

use std::{io, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use isobase::{Store, store::RuleBook};
use isobase_auth::{AuditKeeper, Authorizer, Clock, PostOffice};
use isobase_jobs::{Jobs, look_after};
use isobase_server::{RunningSettings, ServerConfig, Service};
use isobase_webhooks::{Webhooks, WebhooksOptions};
use sha2::{Digest, Sha256};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    background::{declare_indexes, reconcile, sweep},
    database::prepare,
    hooks::HttpSender,
    introduce::{name_hidden, name_open, offer_setup},
    letters,
    listen::reachable,
    measures,
    providers::providers,
    rules::rules,
    seed,
    stored_settings::{self, Running},
    unfit,
    watch::{self, Watched},
};
use crate::{
    commands::license,
    disks, local,
    print::Printer,
    settings::{Config, Given, audit_keep, schedule, sealer, server_config, webhooks_private},
};

/// How long a job may take to stop, and to say so in the database.
pub(super) const JOBS_STOP_MAX: Duration = Duration::from_secs(2);

/// A service between two changes of its settings.
pub(super) struct Round {
    pub(super) watched: Watched,
    pub(super) listener: std::net::TcpListener,
    /// The other address of `localhost`.
    pub(super) beside: Option<std::net::TcpListener>,
    pub(super) authorizer: Arc<Authorizer>,
    pub(super) store: Store,
    /// They outlive a change of the settings.
    pub(super) jobs: Jobs,
    pub(super) printer: Printer,
}

impl Round {
    /// Serves until the settings change, and returns the new ones, or until the service stops.
    pub(super) async fn serve(
        &self,
        given: &Given,
        watch: bool,
        shutdown: &CancellationToken,
    ) -> Result<Option<(Given, Watched)>> {
        let Watched { loaded, config, .. } = &self.watched;
        self.jobs.set_backups_every(schedule(loaded).map(|schedule| schedule.every));
        let store = self.prepare(shutdown).await?;
        // Its drop ends what is in it: an index that is half built is built at the next start.
        let _beside = self.work_beside(&store);
        let base = self.base()?;
        let rules = Arc::new(rules(config, &self.authorizer));
        name_open(&rules, self.printer);
        let stopping = shutdown.child_token();
        let webhooks = self.webhooks(&rules);
        let telling = tokio::spawn(webhooks.clone().run(stopping.clone()));
        let settings = self.server_config(given, &base, rules, webhooks)?;
        let service = isobase_server::compose(store, self.authorizer.clone(), settings);
        offer_setup(loaded, &service, &base, self.printer).await;
        let operator = self.answer_commands(&service, &stopping).await;
        let answering = self.answer(service, &stopping);
        let (served, next) = tokio::join!(answering, self.changed(given, watch, &stopping));
        if let Some(operator) = operator {
            operator.await?.context("the socket for commands ended")?;
        }
        // It lets another process go on at once.
        stopping.cancel();
        let _ = timeout(JOBS_STOP_MAX, telling).await;
        served.context("the service ended")?;
        Ok(next.filter(|_| !shutdown.is_cancelled()))
    }

    /// The database with everything that must be there before the first request.
    async fn prepare(&self, shutdown: &CancellationToken) -> Result<Store> {
        let Watched { loaded, config, .. } = &self.watched;
        let store = prepare(&self.store, config).await?;
        seed::load(&loaded.app, &store).await?;
        unfit::warn(&store, config, self.printer).await;
        name_hidden(config, self.printer);
        // The first write must already find what is unique.
        let unique = config.indexes.iter().filter(|index| index.definition.is_unique());
        tokio::select! {
            () = declare_indexes(store.clone(), unique.cloned().collect()) => {}
            () = shutdown.cancelled() => {}
        }
        Ok(store)
    }

    /// Starts what goes on beside the requests.
    fn work_beside(&self, store: &Store) -> JoinSet<()> {
        let Watched { loaded, config, .. } = &self.watched;
        let others = config.indexes.iter().filter(|index| !index.definition.is_unique());
        let mut tasks = JoinSet::new();
        tasks.spawn(declare_indexes(store.clone(), others.cloned().collect()));
        tasks.spawn(sweep(store.clone()));
        if let Some(every) = config.reconcile_every {
            tasks.spawn(reconcile(store.clone(), every));
        }
        tasks.spawn(look_after(self.jobs.clone(), schedule(loaded)));
        let (node, keep) = (node(config), audit_keep(loaded));
        tasks.spawn(AuditKeeper::new(&self.store, &node, keep, Clock::default()).run());
        tasks
    }

    /// The address that links begin with.
    fn base(&self) -> Result<String> {
        if let Some(url) = &self.watched.config.public_url {
            return Ok(url.clone());
        }
        let address = self.listener.local_addr().context("cannot tell the address")?;
        Ok(format!("http://{}", reachable(address)))
    }

    /// Tells other services of what happens.
    fn webhooks(&self, rules: &Arc<RuleBook>) -> Webhooks {
        let Watched { loaded, config, .. } = &self.watched;
        let options = WebhooksOptions {
            sealer: sealer(loaded, config),
            sender: Some(Arc::new(HttpSender::new(webhooks_private(loaded)))),
            rules: Arc::clone(rules),
            node: node(config),
            clock: Clock::default(),
        };
        Webhooks::new(&self.store, options)
    }

    /// The configuration of the settings, and what only this process has for it.
    fn server_config(
        &self,
        given: &Given,
        base: &str,
        rules: Arc<RuleBook>,
        webhooks: Webhooks,
    ) -> Result<ServerConfig> {
        let Watched { loaded, config, .. } = &self.watched;
        let (mailer, letters) = letters::mail(loaded)?;
        let running: Arc<dyn RunningSettings> = Arc::new(Running::new(given, loaded, config));
        let settings = server_config(loaded, config)?;
        let uploads = settings.files.as_ref().map(|files| ("uploads", files.folder.clone()));
        let backups = self.jobs.backups().map(|backups| ("backups", backups.folder().to_owned()));
        let folders = [("data", config.data.clone())].into_iter().chain(uploads).chain(backups);
        Ok(ServerConfig {
            mail: Some(PostOffice::new(mailer, letters, base)),
            rules,
            providers: providers(loaded)?,
            jobs: Some(self.jobs.clone()),
            webhooks: Some(webhooks),
            settings: Some(running),
            process: Some(measures::of_process),
            read_licence_file: Some(license::read_sent),
            machine: Some(disks::machine(folders)),
            ..settings
        })
    }

    /// Answers commands by the socket in the data folder, where there can be one.
    async fn answer_commands(
        &self,
        service: &Arc<Service>,
        stopping: &CancellationToken,
    ) -> Option<JoinHandle<io::Result<()>>> {
        let (listener, listening) = local::listen(&self.watched.config.data).await?;
        let (service, stopping) = (service.clone(), stopping.clone());
        Some(tokio::spawn(async move {
            let served = isobase_server::serve_operator(listener, service, stopping).await;
            drop(listening);
            served
        }))
    }

    /// Answers requests until told to stop.
    async fn answer(&self, service: Arc<Service>, stopping: &CancellationToken) -> io::Result<()> {
        let served = self.answer_on(service, stopping).await;
        stopping.cancel();
        served
    }

    async fn answer_on(
        &self,
        service: Arc<Service>,
        stopping: &CancellationToken,
    ) -> io::Result<()> {
        // Connections that come between two rounds wait in the queue of the socket, which stays.
        let listener = TcpListener::from_std(self.listener.try_clone()?)?;
        let first = isobase_server::serve(listener, service.clone(), stopping.clone());
        let Some(beside) = &self.beside else { return first.await };
        let beside = TcpListener::from_std(beside.try_clone()?)?;
        let second = isobase_server::serve(beside, service, stopping.clone());
        tokio::try_join!(first, second).map(drop)
    }

    /// Waits until the settings change in the database or, with `watch`, in files; `None` when the
    /// service stops.
    async fn changed(
        &self,
        given: &Given,
        watch: bool,
        stopping: &CancellationToken,
    ) -> Option<(Given, Watched)> {
        let (store, printer) = (&self.store, self.printer);
        let in_files = async {
            match watch {
                true => watch::next(given, &self.watched, stopping, printer).await,
                false => std::future::pending().await,
            }
        };
        let next = tokio::select! {
            next = in_files => next.map(|next| (given.clone(), next)),
            next = stored_settings::next(given, &self.watched, store, stopping, printer) => next,
        };
        if next.is_some() {
            stopping.cancel();
        }
        next
    }
}

/// Names this service among those of a database: by its machine and its data folder.
fn node(config: &Config) -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let folder = std::fs::canonicalize(&config.data).unwrap_or_else(|_| config.data.clone());
    let text = format!("{} {}", machine.trim(), folder.display());
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
