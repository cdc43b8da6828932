//! Where the database is and how to reach it: the URL.

use std::{fmt, path::PathBuf};

use percent_encoding::percent_decode_str;

use crate::names::refuses_prefix;

/// Port of CouchDB without TLS. Source: CouchDB 3.5 configuration, `chttpd/port`.
const PORT: u16 = 5984;
/// Port with TLS: hosted services and proxies listen here; CouchDB itself on 6984, when told to.
const PORT_TLS: u16 = 443;

/// How to reach a CouchDB server. Its text never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct CouchDbOptions {
    /// Its host name or address; IPv6 in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted and the server's certificate checked.
    pub tls: bool,
    /// Who we are, by name and password; `None` where the server asks no one.
    pub login: Option<(String, String)>,
    /// The path of the server behind a proxy: `/couch`. Default nothing.
    pub path: String,
    /// The prefix of the names of our databases. Default empty.
    pub prefix: String,
    /// A file of authorities that may vouch for the server, instead of the usual public ones.
    pub tls_roots: Option<PathBuf>,
}

/// Why a URL is refused. Never quotes the URL: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Its form is wrong.
    #[error(
        "the CouchDB URL cannot be read, expected couchdb://USER:PASSWORD@HOST:PORT/PREFIX or \
         couchdb+https://… with %-encoded special characters"
    )]
    Form,
    /// The prefix cannot begin the name of a database.
    #[error("the prefix '{prefix}' in the CouchDB URL must be {expected}")]
    Prefix {
        /// The prefix.
        prefix: String,
        /// Allowed.
        expected: &'static str,
    },
    /// The path of the server is none.
    #[error("the parameter 'path' of the CouchDB URL must be the path of the server: path=/couch")]
    Path,
    /// A parameter no one knows.
    #[error("unknown parameter '{name}' in the CouchDB URL")]
    UnknownParameter {
        /// Its name.
        name: String,
    },
}

impl CouchDbOptions {
    /// Reads `couchdb://user:password@host:5984/prefix` (also `couchdb+http`, `http`) or
    /// `couchdb+https://user:password@host/prefix` (also `https`), with the parameter
    /// `sslrootcert=FILE` for authorities of your own, and `path=/couch` for a server that a proxy has
    /// below a path.
    ///
    /// The default ports are 5984 and, with TLS, 443.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Form)?;
        let tls = match scheme {
            "couchdb" | "couchdb+http" | "http" => false,
            "couchdb+https" | "https" => true,
            _ => return Err(InvalidUrl::Form),
        };
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = place.split_once('/').unwrap_or((place, ""));
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(read_login(login)?), address),
            None => (None, authority),
        };
        let (host, port) = read_address(address, if tls { PORT_TLS } else { PORT })?;
        let prefix = decode(path.strip_suffix('/').unwrap_or(path))?;
        if let Some(expected) = refuses_prefix(&prefix) {
            return Err(InvalidUrl::Prefix { prefix, expected });
        }
        let path = String::new();
        let mut options = Self { host, port, tls, login, path, prefix, tls_roots: None };
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(InvalidUrl::Form)?;
            match name {
                "sslrootcert" => options.tls_roots = Some(decode(value)?.into()),
                "path" => options.path = read_path(&decode(value)?)?,
                _ => return Err(InvalidUrl::UnknownParameter { name: name.to_owned() }),
            }
        }
        Ok(options)
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// `http://host:port`, and the path of the server, without the login.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.address(), self.path)
    }
}

/// A path as it stands before those of the requests.
fn read_path(text: &str) -> Result<String, InvalidUrl> {
    let path = text.trim_matches('/');
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte);
    if path.is_empty() || !path.bytes().all(is_plain) {
        return Err(InvalidUrl::Path);
    }
    Ok(format!("/{path}"))
}

fn read_login(text: &str) -> Result<(String, String), InvalidUrl> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let user = decode(user)?;
    // A colon ends the name in the header of basic authentication.
    if user.is_empty() || user.contains(':') {
        return Err(InvalidUrl::Form);
    }
    Ok((user, decode(password)?))
}

fn read_address(text: &str, port_default: u16) -> Result<(String, u16), InvalidUrl> {
    // The colons of an IPv6 address are inside its brackets.
    let name_end = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[name_end..].split_once(':') {
        Some((rest, port)) => (&text[..name_end + rest.len()], Some(port)),
        None => (text, None),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_[]:%".contains(c);
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err(InvalidUrl::Form);
    }
    let port = port.map_or(Ok(port_default), str::parse).map_err(|_| InvalidUrl::Form)?;
    Ok((host.to_owned(), port))
}

fn decode(text: &str) -> Result<String, InvalidUrl> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| InvalidUrl::Form)?;
    if decoded.chars().any(char::is_control) {
        return Err(InvalidUrl::Form);
    }
    Ok(decoded.into_owned())
}

/// The URL without its password and parameters.
impl fmt::Display for CouchDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "couchdb+https://" } else { "couchdb://" })?;
        if let Some((user, _)) = &self.login {
            write!(f, "{user}@")?;
        }
        write!(f, "{}/{}", self.address(), self.prefix)
    }
}

impl fmt::Debug for CouchDbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CouchDbOptions({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let options =
            CouchDbOptions::parse("couchdb://ann:p%40ss%2F:@db.example:5985/app_").unwrap();
        assert_eq!(options.login, Some(("ann".to_owned(), "p@ss/:".to_owned())));
        assert_eq!(options.base_url(), "http://db.example:5985");
        assert_eq!(options.prefix, "app_");
        assert_eq!(options.to_string(), "couchdb://ann@db.example:5985/app_");
        assert!(!format!("{options:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let base = |url: &str| CouchDbOptions::parse(url).unwrap().base_url();
        assert_eq!(base("couchdb://localhost"), "http://localhost:5984");
        assert_eq!(base("couchdb+https://db.example/"), "https://db.example:443");
        assert_eq!(base("http://[::1]:15984/"), "http://[::1]:15984");
        assert_eq!(base("couchdb://[::1]/p"), "http://[::1]:5984");
        let options = CouchDbOptions::parse("couchdb+https://h/?sslrootcert=%2Fca.pem").unwrap();
        assert_eq!(options.tls_roots, Some("/ca.pem".into()));
        assert_eq!((options.prefix.as_str(), options.login), ("", None));
        for path in ["/couch", "couch/", "%2Fcouch"] {
            let url = format!("couchdb+https://db.example/app_?path={path}");
            assert_eq!(base(&url), "https://db.example:443/couch", "{path}");
        }
        assert_eq!(CouchDbOptions::parse("couchdb://h/?path=a b"), Err(InvalidUrl::Path));
    }

    #[test]
    fn wrong_urls_are_refused_without_the_password() {
        for url in [
            "localhost:5984",
            "postgres://localhost",
            "couchdb://",
            "couchdb://user:secret@",
            "couchdb://user:secret@host:99999/",
            "couchdb://user:secret@host:port/",
            "couchdb://:secret@host",
            "couchdb://user:secret@host/Prefix",
            "couchdb://user:secret@host/?secure=yes",
            "couchdb://user:secret@ho st/",
        ] {
            let refused = CouchDbOptions::parse(url).unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{url}: {refused}");
        }
    }
}
