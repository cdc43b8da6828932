//! `isobase serve`: opens the records, listens, answers until told to stop.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use isobase::{
    Location, Purpose, Store,
    engine::Reconcile,
    store::{Keep, RuleAction, RuleBook, Unruled},
    types::CollectionName,
};
use isobase_auth::{AuditKeeper, Authorizer, Clock, Fetcher, PostOffice, Provider, is_loopback};
use isobase_jobs::{Imports, Jobs, JobsOptions, look_after};
use isobase_server::{RunningSettings, ServerConfig, Service, Shelf};
use isobase_webhooks::{Webhooks, WebhooksOptions};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    net::{TcpListener, TcpSocket, lookup_host},
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    disks,
    failure::{Failure, Problem},
    hooks::HttpSender,
    keys, letters, local, logging, measures,
    opening::open_failure,
    print::{Printer, exit},
    seed,
    settings::{
        Config, DeclaredIndex, Given, Loaded, audit_keep, has_sql, licence_options, schedule,
        sealer, server_config, webhooks_private,
    },
    stored_settings::{self, Running},
    transfer::{OtherDatabases, backups_with_files, file_place, own_name},
    users,
    watch::{self, Watched},
};

/// The number of the signal of a terminal that was closed, everywhere.
const SIGHUP: u32 = 1;

/// The exit code when a second signal ends the process at once: 128 and the number of SIGINT.
const EXIT_AT_ONCE: i32 = 130;

/// Connections that may wait until they are accepted, as everywhere.
const WAITING_CONNECTIONS: u32 = 1_024;

/// How often expired documents are looked for, which nobody sees any more.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Between two rounds of a sweep that has more to do.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// How long a server that holds the records may take to answer the last question. With the time
/// for requests less than the 10 s after which supervisors kill.
const CLOSE_MAX: Duration = Duration::from_millis(1_500);

/// How long a job may take to stop, and to say so in the database.
const JOBS_STOP_MAX: Duration = Duration::from_secs(2);

/// `isobase serve`
///
/// With `watch` the settings are taken again when they change; the port and the database stay.
pub(crate) async fn run(
    given: &Given,
    watched: Watched,
    watch: bool,
    printer: Printer,
) -> Result<()> {
    let Watched { loaded, config, .. } = &watched;
    let shutdown = stop_on_signal(printer)?;
    if !loaded.app.is_dir() {
        let app = loaded.app.display();
        return Err(Failure::usage(format!("there is no folder {app}")).into());
    }
    open_files();
    // Nothing is made for a service that cannot listen, unless there is a database already: when
    // this folder is served by another process, that is the better message.
    let reserved = reserve(&config.host, config.port).await;
    let reserved = match reserved {
        Err(failure) if config.records.missing_file().is_some() => return Err(failure.into()),
        reserved => reserved,
    };
    // What cannot be is told before anything is opened.
    server_config(loaded, config)?;
    keys::refuse_exposure(loaded, config)?;
    letters::mail(loaded)?;
    providers(loaded)?;
    sealer(loaded, config).check().map_err(|error| Failure::usage(error.to_string()))?;
    let can_seal = licence_options(loaded, config)?.sealer.map(|sealer| sealer.can_seal());
    if let Some(Err(error)) = can_seal {
        let hint = "set ISOBASE_SECRET, or a data folder that the service may write into";
        let message =
            format!("keys of licenses are shown once, and only their hashes are kept: {error}");
        printer.warning(&Problem { message, hint: Some(hint.to_owned()) });
    }
    let opened = config.records.open(Purpose::Use, &config.options).await.map_err(open_failure)?;
    let own = opened.store(&config.options);
    let (mut given, watched) = stored_settings::at_start(given, watched, &own, printer).await;
    let Watched { loaded, config, .. } = &watched;
    users::make_first_owner(loaded, &own).await?;
    let authorizer = keys::authorizer(loaded, config, &own).await?;
    keys::exposed(config, &authorizer)?;
    sql_exposed(loaded, config, &authorizer)?;
    let (listener, address) = listen(reserved?, config)?;
    let url = format!("http://{}", reachable(address));
    opened.announce(&url).context("cannot note the address in the lock file")?;
    let store = prepare(&own, config).await?;
    let jobs = jobs(loaded, config, &own);
    introduce(loaded, config, &authorizer, &store, &url, printer);

    let beside = listen_beside(&config.host, address);
    let listener = listener.into_std().context("cannot keep the listener")?;
    let mut round = Round { watched, listener, beside, authorizer, store: own, jobs, printer };
    while let Some(next) = round.serve(&given, watch, &shutdown).await? {
        printer.note("  the settings changed, and are taken");
        (given, round.watched) = next;
    }
    round.jobs.close(JOBS_STOP_MAX).await;
    close(&round.store).await?;
    tracing::info!("stopped");
    Ok(())
}

