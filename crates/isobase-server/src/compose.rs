//! Slices put together into a service.

use std::sync::Arc;

use isobase_auth::{
    ACCOUNTS_COLLECTION, AccountOptions, Accounts, Authorizer, Fetcher, PostOffice, Principal,
    Provider, Sealer,
};
use isobase_files::Files;
use isobase_http::{HttpConfig, InvalidRoute, IpNet, Measure, Observer, OpenTo, Routes};
use isobase_jobs::{Jobs, JobsOptions};
use isobase_licences::{LicenceOptions, Licences};
use isobase_requests::{RequestOptions, Requests};
use isobase_store::{RuleBook, Store};
use isobase_webhooks::Webhooks;

use crate::{
    AppCollection, FilesOptions, LiveConfig, Machine, PagesConfig, ReadLicenceFile,
    RunningSettings, Service, accounts,
    admin::{self, AdminFacts},
    app,
    app_collection::Rows,
    connections::Connections,
    data_store, description,
    durability::Durability,
    files,
    gate::Gate,
    imports, jobs, keys, licences, live,
    own_requests::{OwnLog, OwnRequestOptions, OwnRequests},
    pages, records, requests, service, settings, tus,
    views::{Permissions, Views},
    webhooks,
};
#[cfg(feature = "sql")]
use crate::{SqlOptions, sql};

/// Other services whose accounts sign in, and the client that asks them.
pub type Providers = (Vec<Provider>, Arc<dyn Fetcher>);

/// Settings of the whole service.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Bounds and deadlines of requests and connections.
    pub http: HttpConfig,
    /// Largest `limit` of a listing. Default 1,000.
    pub page_size_max: u32,
    /// The failures that an answered write has survived, shown by `/health`. Default [`Durability::Full`].
    pub durability: Durability,
    /// Who may see and change which documents. Default: no rules.
    pub rules: Arc<RuleBook>,
    /// Which collections make live events. Default none.
    pub live: LiveConfig,
    /// The collections that an app declares. Default none.
    pub collections: Vec<AppCollection>,
    /// Where the pages of an app are. Default none.
    pub pages: Option<PagesConfig>,
    /// Defaults of licences.
    pub licences: LicenceOptions,
    /// Reads files of other licence services that are sent. Default none: it is said that none is read.
    pub read_licence_file: Option<ReadLicenceFile>,
    /// How the request log is kept.
    pub requests: RequestOptions,
    /// Which of its own requests the service logs there.
    pub own_requests: OwnRequestOptions,
    /// How accounts behave.
    pub accounts: AccountOptions,
    /// The way of letters. Default none.
    pub mail: Option<PostOffice>,
    /// Other services whose accounts sign in here, and what asks them. Default none.
    pub providers: Option<Providers>,
    /// Where uploaded files are kept. Default none: nothing can be uploaded.
    pub files: Option<FilesOptions>,
    /// Signs links to private files. Default none: there are no such links.
    pub sealer: Option<Sealer>,
    /// Does long work. Default none: one without a folder of backups, which opens no other
    /// database.
    pub jobs: Option<Jobs>,
    /// Who is told what happens. Default none: no routes about it.
    pub webhooks: Option<Webhooks>,
    /// A database of the owners' own, which they look at. Default none: no routes about it.
    #[cfg(feature = "sql")]
    pub sql: Option<SqlOptions>,
    /// Measurements of the process itself, for `/metrics`. Default none.
    pub process: Option<fn() -> Vec<Measure>>,
    /// The settings of the process, for those who may do everything. Default none.
    pub settings: Option<Arc<dyn RunningSettings>>,
    /// The machine that the process runs on, for the hub. Default none.
    pub machine: Option<Machine>,
    /// Where those are who work on the service. Default none: anywhere.
    pub admin_addresses: Vec<IpNet>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            http: HttpConfig::default(),
            page_size_max: 1_000,
            durability: Durability::Full,
            rules: Arc::default(),
            live: LiveConfig::default(),
            collections: Vec::new(),
            pages: None,
            licences: LicenceOptions::default(),
            read_licence_file: None,
            requests: RequestOptions::default(),
            own_requests: OwnRequestOptions::default(),
            accounts: AccountOptions::default(),
            mail: None,
            providers: None,
            files: None,
            sealer: None,
            jobs: None,
            webhooks: None,
            #[cfg(feature = "sql")]
            sql: None,
            process: None,
            settings: None,
            machine: None,
            admin_addresses: Vec::new(),
        }
    }
}

