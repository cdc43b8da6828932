//! Where the database is and how to reach it: the URL.

use std::{ffi::OsString, fmt, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::{
    InvalidUrl,
    tls::{self, Tls, Verification},
};

/// Time for a connection to be made, with TLS and login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked after this long whether it still lives.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// Sent bytes that no one acknowledges for this long end the connection.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
/// Read connections of one process; PostgreSQL allows 100 in all unless told otherwise.
const POOL_SIZE_DEFAULT: usize = 8;
const POOL_SIZE_MAX: usize = 1000;
/// PostgreSQL cuts longer names (NAMEDATALEN, version 15).
const SCHEMA_BYTES_MAX: usize = 63;

/// How to reach a database. Its text never shows the password.
#[derive(Clone)]
pub struct Config {
    pub(crate) native: tokio_postgres::Config,
    pub(crate) tls: Tls,
    pub(crate) connect_timeout: Duration,
    /// Settings for every new connection; see [`Config::with_session_settings`].
    pub(crate) session_settings: String,
    /// See [`Config::with_answer_bytes_max`].
    pub(crate) answer_bytes_max: Option<usize>,
    schema: String,
    pooling: Pooling,
    pool_size: usize,
    /// `sslmode` and `sslrootcert` in the words of libpq.
    libpq_tls: (&'static str, Option<PathBuf>),
}

/// Whether a session is ours for as long as we are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// It is: prepared statements and settings last.
    Session,
    /// A pooler gives us another one for every transaction (`pgbouncer=transaction`).
    Transaction,
}

/// Parameters that the driver understands as they are.
const NATIVE: [&str; 15] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "port",
    "target_session_attrs",
    "tcp_user_timeout",
];

