//! What a setting is, and how its value is read.

use std::{fmt, time::Duration};

use isobase::{redact, types::CollectionName};
use isobase_server::{MediaTypes, parse_network};

use super::{
    similar::most_similar,
    units::{parse_duration, parse_size, show_duration, show_size},
};

/// Shown in place of a secret.
pub(crate) const MASK: &str = "***";

/// A setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its place in `isobase.toml`: `limits.body_bytes`.
    pub(crate) key: &'static str,
    /// Variables that set it besides its own; the first that is set wins.
    pub(crate) variables: &'static [&'static str],
    /// The flag of the commands that have one.
    pub(crate) flag: Option<&'static str>,
    /// What its values are.
    pub(crate) kind: Kind,
    /// As it would be written; none when the setting is unset by default.
    pub(crate) default: Option<&'static str>,
    /// What it does: sentences in Markdown.
    pub(crate) about: &'static str,
}

/// What the values of a setting are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// The URL of a database; its password is never shown.
    Url,
    /// A folder.
    Folder,
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds.
    Integer {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A duration.
    Duration,
    /// A number of bytes.
    Size,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Scheme and authority of a service, perhaps with a path.
    WebAddress,
    /// Origins of web pages; separated by commas outside the file.
    Origins,
    /// Names of hosts; separated by commas outside the file.
    Hosts,
    /// Networks and addresses; separated by commas outside the file.
    Networks,
    /// Types of files; separated by commas outside the file.
    MediaTypes,
    /// Names of collections; separated by commas outside the file.
    Collections,
    /// Levels of the log.
    LogFilter,
}

/// A value that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Of `Text`, `Secret`, `Url`, `Folder`, `Choice` and `LogFilter`.
    Text(String),
    /// Of `Bool`.
    Bool(bool),
    /// Of `Integer`.
    Integer(u64),
    /// Of `Duration`.
    Duration(Duration),
    /// Of `Size`.
    Size(u64),
    /// Of `Origins`, `Hosts`, `Networks`, `MediaTypes` and `Collections`.
    List(Vec<String>),
}

impl Setting {
    /// A setting that is unset by default.
    pub(super) const fn new(key: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { key, variables: &[], flag: None, kind, default: None, about }
    }