/// The page at `/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Index {
    /// The statement of the service about itself.
    Service,
    /// A page of the app.
    Page,
}

/// The slices of a service that is to be. Each gets what it needs and nothing else.
#[derive(Default)]
pub struct Composition {
    routes: Routes<Principal>,
    /// The open streams of all slices.
    connections: Arc<Connections>,
    accounts: Option<Arc<Accounts>>,
    observer: Option<Arc<dyn Observer>>,
    /// [`RuleBook::trusts_place`].
    trusts_place: bool,
    admin_addresses: Vec<IpNet>,
}

impl Composition {
    /// The routes about the service itself: health, metrics, documentation; and what it says at
    /// `/`, unless an app has a page there.
    #[must_use]
    pub fn with_service(
        mut self,
        store: Store,
        jobs: Jobs,
        (durability, index): (Durability, Index),
        process: Option<fn() -> Vec<Measure>>,
    ) -> Self {
        let mut routes = service::routes();
        routes.retain(|route| index == Index::Service || route.spec().path != "/");
        self.routes.add(service::State::new(store, jobs, durability, process), routes);
        self
    }

    /// Documents by collection and id.
    #[must_use]
    pub fn with_records(mut self, store: Store, rules: Arc<RuleBook>, page_size_max: u32) -> Self {
        let views = Views::new(store, rules);
        let routes = records::routes(views.permissions());
        self.routes.add(records::State { views, page_size_max }, routes);
        self
    }

    /// The key-value store over a collection.
    #[must_use]
    pub fn with_data_store(mut self, store: Store, rules: Arc<RuleBook>) -> Self {
        self.routes.add(data_store::State::new(Views::new(store, rules)), data_store::routes());
        self
    }

    /// The admin site.
    #[must_use]
    pub fn with_admin(
        mut self,
        store: &Store,
        jobs: Jobs,
        facts: AdminFacts,
        open_to: OpenTo,
    ) -> Self {
        self.routes.add(admin::State::new(store, jobs, facts, open_to), admin::routes());
        self
    }

    /// The settings of the service, and those that may be changed.
    #[must_use]
    pub fn with_settings(
        mut self,
        store: &Store,
        accounts: Arc<Accounts>,
        running: Option<Arc<dyn RunningSettings>>,
    ) -> Self {
        self.routes.add(settings::State::new(store, accounts, running), settings::routes());
        self
    }

    /// A database of the owners' own, which they look at.
    #[cfg(feature = "sql")]
    #[must_use]
    pub fn with_sql(mut self, store: &Store, options: SqlOptions) -> Self {
        self.routes.add(sql::State::new(store, options), sql::routes());
        self
    }

    /// Long work and backups.
    #[must_use]
    pub fn with_jobs(mut self, store: &Store, jobs: Jobs) -> Self {
        self.routes.add(jobs::State::new(store, jobs), jobs::routes());
        self
    }

    /// Files that are brought into collections.
    #[must_use]
    pub fn with_imports(mut self, store: &Store, rules: Arc<RuleBook>, jobs: Jobs) -> Self {
        self.routes.add(imports::State::new(store, rules, jobs), imports::routes());
        self
    }

    /// Other services that are told what happens.
    #[must_use]
    pub fn with_webhooks(mut self, webhooks: Webhooks) -> Self {
        self.routes.add(webhooks::State::new(webhooks), webhooks::routes());
        self
    }

