//! Settings as the rest of the program uses them, by subject.

mod accounts;
mod backups;
mod collections;
mod database;
mod licences;
mod service;
mod sql;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    path::PathBuf,
    time::Duration,
};

use isobase::{
    Location, OpenOptions,
    store::{RuleBook, Schema, Terms},
    types::CollectionName,
};
use isobase_server::{AppCollection, FilesOptions, PagesConfig, Shelf};

pub(crate) use accounts::{account_options, first_owner, mail_server, sealer};
pub(crate) use backups::{audit_keep, backups, schedule};
pub(crate) use collections::DeclaredIndex;
pub(crate) use licences::{licence_options, licence_source};
pub(crate) use service::{
    connections_max, internal_api_key, log_filter, log_format, server_config, webhooks_private,
};
pub(crate) use sql::has_sql;

use super::{
    load::Loaded,
    mentions,
    origin::Origin,
    table::{
        BACKUPS_FILES, CHANGES_BODIES_OF, DATA, HOST, OPEN, PAGE_SIZE_MAX, PAGES_SINGLE_PAGE, PORT,
        PUBLIC_URL, RECONCILE_EVERY,
    },
    uploads::{BucketSettings, files_options},
};
use crate::failure::{Failure, Problem};
use backups::backups_remote;
use collections::{collections, indexes, rules, schemas, terms};
use database::{open_options, records};

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
    /// The origin of the setting that decided on it.
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
    /// How often to look for what other programs wrote; `None` for never.
    pub(crate) reconcile_every: Option<Duration>,
    /// The access rules of declared collections. Actions without a rule are closed; the service
    /// opens them where that is safe.
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
    /// Where good backups are copied, too.
    pub(crate) backups_remote: Option<Shelf>,
}

impl Config {
    /// Takes the settings together and checks what concerns several of them.
    ///
    /// # Errors
    /// Names the setting, its origin and what was expected.
    pub(crate) fn new(loaded: &Loaded) -> Result<Self, Failure> {
        let data = loaded.path(&DATA);
        if data.is_file() {
            let reason = format!("{} is a file, expected a folder", data.display());
            let hint = "a database file is named by DATABASE_URL=sqlite://path";
            return Err(loaded.wrong(&DATA, reason).hint(hint));
        }
        let (records, records_origin) = records(loaded, &data)?;
        let schemas = schemas(loaded)?;
        let buckets = BucketSettings::new(loaded);
        Ok(Self {
            files: files_options(loaded, &data, &buckets)?,
            backups_remote: backups_remote(loaded, &buckets)?,
            buckets,
            backup_files: loaded.get(&BACKUPS_FILES),
            host: host(loaded)?,
            port: loaded.get(&PORT),
            open: loaded.get(&OPEN),
            public_url: loaded.find(&PUBLIC_URL).cloned(),
            data,
            records,
            records_origin,
            page_size_max: loaded.get(&PAGE_SIZE_MAX),
            options: open_options(loaded),
            indexes: indexes(loaded, &schemas)?,
            // They were checked when they were read.
            bodies_of: loaded
                .get(&CHANGES_BODIES_OF)
                .iter()
                .filter_map(|name| CollectionName::new(name).ok())
                .collect(),
            terms: terms(loaded)?,
            rules: rules(loaded)?,
            collections: collections(loaded, &schemas)?,
            pages: pages(loaded),
            schemas,
            reconcile_every: Some(loaded.get(&RECONCILE_EVERY)).filter(|every| !every.is_zero()),
        })
    }

    /// Names in the file that nothing declares: most likely they are misspelt.
    pub(crate) fn undeclared(&self, loaded: &Loaded) -> Vec<Problem> {
        let declared: Vec<&str> = self.collections.iter().map(|it| it.name.as_str()).collect();
        mentions::undeclared(&loaded.mentions, &self.schemas, &declared)
    }
}

fn host(loaded: &Loaded) -> Result<String, Failure> {
    let host = loaded.get(&HOST);
    // Names are resolved when the service listens; what cannot be one is refused now.
    let is_name = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    if host.parse::<IpAddr>().is_ok() || is_name(&host) {
        return Ok(host);
    }
    let origin = loaded.origin(&HOST);
    let failure = Failure::usage(format!(
        "setting host is {host:?} ({origin}), expected an address such as 127.0.0.1, ::1 or \
         0.0.0.0"
    ));
    Err(if host.contains(':') { failure.hint("the port is a setting of its own") } else { failure })
}

/// The pages of the app folder, when it has any.
fn pages(loaded: &Loaded) -> Option<PagesConfig> {
    let (folder, single_page) = (loaded.app.clone(), loaded.get(&PAGES_SINGLE_PAGE));
    let pages = PagesConfig { folder, single_page };
    (pages.has_index() || pages.folder.join("public").is_dir()).then_some(pages)
}

#[cfg(test)]
mod tests {
    use isobase_auth::AccountOptions;
    use isobase_licences::LicenceOptions;
    use isobase_server::ServerConfig;

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