    pub(super) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    pub(super) const fn variables(mut self, names: &'static [&'static str]) -> Self {
        self.variables = names;
        self
    }

    pub(super) const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// The variable every setting has: `ISOBASE_LIMITS_BODY_BYTES`.
    pub(crate) fn own_variable(&self) -> String {
        format!("ISOBASE_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// All variables, the one that wins first.
    pub(crate) fn all_variables(&self) -> Vec<String> {
        let own = self.own_variable();
        std::iter::once(own).chain(self.variables.iter().map(|&name| name.to_owned())).collect()
    }

    /// Reads a value as it is written in a variable or a flag.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let text = without_line_end(text);
        let value = match self.kind {
            Kind::Text | Kind::Secret | Kind::Url | Kind::Folder => {
                let is_plain = !text.is_empty() && !text.contains(char::is_control);
                is_plain.then(|| Value::Text(text.to_owned()))
            }
            Kind::Bool => match text {
                "true" | "1" | "yes" | "on" => Some(Value::Bool(true)),
                "false" | "0" | "no" | "off" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::Integer { min, max } => {
                text.parse().ok().filter(|number| (min..=max).contains(number)).map(Value::Integer)
            }
            Kind::Duration => parse_duration(text).map(Value::Duration),
            Kind::Size => parse_size(text).map(Value::Size),
            Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
            Kind::WebAddress => is_web_address(text).then(|| Value::Text(text.to_owned())),
            Kind::Origins => list(text, is_origin),
            Kind::Hosts => list(text, is_host),
            Kind::Networks => list(text, |item| parse_network(item).is_some()),
            Kind::MediaTypes => list(text, |item| MediaTypes::new([item]).is_ok()),
            Kind::Collections => list(text, |item| CollectionName::new(item).is_ok()),
            Kind::LogFilter => {
                let filter = with_our_levels(text);
                check_log_filter(&filter)?;
                Some(Value::Text(filter))
            }
        };
        value.ok_or_else(|| self.expected(text))
    }

    /// What was expected in place of a text.
    fn expected(&self, text: &str) -> String {
        match self.kind {
            Kind::Choice(words) => {
                let meant = most_similar(text, words.iter().copied());
                let meant = meant.map(|word| format!("; did you mean {word}?"));
                format!("{}{}", self.kind, meant.unwrap_or_default())
            }
            kind => kind.to_string(),
        }
    }

    /// A text given for this setting, fit to be shown.
    pub(crate) fn shown(&self, text: &str) -> String {
        match self.kind {
            Kind::Secret => MASK.to_owned(),
            Kind::Url => redact(text),
            _ => text.to_owned(),
        }
    }

    /// A value, as it would be written, fit to be shown.
    pub(crate) fn show(&self, value: &Value) -> String {
        match value {
            Value::Text(text) => self.shown(text),
            Value::Bool(on) => on.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Duration(duration) => show_duration(*duration),
            Value::Size(bytes) => show_size(*bytes),
            Value::List(items) => items.join(","),
        }
    }
}

/// What is expected, after "expected".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text | Self::Secret => {
                f.write_str("a text that is not empty, without control characters")
            }
            Self::Url => f.write_str("the URL of a database"),
            Self::Folder => f.write_str("the path of a folder"),
            Self::Bool => f.write_str("true or false"),
            Self::Integer { min, max: u64::MAX } => write!(f, "a whole number from {min}"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Duration => f.write_str("a duration such as 250ms, 30s, 24h or 7d"),
            Self::Size => f.write_str("a size such as 512KiB, 8MiB or a number of bytes"),
            Self::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Self::WebAddress => f.write_str(
                "the address clients use, beginning with http:// or https://, such as \
                 https://db.example.com",
            ),
            Self::Origins => f.write_str(
                "origins as browsers send them, such as https://app.example.com: a scheme and a \
                 host, in small letters, without a path and without a slash at the end; or *",
            ),
            Self::Hosts => f.write_str(
                "names of hosts without a port, such as app.test, or *.lvh.me for all below lvh.me",
            ),
            Self::Networks => f.write_str("addresses or networks, such as 127.0.0.1 or 10.0.0.0/8"),
            Self::MediaTypes => {
                f.write_str("types of files, such as application/pdf, or image/* for all images")
            }
            Self::Collections => f.write_str("names of collections"),
            Self::LogFilter => {
                f.write_str("a level (error, warn, info, debug, trace, off) or part=level, …")
            }
        }
    }
}

/// A value without the end of its line: secrets are files, and files end in one.
pub(crate) fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

/// `http://` or `https://`, a host with or without a port, perhaps a path.
fn is_web_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\".contains(&byte);
    matches!(scheme, "http" | "https") && is_authority(authority) && path.bytes().all(plain)
}

/// Items that are separated by commas; none when one of them is wrong.
fn list(text: &str, is_right: impl Fn(&str) -> bool) -> Option<Value> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items: Vec<String> = items.map(str::to_owned).collect();
    items.iter().all(|item| is_right(item)).then_some(Value::List(items))
}

/// What a browser sends as `Origin`: compared byte by byte, anything else would never match.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let small = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // A browser leaves the usual port out.
    let usual = matches!(scheme, "http") && authority.ends_with(":80")
        || matches!(scheme, "https") && authority.ends_with(":443");
    small && is_scheme && is_authority(authority) && !usual
}

/// A name or an address, or `*.` and a name.
fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    is_authority(name) && !name[name.rfind(']').unwrap_or(0)..].contains(':')
}

/// A host, perhaps with a port.
fn is_authority(text: &str) -> bool {
    let name_end = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[name_end..].split_once(':') {
        Some((rest, port)) => (&text[..name_end + rest.len()], Some(port)),
        None => (text, None),
    };
    let host_ok = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    };
    let port_ok = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    !host.is_empty() && host_ok && port_ok
}

/// A word that is no level would silently be taken for a part of the program.
/// `LOG_LEVEL` is shared with programs in other languages, whose levels have other names.
fn with_our_levels(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "warning" => "warn",
        "critical" | "fatal" => "error",
        _ => text,
    }
    .to_owned()
}

