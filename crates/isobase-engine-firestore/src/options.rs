//! Options.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::Indexing;

/// Where a database is and how to reach it. Start from [`FirestoreOptions::new`] and change what
/// differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirestoreOptions {
    /// The Google Cloud project. Default none: `FIRESTORE_PROJECT_ID`, `GOOGLE_CLOUD_PROJECT`,
    /// then the project of the credentials.
    pub project: Option<String>,
    /// The database. Default `(default)`.
    pub database: String,
    /// Host and port of an emulator, which is reached without TLS and credentials. Default none:
    /// `FIRESTORE_EMULATOR_HOST`, else Google's service.
    pub emulator: Option<String>,
    /// Stands before the name of every collection, the journal's included. Default none.
    pub prefix: String,
    /// The indexing by Firestore, as its owner has set it up: a document with more than 40,000 index
    /// entries is refused. Default [`Indexing::Everything`], as Firestore does by itself.
    pub indexing: Indexing,
    /// HTTP/2 connections; Google allows 100 requests at once on each. Default 2.
    pub connections: usize,
    /// Longest time to wait for a connection. Default 5 s.
    pub connect_timeout: Duration,
}

impl FirestoreOptions {
    /// Reads `firestore://PROJECT/DATABASE?emulator=HOST:PORT&prefix=TEXT`. Everything after
    /// `firestore:` may be left out.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn new(url: &str) -> Result<Self, InvalidUrl> {
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        let place = place.strip_prefix("firestore:").ok_or(InvalidUrl::Form)?;
        let place = place.strip_prefix("//").unwrap_or(place);
        let (project, database) = place.split_once('/').unwrap_or((place, ""));
        let (project, database) = (decoded(project)?, decoded(database)?);
        if database.contains('/') || project.contains(['/', '@', ':']) {
            return Err(InvalidUrl::Form);
        }
        let mut options = Self {
            project: Some(project).filter(|project| !project.is_empty()),
            database: if database.is_empty() { "(default)".to_owned() } else { database },
            emulator: None,
            prefix: String::new(),
            indexing: Indexing::Everything,
            connections: 2,
            connect_timeout: Duration::from_secs(5),
        };
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(InvalidUrl::Form)?;
            options.take(name, decoded(value)?)?;
        }
        Ok(options)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), InvalidUrl> {
        let refuse = |name, expected| Err(InvalidUrl::Parameter { name, expected });
        match name {
            "emulator" if is_host(&value) => self.emulator = Some(value),
            "emulator" => return refuse("emulator", "a host and a port, as in 127.0.0.1:8080"),
            "prefix" if is_prefix(&value) => self.prefix = value,
            "prefix" => {
                return refuse("prefix", "up to 100 of a-z A-Z 0-9 - . _, not beginning with _");
            }
            "indexing" => match &*value {
                "everything" => self.indexing = Indexing::Everything,
                "keys" => self.indexing = Indexing::KeysOnly,
                _ => return refuse("indexing", "everything or keys"),
            },
            "connections" => match value.parse() {
                Ok(connections @ 1..=64) => self.connections = connections,
                _ => return refuse("connections", "a number from 1 to 64"),
            },
            _ => return Err(InvalidUrl::UnknownParameter { name: name.to_owned() }),
        }
        Ok(())
    }
}

/// Whether a text is a host and a port.
pub(crate) fn is_host(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let host_ok = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
    host_ok && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A prefix that begins with `_` could make `__x__` of a name, which Firestore refuses.
fn is_prefix(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.len() <= 100 && !text.starts_with(['_', '.']) && text.bytes().all(known)
}

fn decoded(text: &str) -> Result<String, InvalidUrl> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| InvalidUrl::Form)?;
    Ok(text.into_owned())
}

/// Why a URL is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Something before the parameters is wrong.
    #[error(
        "the Firestore URL cannot be read, expected \
         firestore://PROJECT/DATABASE?emulator=HOST:PORT&prefix=TEXT"
    )]
    Form,
    /// A parameter no one knows.
    #[error(
        "unknown parameter '{name}' in the Firestore URL, known are emulator, prefix, indexing \
         and connections"
    )]
    UnknownParameter {
        /// Its name.
        name: String,
    },
    /// A parameter has a value it cannot have.
    #[error("the parameter '{name}' of the Firestore URL must be {expected}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Allowed.
        expected: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_forms() {
        let cases = [
            ("firestore:", None, "(default)"),
            ("firestore://", None, "(default)"),
            ("firestore://shop", Some("shop"), "(default)"),
            ("firestore://shop/", Some("shop"), "(default)"),
            ("firestore://shop/(default)", Some("shop"), "(default)"),
            ("firestore://shop/%28default%29", Some("shop"), "(default)"),
            ("firestore://shop/eu", Some("shop"), "eu"),
            ("firestore:///eu", None, "eu"),
        ];
        for (url, project, database) in cases {
            let options = FirestoreOptions::new(url).unwrap();
            assert_eq!((options.project.as_deref(), &*options.database), (project, database));
        }
    }

    #[test]
    fn reads_parameters() {
        let url =
            "firestore://p/d?emulator=127.0.0.1:8080&prefix=test-&connections=4&indexing=keys";
        let options = FirestoreOptions::new(url).unwrap();
        assert_eq!(options.emulator.as_deref(), Some("127.0.0.1:8080"));
        assert_eq!((&*options.prefix, options.connections), ("test-", 4));
        assert_eq!(options.indexing, Indexing::KeysOnly);
        let options = FirestoreOptions::new("firestore://p/d?indexing=everything").unwrap();
        assert_eq!(options, FirestoreOptions::new("firestore://p/d").unwrap());
    }

    #[test]
    fn refuses_with_the_way_out() {
        let cases = [
            ("firebase://p", "expected firestore://PROJECT"),
            ("firestore://p/d/e", "expected firestore://PROJECT"),
            ("firestore://u:p@h/d", "expected firestore://PROJECT"),
            ("firestore://p/d?emulator=localhost", "a host and a port"),
            ("firestore://p/d?emulator=http://localhost:1", "a host and a port"),
            ("firestore://p/d?prefix=__a", "not beginning with _"),
            ("firestore://p/d?prefix=a/b", "not beginning with _"),
            ("firestore://p/d?connections=0", "from 1 to 64"),
            ("firestore://p/d?indexing=none", "everything or keys"),
            ("firestore://p/d?region=eu", "unknown parameter 'region'"),
        ];
        for (url, part) in cases {
            let error = FirestoreOptions::new(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