/// A service between two changes of its settings.
struct Round {
    watched: Watched,
    listener: std::net::TcpListener,
    /// The other address of `localhost`.
    beside: Option<std::net::TcpListener>,
    authorizer: Arc<Authorizer>,
    store: Store,
    /// They outlive a change of the settings.
    jobs: Jobs,
    printer: Printer,
}

impl Round {
    /// Serves until the settings change, and gives the new ones, or until the service stops.
    async fn serve(
        &self,
        given: &Given,
        watch: bool,
        shutdown: &CancellationToken,
    ) -> Result<Option<(Given, Watched)>> {
        let Watched { loaded, config, .. } = &self.watched;
        self.jobs.set_backups_every(schedule(loaded).map(|schedule| schedule.every));
        let store = prepare(&self.store, config).await?;
        seed::load(&loaded.app, &store).await?;
        name_hidden(config, self.printer);
        // Whoever writes first must find what is unique.
        let (unique, others): (Vec<_>, Vec<_>) =
            config.indexes.iter().cloned().partition(|index| index.definition.is_unique());
        tokio::select! {
            () = declare_indexes(store.clone(), unique) => {}
            () = shutdown.cancelled() => {}
        }
        let indexes = tokio::spawn(declare_indexes(store.clone(), others));
        let sweeping = tokio::spawn(sweep(store.clone()));
        let reconciling =
            config.reconcile_every.map(|every| tokio::spawn(reconcile(store.clone(), every)));
        let tending = tokio::spawn(look_after(self.jobs.clone(), schedule(loaded)));
        let address = self.listener.local_addr().context("cannot tell the address")?;
        let url = format!("http://{}", reachable(address));
        let base = config.public_url.as_deref().unwrap_or(&url);
        let (mailer, letters) = letters::mail(loaded)?;
        let mail = Some(PostOffice::new(mailer, letters, base));
        let rules = rules(config, &self.authorizer);
        name_open(&rules, self.printer);
        let rules = Arc::new(rules);
        let providers = providers(loaded)?;
        let stopping = shutdown.child_token();
        let jobs = Some(self.jobs.clone());
        let keeper =
            AuditKeeper::new(&self.store, &node(config), audit_keep(loaded), Clock::default());
        let keeping = tokio::spawn(keeper.run());
        let webhooks = self.webhooks(loaded, config, &rules);
        let telling = tokio::spawn(webhooks.clone().run(stopping.clone()));
        let webhooks = Some(webhooks);
        let told: Arc<dyn RunningSettings> = Arc::new(Running::new(given, loaded, config));
        let settings = server_config(loaded, config)?;
        let uploads = settings.files.as_ref().map(|files| ("uploads", files.folder.clone()));
        let backups = self.jobs.backups().map(|backups| ("backups", backups.folder().to_owned()));
        let data = [("data", config.data.clone())].into_iter();
        let settings = ServerConfig {
            mail,
            rules,
            providers,
            jobs,
            webhooks,
            settings: Some(told),
            process: Some(measures::of_process),
            machine: Some(disks::machine(data.chain(uploads).chain(backups))),
            ..settings
        };
        let service = isobase_server::compose(store, self.authorizer.clone(), settings);
        offer_setup(loaded, &service, base, self.printer).await;
        // Connections that come between two rounds wait in the queue of the socket, which stays.
        let listener = TcpListener::from_std(self.listener.try_clone()?)?;
        let beside = self.beside.as_ref().map(std::net::TcpListener::try_clone).transpose()?;
        let beside = beside.map(TcpListener::from_std).transpose()?;
        let operator = local::listen(&config.data).await.map(|(listener, listening)| {
            let (service, stopping) = (service.clone(), stopping.clone());
            tokio::spawn(async move {
                let served = isobase_server::serve_operator(listener, service, stopping).await;
                drop(listening);
                served
            })
        });
        let serving = async {
            let first = isobase_server::serve(listener, service.clone(), stopping.clone());
            let served = match beside {
                Some(beside) => {
                    let second = isobase_server::serve(beside, service, stopping.clone());
                    tokio::try_join!(first, second).map(drop)
                }
                None => first.await,
            };
            stopping.cancel();
            served
        };
        let changing = async {
            let (store, printer) = (&self.store, self.printer);
            let in_files = async {
                match watch {
                    true => watch::next(given, &self.watched, &stopping, printer).await,
                    false => std::future::pending().await,
                }
            };
            let next = tokio::select! {
                next = in_files => next.map(|next| (given.clone(), next)),
                next = stored_settings::next(given, &self.watched, store, &stopping, printer) => next,
            };
            if next.is_some() {
                stopping.cancel();
            }
            next
        };
        let (served, next) = tokio::join!(serving, changing);
        if let Some(operator) = operator {
            operator.await?.context("the socket for commands ended")?;
        }
        // It lets another process go on at once.
        stopping.cancel();
        let _ = timeout(JOBS_STOP_MAX, telling).await;
        // A build that is cut off goes on at the next start.
        indexes.abort();
        sweeping.abort();
        if let Some(reconciling) = reconciling {
            reconciling.abort();
        }
        tending.abort();
        // What it began the next process ends.
        keeping.abort();
        served.context("the service ended")?;
        Ok(next.filter(|_| !shutdown.is_cancelled()))
    }
}

