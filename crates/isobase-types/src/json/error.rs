//! Why a text is refused.

use std::fmt;

use super::DEPTH_MAX;

/// Why a text is not JSON we store: which rule it breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidJson {
    /// The rule it breaks.
    pub kind: InvalidJsonKind,
    /// Offset in bytes of the offending place.
    pub offset: usize,
    /// Path of the offending value as far as it was read (`a.b.0`); empty at the top. For
    /// people: long keys are cut.
    pub path: String,
}

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, ", in '{}'", self.path) }
    }
}

impl std::error::Error for InvalidJson {}

/// The rule a text breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJsonKind {
    /// There is nothing but blank space.
    #[error("expected a JSON value, found nothing")]
    Empty,
    /// The bytes are not UTF-8.
    #[error("expected UTF-8, found other bytes")]
    NotUtf8,
    /// The grammar of JSON is broken.
    #[error("expected {expected}, found {}", Found(*.found))]
    Syntax {
        /// The tokens that could stand here.
        expected: &'static str,
        /// The character here; `None` at the end of the text.
        found: Option<char>,
    },
    /// A value where an object is needed.
    #[error("expected a JSON object, found {found}")]
    NotAnObject {
        /// Its kind: `an array`, `a string`, `a number`, `a boolean` or `null`.
        found: &'static str,
    },
    /// Something follows the value.
    #[error("expected nothing after the JSON value, found more")]
    TrailingCharacters,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("arrays and objects are nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A key stands twice in one object.
    #[error("the key {key:?} stands twice in one object, expected it once")]
    DuplicateKey {
        /// The key, decoded, cut to 100 characters.
        key: String,
    },
    /// The nearest 64-bit float of a number is infinite.
    #[error("the number {number} is beyond the range of 64-bit floats")]
    NumberOutOfRange {
        /// The number, cut to 40 characters.
        number: String,
    },
    /// `NaN`, `Infinity` or `-Infinity`, which JSON does not have.
    #[error("{word} is not JSON, expected a finite number or null")]
    NotANumber {
        /// The word.
        word: &'static str,
    },
    /// Half of a surrogate pair, which no UTF-8 text can hold.
    #[error("a string holds half of a surrogate pair, expected both halves")]
    LoneSurrogate,
}

/// What stands at a place, as people name it.
struct Found(Option<char>);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(found) => write!(f, "{found:?}"),
            None => f.write_str("the end"),
        }
    }
}

/// A rule broken at a place: an [`InvalidJson`] before its path is known.
pub(crate) struct Stop {
    pub(crate) kind: InvalidJsonKind,
    pub(crate) offset: usize,
}

impl Stop {
    pub(super) fn new(kind: InvalidJsonKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// The grammar is broken at `offset` of `text`.
    pub(super) fn syntax(text: &str, offset: usize, expected: &'static str) -> Self {
        let found = text.get(offset..).and_then(|rest| rest.chars().next());
        Self { kind: InvalidJsonKind::Syntax { expected, found }, offset }
    }
}

/// The first `chars_max` characters of a text, with `…` when it goes on.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
