//! Kinds of values: how each is read, checked and shown.

use std::{fmt, str::FromStr, time::Duration};

use isobase::{redact, types::CollectionName};
use isobase_server::{LeftOut, MediaTypes, parse_network};
use serde_json::Value;

use super::{
    addresses::{is_host, is_origin, is_web_address},
    similar::most_similar,
    units::{parse_duration, parse_size, show_duration, show_size},
};

/// Shown in place of a secret.
pub(super) const MASK: &str = "***";

/// How the file writes values of a kind; in variables and flags all of them are texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As a text.
    Text,
    /// As `true` or `false`, or as a text.
    Bool,
    /// As a number, or as a text.
    Number,
    /// As a list of texts. A list in one text would be a second way to write it.
    List,
}

/// How the values of a setting are read, checked and shown.
pub(super) trait Kind<T>: fmt::Debug + Sync {
    /// Reads a value as it is written in a variable or a flag; `None` if it is wrong.
    fn read(&self, text: &str) -> Option<T>;

    /// Writes a value so that [`Kind::read`] reads it.
    fn write(&self, value: &T) -> String;

    /// A description of right values, to follow the word "expected".
    fn expected(&self) -> String;

    /// The same, where a wrong text tells what may be meant.
    fn expected_for(&self, _text: &str) -> String {
        self.expected()
    }

    /// The same in the documentation.
    fn described(&self) -> String {
        self.expected()
    }

    /// How the file writes it.
    fn shape(&self) -> Shape {
        Shape::Text
    }

    /// A text that was given for the setting, fit to be shown.
    fn shown(&self, text: &str) -> String {
        text.to_owned()
    }

    /// A value for programs, where that is no text. Durations stay texts with their units, and a size
    /// is a number of bytes: both can be written into `isobase.toml` as they are.
    fn json(&self, _value: &T) -> Option<Value> {
        None
    }
}

/// A text that is not empty.
#[derive(Debug)]
pub(super) struct Text {
    expected: &'static str,
    described: &'static str,
    shown: fn(&str) -> String,
}

const PLAIN: &str = "a text that is not empty, without control characters";

impl Text {
    /// Any text.
    pub(super) const ANY: Self = Self { expected: PLAIN, described: PLAIN, shown: str::to_owned };

    /// A text that is never shown.
    pub(super) const SECRET: Self = Self {
        expected: PLAIN,
        described: "a text; a secret, never shown",
        shown: |_| MASK.to_owned(),
    };

    /// The URL of a database; its password is never shown.
    pub(super) const DATABASE: Self = Self {
        expected: "the URL of a database",
        described: "the URL of a database; its password is never shown",
        shown: redact,
    };

    /// A folder.
    pub(super) const FOLDER: Self = Self {
        expected: "the path of a folder",
        described: "the path of a folder",
        shown: str::to_owned,
    };
}

impl Kind<String> for Text {
    fn read(&self, text: &str) -> Option<String> {
        (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
    }

    fn write(&self, value: &String) -> String {
        value.clone()
    }

    fn expected(&self) -> String {
        self.expected.to_owned()
    }

    fn described(&self) -> String {
        self.described.to_owned()
    }

    fn shown(&self, text: &str) -> String {
        (self.shown)(text)
    }
}

/// `true` or `false`.
#[derive(Debug)]
pub(super) struct Switch;

impl Kind<bool> for Switch {
    fn read(&self, text: &str) -> Option<bool> {
        match text {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn write(&self, value: &bool) -> String {
        value.to_string()
    }

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Bool
    }

    fn json(&self, value: &bool) -> Option<Value> {
        Some((*value).into())
    }
}

/// A whole number within bounds.
#[derive(Debug)]
pub(super) struct Whole<T> {
    min: T,
    max: Option<T>,
}

impl<T: Copy> Whole<T> {
    pub(super) const fn from(min: T) -> Self {
        Self { min, max: None }
    }