/// Refuses to show a database of the owner's own to everybody who reaches the address.
fn sql_exposed(loaded: &Loaded, config: &Config, authorizer: &Authorizer) -> Result<()> {
    if !(config.open && authorizer.is_open() && has_sql(loaded)) {
        return Ok(());
    }
    let message =
        "with `open` everybody who reaches the address could read the database of sql.url";
    let hint = "set INTERNAL_API_KEY, or owner.name and owner.password; or unset sql.url";
    Err(Failure::usage(message).hint(hint).into())
}

/// What does long work for the service.
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

/// Names this service among those of a database: by its machine and its data folder.
fn node(config: &Config) -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let folder = std::fs::canonicalize(&config.data).unwrap_or_else(|_| config.data.clone());
    let text = format!("{} {}", machine.trim(), folder.display());
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Round {
    /// Who is told what happens.
    fn webhooks(&self, loaded: &Loaded, config: &Config, rules: &Arc<RuleBook>) -> Webhooks {
        let options = WebhooksOptions {
            sealer: sealer(loaded, config),
            sender: Some(Arc::new(HttpSender::new(webhooks_private(loaded)))),
            rules: Arc::clone(rules),
            node: node(config),
            clock: Clock::default(),
        };
        Webhooks::new(&self.store, options)
    }
}