impl Config {
    /// Reads `postgres://` or `postgresql://`, with the parameters of libpq and our own:
    /// `schema` (default `isobase`), `pool_size` (default 8), `pgbouncer=transaction`.
    ///
    /// `user` and `password` may stand in the parameters too. `sslmode` is `disable`, `prefer` (the
    /// default; `allow` is the same here), `require` (encrypts, but trusts any
    /// server unless `sslrootcert` is given), `verify-ca` (an authority of `sslrootcert=FILE` vouches
    /// for the server, whatever its name) or `verify-full` (and for its name; the certificates of
    /// `sslrootcert`, else the usual public authorities). The file holds authorities; a
    /// certificate that vouches for itself cannot be a server's at the same time.
    ///
    /// # Errors
    /// [`InvalidUrl`].
    pub fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        if !place.starts_with("postgres://") && !place.starts_with("postgresql://") {
            return Err(InvalidUrl::Form);
        }
        // First the place: what follows a '?' in a password must not pass for a parameter.
        native_config(place)?;
        let mut own = OwnParameters::default();
        let mut native = Vec::new();
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(InvalidUrl::Form)?;
            if NATIVE.contains(&name) {
                native.push(pair);
                continue;
            }
            let value = percent_decode_str(value).decode_utf8().map_err(|_| InvalidUrl::Form)?;
            own.take(name, &value)?;
        }
        let mut config = native_config(&format!("{place}?{}", native.join("&")))?;
        // As libpq: what stands in the parameters wins.
        if let Some(user) = &own.user {
            config.user(user);
        }
        if let Some(password) = &own.password {
            config.password(password);
        }
        if matches!(own.ssl_mode, WantedTls::VerifyCa) && own.ssl_root_cert.is_none() {
            // A public authority vouches for the server of anybody, so the name must be right.
            let expected = "'verify-full', or 'verify-ca' with sslrootcert";
            return Err(InvalidUrl::Parameter { name: "sslmode", expected });
        }
        let (ssl_mode, verification) = own.ssl_mode();
        config.ssl_mode(ssl_mode);
        let tls = tls::connector(verification, own.ssl_root_cert.as_deref())?;
        let libpq_tls = own.libpq_tls();
        let hosts = u32::try_from(config.get_hosts().len().max(1)).unwrap_or(1);
        let one_host = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        Ok(Self {
            native: config,
            tls,
            connect_timeout: one_host.saturating_mul(hosts),
            session_settings: String::new(),
            answer_bytes_max: None,
            schema: own.schema.unwrap_or_else(|| "isobase".to_owned()),
            pooling: own.pooling,
            pool_size: own.pool_size.unwrap_or(POOL_SIZE_DEFAULT),
            libpq_tls,
        })
    }

    /// SQL (`SET …`) that every new connection runs, unless a pooler owns the sessions.
    #[must_use]
    pub fn with_session_settings(mut self, sql: &str) -> Self {
        sql.clone_into(&mut self.session_settings);
        self
    }

    /// Connections on which an answer has at most so many bytes, as they travel; one with more ends the
    /// connection. Without keep-alive: they are for short statements with a deadline.
    #[must_use]
    pub fn with_answer_bytes_max(mut self, bytes: usize) -> Self {
        self.answer_bytes_max = Some(bytes);
        self
    }

    /// Another number of read connections than the URL says; at least one.
    #[must_use]
    pub fn with_pool_size(mut self, size: usize) -> Self {
        self.pool_size = size.clamp(1, POOL_SIZE_MAX);
        self
    }

    /// The schema that holds our tables.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Whether sessions are ours.
    #[must_use]
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Most read connections at a time.
    #[must_use]
    pub fn pool_size(&self) -> usize {
        self.pool_size
    }

    /// The name of the database; the one of the user's name when none is given.
    #[must_use]
    pub fn database(&self) -> &str {
        self.native.get_dbname().or(self.native.get_user()).unwrap_or_default()
    }

    /// The variables by which PostgreSQL's own programs reach the same database. One of them is
    /// the password: unlike arguments, they are not shown to other users of the machine.
    #[must_use]
    pub fn libpq_variables(&self) -> Vec<(&'static str, OsString)> {
        let hosts = self.native.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(folder) => folder.display().to_string(),
        });
        let ports = self.native.get_ports().iter().map(u16::to_string);
        let mut variables = vec![
            ("PGHOST", hosts.collect::<Vec<_>>().join(",").into()),
            ("PGPORT", ports.collect::<Vec<_>>().join(",").into()),
            ("PGDATABASE", self.database().into()),
            ("PGSSLMODE", self.libpq_tls.0.into()),
            ("PGCONNECT_TIMEOUT", self.connect_timeout.as_secs().max(2).to_string().into()),
        ];
        variables.extend(self.native.get_user().map(|user| ("PGUSER", user.into())));
        if let Some(password) = self.native.get_password() {
            variables.push(("PGPASSWORD", String::from_utf8_lossy(password).into_owned().into()));
        }
        let certificates = self.libpq_tls.1.as_ref();
        variables.extend(certificates.map(|path| ("PGSSLROOTCERT", path.into())));
        variables.retain(|(_, value): &(_, OsString)| !value.is_empty());
        variables
    }

    /// `host:port`, several separated by commas.
    #[must_use]
    pub fn address(&self) -> String {
        let ports = self.native.get_ports();
        let hosts = self.native.get_hosts().iter().enumerate().map(|(at, host)| {
            let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(folder) => format!("{}:{port}", folder.display()),
            }
        });
        hosts.collect::<Vec<_>>().join(",")
    }
}

/// The URL without its password and parameters.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.native.get_user() {
            write!(f, "{user}@")?;
        }
        write!(f, "{}", self.address())?;
        match self.native.get_dbname() {
            Some(name) => write!(f, "/{name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Config({self}, schema {})", self.schema)
    }
}

fn native_config(url: &str) -> Result<tokio_postgres::Config, InvalidUrl> {
    // The driver's message may quote parts of the URL.
    let mut config: tokio_postgres::Config = url.parse().map_err(|_| InvalidUrl::Form)?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        config.host("localhost");
    }
    if config.get_application_name().is_none() {
        config.application_name("isobase");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(TCP_USER_TIMEOUT);
    }
    if !url.contains("keepalives") {
        config.keepalives(true).keepalives_idle(KEEPALIVE_IDLE);
        config.keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_RETRIES);
    }
    if config.get_hosts().len() > 1 && !url.contains("target_session_attrs") {
        // Several hosts are a primary and its standbys; only the primary takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    Ok(config)
}

