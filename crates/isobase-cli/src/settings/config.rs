//! Settings as the rest of the program uses them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use isobase::{
    EnvironmentError, JournalOptions, Location, OpenError, OpenOptions, PostgresOptions, Retention,
    SqliteOptions, StoreOptions, environment,
    store::{IndexDefinition, RuleBook, SCHEMAS_COLLECTION, SYSTEM_PREFIX, Schema, Terms},
    types::CollectionName,
};
use isobase_auth::{AccountOptions, NewAccount, Registration, SECRET_FILE, Sealer, SecretSource};
use isobase_jobs::{Backups, Passphrase, Schedule};
use isobase_licences::{AtLimit, LicenceOptions, Secret};
use isobase_server::{
    AppCollection, Durability, FilesOptions, HttpConfig, LiveConfig, LiveOptions, OpenTo,
    OwnRequestOptions, OwnRequests, PagesConfig, RequestOptions, ServerConfig, parse_network,
};

#[cfg(feature = "toolkit")]
use isobase_server::SqlOptions;
#[cfg(feature = "toolkit")]
use isobase_sql::{Dialect, SqlReader, SqlWriter};

use super::{
    file::Term,
    load::{Loaded, in_folder},
    origin::Origin,
    setting::{Setting, Value},
    similar::most_similar,
    table,
    uploads::{BucketSettings, files_options},
};
use crate::failure::Failure;

/// How much sooner than a request a statement of the SQL screens must end.
#[cfg(feature = "toolkit")]
const SQL_SOONER: Duration = Duration::from_secs(2);
/// No statement is given less.
#[cfg(feature = "toolkit")]
const SQL_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// The file of the records in the data folder, when no URL says otherwise.
const RECORDS_FILE: &str = "isobase.db";

/// Settings as the rest of the program uses them.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) host: String,
    /// 0 for any free port.
    pub(crate) port: u16,
    /// Everybody may do everything.
    pub(crate) open: bool,
    /// The address that clients use, if it is set.
    pub(crate) public_url: Option<String>,
    /// The data folder, from the current folder.
    pub(crate) data: PathBuf,
    /// The database of the records; a relative path is from the current folder.
    pub(crate) records: Location,
    /// What decided on it.
    pub(crate) records_origin: Origin,
    /// Largest `limit` of a listing.
    pub(crate) page_size_max: u32,
    /// How to open it.
    pub(crate) options: OpenOptions,
    /// Indexes that must be there.
    pub(crate) indexes: Vec<DeclaredIndex>,
    /// Collections whose changes keep bodies.
    pub(crate) bodies_of: Vec<CollectionName>,
    /// Schemas of collections.
    pub(crate) schemas: HashMap<CollectionName, Schema>,
    /// How often to look for what other programs wrote; none for never.
    pub(crate) reconcile_every: Option<Duration>,
    /// Who may see and change which documents of declared collections. What the rules leave out
    /// is closed; the service opens it where that is safe.
    pub(crate) rules: RuleBook,
    /// On which terms collections keep their documents.
    pub(crate) terms: BTreeMap<CollectionName, Terms>,
    /// The collections of the app.
    pub(crate) collections: Vec<AppCollection>,
    /// Its pages, when its folder has any.
    pub(crate) pages: Option<PagesConfig>,
    /// Where uploads are kept.
    pub(crate) files: FilesOptions,
    /// Whether they are in backups.
    pub(crate) backup_files: bool,
    /// For other places of uploads.
    pub(crate) buckets: BucketSettings,
}

/// An index that the settings file asks for.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredIndex {
    /// Of this collection.
    pub(crate) collection: CollectionName,
    /// Its fields.
    pub(crate) definition: IndexDefinition,
}