/// The database as the settings want it.
async fn prepare(store: &Store, config: &Config) -> Result<Store> {
    let store = store.clone().with_schemas(config.schemas.clone());
    config.rules.keep_in(&store).context("changes cannot keep what rules look at")?;
    for collection in &config.bodies_of {
        let keep = Keep { bodies: true, ..config.rules.keep(collection) };
        store.keep(collection, keep).context("changes cannot keep bodies")?;
    }
    set_terms(&store, config).await?;
    Ok(store)
}

/// The rules, and what they leave out: open to everybody where only this machine asks and nobody has
/// made a key, so that an app begins without any.
fn rules(config: &Config, authorizer: &Authorizer) -> RuleBook {
    let is_near = config.open || is_loopback(&config.host);
    let unruled = match is_near && !authorizer.has_keys() {
        true => Unruled::Open,
        false => Unruled::Closed,
    };
    config.rules.clone().unruled(unruled)
}

/// Says what everybody may do, whatever a document holds.
fn name_open(rules: &RuleBook, printer: Printer) {
    for (collection, actions) in rules.open_to_all() {
        let actions: Vec<&str> = actions.into_iter().map(RuleAction::as_str).collect();
        let actions = actions.join(", ");
        printer.note(&format!("  {collection} is open: everybody may {actions}"));
    }
}

/// Lets go of the database, unless it keeps silent: nobody waits for an answer any more.
async fn close(store: &Store) -> Result<()> {
    match timeout(CLOSE_MAX, store.close()).await {
        Ok(closed) => closed.context("the database was not closed cleanly"),
        Err(_) => {
            tracing::warn!("the database did not answer, and the service ends without it");
            Ok(())
        }
    }
}

/// A token that the first signal cancels. The second one ends the process.
fn stop_on_signal(printer: Printer) -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = match is_ignored(SIGHUP) {
        // As nohup has it: the service outlives its terminal.
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    let stop = token.clone();
    tokio::spawn(async move {
        next_signal(&mut terminate, &mut interrupt, hangup.as_mut()).await;
        tracing::info!("stopping: requests may finish");
        stop.cancel();
        next_signal(&mut terminate, &mut interrupt, hangup.as_mut()).await;
        printer.note("stopped at once; what was answered is stored");
        exit(EXIT_AT_ONCE);
    });
    Ok(token)
}

async fn next_signal(terminate: &mut Signal, interrupt: &mut Signal, hangup: Option<&mut Signal>) {
    let hung_up = async {
        match hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hung_up => {}
    }
}

/// Whether a signal was ignored when the process began. Where that cannot be asked it counts as
/// ignored: to handle it would undo what `nohup` did. Source: proc(5), `SigIgn`.
fn is_ignored(signal: u32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Takes the first address of the host that can be had. Nobody can connect to it yet.
async fn reserve(host: &str, port: u16) -> Result<TcpSocket, Failure> {
    let failure = |error: io::Error| listen_failure(host, port, &error);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((host, port)).await.map_err(failure)? {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let bound = socket.and_then(|socket| {
            // Connections of a service that has just ended are no reason to refuse.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(failure(last))
}

fn listen(reserved: TcpSocket, config: &Config) -> Result<(TcpListener, SocketAddr)> {
    let listening = reserved.listen(WAITING_CONNECTIONS).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    listening.map_err(|error| listen_failure(&config.host, config.port, &error).into())
}

/// `localhost` is both loopback addresses, and a client takes either (RFC 6761, section 6.3): the
/// other one is listened on too, where this machine has it and nobody else has the port.
fn listen_beside(host: &str, first: SocketAddr) -> Option<std::net::TcpListener> {
    if !host.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let (socket, other) = match first {
        SocketAddr::V4(_) => (TcpSocket::new_v6(), IpAddr::from(Ipv6Addr::LOCALHOST)),
        SocketAddr::V6(_) => (TcpSocket::new_v4(), IpAddr::from(Ipv4Addr::LOCALHOST)),
    };
    let other = SocketAddr::new(other, first.port());
    let listening = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(other)?;
        socket.listen(WAITING_CONNECTIONS)?.into_std()
    });
    match listening {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::debug!(%error, "localhost is {first} only: {error}");
            None
        }
    }
}

/// Takes as many open files as the system gives: a connection is one. Many systems begin with 1,024
/// and let a process ask for more.
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::debug!(%error, "the limit of open files stays as it is: {error}");
    }
}