fn check_log_filter(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    for directive in text.split(',').map(str::trim) {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        if !is_level(level) {
            let meant = most_similar(level, LEVELS).map(|word| format!("; did you mean {word}?"));
            return Err(format!("{}{}", Kind::LogFilter, meant.unwrap_or_default()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: Setting = Setting::new("a.b", Kind::Integer { min: 1, max: 9 }, "");
    const LOG: Setting = Setting::new("log", Kind::LogFilter, "");

    #[test]
    fn reads_values_of_each_kind() {
        assert_eq!(NUMBER.parse("9"), Ok(Value::Integer(9)));
        assert_eq!(NUMBER.parse("10"), Err("a whole number from 1 to 9".to_owned()));
        assert_eq!(NUMBER.parse("x"), Err("a whole number from 1 to 9".to_owned()));
        let list = Setting::new("l", Kind::Origins, "");
        let origins = ["http://a".to_owned(), "https://b:8443".to_owned()].to_vec();
        assert_eq!(list.parse("http://a, https://b:8443,"), Ok(Value::List(origins)));
        let choice = Setting::new("c", Kind::Choice(&["full", "normal"]), "");
        assert_eq!(choice.parse("full"), Ok(Value::Text("full".to_owned())));
        let wrong = choice.parse("ful").unwrap_err();
        assert_eq!(wrong, "one of full, normal; did you mean full?");
    }

    #[test]
    fn refuses_log_levels_that_do_not_exist() {
        for text in ["info", "warn,isobase_server=debug", "INFO", "WARNING", "critical"] {
            assert!(LOG.parse(text).is_ok(), "{text}");
        }
        assert!(LOG.parse("inof").unwrap_err().ends_with("did you mean info?"));
        assert!(LOG.parse("isobase_server").is_err());
        assert!(LOG.parse("isobase_server=loud").is_err());
    }

    #[test]
    fn refuses_what_is_no_address_of_the_web() {
        let address = Setting::new("a", Kind::WebAddress, "");
        for text in
            ["https://db.example.com", "http://10.0.0.1:8002", "https://h/db/", "http://[::1]:1"]
        {
            assert!(address.parse(text).is_ok(), "{text}");
        }
        for text in [
            "nonsense",
            "db.example.com",
            "ftp://h",
            "https://",
            "https://u:p@h",
            "https://h?a",
            "https://h h",
            "https://h:0",
            "https://h:x",
            "//h",
            "",
        ] {
            assert!(address.parse(text).is_err(), "{text}");
        }
        let origins = Setting::new("o", Kind::Origins, "");
        for text in
            ["https://app.example.com", "http://localhost:5173", "tauri://localhost", "*", ""]
        {
            assert!(origins.parse(text).is_ok(), "{text}");
        }
        for text in [
            "https://app.example.com/",
            "https://app.example.com/a",
            "app.example.com",
            "null",
            "https://App.example.com",
            "https://a:443",
            "http://a:80",
            "https://a,b",
        ] {
            assert!(origins.parse(text).is_err(), "{text}");
        }
        let hosts = Setting::new("h", Kind::Hosts, "");
        for text in ["app.test", "*.lvh.me, app.test", "[::1]", "192.0.2.1", ""] {
            assert!(hosts.parse(text).is_ok(), "{text}");
        }
        for text in ["app.test:80", "*", "a.*.b", "http://app.test", "a/b"] {
            assert!(hosts.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn never_shows_a_secret() {
        let key = Setting::new("k", Kind::Secret, "");
        assert_eq!(key.show(&Value::Text("hush".to_owned())), MASK);
        let url = Setting::new("u", Kind::Url, "");
        let value = Value::Text("postgres://u:hush@h/d".to_owned());
        assert_eq!(url.show(&value), "postgres://u:***@h/d");
    }

    #[test]
    fn names_its_own_variable() {
        assert_eq!(NUMBER.all_variables(), ["ISOBASE_A_B"]);
        let port = Setting::new("port", Kind::Text, "").variables(&["PORT"]);
        assert_eq!(port.all_variables(), ["ISOBASE_PORT", "PORT"]);
    }
}