impl Config {
    /// Takes the settings together and checks what concerns several of them.
    ///
    /// # Errors
    /// Names the setting, its origin and what was expected.
    pub(crate) fn new(loaded: &Loaded) -> Result<Self, Failure> {
        let data = loaded.path(&table::DATA);
        if data.is_file() {
            let (shown, origin) = (data.display(), loaded.get(&table::DATA).1);
            let message = format!("setting data ({origin}): {shown} is a file, expected a folder");
            let hint = "a database file is named by DATABASE_URL=sqlite://path";
            return Err(Failure::usage(message).hint(hint));
        }
        let (records, records_origin) = records(loaded, &data)?;
        let schemas = schemas(loaded)?;
        let buckets = BucketSettings::new(loaded);
        Ok(Self {
            files: files_options(loaded, &data, &buckets)?,
            buckets,
            backup_files: loaded.is_on(&table::BACKUPS_FILES),
            host: host(loaded)?,
            port: u16::try_from(loaded.integer(&table::PORT)).unwrap_or(u16::MAX),
            open: loaded.is_on(&table::OPEN),
            public_url: loaded.text(&table::PUBLIC_URL).map(str::to_owned),
            data,
            records,
            records_origin,
            page_size_max: u32::try_from(loaded.integer(&table::PAGE_SIZE_MAX)).unwrap_or(u32::MAX),
            options: open_options(loaded),
            indexes: indexes(loaded, &schemas)?,
            // They were checked when they were read.
            bodies_of: loaded
                .list(&table::CHANGES_BODIES_OF)
                .iter()
                .filter_map(|name| CollectionName::new(name).ok())
                .collect(),
            terms: terms(loaded)?,
            rules: rules(loaded)?,
            collections: collections(loaded, &schemas)?,
            pages: pages(loaded),
            schemas,
            reconcile_every: Some(loaded.duration(&table::RECONCILE_EVERY))
                .filter(|every| !every.is_zero()),
        })
    }
}

/// The key with all rights, when it is set.
pub(crate) fn internal_api_key(loaded: &Loaded) -> Option<&str> {
    loaded.text(&table::INTERNAL_API_KEY)
}

/// What seals secrets that must be readable.
pub(crate) fn sealer(loaded: &Loaded, config: &Config) -> Sealer {
    Sealer::new(match loaded.text(&table::SECRET) {
        Some(text) => SecretSource::Text(text.into()),
        None => SecretSource::File(config.data.join(SECRET_FILE)),
    })
}

/// How accounts behave.
pub(crate) fn account_options(loaded: &Loaded) -> AccountOptions {
    let least = loaded.integer(&table::ACCOUNTS_PASSWORD_CHARACTERS_MIN);
    AccountOptions {
        registration: match loaded.text(&table::ACCOUNTS_REGISTRATION) {
            Some("closed") => Registration::Closed,
            _ => Registration::Open,
        },
        password_characters_min: usize::try_from(least).unwrap_or(usize::MAX),
        session_lifetime: loaded.duration(&table::ACCOUNTS_SESSION_LIFETIME),
        ..AccountOptions::default()
    }
}

/// The first owner, if the settings name one.
///
/// # Errors
/// When the name or the password is missing.
pub(crate) fn first_owner(loaded: &Loaded) -> Result<Option<NewAccount<'_>>, Failure> {
    let email = loaded.text(&table::OWNER_EMAIL);
    let missing = |key: &str| {
        Failure::usage(format!("the first owner needs a name and a password, and {key} is not set"))
            .hint("set ISOBASE_OWNER_NAME and ISOBASE_OWNER_PASSWORD, or none of them")
    };
    match (loaded.text(&table::OWNER_NAME), loaded.text(&table::OWNER_PASSWORD)) {
        (Some(name), Some(password)) => Ok(Some(NewAccount { name, email, password })),
        (None, None) if email.is_none() => Ok(None),
        (Some(_), None) => Err(missing("owner.password")),
        (None, _) => Err(missing("owner.name")),
    }
}

/// The mail server and the sender of letters, if they are set.
///
/// # Errors
/// When there is a server and no sender.
pub(crate) fn mail_server(loaded: &Loaded) -> Result<Option<(&str, &str)>, Failure> {
    let Some(url) = loaded.text(&table::MAIL_SMTP_URL) else { return Ok(None) };
    let from = loaded.text(&table::MAIL_FROM).ok_or_else(|| {
        Failure::usage("setting mail.from: a mail server needs a sender")
            .hint("as in mail.from = \"My app <app@example.com>\"")
    })?;
    Ok(Some((url, from)))
}

