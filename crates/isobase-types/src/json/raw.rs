//! Looking into canonical text.

use std::{borrow::Cow, cmp::Ordering};

use super::{
    read_string,
    skip::{string_end, value_end},
};
use crate::{FieldPath, PathStep};

/// The value at a path in the canonical text of a value, without a copy.
///
/// Steps reach into objects by key and into arrays by canonical decimal index.
#[must_use]
pub fn find<'a>(text: &'a str, path: &FieldPath) -> Option<Raw<'a>> {
    find_steps(text, path.steps())
}

/// The value at the end of some steps.
pub(super) fn find_steps<'a>(text: &'a str, steps: &[PathStep]) -> Option<Raw<'a>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    for step in steps {
        at = match bytes.get(at) {
            Some(b'{') => member_start(text, at, step)?,
            Some(b'[') => element_start(bytes, at, parse_index(step)?)?,
            _ => return None,
        };
    }
    text.get(at..value_end(bytes, at)).map(Raw)
}

/// Offset of the value of a key in the object at `at`.
fn member_start(text: &str, at: usize, key: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = at + 1;
    while bytes.get(at) == Some(&b'"') {
        let end = string_end(bytes, at);
        if key_equals(text, at, end, key) {
            return Some(end + 1);
        }
        at = value_end(bytes, end + 1) + 1;
    }
    None
}

/// Whether the key string between `start` and `end` stands for `key`.
#[inline]
fn key_equals(text: &str, start: usize, end: usize, key: &str) -> bool {
    let Some(inner) = text.as_bytes().get(start + 1..end - 1) else { return false };
    if inner == key.as_bytes() {
        // A key with a backslash is never written as it is.
        return !key.contains('\\');
    }
    inner.len() > key.len()
        && inner.contains(&b'\\')
        && read_string(text, start).is_ok_and(|(decoded, _)| decoded == key)
}

/// Offset of an element of the array at `at`.
fn element_start(bytes: &[u8], at: usize, index: usize) -> Option<usize> {
    let mut at = at + 1;
    if bytes.get(at) == Some(&b']') {
        return None;
    }
    for _ in 0..index {
        at = value_end(bytes, at);
        if bytes.get(at) != Some(&b',') {
            return None;
        }
        at += 1;
    }
    (at < bytes.len()).then_some(at)
}

/// The index a step stands for: canonical decimal.
fn parse_index(step: &str) -> Option<usize> {
    let canonical = match step.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical.then(|| step.parse().ok()).flatten()
}

/// The canonical text of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl<'a> Raw<'a> {
    /// Takes canonical text as a value; nothing is checked.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_text(self) -> &'a str {
        self.0
    }

    /// The type.
    #[must_use]
    #[inline]
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            _ => Kind::Null,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The decoded string, if it is one. Borrowed unless it holds escapes.
    #[must_use]
    pub fn as_str_decoded(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        if !inner.as_bytes().contains(&b'\\') {
            return Some(Cow::Borrowed(inner));
        }
        read_string(self.0, 0).ok().map(|(decoded, _)| decoded)
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<Number> {
        if self.kind() == Kind::Number { Number::parse(self.0) } else { None }
    }

    /// The elements of an array; none for anything else.
    #[must_use]
    pub fn elements(self) -> Elements<'a> {
        let at = if self.0.starts_with('[') && self.0 != "[]" { 1 } else { self.0.len() };
        Elements { text: self.0, at }
    }

    /// The members of an object, key (a string) and value; none for anything else.
    #[must_use]
    pub fn members(self) -> Members<'a> {
        let at = if self.0.starts_with('{') { 1 } else { self.0.len() };
        Members { text: self.0, at }
    }
}

/// The elements of an array.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        if self.at >= self.text.len() {
            return None;
        }
        let end = value_end(self.text.as_bytes(), self.at);
        let element = self.text.get(self.at..end).map(Raw);
        self.at = end + 1;
        element
    }
}

/// The members of an object.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Members<'a> {
    type Item = (Raw<'a>, Raw<'a>);

    fn next(&mut self) -> Option<(Raw<'a>, Raw<'a>)> {
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        let key_end = string_end(bytes, self.at);
        let end = value_end(bytes, key_end + 1);
        let key = self.text.get(self.at..key_end).map(Raw)?;
        let value = self.text.get(key_end + 1..end).map(Raw)?;
        self.at = end + 1;
        Some((key, value))
    }
}

