//! Which crate may use which: the arrows of ARCHITECTURE.md.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Each crate of the product, and the crates of the workspace it may use.
/// Dependencies of tests are free.
const ARROWS: &[(&str, &[&str])] = &[
    ("isobase-types", &[]),
    ("isobase-engine", &["isobase-types"]),
    ("isobase-writer", &[]),
    ("isobase-schema", &["isobase-engine"]),
    ("isobase-store", &["isobase-types", "isobase-engine", "isobase-schema"]),
    ("isobase-sqlite", &["isobase-writer"]),
    ("isobase-postgres", &[]),
    ("isobase-engine-memory", &["isobase-types", "isobase-engine"]),
    (
        "isobase-engine-sqlite",
        &["isobase-types", "isobase-engine", "isobase-sqlite", "isobase-writer"],
    ),
    (
        "isobase-engine-postgres",
        &["isobase-types", "isobase-engine", "isobase-postgres", "isobase-writer"],
    ),
    ("isobase-journal", &["isobase-types", "isobase-engine", "isobase-writer"]),
    ("isobase-engine-couchdb", &["isobase-types", "isobase-engine", "isobase-journal"]),
    ("isobase-engine-dynamodb", &["isobase-types", "isobase-engine", "isobase-journal"]),
    ("isobase-engine-firestore", &["isobase-types", "isobase-engine", "isobase-journal"]),
    // The pauses between two tries are the writer's.
    ("isobase-ops", &["isobase-types", "isobase-engine", "isobase-writer"]),
    // For people's own databases: the only one that is not over the contract.
    ("isobase-sql", &["isobase-sqlite", "isobase-postgres"]),
    (
        "isobase-conformance",
        // The client makes the REST API one more engine of the suite.
        &[
            "isobase-types",
            "isobase-engine",
            "isobase-store",
            "isobase-engine-memory",
            "isobase-client",
            // It knows whether a run has time.
            "isobase-testkit",
        ],
    ),
    // The pauses between two attempts are the writer's, also in what follows.
    ("isobase-auth", &["isobase-types", "isobase-store", "isobase-writer"]),
    ("isobase-live", &["isobase-types", "isobase-store", "isobase-writer"]),
    ("isobase-files", &["isobase-types", "isobase-store"]),
    // It seals keys as accounts seal their secrets.
    ("isobase-licences", &["isobase-types", "isobase-store", "isobase-auth", "isobase-writer"]),
    ("isobase-requests", &["isobase-types", "isobase-store", "isobase-writer"]),
    ("isobase-webhooks", &["isobase-types", "isobase-store", "isobase-auth", "isobase-writer"]),
    // Whole databases, which it reads below the store.
    (
        "isobase-jobs",
        &["isobase-types", "isobase-engine", "isobase-store", "isobase-auth", "isobase-ops"],
    ),
    // Our HTTP knows no feature.
    ("isobase-http", &[]),
    (
        "isobase-server",
        &[
            "isobase-types",
            "isobase-engine",
            "isobase-store",
            "isobase-auth",
            "isobase-live",
            "isobase-files",
            "isobase-licences",
            "isobase-requests",
            "isobase-jobs",
            "isobase-webhooks",
            "isobase-writer",
            "isobase-http",
            "isobase-admin",
            // The database of the SQL screens, which is no engine.
            "isobase-sql",
        ],
    ),
    // The files of a site, and nothing that could ask for anything.
    ("isobase-admin", &[]),
    ("isobase-client", &["isobase-types"]),
    (
        "isobase",
        // It turns options into those of the connection layers; no one else above may.
        &[
            "isobase-types",
            "isobase-engine",
            "isobase-store",
            "isobase-engine-memory",
            "isobase-engine-sqlite",
            "isobase-engine-postgres",
            "isobase-sqlite",
            "isobase-postgres",
            "isobase-journal",
            "isobase-engine-couchdb",
            "isobase-engine-dynamodb",
            "isobase-engine-firestore",
            "isobase-ops",
        ],
    ),
    (
        "isobase-cli",
        &[
            "isobase-types",
            "isobase-engine",
            "isobase-store",
            "isobase-ops",
            "isobase-writer",
            "isobase-auth",
            "isobase-licences",
            "isobase-jobs",
            "isobase-webhooks",
            "isobase-server",
            "isobase-client",
            "isobase",
            // An import reads tables of another program.
            "isobase-postgres",
            "isobase-sql",
        ],
    ),
    ("isobase-testkit", &[]),
];