/// Bounds and deadlines of the service.
///
/// # Errors
/// Names a setting that cannot be.
pub(crate) fn server_config(loaded: &Loaded, config: &Config) -> Result<ServerConfig, Failure> {
    let bytes = |setting| usize::try_from(loaded.size(setting)).unwrap_or(usize::MAX);
    let is_synced = config.records.file().is_none() || config.options.sqlite.sync_every_commit;
    let durability = match (config.records.is_kept(), is_synced) {
        (false, _) => Durability::None,
        (true, false) => Durability::Relaxed,
        (true, true) => Durability::Full,
    };
    let http = HttpConfig {
        public_url: config.public_url.clone(),
        body_bytes_max: loaded.size(&table::BODY_BYTES),
        stream_body_bytes_max: loaded.size(&table::STREAM_BODY_BYTES),
        header_timeout: loaded.duration(&table::HEADER_DEADLINE),
        body_idle_timeout: loaded.duration(&table::BODY_IDLE_DEADLINE),
        body_timeout: loaded.duration(&table::BODY_DEADLINE),
        keep_alive_timeout: loaded.duration(&table::KEEP_ALIVE_DEADLINE),
        // Costs nobody anything: no setting.
        rest_timeout: HttpConfig::default().rest_timeout,
        write_idle_timeout: loaded.duration(&table::WRITE_IDLE_DEADLINE),
        request_timeout: loaded.duration(&table::REQUEST_DEADLINE),
        stream_idle_timeout: loaded.duration(&table::STREAM_IDLE_DEADLINE),
        stop_timeout: loaded.duration(&table::STOP_DEADLINE),
        connections_max: usize::try_from(loaded.integer(&table::CONNECTIONS_MAX))
            .unwrap_or(usize::MAX),
        header_bytes_max: bytes(&table::HEADER_BYTES),
        uri_bytes_max: bytes(&table::URI_BYTES),
        cors_origins: loaded.list(&table::CORS_ORIGINS),
        open_to: if config.open { OpenTo::Everyone } else { OpenTo::Loopback },
        allowed_hosts: loaded.list(&table::ALLOWED_HOSTS),
        // They were checked when they were read.
        trusted_proxies: loaded
            .list(&table::TRUSTED_PROXIES)
            .iter()
            .filter_map(|network| parse_network(network))
            .collect(),
    };
    #[cfg(not(feature = "toolkit"))]
    if loaded.text(&table::SQL_URL).is_some() {
        let message = "setting sql.url: this executable was built without the SQL toolkit";
        return Err(Failure::usage(message).hint("build it with the feature toolkit"));
    }
    let ping = loaded.duration(&table::EVENTS_PING);
    let options = LiveOptions { ping, ..LiveOptions::default() };
    let live = LiveConfig { topics: Vec::new(), options };
    let files = Some(config.files.clone());
    let licences = licence_options(loaded, config)?;
    let requests = RequestOptions {
        body_characters_max: usize::try_from(loaded.integer(&table::REQUESTS_BODY_CHARACTERS))
            .unwrap_or(usize::MAX),
        search_budget: loaded.duration(&table::REQUESTS_SEARCH_BUDGET),
        retention: Some(loaded.duration(&table::REQUESTS_RETENTION)),
    };
    Ok(ServerConfig {
        http,
        page_size_max: config.page_size_max,
        durability,
        licences,
        requests,
        own_requests: OwnRequestOptions {
            which: match loaded.text(&table::REQUESTS_OWN) {
                Some("all") => OwnRequests::All,
                Some("failed") => OwnRequests::Failed,
                _ => OwnRequests::Off,
            },
            per_second_max: u32::try_from(loaded.integer(&table::REQUESTS_OWN_RATE))
                .unwrap_or(u32::MAX),
        },
        live,
        accounts: AccountOptions {
            sealer: Some(sealer(loaded, config)),
            ..account_options(loaded)
        },
        files,
        sealer: Some(sealer(loaded, config)),
        collections: config.collections.clone(),
        pages: config.pages.clone(),
        #[cfg(feature = "toolkit")]
        sql: sql_options(loaded, config)?,
        ..ServerConfig::default()
    })
}

/// Whether there are SQL screens.
pub(crate) fn has_sql(loaded: &Loaded) -> bool {
    loaded.text(&table::SQL_URL).is_some()
}

/// The database that owners look at.
///
/// # Errors
/// When its URL is none.
#[cfg(feature = "toolkit")]
fn sql_options(loaded: &Loaded, config: &Config) -> Result<Option<SqlOptions>, Failure> {
    let Some(url) = loaded.text(&table::SQL_URL) else {
        return match loaded.text(&table::SQL_WRITE_URL) {
            Some(_) => Err(Failure::usage("setting sql.write_url: it goes with sql.url")),
            None => Ok(None),
        };
    };
    let origin = loaded.get(&table::SQL_URL).1;
    let reader = SqlReader::new(url)
        .map_err(|error| Failure::usage(format!("setting sql.url ({origin}): {error}")))?;
    // The answer must begin while somebody waits for it.
    let longest = loaded.duration(&table::REQUEST_DEADLINE).saturating_sub(SQL_SOONER);
    let writer = sql_writer(loaded, config, &reader)?;
    Ok(Some(SqlOptions {
        reader,
        writer,
        rows_max: usize::try_from(loaded.integer(&table::SQL_ROWS_MAX)).unwrap_or(usize::MAX),
        timeout: loaded.duration(&table::SQL_TIMEOUT).min(longest).max(SQL_TIMEOUT_MIN),
    }))
}