    /// Named keys of the database.
    #[must_use]
    pub fn with_keys(mut self, store: &Store, authorizer: Arc<Authorizer>) -> Self {
        self.routes.add(keys::State::new(store, authorizer), keys::routes());
        self
    }

    /// Uploaded files, and uploads that come in several requests.
    #[must_use]
    pub fn with_files(
        mut self,
        store: &Store,
        rules: Arc<RuleBook>,
        options: FilesOptions,
        sealer: Option<Sealer>,
    ) -> Self {
        let files = Arc::new(Files::new(store, options));
        let (views, links) = (Views::new(store.clone(), rules), sealer.map(files::Links::new));
        let state = files::State::new(store, Arc::clone(&files), views, links);
        self.routes.add(state, files::routes());
        self.routes.add(tus::State::new(store, files), tus::routes());
        self
    }

    /// Live events of some collections, whose changes keep bodies from now on.
    #[must_use]
    pub fn with_live(mut self, store: Store, rules: Arc<RuleBook>, config: LiveConfig) -> Self {
        let state = live::State::new(store, rules, config, self.connections.clone());
        self.routes.add(state, live::routes());
        self
    }

    /// Collections that an app declares, each with routes of its own below `/api`.
    #[must_use]
    pub fn with_app(
        mut self,
        store: &Store,
        rules: &Arc<RuleBook>,
        collections: Vec<AppCollection>,
        page_size_max: u32,
    ) -> Self {
        self.trusts_place |= rules.trusts_place();
        for collection in collections {
            let views = Views::new(store.clone(), Arc::clone(rules));
            let routes = app::routes(&collection, Permissions::BY_RULES);
            self.routes.add(app::State::new(views, collection, page_size_max), routes);
        }
        self
    }

    /// The pages of an app, at paths that no route has.
    #[must_use]
    pub fn with_pages(mut self, config: PagesConfig) -> Self {
        self.routes.add_fallback(pages::State::new(config), pages::route());
        self
    }

    /// Licences and their installations.
    #[must_use]
    pub fn with_licences(mut self, licences: Licences, read_file: Option<ReadLicenceFile>) -> Self {
        self.routes.add(licences::State::new(licences, read_file), licences::routes());
        self
    }

    /// The request log of other services. The gate says whether a watcher still may.
    #[must_use]
    pub fn with_requests(mut self, store: &Store, requests: Arc<Requests>, gate: Gate) -> Self {
        let state = requests::State::new(requests, store, gate, self.connections.clone());
        self.routes.add(state, requests::routes());
        self
    }

    /// The service's own requests go into the request log.
    #[must_use]
    pub fn with_own_requests(
        mut self,
        requests: Arc<Requests>,
        options: OwnRequestOptions,
    ) -> Self {
        if options.which != OwnRequests::Off {
            self.observer = Some(Arc::new(OwnLog::new(requests, options)));
        }
        self
    }

    /// People who sign in: their accounts and sessions.
    #[must_use]
    pub fn with_accounts(
        mut self,
        store: &Store,
        accounts: Arc<Accounts>,
        authorizer: Arc<Authorizer>,
        public_url: Option<String>,
    ) -> Self {
        self.accounts = Some(Arc::clone(&accounts));
        let state = accounts::State::new(store, accounts, authorizer, public_url);
        self.routes.add(state, accounts::routes());
        self
    }

    /// Lets those who work on the service in from these addresses alone, unless there are none.
    #[must_use]
    pub fn with_admin_addresses(self, admin_addresses: Vec<IpNet>) -> Self {
        Self { admin_addresses, ..self }
    }

