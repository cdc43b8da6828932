//! How a connector behaves.

use std::{fmt::Write, time::Duration};

use crate::Inflection;

/// Connections at a time. Source: the specification of the toolkit, "Connection Pooling".
const POOL_SIZE_DEFAULT: usize = 20;
/// A statement of an application that runs longer is one that no one waits for.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Time to wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connector and the operators over it behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most connections at a time; 20.
    pub pool_size_max: usize,
    /// How long to wait for a free connection; 10 s. Then an error says that all are busy.
    pub acquire_timeout: Duration,
    /// How long a statement may run; 60 s. Then it is cancelled.
    pub statement_timeout: Duration,
    /// Which names of columns are taken for each other.
    pub inflection: Inflection,
    /// Whether only the exact name of a column counts; false.
    pub strict_columns: bool,
    /// The fate of a key of a new row that no column matches; it is refused.
    pub unknown_keys: UnknownKeys,
}

/// The fate of a key of a row that no column matches. A condition is always refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum UnknownKeys {
    /// An error that names the key.
    #[default]
    Refuse,
    /// It is left out, unless it is the only one.
    Drop,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pool_size_max: POOL_SIZE_DEFAULT,
            acquire_timeout: ACQUIRE_TIMEOUT,
            statement_timeout: STATEMENT_TIMEOUT,
            inflection: Inflection::default(),
            strict_columns: false,
            unknown_keys: UnknownKeys::default(),
        }
    }
}

/// Which of the two databases of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER`, `DB_PASS`.
    Production,
    /// The same with `TEST_` in front.
    Test,
}

/// The URL that the variables of the specification make, with its defaults.
///
/// Who calls it knows the process, and gives what it finds there.
#[must_use]
pub fn url_from_variables(
    environment: Environment,
    variable: impl Fn(&str) -> Option<String>,
) -> String {
    let (prefix, name, user) = match environment {
        Environment::Production => ("", "contentgen_db", "postgres"),
        Environment::Test => ("TEST_", "contentgen_test_db", "test_runner_user"),
    };
    let value = |key: &str, default: &str| {
        variable(&format!("{prefix}DB_{key}")).unwrap_or_else(|| default.to_owned())
    };
    let mut url = format!("postgres://{}", encoded(&value("USER", user)));
    let password = value("PASS", "");
    if !password.is_empty() {
        let _ = write!(url, ":{}", encoded(&password));
    }
    let (host, port, name) =
        (value("HOST", "localhost"), value("PORT", "5432"), value("NAME", name));
    // An IPv6 address stands in brackets, and a folder of sockets is encoded.
    let host = if host.contains(':') { format!("[{host}]") } else { encoded(&host) };
    let _ = write!(url, "@{host}:{port}/{}", encoded(&name));
    url
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_make_a_url() {
        let none = |_: &str| None;
        assert_eq!(
            url_from_variables(Environment::Production, none),
            "postgres://postgres@localhost:5432/contentgen_db"
        );
        let some = |name: &str| match name {
            "TEST_DB_PASS" => Some("a:b/c@d".to_owned()),
            "TEST_DB_HOST" => Some("::1".to_owned()),
            _ => None,
        };
        assert_eq!(
            url_from_variables(Environment::Test, some),
            "postgres://test_runner_user:a%3Ab%2Fc%40d@[::1]:5432/contentgen_test_db"
        );
    }
}
