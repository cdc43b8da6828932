//! What `cargo xtask test` hands to every test.

use std::{env, path::PathBuf};

/// Holds the URL of the shared PostgreSQL of the suite.
pub const POSTGRES_URL_VARIABLE: &str = "ISOBASE_TEST_POSTGRES_URL";
/// Holds PostgreSQL servers by major version, as `13=postgres://…,18=postgres://…`.
pub const POSTGRES_VERSIONS_VARIABLE: &str = "ISOBASE_TEST_POSTGRES_VERSIONS";
/// Holds the folder of `postgres` and `initdb`.
pub const POSTGRES_BIN_VARIABLE: &str = "ISOBASE_TEST_POSTGRES_BIN";
/// Holds the URL of a server that speaks DynamoDB's protocol.
pub const DYNAMODB_URL_VARIABLE: &str = "ISOBASE_TEST_DYNAMODB_URL";
/// Holds the URL of a server that speaks CouchDB's protocol.
pub const COUCHDB_URL_VARIABLE: &str = "ISOBASE_TEST_COUCHDB_URL";
/// Holds the Firestore emulators, as `mock=127.0.0.1:PORT,google=127.0.0.1:PORT`.
pub const FIRESTORE_HOSTS_VARIABLE: &str = "ISOBASE_TEST_FIRESTORE_HOSTS";
/// Holds the folder of the npm packages that the suite fetches.
pub const NPM_PACKAGES_VARIABLE: &str = "ISOBASE_TEST_NPM_PACKAGES";
/// Holds the folder of the public JSON Schema test suite.
pub const SCHEMA_SUITE_VARIABLE: &str = "ISOBASE_TEST_SCHEMA_SUITE";
/// Holds the program of a Chromium.
pub const CHROMIUM_VARIABLE: &str = "ISOBASE_TEST_CHROMIUM";
/// Holds the folder of the npm packages that drive it.
pub const BROWSER_PACKAGES_VARIABLE: &str = "ISOBASE_TEST_BROWSER_PACKAGES";
/// Holds the folder of the npm packages that send uploads.
pub const UPLOAD_PACKAGES_VARIABLE: &str = "ISOBASE_TEST_UPLOAD_PACKAGES";
/// Holds the folder of the PyPI packages that send and take uploads, for `PYTHONPATH`.
pub const PYTHON_PACKAGES_VARIABLE: &str = "ISOBASE_TEST_PYTHON_PACKAGES";
/// Holds the folder of the npm packages of clients that the suite runs.
pub const CLIENT_PACKAGES_VARIABLE: &str = "ISOBASE_TEST_CLIENT_PACKAGES";
/// Holds a Python with the packages of clients that the suite runs.
pub const CLIENT_PYTHON_VARIABLE: &str = "ISOBASE_TEST_CLIENT_PYTHON";
/// Holds the folder of the npm packages that read the OpenAPI document.
pub const OPENAPI_PACKAGES_VARIABLE: &str = "ISOBASE_TEST_OPENAPI_PACKAGES";
/// Holds a Python with the packages that read the OpenAPI document.
pub const OPENAPI_PYTHON_VARIABLE: &str = "ISOBASE_TEST_OPENAPI_PYTHON";
/// Holds the program promtool.
pub const PROMTOOL_VARIABLE: &str = "ISOBASE_TEST_PROMTOOL";
/// Holds the program of an nginx.
pub const NGINX_VARIABLE: &str = "ISOBASE_TEST_NGINX";
/// When `1`, a test that lacks what it needs fails instead of stepping aside.
pub const REQUIRE_ALL_VARIABLE: &str = "ISOBASE_TEST_REQUIRE_ALL";

/// When `1`, tests try every combination and the large sizes: `cargo xtask soak`.
pub const SOAK_VARIABLE: &str = "ISOBASE_TEST_SOAK";

/// Whether this run has time: more races, larger copies, every combination on every engine.
pub fn is_soak() -> bool {
    env::var(SOAK_VARIABLE).is_ok_and(|value| value == "1")
}

/// Whether every test must really run.
pub fn require_all() -> bool {
    env::var(REQUIRE_ALL_VARIABLE).is_ok_and(|value| value == "1")
}

/// The shared PostgreSQL of the suite, `postgres://postgres@127.0.0.1:PORT/postgres`.
///
/// `None` when there is none, and the test is not to run. Its durability is off:
/// a test that kills the server takes its own [`TestPostgres`](crate::TestPostgres).
///
/// # Panics
/// When there is none although every test must run: a test that is not run
/// must not look like one that passed.
pub fn postgres_url() -> Option<String> {
    shared(POSTGRES_URL_VARIABLE)
}

/// A shared PostgreSQL of the oldest version that we are made for, else the suite's own.
///
/// # Panics
/// As [`postgres_url`].
pub fn oldest_postgres_url() -> Option<String> {
    version_url(|urls| urls.first().cloned())
}

/// A shared PostgreSQL of the newest version that we are made for, else the suite's own.
///
/// # Panics
/// As [`postgres_url`].
pub fn newest_postgres_url() -> Option<String> {
    version_url(|urls| urls.last().cloned())
}

/// The servers are told in the order of their versions.
fn version_url(choose: impl Fn(&[String]) -> Option<String>) -> Option<String> {
    let list = env::var(POSTGRES_VERSIONS_VARIABLE).unwrap_or_default();
    let urls: Vec<String> =
        list.split(',').filter_map(|server| Some(server.split_once('=')?.1.to_owned())).collect();
    assert!(!urls.is_empty() || !require_all(), "{POSTGRES_VERSIONS_VARIABLE} names no server");
    choose(&urls).or_else(postgres_url)
}

