//! Which database the environment names.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{DocumentStore, Location, OpenError, OpenOptions, Purpose};
pub use crate::{engines::providers, error::EnvironmentError};

/// The database when the environment names none.
const FILE_DEFAULT: &str = "data/isobase.db";

/// The region when the environment names none.
pub const DYNAMODB_REGION_DEFAULT: &str = "us-east-1";

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Opens the database that the environment names.
///
/// `RECORDS_URL` is its URL. Without it `DATABASE_PROVIDER` names the engine (`memory`, `sqlite`,
/// `postgres`, `couchdb`, `firestore` or `dynamodb`), whose own variables say the rest:
///
/// | provider | variables |
/// |---|---|
/// | `sqlite` | `DATABASE_URL`, else the file `data/isobase.db` |
/// | `postgres` | `DATABASE_URL` |
/// | `couchdb` | `COUCHDB_URL`, `COUCHDB_USER`, `COUCHDB_PASSWORD`, all needed |
/// | `firestore` | `FIRESTORE_PROJECT_ID`, else the project of the credentials |
/// | `dynamodb` | `DYNAMODB_REGION`, else `AWS_REGION`, `AWS_DEFAULT_REGION`, `us-east-1`; `DYNAMODB_ENDPOINT_URL` |
///
/// Without either it is the database of `DATABASE_URL`, else the file `data/isobase.db`. An empty
/// variable counts as unset.
///
/// ```
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # // SAFETY: no other thread runs yet.
/// # unsafe { std::env::set_var("DATABASE_PROVIDER", "memory") };
/// # unsafe { std::env::remove_var("RECORDS_URL") };
/// # #[cfg(feature = "memory")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // DATABASE_PROVIDER=memory
/// let db = isobase::open_from_env().await?;
/// assert_eq!(db.engine_name(), "memory");
/// db.save("agents", "summariser", &json!({"name": "Summariser"})).await?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok(())
/// # }
/// ```
///
/// Variables that do not name a database say which are missing:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # // SAFETY: no other thread runs yet.
/// # unsafe { std::env::set_var("DATABASE_PROVIDER", "couchdb") };
/// # unsafe { std::env::set_var("COUCHDB_URL", "http://127.0.0.1:5984") };
/// # unsafe { std::env::set_var("COUCHDB_USER", "admin") };
/// # for name in ["RECORDS_URL", "COUCHDB_PASSWORD"] { unsafe { std::env::remove_var(name) }; }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// // DATABASE_PROVIDER=couchdb COUCHDB_URL=http://127.0.0.1:5984 COUCHDB_USER=admin
/// let error = isobase::open_from_env().await.unwrap_err();
/// assert!(error.to_string().ends_with("missing: COUCHDB_PASSWORD"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`OpenError::Environment`] when the variables do not name a database, otherwise as
/// [`crate::open`]. The database is asked once: one that cannot be reached is told now.
pub async fn open_from_env() -> Result<DocumentStore, OpenError> {
    let variable = |name: &str| std::env::var(name).ok();
    let chosen = choose(variable, FILE_DEFAULT.into())?;
    let options = OpenOptions::default();
    let opened = chosen.location.open(Purpose::Use, &options).await?;
    Ok(opened.store(&options).into())
}

/// A database, and what named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The database. A relative path is as it was written.
    pub location: Location,
    /// The variable that decided; `None` for the default file.
    pub variable: Option<&'static str>,
}

/// Chooses the database that variables name; the order is that of [`open_from_env`].
///
/// `file` is the file to use when they name none, or only the engine of files.
///
/// # Errors
/// [`EnvironmentError`].
pub fn choose(
    variable: impl Fn(&str) -> Option<String>,
    file: PathBuf,
) -> Result<Chosen, EnvironmentError> {
    // Secrets are files, and files end in a line end.
    let trimmed = |text: String| text.trim_end_matches(['\r', '\n']).to_owned();
    let set = |name: &str| variable(name).map(trimmed).filter(|text| !text.is_empty());
    let url = |variable: &'static str| match set(variable) {
        Some(text) => Location::parse(&text)
            .map(|location| Some(Chosen { location, variable: Some(variable) }))
            .map_err(|source| EnvironmentError::Url { variable, source: Box::new(source) }),
        None => Ok(None),
    };
    if let Some(chosen) = url("RECORDS_URL")? {
        return Ok(chosen);
    }
    let Some(provider) = set("DATABASE_PROVIDER") else {
        let default = Chosen { location: Location::Sqlite(file), variable: None };
        return Ok(url("DATABASE_URL")?.unwrap_or(default));
    };
    let by_provider = |location| Chosen { location, variable: Some("DATABASE_PROVIDER") };
    match provider.trim().to_ascii_lowercase().as_str() {
        "memory" => Ok(by_provider(Location::Memory)),
        // A URL of another engine is for the tables beside the records.
        "sqlite" => match url("DATABASE_URL")? {
            Some(chosen @ Chosen { location: Location::Sqlite(_), .. }) => Ok(chosen),
            _ => Ok(by_provider(Location::Sqlite(file))),
        },
        "postgres" => match url("DATABASE_URL")? {
            Some(chosen @ Chosen { location: Location::Postgres(_), .. }) => Ok(chosen),
            Some(other) => Err(EnvironmentError::Contradiction {
                provider: "postgres",
                url: other.location.to_string(),
            }),
            None => Err(EnvironmentError::Missing {
                provider: "postgres",
                needed: "DATABASE_URL",
                missing: vec!["DATABASE_URL"],
            }),
        },
        "couchdb" => Ok(by_provider(Location::Couchdb(couchdb(&set)?))),
        "firestore" => Ok(by_provider(Location::Firestore(firestore(&set)))),
        "dynamodb" => Ok(by_provider(Location::Dynamodb(dynamodb(&set)))),
        _ => Err(EnvironmentError::UnknownProvider { provider }),
    }
}