    pub(super) const fn between(min: T, max: T) -> Self {
        Self { min, max: Some(max) }
    }
}

impl<T> Kind<T> for Whole<T>
where
    T: Copy + FromStr + PartialOrd + fmt::Display + fmt::Debug + Into<Value> + Sync,
{
    fn read(&self, text: &str) -> Option<T> {
        let number: T = text.parse().ok()?;
        (number >= self.min && self.max.is_none_or(|max| number <= max)).then_some(number)
    }

    fn write(&self, value: &T) -> String {
        value.to_string()
    }

    fn expected(&self) -> String {
        match self.max {
            None => format!("a whole number from {}", self.min),
            Some(max) => format!("a whole number from {} to {max}", self.min),
        }
    }

    fn shape(&self) -> Shape {
        Shape::Number
    }

    fn json(&self, value: &T) -> Option<Value> {
        Some((*value).into())
    }
}

/// How long.
#[derive(Debug)]
pub(super) struct Span;

impl Kind<Duration> for Span {
    fn read(&self, text: &str) -> Option<Duration> {
        parse_duration(text)
    }

    fn write(&self, value: &Duration) -> String {
        show_duration(*value)
    }

    fn expected(&self) -> String {
        "a duration such as 250ms, 30s, 24h or 7d".to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Number
    }
}

/// A number of bytes.
#[derive(Debug)]
pub(super) struct Size;

const SIZE: &str = "a size such as 512KiB, 8MiB or a number of bytes";

impl Kind<u64> for Size {
    fn read(&self, text: &str) -> Option<u64> {
        parse_size(text)
    }

    fn write(&self, value: &u64) -> String {
        show_size(*value)
    }

    fn expected(&self) -> String {
        SIZE.to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Number
    }

    fn json(&self, value: &u64) -> Option<Value> {
        Some((*value).into())
    }
}

/// Of what is held in memory.
impl Kind<usize> for Size {
    fn read(&self, text: &str) -> Option<usize> {
        parse_size(text)?.try_into().ok()
    }

    fn write(&self, value: &usize) -> String {
        show_size(*value as u64)
    }

    fn expected(&self) -> String {
        SIZE.to_owned()
    }

    fn shape(&self) -> Shape {
        Shape::Number
    }

    fn json(&self, value: &usize) -> Option<Value> {
        Some((*value).into())
    }
}

/// One of these words, each with what it stands for.
#[derive(Debug)]
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T> Choice<T> {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(word, _)| *word)
    }
}

impl<T: Copy + PartialEq + fmt::Debug + Sync> Kind<T> for Choice<T> {
    fn read(&self, text: &str) -> Option<T> {
        self.0.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    fn write(&self, value: &T) -> String {
        let found = self.0.iter().find(|(_, known)| known == value);
        found.map(|(word, _)| (*word).to_owned()).unwrap_or_default()
    }

    fn expected(&self) -> String {
        format!("one of {}", self.words().collect::<Vec<_>>().join(", "))
    }

    fn expected_for(&self, text: &str) -> String {
        let meant = most_similar(text, self.words());
        let meant = meant.map(|word| format!("; did you mean {word}?"));
        format!("{}{}", self.expected(), meant.unwrap_or_default())
    }
}

/// Scheme and authority of a service, perhaps with a path.
#[derive(Debug)]
pub(super) struct WebAddress;

impl Kind<String> for WebAddress {
    fn read(&self, text: &str) -> Option<String> {
        is_web_address(text).then(|| text.to_owned())
    }

    fn write(&self, value: &String) -> String {
        value.clone()
    }

    fn expected(&self) -> String {
        "the address clients use, beginning with http:// or https://, such as \
         https://db.example.com"
            .to_owned()
    }
}

/// A list of texts; outside the file they are separated by commas.
#[derive(Debug)]
pub(super) struct List {
    is_right: fn(&str) -> bool,
    expected: &'static str,
}

impl List {
    /// Origins of web pages.
    pub(super) const ORIGINS: Self = Self {
        is_right: is_origin,
        expected: "origins as browsers send them, such as https://app.example.com: a scheme and a host, \
                   in small letters, without a path and without a slash at the end; or *",
    };

    /// Names of hosts.
    pub(super) const HOSTS: Self = Self {
        is_right: is_host,
        expected: "names of hosts without a port, such as app.test, or *.lvh.me for all below lvh.me",
    };