/// The same database under a role that may change it.
#[cfg(feature = "toolkit")]
fn sql_writer(
    loaded: &Loaded,
    config: &Config,
    reader: &SqlReader,
) -> Result<Option<SqlWriter>, Failure> {
    let Some(url) = loaded.text(&table::SQL_WRITE_URL) else { return Ok(None) };
    let origin = loaded.get(&table::SQL_WRITE_URL).1;
    let failed =
        |message: &str| Failure::usage(format!("setting sql.write_url ({origin}): {message}"));
    // By whatever name it is reached: that is seen when it is, again and again.
    let writer = match guarded(&config.records) {
        Some(records) => SqlWriter::apart_from(url, &records),
        None => SqlWriter::new(url),
    };
    let writer = writer.map_err(|error| failed(&error.to_string()))?;
    let same = match writer.dialect() {
        Dialect::Sqlite => writer.address() == reader.address(),
        // A reader may look at a replica, and roles differ.
        Dialect::Postgres => writer.database() == reader.database(),
    };
    if !same || writer.dialect() != reader.dialect() {
        // Owners would change another database than the one that they look at.
        return Err(failed("it names another database than sql.url"));
    }
    if writer.address() == config.records.to_string() || writer.is_guarded_file() {
        return Err(failed("it is the database of the records, which only the service changes"));
    }
    Ok(Some(writer))
}

/// The URL of the records, where it could be one of the SQL screens.
#[cfg(feature = "toolkit")]
fn guarded(records: &Location) -> Option<String> {
    match records {
        Location::Sqlite(path) => Some(format!("sqlite://{}", path.display())),
        Location::Postgres(url) => Some(url.clone()),
        _ => None,
    }
}

/// What seals licence keys: as everything else is sealed, but for those who have set a secret for
/// licences alone, whose data folder may not stay.
fn licence_sealer(loaded: &Loaded, config: &Config) -> Sealer {
    match (loaded.text(&table::SECRET), loaded.text(&table::LICENCES_SECRET)) {
        (None, Some(own)) => Sealer::new(SecretSource::Text(own.into())),
        _ => sealer(loaded, config),
    }
}

/// Where backups are.
pub(crate) fn backups(loaded: &Loaded, config: &Config) -> Backups {
    let passphrase = loaded.text(&table::BACKUPS_PASSPHRASE).and_then(Passphrase::new);
    Backups::new(config.data.join("backups")).with_passphrase(passphrase)
}

/// How long entries of the audit stay; none without an end.
pub(crate) fn audit_keep(loaded: &Loaded) -> Option<Duration> {
    Some(loaded.duration(&table::AUDIT_KEEP)).filter(|keep| !keep.is_zero())
}

/// Whether webhooks may lead to addresses within.
pub(crate) fn webhooks_private(loaded: &Loaded) -> bool {
    loaded.is_on(&table::WEBHOOKS_PRIVATE)
}

/// When backups are made, if they are.
pub(crate) fn schedule(loaded: &Loaded) -> Option<Schedule> {
    let every = loaded.duration(&table::BACKUPS_EVERY);
    let keep = usize::try_from(loaded.integer(&table::BACKUPS_KEEP)).unwrap_or(usize::MAX);
    (!every.is_zero()).then_some(Schedule { every, keep })
}

