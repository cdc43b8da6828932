//! JSON values as a tree that keeps what text says.

use isobase_types::json;

use super::parse;

/// A JSON value. Numbers keep their text, objects the order of their fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// The text of a JSON number.
    Number(Box<str>),
    /// A string, decoded.
    String(String),
    /// An array.
    Array(Vec<Tree>),
    /// An object; no name occurs twice.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads any JSON text, blank space and all escapes included.
    ///
    /// Of a name that stands twice in an object the last value counts, and half of a surrogate
    /// pair becomes U+FFFD: a database may hold both, and its documents must be readable.
    ///
    /// # Errors
    /// [`InvalidTree`] when it is not one JSON value, or nested deeper than 512 levels.
    pub fn parse(text: &str) -> Result<Self, InvalidTree> {
        parse::parse(text)
    }

    /// The fields of a body: canonical text of an object.
    ///
    /// # Errors
    /// [`InvalidTree`] when the text is something else.
    pub fn parse_fields(body: &str) -> Result<Vec<(String, Self)>, InvalidTree> {
        match Self::parse(body)? {
            Self::Object(fields) => Ok(fields),
            _ => Err(InvalidTree { offset: 0, expected: "an object" }),
        }
    }

    /// Appends the value as compact JSON text: numbers and the order of fields as they are,
    /// strings with the fewest escapes.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(text) => out.extend_from_slice(text.as_bytes()),
            Self::String(text) => json::write_string(text, out),
            Self::Array(elements) => {
                out.push(b'[');
                for (place, element) in elements.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    element.write(out);
                }
                out.push(b']');
            }
            Self::Object(fields) => Self::write_fields(fields, out),
        }
    }

    /// Appends fields as one compact JSON object.
    pub fn write_fields(fields: &[(String, Self)], out: &mut Vec<u8>) {
        out.push(b'{');
        for (place, (name, value)) in fields.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            json::write_string(name, out);
            out.push(b':');
            value.write(out);
        }
        out.push(b'}');
    }

    /// The value as compact JSON text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        into_text(out)
    }

    /// A number.
    #[must_use]
    pub fn integer(value: u64) -> Self {
        Self::Number(value.to_string().into())
    }

    /// The value of a field, if this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => {
                fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is one without sign and fraction and within 64 bits; also when the
    /// database writes it as a float (`7.0`).
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        const FLOAT_EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        let Self::Number(text) = self else { return None };
        if let Ok(number) = text.parse() {
            return Some(number);
        }
        let float: f64 = text.parse().ok()?;
        let whole = float.fract() == 0.0 && (0.0..=FLOAT_EXACT_MAX).contains(&float);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        whole.then_some(float as u64)
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The fields, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }
}

impl From<&str> for Tree {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

/// Why a text is not a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTree {
    /// Where, in bytes.
    pub offset: usize,
    /// The expected kind.
    pub expected: &'static str,
}

impl std::fmt::Display for InvalidTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {} at byte {} of the JSON text", self.expected, self.offset)
    }
}

impl std::error::Error for InvalidTree {}

/// Text of bytes that were made of text.
pub(super) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_comes_back_as_it_was() {
        for text in [
            "null",
            "-0.0",
            "\"a\\\"\\\\\\n\\u0001\u{1F600}\u{2028}\"",
            "[1,[],{},[true,false,null]]",
            "{\"b\":1.50,\"a\":1e400,\"\":{\"x\":[{}]}}",
            "123456789012345678901234567890.123456789",
        ] {
            assert_eq!(Tree::parse(text).map(|tree| tree.to_text()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn other_json_text_is_read() {
        let cases = [
            (
                " { \"a\" : [ 1 , \"\\u00e9\\/\\ud83d\\ude00\" ] }\r\n",
                "{\"a\":[1,\"é/\u{1F600}\"]}",
            ),
            ("\"\\ud800x\\udc00\"", "\"\u{fffd}x\u{fffd}\""),
            ("\"\\ud800\\u0041\"", "\"\u{fffd}A\""),
            ("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"),
        ];
        for (text, compact) in cases {
            assert_eq!(Tree::parse(text).unwrap().to_text(), compact);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(600);
        for text in [
            "",
            "{",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "1e",
            "+1",
            "\"a",
            "\"\u{1}\"",
            "\"\\x\"",
            "nul",
            "1 2",
            "{a:1}",
            "\"\\u12\"",
            ".5",
            &deep,
        ] {
            assert!(Tree::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_read_as_integers() {
        let number = |text: &str| Tree::Number(text.into()).as_u64();
        assert_eq!(number("7"), Some(7));
        assert_eq!(number("7.0"), Some(7));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        assert_eq!(number("-1"), None);
        assert_eq!(number("7.5"), None);
        assert_eq!(number("1e300"), None);
    }
}