    /// The service of these slices.
    ///
    /// # Errors
    /// When two slices have the same route.
    pub fn build(
        self,
        authorizer: Arc<Authorizer>,
        http: HttpConfig,
    ) -> Result<Arc<Service>, InvalidRoute> {
        let (accounts, public_url) = (self.accounts, http.public_url.clone());
        let (trusts_place, admin_addresses) = (self.trusts_place, self.admin_addresses);
        let gate = Gate { authorizer, accounts, public_url, trusts_place, admin_addresses };
        Service::observed(self.routes, gate, description::api(), http, self.observer)
    }
}

/// Accounts, with letters and with the services that sign people in, where there are such.
fn accounts(
    store: &Store,
    options: AccountOptions,
    mail: Option<PostOffice>,
    providers: Option<Providers>,
) -> Arc<Accounts> {
    let accounts = Accounts::new(store, options);
    let accounts = match mail {
        Some(post) => accounts.with_post_office(post),
        None => accounts,
    };
    Arc::new(match providers {
        Some((providers, fetcher)) => accounts.with_providers(providers, &fetcher),
        None => accounts,
    })
}

/// A service of every slice over one store.
#[must_use]
pub fn compose(store: Store, authorizer: Arc<Authorizer>, config: ServerConfig) -> Arc<Service> {
    // A reference to an account shows whose it is, and nothing else of it.
    let shown = [("name", "username")];
    let store = store.showing(ACCOUNTS_COLLECTION, &shown);
    let accounts = accounts(&store, config.accounts, config.mail, config.providers);
    let has_index = config.pages.as_ref().is_some_and(PagesConfig::has_index);
    let index = if has_index { Index::Page } else { Index::Service };
    let rules = || Arc::clone(&config.rules);
    let mut live = config.live;
    live.topics.extend(config.collections.iter().map(Rows::topic));
    let requests = Arc::new(Requests::new(&store, config.requests));
    let gate = Gate {
        authorizer: authorizer.clone(),
        accounts: Some(accounts.clone()),
        public_url: config.http.public_url.clone(),
        trusts_place: config.rules.trusts_place(),
        admin_addresses: config.admin_addresses.clone(),
    };
    let jobs = config.jobs.unwrap_or_else(|| Jobs::new(&store, JobsOptions::default()));
    #[cfg(feature = "sql")]
    let has_sql = config.sql.is_some();
    #[cfg(not(feature = "sql"))]
    let has_sql = false;
    let facts = AdminFacts { has_sql, machine: config.machine, sealer: config.sealer.clone() };
    let slices = Composition::default()
        .with_service(store.clone(), jobs.clone(), (config.durability, index), config.process)
        .with_records(store.clone(), rules(), config.page_size_max)
        .with_data_store(store.clone(), rules())
        .with_live(store.clone(), rules(), live)
        .with_app(&store, &config.rules, config.collections, config.page_size_max)
        .with_admin(&store, jobs.clone(), facts, config.http.open_to)
        .with_settings(&store, accounts.clone(), config.settings)
        .with_jobs(&store, jobs.clone())
        .with_imports(&store, rules(), jobs)
        .with_keys(&store, authorizer.clone())
        .with_licences(Licences::new(&store, config.licences), config.read_licence_file)
        .with_own_requests(requests.clone(), config.own_requests)
        .with_requests(&store, requests, gate)
        .with_accounts(&store, accounts, authorizer.clone(), config.http.public_url.clone());
    let slices = match config.files {
        Some(options) => slices.with_files(&store, rules(), options, config.sealer),
        None => slices,
    };
    let slices = match config.webhooks {
        Some(webhooks) => slices.with_webhooks(webhooks),
        None => slices,
    };
    #[cfg(feature = "sql")]
    let slices = match config.sql {
        Some(options) => slices.with_sql(&store, options),
        None => slices,
    };
    let slices = match config.pages {
        Some(pages) => slices.with_pages(pages),
        None => slices,
    };
    slices
        .with_admin_addresses(config.admin_addresses)
        .build(authorizer, config.http)
        .expect("the slices have different routes, and collections different names")
}
