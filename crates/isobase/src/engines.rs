//! The engines that this version knows.

/// An engine, as far as its URL tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its name, which is also the name of a cargo feature for it alone.
    pub name: &'static str,
    /// The cargo feature that brings it into a build with the default features.
    pub feature: &'static str,
    /// The schemes of its URLs.
    pub schemes: &'static [&'static str],
    /// How its URLs look.
    pub url: &'static str,
    /// Whether this build has it.
    pub compiled: bool,
    /// Its purpose.
    pub about: &'static str,
}

/// Every engine this version knows, compiled or not.
pub const ENGINES: &[EngineInfo] = &[
    EngineInfo {
        name: "memory",
        feature: "memory",
        schemes: &["memory"],
        url: "memory:",
        compiled: cfg!(feature = "memory"),
        about: "everything in memory, gone with the process: for tests and trials",
    },
    EngineInfo {
        name: "sqlite",
        feature: "sqlite",
        schemes: &["sqlite"],
        url: "sqlite://data/isobase.db",
        compiled: cfg!(feature = "sqlite"),
        about: "one embedded SQLite file, the default: one service, no set-up",
    },
    EngineInfo {
        name: "postgres",
        feature: "postgres",
        schemes: &["postgres", "postgresql"],
        url: "postgres://user:password@host:5432/database",
        compiled: cfg!(feature = "postgres"),
        about: "a PostgreSQL database, 13 or newer: also for several services at once",
    },
    EngineInfo {
        name: "couchdb",
        feature: "couchdb",
        schemes: &["couchdb", "couchdb+http", "couchdb+https"],
        url: "couchdb://user:password@host:5984/prefix",
        compiled: cfg!(feature = "couchdb"),
        about: "Apache CouchDB: each collection a database, legible to every other client",
    },
    EngineInfo {
        name: "dynamodb",
        feature: "cloud",
        schemes: &["dynamodb"],
        url: "dynamodb://region/prefix",
        compiled: cfg!(feature = "dynamodb"),
        about: "Amazon DynamoDB: each collection a table",
    },
    EngineInfo {
        name: "firestore",
        feature: "cloud",
        schemes: &["firestore"],
        url: "firestore://project/database",
        compiled: cfg!(feature = "firestore"),
        about: "Google Cloud Firestore in native mode: each collection a collection",
    },
];

/// The names of all providers.
#[must_use]
pub fn providers() -> Vec<&'static str> {
    ENGINES.iter().map(|engine| engine.name).collect()
}