fn couchdb(set: &dyn Fn(&str) -> Option<String>) -> Result<String, EnvironmentError> {
    const NEEDED: [&str; 3] = ["COUCHDB_URL", "COUCHDB_USER", "COUCHDB_PASSWORD"];
    let [Some(url), Some(user), Some(password)] = NEEDED.map(set) else {
        return Err(EnvironmentError::Missing {
            provider: "couchdb",
            needed: "COUCHDB_URL, COUCHDB_USER, and COUCHDB_PASSWORD",
            missing: NEEDED.into_iter().filter(|name| set(name).is_none()).collect(),
        });
    };
    let refuse = || EnvironmentError::CouchdbUrl { url: crate::redact(&url) };
    let (scheme, port, place) = match url.split_once("://") {
        Some(("http", place)) => ("couchdb", ":80", place),
        Some(("https", place)) => ("couchdb+https", "", place),
        _ => return Err(refuse()),
    };
    let place = place.trim_end_matches('/');
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    if host.is_empty() || place.contains(['@', '?', '#']) {
        return Err(refuse());
    }
    // The colons of an IPv6 address are inside its brackets.
    let has_port = host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
    // CouchDB's own port is that of its URLs, not of addresses of the web.
    let port = if has_port { "" } else { port };
    let path = if path.is_empty() { String::new() } else { format!("/?path={}", escape(path)) };
    let (user, password) = (escape(&user), escape(&password));
    Ok(format!("{scheme}://{user}:{password}@{host}{port}{path}"))
}

fn firestore(set: &dyn Fn(&str) -> Option<String>) -> String {
    let project = set("FIRESTORE_PROJECT_ID").unwrap_or_default();
    format!("firestore://{}/(default)", escape(&project))
}