/// What holds for every licence that says nothing else.
///
/// # Errors
/// Names a setting that cannot be.
pub(crate) fn licence_options(loaded: &Loaded, config: &Config) -> Result<LicenceOptions, Failure> {
    let secret = loaded.text(&table::LICENCES_SECRET).map(Secret::new).transpose();
    let secret = secret.map_err(|error| {
        let origin = loaded.get(&table::LICENCES_SECRET).1;
        Failure::usage(format!("setting licences.secret ({origin}): {error}"))
    })?;
    let prefix = loaded.text(&table::LICENCES_KEY_PREFIX).unwrap_or_default();
    let plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(1..=16).contains(&prefix.len()) {
        let origin = loaded.get(&table::LICENCES_KEY_PREFIX).1;
        let message = format!("expected 1 to 16 letters and digits, found {prefix:?}");
        let setting = format!("setting licences.key_prefix ({origin}): {message}");
        return Err(Failure::usage(setting));
    }
    let at_limit = loaded.text(&table::LICENCES_AT_LIMIT).and_then(AtLimit::parse);
    Ok(LicenceOptions {
        limit: u32::try_from(loaded.integer(&table::LICENCES_LIMIT)).unwrap_or(u32::MAX),
        at_limit: at_limit.unwrap_or_default(),
        key_prefix: prefix.to_ascii_uppercase(),
        sealer: Some(licence_sealer(loaded, config)),
        secret,
        // It may be shorter than what sealed keys.
        former: loaded.text(&table::SECRET).and_then(|text| Secret::new(text).ok()),
    })
}

/// Where licences are imported from when nothing is said.
pub(crate) fn licence_source(loaded: &Loaded) -> String {
    let text = loaded.text(&table::LICENCES_SOURCE).unwrap_or_default();
    match text.contains("://") {
        true => text.to_owned(),
        false => loaded.path(&table::LICENCES_SOURCE).to_string_lossy().into_owned(),
    }
}

/// What is logged.
pub(crate) fn log_filter(loaded: &Loaded) -> &str {
    loaded.text(&table::LOG).unwrap_or_default()
}

/// How it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// How it is logged.
pub(crate) fn log_format(loaded: &Loaded) -> LogFormat {
    match loaded.text(&table::LOG_FORMAT) {
        Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        _ => LogFormat::Auto,
    }
}