    /// Networks and addresses.
    pub(super) const NETWORKS: Self = Self {
        is_right: |text| parse_network(text).is_some(),
        expected: "addresses or networks, such as 127.0.0.1 or 10.0.0.0/8",
    };

    /// Types of files.
    pub(super) const MEDIA_TYPES: Self = Self {
        is_right: |text| MediaTypes::new([text]).is_ok(),
        expected: "types of files, such as application/pdf, or image/* for all images",
    };

    /// Endpoints of services.
    pub(super) const ENDPOINTS: Self = Self {
        is_right: |text| LeftOut::parse(text).endpoint.is_some_and(|it| it.starts_with('/')),
        expected: "endpoints, such as /health, or of one service llm:/ready",
    };

    /// Names of collections.
    pub(super) const COLLECTIONS: Self = Self {
        is_right: |text| CollectionName::new(text).is_ok(),
        expected: "names of collections",
    };
}

impl Kind<Vec<String>> for List {
    fn read(&self, text: &str) -> Option<Vec<String>> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let items: Vec<String> = items.map(str::to_owned).collect();
        items.iter().all(|item| (self.is_right)(item)).then_some(items)
    }

    fn write(&self, value: &Vec<String>) -> String {
        value.join(",")
    }

    fn expected(&self) -> String {
        self.expected.to_owned()
    }

    fn described(&self) -> String {
        format!("{}; a list, in variables separated by commas", self.expected)
    }

    fn shape(&self) -> Shape {
        Shape::List
    }

    fn json(&self, value: &Vec<String>) -> Option<Value> {
        Some(value.as_slice().into())
    }
}

/// Levels of the log.
#[derive(Debug)]
pub(super) struct LogFilter;

impl LogFilter {
    /// The first level that does not exist: such a word would silently be taken for a part of the
    /// program.
    fn wrong_level<'a>(&self, filter: &'a str) -> Option<&'a str> {
        let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
        let directives = filter.split(',').map(str::trim);
        let mut levels = directives
            .map(|directive| directive.rsplit_once('=').map_or(directive, |(_, level)| level));
        levels.find(|level| !is_level(level))
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Kind<String> for LogFilter {
    fn read(&self, text: &str) -> Option<String> {
        let filter = with_our_levels(text);
        self.wrong_level(filter).is_none().then(|| filter.to_owned())
    }

    fn write(&self, value: &String) -> String {
        value.clone()
    }

    fn expected(&self) -> String {
        "a level (error, warn, info, debug, trace, off) or part=level, …".to_owned()
    }

    fn expected_for(&self, text: &str) -> String {
        let wrong = self.wrong_level(with_our_levels(text));
        let meant = wrong.and_then(|level| most_similar(level, LEVELS));
        let meant = meant.map(|word| format!("; did you mean {word}?"));
        format!("{}{}", self.expected(), meant.unwrap_or_default())
    }
}

/// `LOG_LEVEL` is shared with programs in other languages, whose levels have other names.
fn with_our_levels(text: &str) -> &str {
    match text.to_ascii_lowercase().as_str() {
        "warning" => "warn",
        "critical" | "fatal" => "error",
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_of_each_kind() {
        let number = Whole::between(1_u64, 9);
        assert_eq!(number.read("9"), Some(9));
        assert_eq!((number.read("10"), number.read("x")), (None, None));
        assert_eq!(number.expected(), "a whole number from 1 to 9");
        let origins = ["http://a".to_owned(), "https://b:8443".to_owned()].to_vec();
        assert_eq!(List::ORIGINS.read("http://a, https://b:8443,"), Some(origins));
        let choice = Choice(&[("full", true), ("normal", false)]);
        assert_eq!(choice.read("full"), Some(true));
        assert_eq!(choice.expected_for("ful"), "one of full, normal; did you mean full?");
    }

    #[test]
    fn refuses_log_levels_that_do_not_exist() {
        for text in ["info", "warn,isobase_server=debug", "INFO", "WARNING", "critical"] {
            assert!(LogFilter.read(text).is_some(), "{text}");
        }
        assert!(LogFilter.expected_for("inof").ends_with("did you mean info?"));
        for text in ["inof", "isobase_server", "isobase_server=loud"] {
            assert!(LogFilter.read(text).is_none(), "{text}");
        }
    }
}