/// The shared DynamoDB of the suite, `http://127.0.0.1:PORT`. Any credentials and
/// any region do.
///
/// `None` when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn dynamodb_url() -> Option<String> {
    shared(DYNAMODB_URL_VARIABLE)
}

/// The shared CouchDB of the suite, `http://127.0.0.1:PORT`. It asks for no
/// credentials.
///
/// `None` when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn couchdb_url() -> Option<String> {
    shared(COUCHDB_URL_VARIABLE)
}

/// A running Firestore emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirestoreHost {
    /// `mock`, which every machine has, or `google`, which few have.
    pub name: String,
    /// Where it listens for gRPC without TLS, such as `127.0.0.1:8080`.
    pub host: String,
}

/// The shared Firestore emulators of the suite: `mock` first, and `google` where it
/// is installed. What holds for one must hold for each.
///
/// Empty when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`], and when the variable has another form.
pub fn firestore_hosts() -> Vec<FirestoreHost> {
    shared(FIRESTORE_HOSTS_VARIABLE).map_or_else(Vec::new, |list| hosts_of(&list))
}

/// The folder of the npm packages that `tests/emulators/package.json` names, among them public
/// test suites of formats.
///
/// `None` when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn npm_packages() -> Option<PathBuf> {
    shared(NPM_PACKAGES_VARIABLE).map(PathBuf::from)
}

/// The folder of the public JSON Schema test suite.
///
/// `None` when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn schema_suite() -> Option<PathBuf> {
    shared(SCHEMA_SUITE_VARIABLE).map(PathBuf::from)
}

/// A browser of the suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Browser {
    /// The program of a Chromium, by name or path.
    pub program: PathBuf,
    /// The folder of the npm packages that `tests/browser/package.json` names.
    pub packages: PathBuf,
}

/// The browser of the suite.
///
/// `None` when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn browser() -> Option<Browser> {
    let (program, packages) = (shared(CHROMIUM_VARIABLE)?, shared(BROWSER_PACKAGES_VARIABLE)?);
    Some(Browser { program: program.into(), packages: packages.into() })
}

/// Clients of uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPackages {
    /// The folder of the npm packages that `tests/uploads/package.json` names.
    pub npm: PathBuf,
    /// The folder of the PyPI packages that `tests/uploads/requirements.txt` names, among them an
    /// S3 server.
    pub python: PathBuf,
}

/// The clients of uploads.
///
/// `None` when there are none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn upload_packages() -> Option<UploadPackages> {
    let (npm, python) = (shared(UPLOAD_PACKAGES_VARIABLE)?, shared(PYTHON_PACKAGES_VARIABLE)?);
    Some(UploadPackages { npm: npm.into(), python: python.into() })
}

/// Clients that others made, which talk to the service in the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The folder of the npm packages that `tests/clients/package.json` names.
    pub packages: PathBuf,
    /// A Python that has the packages of `xtask/src/python.rs`.
    pub python: PathBuf,
}

/// The clients of the suite.
///
/// `None` when they are not there, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn clients() -> Option<Clients> {
    let (packages, python) = (shared(CLIENT_PACKAGES_VARIABLE)?, shared(CLIENT_PYTHON_VARIABLE)?);
    Some(Clients { packages: packages.into(), python: python.into() })
}

/// Programs of others that read what the service says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readers {
    /// The folder of the npm packages that `tests/openapi/package.json` names.
    pub packages: PathBuf,
    /// A Python that has the packages of `xtask/src/python.rs`.
    pub python: PathBuf,
    /// promtool.
    pub promtool: PathBuf,
}

/// The readers of the suite.
///
/// `None` when they are not there, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn readers() -> Option<Readers> {
    let variables = [OPENAPI_PACKAGES_VARIABLE, OPENAPI_PYTHON_VARIABLE, PROMTOOL_VARIABLE];
    let [packages, python, promtool] = variables.map(|name| shared(name).map(PathBuf::from));
    Some(Readers { packages: packages?, python: python?, promtool: promtool? })
}

/// The nginx of the suite, by name or path.
///
/// `None` when there is none, and the test is not to run.
///
/// # Panics
/// As [`postgres_url`].
pub fn nginx() -> Option<PathBuf> {
    shared(NGINX_VARIABLE).map(PathBuf::from)
}

fn shared(variable: &str) -> Option<String> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    assert!(
        value.is_some() || !require_all(),
        "{variable} is not set, and {REQUIRE_ALL_VARIABLE}=1 wants every test to run: \
         start the tests with `cargo xtask test`"
    );
    value
}

fn hosts_of(list: &str) -> Vec<FirestoreHost> {
    let host = |item: &str| {
        let Some((name, host)) = item.split_once('=') else {
            panic!("{FIRESTORE_HOSTS_VARIABLE} has {item:?}, which is not name=host:port");
        };
        FirestoreHost { name: name.to_owned(), host: host.to_owned() }
    };
    list.split(',').map(host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_list_of_hosts() {
        let hosts = hosts_of("mock=127.0.0.1:1,google=127.0.0.1:2");
        let read: Vec<_> = hosts.iter().map(|h| (h.name.as_str(), h.host.as_str())).collect();
        assert_eq!(read, [("mock", "127.0.0.1:1"), ("google", "127.0.0.1:2")]);
    }

    #[test]
    #[should_panic(expected = "not name=host:port")]
    fn refuses_a_host_without_name() {
        hosts_of("127.0.0.1:1");
    }
}