fn listen_failure(host: &str, port: u16, error: &io::Error) -> Failure {
    let (message, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            format!("port {port} on {host} is in use by another program"),
            "stop that program, or choose another port: --port 8003, or --port 0 for a free one",
        ),
        io::ErrorKind::PermissionDenied => (
            format!("this user may not listen on port {port}"),
            "choose a port from 1024, and let a proxy listen on the lower one",
        ),
        io::ErrorKind::AddrNotAvailable => (
            format!("{host} is not an address of this machine"),
            "use 127.0.0.1 for this machine only, 0.0.0.0 for all its addresses",
        ),
        _ => (
            format!("cannot listen on {host}, port {port}: {error}"),
            "setting host is an address of this machine, such as 127.0.0.1 or 0.0.0.0",
        ),
    };
    Failure::new(message).hint(hint)
}

/// The address as a program on this machine can use it.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Says what is served, where, and to whom.
fn introduce(
    loaded: &Loaded,
    config: &Config,
    authorizer: &Authorizer,
    store: &Store,
    url: &str,
    printer: Printer,
) {
    let (version, engine) = (env!("CARGO_PKG_VERSION"), store.engine_name());
    let (records, docs, open) =
        (describe(&config.records), format!("{url}/docs"), authorizer.is_open());
    if printer.json {
        printer.announce(&json!({
            "event": "serving", "version": version, "url": url, "docs": docs, "engine": engine,
            "records": records, "open": open, "pid": process::id(),
        }));
    } else if logging::is_only_json(loaded) {
        // Lines for people would be noise among lines of JSON.
        tracing::info!(version, url, docs, engine, records, open, "serving {records} on {url}");
    } else {
        printer.headline(&format!("Isobase {version}"), &format!(" serves records on {url}"));
        printer.note(&format!("  records  {records}"));
        printer.note(&format!("  docs     {docs}"));
        printer.note(&format!("  access   {}", access(config, open)));
    }
}

/// Other services whose accounts sign in, and what asks them.
#[cfg(feature = "providers")]
fn providers(loaded: &Loaded) -> Result<Option<(Vec<Provider>, Arc<dyn Fetcher>)>, Failure> {
    if loaded.providers.is_empty() {
        return Ok(None);
    }
    let providers = loaded.providers.iter().map(|(provider, _)| provider.clone()).collect();
    Ok(Some((providers, crate::providers::fetcher()?)))
}

#[cfg(not(feature = "providers"))]
fn providers(loaded: &Loaded) -> Result<Option<(Vec<Provider>, Arc<dyn Fetcher>)>, Failure> {
    match loaded.providers.first() {
        None => Ok(None),
        Some((provider, origin)) => Err(Failure::usage(format!(
            "the provider {} ({origin}): this executable was built without providers",
            provider.id
        ))
        .hint("build it with --features providers, or take the lines out")),
    }
}

/// Says which declared collections have no routes below `/api`.
fn name_hidden(config: &Config, printer: Printer) {
    for collection in &config.collections {
        if let Some(reason) = collection.has_no_routes() {
            let name = &collection.name;
            printer.note(&format!("  {name} is at /records/{name} only: {reason}"));
        }
    }
}

