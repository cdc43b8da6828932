//! JSON as text: checked and made canonical once, when it is written; after that, spliced.
//!
//! Canonical text is compact, keeps the order of keys and the text of numbers, and writes every
//! string in one way. Everything but [`canonicalise_document`], [`canonicalise_value`] and
//! [`ValueSplitter`] takes canonical text; other text gives useless answers, never a panic.

use std::borrow::Cow;

use crate::FieldPath;

/// Deepest nesting of arrays and objects in a document.
pub const DEPTH_MAX: usize = 128;

/// Checks one JSON object and returns its canonical text, without a top-level `id`.
///
/// # Errors
/// [`InvalidJson`].
pub fn canonicalise_document(_input: &[u8]) -> Result<String, InvalidJson> {
    todo!()
}

/// Checks one JSON value and returns its canonical text.
///
/// # Errors
/// [`InvalidJson`].
pub fn canonicalise_value(_input: &[u8]) -> Result<String, InvalidJson> {
    todo!()
}

/// Why a text is not JSON we store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct InvalidJson {
    /// Which rule it breaks.
    pub kind: InvalidJsonKind,
    /// Offset of the offending byte.
    pub offset: usize,
    /// Path of the offending value, as far as known; empty at the top.
    pub path: String,
}

/// The rule a text breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJsonKind {
    /// There is nothing but blank space.
    #[error("empty")]
    Empty,
    /// The bytes are not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// The grammar of JSON is broken.
    #[error("expected {expected}")]
    Syntax {
        /// What could stand here.
        expected: &'static str,
    },
    /// A value, but not an object.
    #[error("expected a JSON object, found {found}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// Something follows the value.
    #[error("trailing characters")]
    TrailingCharacters,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("too deep")]
    TooDeep,
    /// A key stands twice in one object.
    #[error("duplicate key")]
    DuplicateKey {
        /// The key, decoded and cut.
        key: String,
    },
    /// The nearest 64-bit float of a number is infinite.
    #[error("number out of range")]
    NumberOutOfRange {
        /// The number, cut.
        number: String,
    },
    /// `NaN`, `Infinity` or `-Infinity`.
    #[error("not a number")]
    NotANumber,
    /// Half of a surrogate pair.
    #[error("lone surrogate")]
    LoneSurrogate,
}

/// Appends a text as a canonical JSON string.
pub fn write_string(_text: &str, _out: &mut Vec<u8>) {
    todo!()
}

/// The value at a path in canonical text.
#[must_use]
pub fn find<'a>(_text: &'a str, _path: &FieldPath) -> Option<Raw<'a>> {
    todo!()
}

/// A value as canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
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

/// The value of a JSON number.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer within 64 bits.
    Integer(i64),
    /// Any other number, as the nearest 64-bit float; finite.
    Float(f64),
}

impl<'a> Raw<'a> {
    /// Takes canonical text as a value.
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
    pub fn kind(self) -> Kind {
        todo!()
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        todo!()
    }

    /// The string, decoded, if it is one.
    #[must_use]
    pub fn as_str_decoded(self) -> Option<Cow<'a, str>> {
        todo!()
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<Number> {
        todo!()
    }

    /// The elements of an array; none for anything else.
    pub fn elements(self) -> impl Iterator<Item = Raw<'a>> {
        std::iter::empty()
    }

    /// The members of an object (key as canonical string, value); none for anything else.
    pub fn members(self) -> impl Iterator<Item = (Raw<'a>, Raw<'a>)> {
        std::iter::empty()
    }
}

/// Applies a merge patch (RFC 7396); both texts are canonical.
#[must_use]
pub fn merge_patch(_body: &str, _patch: &str) -> String {
    todo!()
}

/// Only these fields of a canonical object, nested as they were, in the order of the document.
#[must_use]
pub fn project(_body: &str, _fields: &[FieldPath]) -> String {
    todo!()
}

/// Cuts a stream of bytes into the values of a JSON array, or of newline-delimited JSON.
#[derive(Debug)]
pub struct ValueSplitter {}

impl ValueSplitter {
    /// A splitter that refuses items longer than this.
    #[must_use]
    pub fn new(_item_bytes_max: usize) -> Self {
        todo!()
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, _chunk: &[u8]) {
        todo!()
    }

    /// Says that the stream is over; what is left comes from [`Self::next_value`].
    pub fn finish(&mut self) {
        todo!()
    }

    /// The next whole value; none when more bytes are needed, or after the end.
    ///
    /// # Errors
    /// [`SplitError`]; the stream cannot be continued.
    pub fn next_value(&mut self) -> Result<Option<&[u8]>, SplitError> {
        todo!()
    }
}

/// Why a stream cannot be cut into values. Items are numbered from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// An item is longer than the limit.
    #[error("item {item} is longer than {limit} bytes")]
    TooLarge {
        /// Its number.
        item: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is nothing between two commas of the array.
    #[error("item {item} is empty")]
    Empty {
        /// Its number.
        item: u64,
    },
    /// The stream ended inside the array.
    #[error("the array ended early after {items} items")]
    Unfinished {
        /// Whole items before the end.
        items: u64,
    },
    /// Something follows the array.
    #[error("expected nothing after the array")]
    TrailingCharacters,
}