/// The value of a JSON number. Compared by value, across both forms.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Written without fraction and exponent, and within 64 bits.
    Integer(i64),
    /// Any other number, as the nearest 64-bit float; finite.
    Float(f64),
}

impl Number {
    /// Reads the text of a JSON number; `None` if its nearest float is infinite.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        text.parse().ok().filter(|float: &f64| float.is_finite()).map(Self::Float)
    }

    /// The nearest float, and what is missing to the exact value: at most 512 either way.
    #[expect(clippy::cast_precision_loss, reason = "the loss is the second part")]
    pub(crate) fn parts(self) -> (f64, i16) {
        match self {
            Self::Float(float) => (float, 0),
            Self::Integer(integer) => {
                let float = integer as f64;
                let rest = i128::from(integer) - float as i128;
                (float, i16::try_from(rest).unwrap_or_default())
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Self::Integer(a), Self::Integer(b)) = (self, other) {
            return a.cmp(b);
        }
        let ((a, a_rest), (b, b_rest)) = (self.parts(), other.parts());
        // Finite floats are always comparable.
        a.partial_cmp(&b).unwrap_or(Ordering::Equal).then(a_rest.cmp(&b_rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"a":1,"s":"x\"},\\","o":{"a":{"b":[10,[],{"c":true}]}},"":0,"q\"q":2,"\\\\":3,"a.b":4}"#;

    fn at(path: &str) -> Option<&'static str> {
        find(TEXT, &FieldPath::parse(path).unwrap()).map(Raw::as_text)
    }

    #[test]
    fn finds_values_by_path() {
        let cases = [
            ("a", Some("1")),
            ("s", Some(r#""x\"},\\""#)),
            ("o.a.b", Some(r#"[10,[],{"c":true}]"#)),
            ("o.a.b.0", Some("10")),
            ("o.a.b.1", Some("[]")),
            ("o.a.b.2.c", Some("true")),
            (r#""""#, Some("0")),
            (r#""q\"q""#, Some("2")),
            (r#""\\\\""#, Some("3")),
            (r#""\\""#, None),
            (r#""a.b""#, Some("4")),
            ("a.b", None),
            ("o.b", None),
            ("o.a.b.3", None),
            ("o.a.b.1.0", None),
            ("o.a.b.00", None),
            ("o.a.b.c", None),
            ("s.0", None),
            ("o.0", None),
        ];
        for (path, value) in cases {
            assert_eq!(at(path), value, "{path}");
        }
    }

    #[test]
    fn never_panics_on_other_text() {
        let path = FieldPath::parse("a.0.b").unwrap();
        for text in ["", "{", "[", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "[,", "}", "]é"]
        {
            let raw = Raw::new(text);
            assert!(find(text, &path).is_none_or(|raw| raw.as_text().is_empty()));
            assert!(raw.members().count() + raw.elements().count() < 9);
            let _ = (raw.kind(), raw.number(), raw.as_str_decoded(), raw.as_bool());
        }
    }

    #[test]
    fn reads_scalars_and_members() {
        assert_eq!(Raw::new("\"a\\nb\"").as_str_decoded().unwrap(), "a\nb");
        assert_eq!(Raw::new("1").as_str_decoded(), None);
        assert_eq!(Raw::new("false").as_bool(), Some(false));
        let texts: Vec<_> = Raw::new("[1,\"a,b\",[2,3],{}]").elements().map(Raw::as_text).collect();
        assert_eq!(texts, ["1", "\"a,b\"", "[2,3]", "{}"]);
        assert_eq!(Raw::new("[]").elements().count(), 0);
        assert_eq!(Raw::new("{}").members().count(), 0);
        assert_eq!(Raw::new(TEXT).members().count(), 7);
    }

    #[test]
    fn compares_numbers_by_value() {
        let ascending = [
            "-1e300",
            "-9223372036854775808",
            "-9223372036854775807",
            "-1.5",
            "-1",
            "0",
            "5e-324",
            "0.5",
            "1",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "1e300",
        ];
        let numbers = ascending.map(|text| Number::parse(text).unwrap());
        for pair in numbers.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        for (a, b) in [("1", "1.0"), ("1", "1e0"), ("0", "-0.0"), ("-0", "0"), ("100", "1e2")] {
            assert_eq!(Number::parse(a), Number::parse(b));
        }
        assert_eq!(Number::parse("1e999"), None);
    }
}
