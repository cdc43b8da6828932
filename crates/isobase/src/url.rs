//! The URL of a database.

use std::path::{Path, PathBuf};

use crate::{OpenError, engines::ENGINES};

/// A database, as its URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `memory:`
    Memory,
    /// `sqlite://path`: the path as it is written, nothing in it is decoded.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`, whole.
    Postgres(String),
    /// `couchdb://…`, `couchdb+http://…` or `couchdb+https://…`, whole.
    Couchdb(String),
    /// `dynamodb://region/prefix?endpoint=…`, whole.
    Dynamodb(String),
    /// `firestore://project/database?emulator=…&prefix=…`, whole.
    Firestore(String),
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`OpenError::NotAUrl`], [`OpenError::UnknownScheme`], [`OpenError::InvalidUrl`].
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(OpenError::NotAUrl { text: redact(url) });
        };
        if url.contains(char::is_control) {
            return Err(invalid(url, "a line end or another control character is in it"));
        }
        // Programs in Python name their driver too: `postgresql+asyncpg`.
        let scheme = match scheme.split_once('+') {
            Some((named @ ("sqlite" | "postgresql" | "postgres"), _)) => named,
            _ => scheme,
        };
        match scheme {
            "memory" => match rest {
                "" | "//" => Ok(Self::Memory),
                _ => Err(invalid(url, "nothing follows memory:")),
            },
            "sqlite" => sqlite_path(url, rest).map(Self::Sqlite),
            "postgres" | "postgresql" if rest.len() > 2 && rest.starts_with("//") => {
                Ok(Self::Postgres(format!("{scheme}:{rest}")))
            }
            "postgres" | "postgresql" => {
                Err(invalid(url, "expected postgres://user:password@host:5432/database"))
            }
            "couchdb" | "couchdb+http" | "couchdb+https" => {
                checked(url, Self::Couchdb, couchdb_url)
            }
            "dynamodb" => checked(url, Self::Dynamodb, dynamodb_url),
            "firestore" => checked(url, Self::Firestore, firestore_url),
            other => Err(OpenError::UnknownScheme {
                scheme: other.to_owned(),
                suggestion: similar_scheme(other),
            }),
        }
    }

    /// The engine's name.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::Couchdb(_) => "couchdb",
            Self::Dynamodb(_) => "dynamodb",
            Self::Firestore(_) => "firestore",
        }
    }

    /// The same location with a relative file path taken from this folder.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
            other => other,
        }
    }
}

/// The URL, without its secrets.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url)
            | Self::Couchdb(url)
            | Self::Dynamodb(url)
            | Self::Firestore(url) => f.write_str(&redact(url)),
        }
    }
}

fn sqlite_path(url: &str, rest: &str) -> Result<PathBuf, OpenError> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    // With three slashes Python's programs name a path from the current folder.
    let relative =
        path.strip_prefix('/').filter(|it| it.starts_with("./") || it.starts_with("../"));
    let path = relative.unwrap_or(path);
    if path.is_empty() || path.ends_with('/') {
        return Err(invalid(url, "expected the path of a file, as in sqlite://data/isobase.db"));
    }
    if path.contains(":memory:") {
        return Err(invalid(url, "for a database in memory write memory:"));
    }
    if path.contains('?') {
        return Err(invalid(url, "SQLite is set up by settings, not by parameters of the URL"));
    }
    Ok(PathBuf::from(path))
}

/// A URL that its engine reads, as far as this build has the engine.
fn checked(
    url: &str,
    location: fn(String) -> Location,
    check: fn(&str) -> Result<(), String>,
) -> Result<Location, OpenError> {
    match check(url) {
        Ok(()) => Ok(location(url.to_owned())),
        Err(expected) => Err(invalid(url, expected)),
    }
}

#[cfg_attr(not(feature = "couchdb"), expect(unused_variables, reason = "the engine reads it"))]
fn couchdb_url(url: &str) -> Result<(), String> {
    #[cfg(feature = "couchdb")]
    isobase_engine_couchdb::CouchDbOptions::parse(url).map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg_attr(not(feature = "dynamodb"), expect(unused_variables, reason = "the engine reads it"))]