#[derive(Default)]
struct OwnParameters {
    user: Option<String>,
    password: Option<String>,
    schema: Option<String>,
    pooling: Pooling,
    pool_size: Option<usize>,
    ssl_mode: WantedTls,
    ssl_root_cert: Option<PathBuf>,
}

#[derive(Clone, Copy, Default)]
enum WantedTls {
    Disable,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

#[expect(clippy::derivable_impls, reason = "which mode is the usual one is worth a line")]
impl Default for Pooling {
    fn default() -> Self {
        Self::Session
    }
}

impl OwnParameters {
    fn take(&mut self, name: &str, value: &str) -> Result<(), InvalidUrl> {
        let refuse = |name, expected| Err(InvalidUrl::Parameter { name, expected });
        match (name, value) {
            ("schema", _) if is_schema(value) => self.schema = Some(value.to_owned()),
            ("schema", _) => return refuse("schema", "1 to 63 bytes without control characters"),
            ("user", _) => self.user = Some(value.to_owned()),
            ("password", _) => self.password = Some(value.to_owned()),
            // As Prisma writes it.
            ("pgbouncer", "true") => self.pooling = Pooling::Transaction,
            ("pgbouncer", "false") => self.pooling = Pooling::Session,
            ("pgbouncer", "transaction") => self.pooling = Pooling::Transaction,
            ("pgbouncer", "session") => self.pooling = Pooling::Session,
            ("pgbouncer", _) => return refuse("pgbouncer", "'transaction' or 'session'"),
            ("pool_size", _) => match value.parse() {
                Ok(size) if (1..=POOL_SIZE_MAX).contains(&size) => self.pool_size = Some(size),
                _ => return refuse("pool_size", "a number from 1 to 1000"),
            },
            ("sslmode", "disable") => self.ssl_mode = WantedTls::Disable,
            // libpq encrypts with it where it must; that the server is asked first is no loss.
            ("sslmode", "allow" | "prefer") => self.ssl_mode = WantedTls::Prefer,
            ("sslmode", "require") => self.ssl_mode = WantedTls::Require,
            ("sslmode", "verify-ca") => self.ssl_mode = WantedTls::VerifyCa,
            ("sslmode", "verify-full") => self.ssl_mode = WantedTls::VerifyFull,
            ("sslmode", _) => {
                return refuse(
                    "sslmode",
                    "'disable', 'allow', 'prefer', 'require', 'verify-ca' or 'verify-full'",
                );
            }
            ("sslrootcert", _) => self.ssl_root_cert = Some(value.into()),
            // A piece of a password that was not encoded must not be shown.
            _ if name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                return Err(InvalidUrl::UnknownParameter { name: name.to_owned() });
            }
            _ => return Err(InvalidUrl::Form),
        }
        Ok(())
    }

    fn libpq_tls(&self) -> (&'static str, Option<PathBuf>) {
        let mode = match self.ssl_mode {
            WantedTls::Disable => "disable",
            WantedTls::Prefer => "prefer",
            // What we check there, we check wholly.
            WantedTls::Require if self.ssl_root_cert.is_none() => "require",
            WantedTls::VerifyCa => "verify-ca",
            WantedTls::Require | WantedTls::VerifyFull => "verify-full",
        };
        (mode, self.ssl_root_cert.clone())
    }

    fn ssl_mode(&self) -> (SslMode, Verification) {
        // As libpq does: with certificates at hand, `require` checks them. It does not check
        // the name there; we do, because a check of half the identity proves little.
        let checked = self.ssl_root_cert.is_some();
        match self.ssl_mode {
            WantedTls::Disable => (SslMode::Disable, Verification::NoTls),
            WantedTls::Prefer => (SslMode::Prefer, Verification::Nothing),
            WantedTls::Require if !checked => (SslMode::Require, Verification::Nothing),
            WantedTls::VerifyCa => (SslMode::Require, Verification::Chain),
            WantedTls::Require | WantedTls::VerifyFull => (SslMode::Require, Verification::Full),
        }
    }
}