/// Prints the link by which whoever runs the service becomes its first owner, while there is none.
async fn offer_setup(loaded: &Loaded, service: &Service, base: &str, printer: Printer) {
    let Some(accounts) = &service.gate().accounts else { return };
    let token = match accounts.offer_setup().await {
        Ok(Some(token)) => token,
        Ok(None) => return,
        Err(error) => {
            return tracing::warn!(%error, "cannot see whether there is an owner: {error}");
        }
    };
    let link = format!("{}/setup#{token}", base.trim_end_matches('/'));
    if printer.json {
        printer.announce(&json!({ "event": "setup", "link": link }));
    } else if logging::is_only_json(loaded) {
        tracing::info!(link, "for 30 minutes the first owner can be made by {link}");
    } else {
        printer.note(&format!("  owner    {link}"));
        printer.note("           makes the first owner, once, for 30 minutes");
    }
}

/// The whole path of a file: a relative one does not tell where it is.
fn describe(records: &Location) -> String {
    match records.is_kept() {
        true => records.absolute().to_string(),
        false => format!("{records} (gone when the service stops)"),
    }
}

fn access(config: &Config, open: bool) -> &'static str {
    match (open, config.open) {
        (false, _) => "with a key: Authorization: Bearer …",
        (true, false) => {
            "open: everybody on this machine may read and write (isobase key create ends that)"
        }
        (true, true) => "OPEN: everybody who reaches this address may read and write",
    }
}

/// Says on which terms collections keep their documents, before anybody reads or writes.
async fn set_terms(store: &Store, config: &Config) -> Result<()> {
    for (collection, terms) in &config.terms {
        let set = store.set_terms(collection, *terms).await;
        set.with_context(|| format!("the terms of collection {collection} cannot be kept"))?;
    }
    Ok(())
}

/// Deletes documents whose time is over, for as long as the service runs.
async fn sweep(store: Store) {
    loop {
        let pause = match store.sweep().await {
            Ok(0) => SWEEP_EVERY,
            // There may be more; other writes come between.
            Ok(_) => SWEEP_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "expired documents are not deleted yet: {error}");
                SWEEP_EVERY
            }
        };
        sleep(pause).await;
    }
}

/// Takes in what other programs wrote, now and then, for as long as the service runs.
async fn reconcile(store: Store, every: Duration) {
    let engine = store.engine();
    let Some(ability) = engine.reconcile() else { return };
    loop {
        match ability.reconcilable().await {
            Ok(names) => {
                for name in names {
                    look(ability, &name).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "what other programs wrote is not looked for: {error}");
            }
        }
        sleep(every).await;
    }
}

async fn look(ability: &dyn Reconcile, name: &CollectionName) {
    match ability.look(name).await {
        Ok(found) if found.created + found.updated > 0 => tracing::info!(
            collection = %name,
            created = found.created,
            updated = found.updated,
            "took in {} documents that other programs wrote into {name}",
            found.created + found.updated
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(
            collection = %name, %error,
            "what other programs wrote into {name} is not taken in: {error}"
        ),
    }
}

/// Builds the indexes of the settings file that are not there.
async fn declare_indexes(store: Store, declared: Vec<DeclaredIndex>) {
    for DeclaredIndex { collection, definition } in declared {
        let (name, fields) = (collection.as_str(), definition.to_string());
        let started = Instant::now();
        let there = match store.indexes(&collection).await {
            Ok(indexes) => indexes,
            Err(error) => {
                tracing::error!(collection = name, "cannot read the indexes of {name}: {error}");
                continue;
            }
        };
        let ready = isobase::store::IndexState::Ready;
        if there.iter().any(|index| index.definition == definition && index.state == ready) {
            continue;
        }
        tracing::info!(collection = name, fields, "building index {fields} of {name}");
        match store.create_index(&collection, &definition).await {
            Ok(_) => {
                let seconds = started.elapsed().as_secs_f64();
                tracing::info!(
                    collection = name,
                    fields,
                    seconds,
                    "index {fields} of {name} is ready after {seconds:.1} s"
                );
            }
            Err(error) => {
                tracing::error!(collection = name, fields, "index {fields} of {name}: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_all_is_reached_on_loopback() {
        let cases =
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")];
        for (address, expected) in cases {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), expected);
        }
    }
}