fn dynamodb_url(url: &str) -> Result<(), String> {
    #[cfg(feature = "dynamodb")]
    isobase_engine_dynamodb::DynamoDbOptions::parse(url).map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg_attr(not(feature = "firestore"), expect(unused_variables, reason = "the engine reads it"))]
fn firestore_url(url: &str) -> Result<(), String> {
    #[cfg(feature = "firestore")]
    isobase_engine_firestore::FirestoreOptions::new(url).map_err(|error| error.to_string())?;
    Ok(())
}

fn invalid(url: &str, expected: impl Into<String>) -> OpenError {
    OpenError::InvalidUrl { url: redact(url), expected: expected.into() }
}

/// The known scheme that was probably meant.
fn similar_scheme(scheme: &str) -> Option<&'static str> {
    const SIMILAR_MIN: f64 = 0.6;
    let meant = match scheme.to_ascii_lowercase().as_str() {
        "file" | "sqlite3" | "sqlite+aiosqlite" => Some("sqlite"),
        "pg" | "psql" | "pgsql" => Some("postgres"),
        "mem" | "ram" => Some("memory"),
        "couch" => Some("couchdb"),
        "dynamo" | "aws" => Some("dynamodb"),
        "firebase" | "gcp" => Some("firestore"),
        _ => None,
    };
    let schemes = ENGINES.iter().flat_map(|engine| engine.schemes);
    let similarity =
        |known: &str| strsim::normalized_damerau_levenshtein(&scheme.to_lowercase(), known);
    let nearest = schemes.max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    meant.or_else(|| nearest.copied().filter(|known| similarity(known) >= SIMILAR_MIN))
}

/// Parameters whose names hold one of these are not shown.
const SECRET_PARAMETERS: &[&str] = &["password", "passphrase", "secret", "token"];

/// A URL that may be shown: the password in its authority and secrets in its parameters are
/// masked, also in a text that is only nearly a URL.
#[must_use]
pub fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else {
        return without_secret_parameters(url);
    };
    // A password may hold an `@`, `/` or `?` that should have been encoded: all before the last
    // `@` is taken for the user's, although an address or a parameter may be masked with it.
    let shown = match rest.rsplit_once('@') {
        Some((user, host)) => {
            let (slashes, user) = user.split_at(user.len() - user.trim_start_matches('/').len());
            match user.split_once(':') {
                Some((name, _)) => format!("{scheme}:{slashes}{name}:***@{host}"),
                None if !slashes.is_empty() => url.to_owned(),
                // Without slashes the scheme may be the user, and this the password.
                None => format!("{scheme}:***@{host}"),
            }
        }
        None => url.to_owned(),
    };
    without_secret_parameters(&shown)
}

fn without_secret_parameters(url: &str) -> String {
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let masked = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => format!("{name}=***"),
        _ => pair.to_owned(),
    });
    format!("{before}?{}", masked.collect::<Vec<_>>().join("&"))
}