/// Typed access. The kind of a setting decides the kind of its value, and a setting that is read
/// without a choice has a default; the test below reads all of them.
impl Loaded {
    /// A text, when it is set.
    pub(crate) fn text(&self, setting: &Setting) -> Option<&str> {
        match self.get(setting).0 {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub(crate) fn integer(&self, setting: &Setting) -> u64 {
        match self.get(setting).0 {
            Some(Value::Integer(number)) => *number,
            _ => unreachable!("{} is a number with a default", setting.key),
        }
    }

    /// A number that may be unset.
    fn optional_integer(&self, setting: &Setting) -> Option<usize> {
        match self.get(setting).0 {
            Some(Value::Integer(number)) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A size in bytes.
    pub(crate) fn size(&self, setting: &Setting) -> u64 {
        match self.get(setting).0 {
            Some(Value::Size(bytes)) => *bytes,
            _ => unreachable!("{} is a size with a default", setting.key),
        }
    }

    /// A duration.
    pub(crate) fn duration(&self, setting: &Setting) -> Duration {
        match self.get(setting).0 {
            Some(Value::Duration(duration)) => *duration,
            _ => unreachable!("{} is a duration with a default", setting.key),
        }
    }

    /// A switch.
    pub(crate) fn is_on(&self, setting: &Setting) -> bool {
        matches!(self.get(setting).0, Some(Value::Bool(true)))
    }

    /// A list.
    pub(crate) fn list(&self, setting: &Setting) -> Vec<String> {
        match self.get(setting).0 {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    /// A path, as seen from the current folder.
    fn path(&self, setting: &Setting) -> PathBuf {
        let (_, origin) = self.get(setting);
        let text = self.text(setting).unwrap_or_default();
        in_folder(&self.base_of(origin), text)
    }

    /// The folder from which a relative path is meant.
    pub(super) fn base_of(&self, origin: &Origin) -> PathBuf {
        match origin {
            Origin::Default => self.app.clone(),
            Origin::File { path, .. } => match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_owned(),
                _ => PathBuf::from("."),
            },
            Origin::Database
            | Origin::Env { .. }
            | Origin::EnvFile { .. }
            | Origin::Flag { .. } => PathBuf::from("."),
        }
    }
}

fn host(loaded: &Loaded) -> Result<String, Failure> {
    let host = loaded.text(&table::HOST).unwrap_or_default();
    // Names are resolved when the service listens; what cannot be one is refused now.
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    if host.parse::<IpAddr>().is_ok() || is_name(host) {
        return Ok(host.to_owned());
    }
    let (_, origin) = loaded.get(&table::HOST);
    let failure = Failure::usage(format!(
        "setting host is {host:?} ({origin}), expected an address such as 127.0.0.1, ::1 or \
         0.0.0.0"
    ));
    Err(if host.contains(':') { failure.hint("the port is a setting of its own") } else { failure })
}

/// The database of the records, and the setting that decided.
fn records(loaded: &Loaded, data: &Path) -> Result<(Location, Origin), Failure> {
    let variable = |name: &str| {
        let setting = named(name)?;
        loaded.text(setting).map(str::to_owned)
    };
    let file = in_folder(data, RECORDS_FILE);
    let chosen = environment::choose(variable, file).map_err(|error| unnamed(loaded, &error))?;
    let Some(decided) = chosen.variable.and_then(named) else {
        return Ok((chosen.location, loaded.get(&table::DATA).1.clone()));
    };
    let origin = loaded.get(decided).1.clone();
    let location = if decided.key == table::DATABASE_PROVIDER.key {
        chosen.location
    } else {
        chosen.location.relative_to(&loaded.base_of(&origin))
    };
    Ok((location, origin))
}

/// The setting of a variable that names the database.
fn named(variable: &str) -> Option<&'static Setting> {
    let has = |setting: &&&Setting| setting.variables.contains(&variable);
    table::DATABASE_SETTINGS.iter().find(has).copied()
}

/// Why the settings name no database.
fn unnamed(loaded: &Loaded, error: &EnvironmentError) -> Failure {
    let provider = loaded.get(&table::DATABASE_PROVIDER).1;
    match error {
        EnvironmentError::UnknownProvider { provider: given } => {
            let providers = environment::providers();
            let meant = most_similar(given, providers.iter().copied());
            let meant = meant.map(|word| format!("; did you mean {word}?")).unwrap_or_default();
            let known = providers.join(", ");
            Failure::usage(format!("Unknown database provider: {given}"))
                .hint(format!("known are {known}{meant} ({provider})"))
        }
        EnvironmentError::Url { variable, source } => {
            let setting = named(variable).unwrap_or(&table::RECORDS_URL);
            let (key, origin) = (setting.key, loaded.get(setting).1);
            let failure = Failure::usage(format!("setting {key} ({origin}): {source}"));
            let text = loaded.text(setting).unwrap_or_default();
            match **source {
                OpenError::UnknownScheme { .. } if text.starts_with("http") => failure
                    .hint("a service is no database; its clients name it in settings of theirs"),
                _ => failure,
            }
        }
        error => Failure::usage(error.to_string())
            .hint(format!("setting database_provider is decided by {provider}")),
    }
}

fn open_options(loaded: &Loaded) -> OpenOptions {
    let count = |setting| usize::try_from(loaded.integer(setting)).unwrap_or(usize::MAX);
    let small = |setting| u32::try_from(loaded.integer(setting)).unwrap_or(u32::MAX);
    OpenOptions {
        store: StoreOptions {
            scan_max: loaded.integer(&table::SCAN_MAX),
            page_bytes_max: usize::try_from(loaded.size(&table::PAGE_BYTES)).unwrap_or(usize::MAX),
            batch_operations_max: count(&table::BATCH_OPERATIONS_MAX),
            changes_page_max: small(&table::CHANGES_PAGE_MAX),
        },
        retention: Retention {
            changes: loaded.duration(&table::CHANGES_KEEP_FOR),
            changes_max: loaded.integer(&table::CHANGES_KEEP_COUNT),
            idempotency: loaded.duration(&table::IDEMPOTENCY_KEEP_FOR),
        },
        sqlite: SqliteOptions {
            sync_every_commit: loaded.text(&table::SQLITE_SYNCHRONOUS) == Some("full"),
            cache_bytes: loaded.size(&table::SQLITE_CACHE),
        },
        postgres: PostgresOptions {
            pool_size: loaded.optional_integer(&table::POSTGRES_POOL_SIZE),
            pgbouncer: loaded.is_on(&table::POSTGRES_PGBOUNCER),
        },
        remote: JournalOptions { deadline: loaded.duration(&table::DATABASE_DEADLINE) },
    }
}

/// Those of the file, and the unique ones of its schemas.
fn indexes(
    loaded: &Loaded,
    schemas: &HashMap<CollectionName, Schema>,
) -> Result<Vec<DeclaredIndex>, Failure> {
    let declared = loaded.indexes.iter().map(|(collection, fields, origin)| {
        let wrong = |reason: String| {
            Failure::usage(format!(
                "{origin}: index {fields:?} of collection {collection}: {reason}"
            ))
            .hint("write one to three fields, as in \"status\" or \"customer.id,-created_at\"")
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        let definition =
            IndexDefinition::parse(fields).map_err(|error| wrong(error.to_string()))?;
        if definition.is_age() {
            return Err(wrong("it is made by the setting expires".to_owned()));
        }
        Ok(DeclaredIndex { collection: name, definition })
    });
    let unique = schemas.iter().flat_map(|(name, schema)| {
        let of_one = |definition| Ok(DeclaredIndex { collection: name.clone(), definition });
        schema.unique_indexes().into_iter().map(of_one)
    });
    declared.chain(unique).collect()
}

fn rules(loaded: &Loaded) -> Result<RuleBook, Failure> {
    let mut book = RuleBook::default();
    for (name, rules, origin) in &loaded.rules {
        let wrong = |error| Failure::usage(format!("{origin}: collection {name}: {error}"));
        book = book.with(CollectionName::new(name).map_err(wrong)?, rules.clone());
    }
    Ok(book)
}

fn terms(loaded: &Loaded) -> Result<BTreeMap<CollectionName, Terms>, Failure> {
    let mut all = BTreeMap::<_, Terms>::new();
    for (collection, term, origin) in &loaded.terms {
        let wrong = |reason: String| {
            Failure::usage(format!("{origin}: terms of collection {collection}: {reason}"))
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        if name.as_str() == SCHEMAS_COLLECTION {
            return Err(wrong("the name is taken: the service keeps schemas there".to_owned()));
        }
        let terms = all.entry(name).or_default();
        match term {
            Term::Expires(span) => terms.expires = Some(*span),
            Term::Changes(told) => terms.changes = *told,
        }
    }
    Ok(all)
}

/// The pages of the app folder, when it has any.
fn pages(loaded: &Loaded) -> Option<PagesConfig> {
    let (folder, single_page) = (loaded.app.clone(), loaded.is_on(&table::PAGES_SINGLE_PAGE));
    let pages = PagesConfig { folder, single_page };
    (pages.has_index() || pages.folder.join("public").is_dir()).then_some(pages)
}

/// The declared collections, as their callers see them.
fn collections(
    loaded: &Loaded,
    schemas: &HashMap<CollectionName, Schema>,
) -> Result<Vec<AppCollection>, Failure> {
    let declared = loaded.collections.iter().map(|(name, shown, origin)| {
        let wrong =
            |reason: String| Failure::usage(format!("{origin}: collection {name}: {reason}"));
        let name = CollectionName::new(name).map_err(|error| wrong(error.to_string()))?;
        if name.as_str().starts_with(SYSTEM_PREFIX) {
            let reason = format!("names with {SYSTEM_PREFIX} are those of the service");
            return Err(wrong(reason));
        }
        let schema = schemas.get(&name).cloned();
        let is_declared = |field: &str| schema.as_ref().is_none_or(|it| it.field(field).is_some());
        if let Some((key, field)) = shown.undeclared(is_declared) {
            let fields = schema.iter().flat_map(|it| it.fields()).filter_map(|field| field.name());
            let meant = most_similar(field, fields);
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            return Err(wrong(format!("{key} names {field:?}, which is no declared field{meant}")));
        }
        let usual = AppCollection::new(name);
        Ok(AppCollection {
            item: shown.event.clone().unwrap_or_else(|| usual.item.clone()),
            schema,
            order: shown.order.clone().unwrap_or_default(),
            page_size: shown.page_size,
            create: shown.create.clone(),
            update: shown.update.clone(),
            timestamp: shown.timestamp.clone(),
            as_number: shown.as_number.clone().unwrap_or_default(),
            texts: shown.texts.clone(),
            ..usual
        })
    });
    declared.collect()
}

/// Reads the files of schemas.
fn schemas(loaded: &Loaded) -> Result<HashMap<CollectionName, Schema>, Failure> {
    let declared = loaded.schemas.iter().map(|(collection, path, origin)| {
        let path = in_folder(&loaded.base_of(origin), path);
        let wrong = |reason: String| {
            let path = path.display();
            Failure::usage(format!("{origin}: schema {path} of collection {collection}: {reason}"))
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        if name.as_str() == SCHEMAS_COLLECTION {
            return Err(wrong("the name is taken: the service keeps schemas there".to_owned()));
        }
        let text = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
        let schema = Schema::declared(&text).map_err(|error| wrong(error.to_string()))?;
        Ok((name, schema))
    });
    let fields = loaded.fields.iter().map(|(collection, schema, origin)| {
        let wrong = |reason: String| {
            Failure::usage(format!("{origin}: fields of collection {collection}: {reason}"))
        };
        let name = CollectionName::new(collection).map_err(|error| wrong(error.to_string()))?;
        let schema =
            Schema::declared(schema.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        Ok((name, schema))
    });
    declared.chain(fields).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::load::{Given, load},
        *,
    };

    fn check(app: &str, variables: &[(&str, &str)]) -> Result<Config, Failure> {
        let given = Given { app: app.into(), ..Given::default() };
        let variables: Vec<_> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        load(&given, &variables).and_then(|loaded| Config::new(&loaded))
    }

    #[test]
    fn defaults_are_those_of_the_store() {
        let config = check(".", &[]).unwrap();
        let expected = OpenOptions::default();
        assert_eq!(config.options.store, expected.store);
        assert_eq!(config.options.retention, expected.retention);
        assert_eq!(config.options.sqlite, expected.sqlite);
        assert_eq!(config.options.postgres, expected.postgres);
        let loaded = load(&Given { app: ".".into(), ..Given::default() }, &[]).unwrap();
        let server = server_config(&loaded, &config).unwrap();
        // Where files are is a folder of this app.
        assert!(server.files.is_some());
        let licences = LicenceOptions { sealer: None, ..server.licences.clone() };
        let accounts = AccountOptions { sealer: None, ..server.accounts.clone() };
        let server = ServerConfig { files: None, licences, accounts, sealer: None, ..server };
        assert_eq!(format!("{server:?}"), format!("{:?}", ServerConfig::default()));
        assert_eq!((config.host.as_str(), config.port, config.open), ("127.0.0.1", 8002, false));
    }

    #[test]
    fn records_are_found_in_order_of_the_settings() {
        let postgres = "postgres://u:p@h/d";
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[], "sqlite://app/data/isobase.db"),
            (&[("ISOBASE_DATA", "/d")], "sqlite:///d/isobase.db"),
            (&[("ISOBASE_DATA", "d")], "sqlite://d/isobase.db"),
            (&[("DATABASE_URL", "sqlite:///a.db")], "sqlite:///a.db"),
            (&[("DATABASE_URL", postgres)], "postgres://u:***@h/d"),
            (&[("DATABASE_URL", postgres), ("DATABASE_PROVIDER", "memory")], "memory:"),
            (
                &[("DATABASE_URL", postgres), ("DATABASE_PROVIDER", "sqlite")],
                "sqlite://app/data/isobase.db",
            ),
            (
                &[("DATABASE_URL", postgres), ("DATABASE_PROVIDER", "postgres")],
                "postgres://u:***@h/d",
            ),
            (&[("DATABASE_PROVIDER", "sqlite"), ("RECORDS_URL", "memory:")], "memory:"),
            (
                &[
                    ("DATABASE_PROVIDER", "CouchDB"),
                    ("COUCHDB_URL", "http://couchdb:5984/"),
                    ("COUCHDB_USER", "admin"),
                    ("COUCHDB_PASSWORD", "hush"),
                ],
                "couchdb://admin:***@couchdb:5984",
            ),
            (&[("DATABASE_PROVIDER", "dynamodb")], "dynamodb://us-east-1/"),
            (&[("DATABASE_PROVIDER", "firestore")], "firestore:///(default)"),
        ];
        for (variables, url) in cases {
            let config = check("app", variables).unwrap();
            assert_eq!(config.records.to_string(), *url, "{variables:?}");
        }
    }

    #[test]
    fn wrong_databases_are_named() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("DATABASE_PROVIDER", "xyz")], "Unknown database provider: xyz"),
            (
                &[("DATABASE_PROVIDER", "postgres")],
                "DATABASE_URL must be set for postgres provider",
            ),
            (
                &[("DATABASE_PROVIDER", "couchdb"), ("COUCHDB_USER", "u")],
                "COUCHDB_URL, COUCHDB_USER, and COUCHDB_PASSWORD must be set for couchdb provider; \
                 missing: COUCHDB_URL, COUCHDB_PASSWORD",
            ),
            (&[("RECORDS_URL", "posgres://h")], "did you mean postgres?"),
            (&[("DATABASE_URL", "http://h")], "(env DATABASE_URL): no engine has URLs"),
            (&[("HOST", "127.0.0.1:80")], "(env HOST), expected an address"),
        ];
        for (variables, message) in cases {
            let text = check(".", variables).unwrap_err().to_string();
            assert!(text.contains(message), "{text}");
        }
    }
}
