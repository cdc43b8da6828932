//! The service: its bounds and deadlines, who may reach it, and what it logs.

use isobase_auth::AccountOptions;
use isobase_server::{
    Durability, HttpConfig, IpNet, LeftOut, LiveConfig, LiveOptions, OpenTo, OwnRequestOptions,
    RequestOptions, ServerConfig, parse_network,
};

use super::{
    super::{
        load::Loaded,
        log_format::LogFormat,
        table::{
            ADMIN_ADDRESSES, ALLOWED_HOSTS, BODY_BYTES, BODY_DEADLINE, BODY_IDLE_DEADLINE,
            CONNECTIONS_MAX, CORS_ORIGINS, EVENTS_PING, HEADER_BYTES, HEADER_DEADLINE,
            INTERNAL_API_KEY, KEEP_ALIVE_DEADLINE, LOG, LOG_FORMAT, REQUEST_DEADLINE,
            REQUESTS_BODY_CHARACTERS, REQUESTS_HEALTH_CHECKS, REQUESTS_OWN, REQUESTS_OWN_RATE,
            REQUESTS_RETENTION, REQUESTS_SEARCH_BUDGET, STOP_DEADLINE, STREAM_BODY_BYTES,
            STREAM_IDLE_DEADLINE, TRUSTED_PROXIES, URI_BYTES, WEBHOOKS_PRIVATE,
            WRITE_IDLE_DEADLINE,
        },
    },
    Config,
    accounts::{account_options, sealer},
    licences::licence_options,
};
use crate::failure::Failure;

/// The configuration of the service.
///
/// # Errors
/// Names a setting that cannot be.
pub(crate) fn server_config(loaded: &Loaded, config: &Config) -> Result<ServerConfig, Failure> {
    #[cfg(not(feature = "toolkit"))]
    if super::has_sql(loaded) {
        let message = "setting sql.url: this executable was built without the SQL toolkit";
        return Err(Failure::usage(message).hint("build it with the feature toolkit"));
    }
    Ok(ServerConfig {
        http: http(loaded, config),
        page_size_max: config.page_size_max,
        durability: durability(config),
        licences: licence_options(loaded, config)?,
        requests: RequestOptions {
            body_characters_max: loaded.get(&REQUESTS_BODY_CHARACTERS),
            search_budget: loaded.get(&REQUESTS_SEARCH_BUDGET),
            retention: Some(loaded.get(&REQUESTS_RETENTION)),
            health_checks: health_checks(loaded),
        },
        own_requests: OwnRequestOptions {
            which: loaded.get(&REQUESTS_OWN),
            per_second_max: loaded.get(&REQUESTS_OWN_RATE),
        },
        live: LiveConfig {
            topics: Vec::new(),
            options: LiveOptions { ping: loaded.get(&EVENTS_PING), ..LiveOptions::default() },
        },
        accounts: AccountOptions {
            sealer: Some(sealer(loaded, config)),
            ..account_options(loaded)
        },
        files: Some(config.files.clone()),
        sealer: Some(sealer(loaded, config)),
        collections: config.collections.clone(),
        pages: config.pages.clone(),
        admin_addresses: networks(&loaded.get(&ADMIN_ADDRESSES)),
        #[cfg(feature = "toolkit")]
        sql: super::sql::sql_options(loaded, config)?,
        ..ServerConfig::default()
    })
}

/// Requests that only ask whether a service is alive.
fn health_checks(loaded: &Loaded) -> Vec<LeftOut> {
    let endpoints: Vec<String> = loaded.get(&REQUESTS_HEALTH_CHECKS);
    endpoints.iter().map(|endpoint| LeftOut::parse(endpoint)).collect()
}

/// Bounds and deadlines of requests, and whose they are taken.
fn http(loaded: &Loaded, config: &Config) -> HttpConfig {
    HttpConfig {
        public_url: config.public_url.clone(),
        body_bytes_max: loaded.get(&BODY_BYTES),
        stream_body_bytes_max: loaded.get(&STREAM_BODY_BYTES),
        header_timeout: loaded.get(&HEADER_DEADLINE),
        body_idle_timeout: loaded.get(&BODY_IDLE_DEADLINE),
        body_timeout: loaded.get(&BODY_DEADLINE),
        keep_alive_timeout: loaded.get(&KEEP_ALIVE_DEADLINE),
        // It costs nothing to wait for it: no setting.
        rest_timeout: HttpConfig::default().rest_timeout,
        write_idle_timeout: loaded.get(&WRITE_IDLE_DEADLINE),
        request_timeout: loaded.get(&REQUEST_DEADLINE),
        stream_idle_timeout: loaded.get(&STREAM_IDLE_DEADLINE),
        stop_timeout: loaded.get(&STOP_DEADLINE),
        connections_max: loaded.get(&CONNECTIONS_MAX),
        header_bytes_max: loaded.get(&HEADER_BYTES),
        uri_bytes_max: loaded.get(&URI_BYTES),
        cors_origins: loaded.get(&CORS_ORIGINS),
        open_to: if config.open { OpenTo::Everyone } else { OpenTo::Loopback },
        allowed_hosts: loaded.get(&ALLOWED_HOSTS),
        trusted_proxies: networks(&loaded.get(&TRUSTED_PROXIES)),
    }
}

/// They were checked when they were read.
fn networks(texts: &[String]) -> Vec<IpNet> {
    texts.iter().filter_map(|network| parse_network(network)).collect()
}

/// The failures that an answered write survives.
fn durability(config: &Config) -> Durability {
    let is_synced = config.records.file().is_none() || config.options.sqlite.sync_every_commit;
    match (config.records.is_kept(), is_synced) {
        (false, _) => Durability::None,
        (true, false) => Durability::Relaxed,
        (true, true) => Durability::Full,
    }
}

/// Most connections at a time.
pub(crate) fn connections_max(loaded: &Loaded) -> usize {
    loaded.get(&CONNECTIONS_MAX)
}

/// The key with all rights, if it is set.
pub(crate) fn internal_api_key(loaded: &Loaded) -> Option<&str> {
    loaded.find(&INTERNAL_API_KEY).map(String::as_str)
}

/// Whether webhooks may lead to addresses within.
pub(crate) fn webhooks_private(loaded: &Loaded) -> bool {
    loaded.get(&WEBHOOKS_PRIVATE)
}

/// Which levels are logged.
pub(crate) fn log_filter(loaded: &Loaded) -> String {
    loaded.get(&LOG)
}

/// How the log is written.
pub(crate) fn log_format(loaded: &Loaded) -> LogFormat {
    loaded.get(&LOG_FORMAT)
}