fn is_secret(parameter: &str) -> bool {
    let parameter = parameter.to_ascii_lowercase();
    SECRET_PARAMETERS.iter().any(|secret| parameter.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_forms() {
        let cases = [
            ("memory:", Location::Memory),
            ("memory://", Location::Memory),
            ("sqlite://data/a.db", Location::Sqlite("data/a.db".into())),
            ("sqlite:///var/a b.db", Location::Sqlite("/var/a b.db".into())),
            ("sqlite:a.db", Location::Sqlite("a.db".into())),
            ("postgres://h/d", Location::Postgres("postgres://h/d".into())),
            ("postgresql://h/d", Location::Postgres("postgresql://h/d".into())),
            ("postgresql+asyncpg://h/d", Location::Postgres("postgresql://h/d".into())),
            ("sqlite+aiosqlite:///./a/b.db", Location::Sqlite("./a/b.db".into())),
            ("sqlite:///./a/b.db", Location::Sqlite("./a/b.db".into())),
            ("sqlite:////a/b.db", Location::Sqlite("//a/b.db".into())),
            ("couchdb://u:p@h/x", Location::Couchdb("couchdb://u:p@h/x".into())),
            ("couchdb+https://h", Location::Couchdb("couchdb+https://h".into())),
            ("dynamodb://eu-central-1/x", Location::Dynamodb("dynamodb://eu-central-1/x".into())),
            ("firestore://p/(default)", Location::Firestore("firestore://p/(default)".into())),
        ];
        for (url, location) in cases {
            assert_eq!(Location::parse(url).unwrap(), location, "{url}");
        }
    }

    #[test]
    fn refuses_with_the_way_out() {
        let cases = [
            ("data.db", "is not a database URL"),
            ("sqlite://", "expected the path of a file"),
            ("sqlite://data/", "expected the path of a file"),
            ("sqlite::memory:", "write memory:"),
            ("sqlite://a.db?mode=ro", "by settings"),
            ("memory:x", "nothing follows"),
            ("postgres:", "expected postgres://"),
            #[cfg(feature = "couchdb")]
            ("couchdb:h", "expected couchdb://"),
            #[cfg(feature = "dynamodb")]
            ("dynamodb:", "expected dynamodb://REGION"),
            #[cfg(feature = "firestore")]
            ("firestore://a@b/c", "expected firestore://"),
            ("dynamo://x/y", "did you mean dynamodb?"),
            ("fire-store://x/y", "did you mean firestore?"),
            ("posgres://h/d", "did you mean postgres?"),
            ("sqlit://a", "did you mean sqlite?"),
            ("http://localhost:8003", "known are memory, sqlite, postgres, postgresql, couchdb"),
        ];
        for (url, part) in cases {
            let error = Location::parse(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }

    #[test]
    fn masks_passwords_only() {
        let cases = [
            ("postgres://u:p@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p@x/y@h/d", "postgres://u:***@h/d"),
            (
                "postgres://u@h/d?sslmode=require&password=x",
                "postgres://u@h/d?sslmode=require&password=***",
            ),
            ("sqlite://data/a.db", "sqlite://data/a.db"),
            ("couchdb+https://u:p@h:6984/x", "couchdb+https://u:***@h:6984/x"),
            (
                "dynamodb://r/x?secret_access_key=s&endpoint=http://h",
                "dynamodb://r/x?secret_access_key=***&endpoint=http://h",
            ),
            ("memory:", "memory:"),
            ("postgres://u:p?ss@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p?a=b@h/d?sslpassword=x", "postgres://u:***@h/d?sslpassword=***"),
            ("postgres://u:p#ss@h/d", "postgres://u:***@h/d"),
            ("postgres://u@h/d?password=x@y&a=b", "postgres://u@h/d?password=***&a=b"),
            ("postgres://u@h?password=x:y@z", "postgres://u@h?password=***"),
            ("postgres:/u:p@h/d", "postgres:/u:***@h/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres:p@h/d", "postgres:***@h/d"),
            ("couchdb:u:p@h", "couchdb:u:***@h"),
            ("couchdb:u:p?q@h/x?y=1", "couchdb:u:***@h/x?y=1"),
            ("postgres//u:p@h/d", "postgres//u:***@h/d"),
            ("u:p@h/d", "u:***@h/d"),
            ("h/d?user=u&password=x", "h/d?user=u&password=***"),
        ];
        for (url, shown) in cases {
            assert_eq!(redact(url), shown);
        }
    }

    #[test]
    fn mistyped_urls_are_told_without_their_passwords() {
        let cases = [
            "postgres:u:hush@h/d",
            "postgres:/u:hush@h/d",
            "postgres//u:hush@h/d",
            "posgres://u:hu?hush@h/d",
            "u:hush@h/d",
            "couchdb:u:hush@h",
            "couchdb:/u:hu?hush@h/x",
            "couchdb://u:hush?hush@h/x",
            "couchdb+https:u:hush@h/x",
            "dynamodb:u:hush@h/x",
            "dynamodb://u:hu?hush@h/x",
            "firestore:u:hush@h/x",
            "firestore://u:hu?hush@h/x",
            "memory:u:hush@h",
            "sqlite://u:hush@h/",
            "h/d?password=hush",
        ];
        for url in cases {
            let told = match Location::parse(url) {
                Ok(location) => location.to_string(),
                Err(error) => error.to_string(),
            };
            assert!(!told.contains("hush"), "{url}: {told}");
        }
    }
}