/// Crates for development only: they may use anything.
const DEVELOPMENT: [&str; 2] = ["xtask", "isobase-testkit"];

/// Outside crates that only some of ours may use, and why the others may not.
const RESERVED: [(&[&str], &[&str], &str); 8] = [
    (
        &[
            "axum",
            "hyper",
            "hyper-util",
            "http",
            "http-body",
            "http-body-util",
            "tower",
            "tower-http",
        ],
        &[
            "isobase-http",
            "isobase-server",
            "isobase-client",
            "isobase-cli",
            "isobase-conformance",
            // Their databases are reached over HTTP.
            "isobase-engine-couchdb",
            "isobase-engine-dynamodb",
            "isobase-engine-firestore",
        ],
        "only our HTTP, the server, its client, the executable and engines over HTTP know HTTP",
    ),
    (&["axum"], &["isobase-http"], "only the server has routes"),
    (
        &["clap", "clap_complete", "clap_mangen"],
        &["isobase-cli"],
        "only the executable knows the process",
    ),
    (
        &["rusqlite", "libsqlite3-sys"],
        &[
            "isobase-sqlite",
            "isobase-engine-sqlite",
            // Imports read files of other programs, and the keys of former versions: no databases
            // of ours.
            "isobase-cli",
        ],
        "SQLite is used through its connection layer",
    ),
    (
        &["tokio-postgres", "deadpool-postgres"],
        &["isobase-postgres", "isobase-engine-postgres"],
        "PostgreSQL is used through its connection layer",
    ),
    (
        &["reqwest"],
        &["isobase-engine-couchdb", "isobase-cli"],
        "it is the client of CouchDB, and of providers that people sign in with",
    ),
    (
        &["aws-config", "aws-sdk-dynamodb", "aws-smithy-http-client"],
        &["isobase-engine-dynamodb"],
        "it is the client of DynamoDB",
    ),
    (
        &["tonic", "googleapis-tonic-google-firestore-v1"],
        &["isobase-engine-firestore"],
        "it is the client of Firestore",
    ),
];

/// For each crate of the workspace, what it uses outside of tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    packages.iter().map(|package| (name(package), used_by(package))).collect()
}

fn used_by(package: &Value) -> Vec<String> {
    let all = package["dependencies"].as_array().expect("a package lists dependencies");
    all.iter().filter(|dependency| dependency["kind"] != "dev").map(name).collect()
}

fn name(value: &Value) -> String {
    value["name"].as_str().expect("it has a name").to_owned()
}

#[test]
fn every_crate_keeps_its_arrows() {
    let dependencies = dependencies();
    let ours = |name: &str| dependencies.contains_key(name);
    let mut wrong = Vec::new();
    for (package, used) in dependencies.iter().filter(|(package, _)| *package != "xtask") {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == package) else {
            wrong.push(format!("{package} has no line in ARROWS"));
            continue;
        };
        let ours = used.iter().filter(|name| ours(name) && !allowed.contains(&name.as_str()));
        wrong.extend(ours.map(|name| format!("{package} may not use {name}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_arrow_belongs_to_a_crate() {
    let dependencies = dependencies();
    let unknown: Vec<_> =
        ARROWS.iter().filter(|(name, _)| !dependencies.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "no such crates: {unknown:?}");
}

#[test]
fn outside_crates_stay_in_their_layer() {
    let mut wrong = Vec::new();
    let dependencies = dependencies();
    let product = dependencies.iter().filter(|(name, _)| !DEVELOPMENT.contains(&name.as_str()));
    for (package, used) in product {
        for (reserved, allowed, reason) in RESERVED {
            let misused = used.iter().filter(|name| reserved.contains(&name.as_str()));
            if !allowed.contains(&package.as_str()) {
                wrong.extend(misused.map(|name| format!("{package} uses {name}: {reason}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