fn is_schema(name: &str) -> bool {
    !name.is_empty() && name.len() <= SCHEMA_BYTES_MAX && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_our_own_parameters() {
        let url = "postgres://ann:pw@db.example:6432/app?schema=my%20app&pool_size=3\
                   &pgbouncer=transaction&sslmode=disable&application_name=x";
        let config = Config::parse(url).unwrap();
        assert_eq!(config.schema(), "my app");
        assert_eq!(config.pool_size(), 3);
        assert_eq!(config.pooling(), Pooling::Transaction);
        assert_eq!(config.address(), "db.example:6432");
        assert_eq!(config.native.get_application_name(), Some("x"));
    }

    #[test]
    fn reads_what_other_programs_write() {
        let url =
            "postgres://db.example/app?user=a%40b&password=p%26w&sslmode=allow&pgbouncer=true";
        let config = Config::parse(url).unwrap();
        assert_eq!(config.native.get_user(), Some("a@b"));
        assert_eq!(config.native.get_password(), Some(&b"p&w"[..]));
        assert_eq!(config.native.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(config.pooling(), Pooling::Transaction);
        assert!(!format!("{config:?} {config}").contains("p&w"));
    }

    #[test]
    fn defaults_are_bounded() {
        let config = Config::parse("postgresql://localhost").unwrap();
        assert_eq!(config.schema(), "isobase");
        assert_eq!(config.address(), "localhost:5432");
        assert_eq!(config.native.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(config.native.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
    }

    #[test]
    fn programs_of_postgresql_reach_the_same_database() {
        let url = "postgres://ann:p%40w@[::1]:6432/app?sslmode=verify-full";
        let variables = Config::parse(url).unwrap().libpq_variables();
        let value = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).and_then(|(_, value)| value.to_str())
        };
        assert_eq!(value("PGHOST"), Some("::1"));
        assert_eq!(value("PGPORT"), Some("6432"));
        assert_eq!(value("PGUSER"), Some("ann"));
        assert_eq!(value("PGPASSWORD"), Some("p@w"));
        assert_eq!(value("PGDATABASE"), Some("app"));
        assert_eq!(value("PGSSLMODE"), Some("verify-full"));
    }

    #[test]
    fn text_has_no_password() {
        let config = Config::parse("postgres://ann:hunter2@h:1/d").unwrap();
        assert_eq!(config.to_string(), "postgres://ann@h:1/d");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn refusals_do_not_quote_the_url() {
        let urls = [
            "mysql://ann:hunter2@h/d",
            "postgres://ann:hunter2@h:notaport/d",
            "postgres://ann:x?hunter2@h/d",
            "postgres://ann:x?hunter2@h/d=1",
            "postgres://ann:hunter2@h/d?schema=",
            "postgres://ann:hunter2@h/d?pool_size=0",
            "postgres://ann:hunter2@h/d?sslmode=verify-ca",
            "postgres://ann:hunter2@h/d?sslmode=verify-none",
            "postgres://ann:hunter2@h/d?sslmode=verify-full&sslrootcert=/nonexistent/ca.pem",
            "postgres://ann:hunter2@h/d?colour=red",
        ];
        for url in urls {
            let message = Config::parse(url).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn unknown_parameter_is_named() {
        let refused = Config::parse("postgres://h/d?colour=red").unwrap_err();
        assert_eq!(refused, InvalidUrl::UnknownParameter { name: "colour".into() });
    }

    #[test]
    fn several_hosts_mean_the_writable_one() {
        let config = Config::parse("postgres://u@a:1,b:2/d").unwrap();
        assert_eq!(config.native.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(config.address(), "a:1,b:2");
    }
}