fn dynamodb(set: &dyn Fn(&str) -> Option<String>) -> String {
    let region = ["DYNAMODB_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(set);
    let region = region.unwrap_or_else(|| DYNAMODB_REGION_DEFAULT.to_owned());
    let endpoint = set("DYNAMODB_ENDPOINT_URL");
    let endpoint = endpoint.map(|endpoint| format!("?endpoint={}", escape(&endpoint)));
    format!("dynamodb://{}/{}", escape(&region), endpoint.unwrap_or_default())
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)]) -> Result<Chosen, EnvironmentError> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        choose(variable, "default.db".into())
    }

    #[test]
    fn variables_name_a_database() {
        let couchdb = [
            ("DATABASE_PROVIDER", "couchdb"),
            ("COUCHDB_URL", "http://couchdb:5984/"),
            ("COUCHDB_USER", "admin"),
            ("COUCHDB_PASSWORD", "p@ss/w:rd"),
        ];
        let postgres = ("DATABASE_URL", "postgres://u:p@h/d");
        let provider = |name: &'static str| ("DATABASE_PROVIDER", name);
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            (&[], "sqlite://default.db", None),
            (&[("DATABASE_PROVIDER", ""), ("RECORDS_URL", "")], "sqlite://default.db", None),
            (&[postgres], "postgres://u:p@h/d", Some("DATABASE_URL")),
            (
                &[postgres, ("RECORDS_URL", "memory:"), provider("xyz")],
                "memory:",
                Some("RECORDS_URL"),
            ),
            (&[provider("memory"), postgres], "memory:", Some("DATABASE_PROVIDER")),
            (&[provider(" Memory ")], "memory:", Some("DATABASE_PROVIDER")),
            (&[provider("sqlite")], "sqlite://default.db", Some("DATABASE_PROVIDER")),
            (&[provider("sqlite"), postgres], "sqlite://default.db", Some("DATABASE_PROVIDER")),
            (
                &[provider("sqlite"), ("DATABASE_URL", "sqlite://a.db")],
                "sqlite://a.db",
                Some("DATABASE_URL"),
            ),
            (&[provider("postgres"), postgres], "postgres://u:p@h/d", Some("DATABASE_URL")),
            (&couchdb, "couchdb://admin:p%40ss%2Fw%3Ard@couchdb:5984", Some("DATABASE_PROVIDER")),
            (
                &[couchdb[0], ("COUCHDB_URL", "https://h"), couchdb[2], ("COUCHDB_PASSWORD", "p")],
                "couchdb+https://admin:p@h",
                Some("DATABASE_PROVIDER"),
            ),
            (
                &[
                    couchdb[0],
                    ("COUCHDB_URL", "http://[::1]\n"),
                    couchdb[2],
                    ("COUCHDB_PASSWORD", "p\n"),
                ],
                "couchdb://admin:p@[::1]:80",
                Some("DATABASE_PROVIDER"),
            ),
            (
                &[couchdb[0], ("COUCHDB_URL", "https://h/db/couch/"), couchdb[2], couchdb[3]],
                "couchdb+https://admin:p%40ss%2Fw%3Ard@h/?path=db%2Fcouch",
                Some("DATABASE_PROVIDER"),
            ),
            (
                &[provider("dynamodb"), ("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "x")],
                "dynamodb://eu-west-1/",
                Some("DATABASE_PROVIDER"),
            ),
            (&[provider("dynamodb")], "dynamodb://us-east-1/", Some("DATABASE_PROVIDER")),
            (
                &[
                    provider("DynamoDB"),
                    ("DYNAMODB_REGION", "eu-central-1"),
                    ("DYNAMODB_ENDPOINT_URL", "http://localhost:8000"),
                ],
                "dynamodb://eu-central-1/?endpoint=http%3A%2F%2Flocalhost%3A8000",
                Some("DATABASE_PROVIDER"),
            ),
            (&[provider("firestore")], "firestore:///(default)", Some("DATABASE_PROVIDER")),
            (
                &[provider("firestore"), ("FIRESTORE_PROJECT_ID", "shop")],
                "firestore://shop/(default)",
                Some("DATABASE_PROVIDER"),
            ),
        ];
        for (variables, url, variable) in cases {
            let chosen = check(variables).unwrap();
            assert_eq!(chosen.location, Location::parse(url).unwrap(), "{variables:?}");
            assert_eq!(chosen.variable, *variable, "{variables:?}");
        }
    }

    #[test]
    fn every_engine_is_a_provider() {
        for provider in providers() {
            let variable = |name: &str| (name == "DATABASE_PROVIDER").then(|| provider.to_owned());
            let chosen = choose(variable, PathBuf::from("default.db"));
            let is_known = !matches!(chosen, Err(EnvironmentError::UnknownProvider { .. }));
            assert!(is_known, "{provider}");
        }
    }

    #[test]
    fn what_names_no_database_is_told() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (
                &[("DATABASE_PROVIDER", "xyz")],
                "Unknown database provider: xyz; known are memory, sqlite, postgres, couchdb, \
                 dynamodb, firestore",
            ),
            (
                &[("DATABASE_PROVIDER", "couchdb"), ("COUCHDB_USER", "admin")],
                "COUCHDB_URL, COUCHDB_USER, and COUCHDB_PASSWORD must be set for couchdb \
                 provider; missing: COUCHDB_URL, COUCHDB_PASSWORD",
            ),
            (
                &[("DATABASE_PROVIDER", "postgres")],
                "DATABASE_URL must be set for postgres provider; missing: DATABASE_URL",
            ),
            (
                &[("DATABASE_PROVIDER", "postgres"), ("DATABASE_URL", "sqlite://a.db")],
                "DATABASE_PROVIDER is postgres, but DATABASE_URL is sqlite://a.db",
            ),
            (&[("RECORDS_URL", "posgres://h/d")], "RECORDS_URL: no engine has URLs"),
        ];
        for (variables, message) in cases {
            let error = check(variables).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
        for url in ["couchdb:5984", "http://", "http://u:hush@h", "http://h/?db", "ftp://h"] {
            let error = check(&[
                ("DATABASE_PROVIDER", "couchdb"),
                ("COUCHDB_URL", url),
                ("COUCHDB_USER", "u"),
                ("COUCHDB_PASSWORD", "p"),
            ]);
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with("COUCHDB_URL is ") && !error.contains("hush"), "{error}");
        }
    }
}
