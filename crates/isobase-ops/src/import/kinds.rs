//! Formats, types of columns, and the fate of ids.

use std::{fmt, str::FromStr};

/// Most digits of a number that 64-bit floats, and so most programs, hold apart from its
/// neighbours. More make an identifier, and its whole column text.
pub(crate) const NUMBER_DIGITS_MAX: usize = 15;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An array of objects.
    Json,
    /// One object per line.
    Ndjson,
    /// A row of names, then one row per record.
    Csv,
}

/// The type of the cells of a column, or of the values of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// As they are written; null where nothing stands, not even quotation marks.
    Text,
    /// JSON numbers; null where nothing stands.
    Number,
    /// `true` and `false` in any letters; null where nothing stands.
    Boolean,
    /// JSON; null where nothing stands.
    Json,
}

/// The fate of the ids that records have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// Ids are given out anew.
    #[default]
    New,
    /// They are kept; one that is taken is refused.
    Keep,
    /// They are kept, and what has them already is replaced.
    Upsert,
}

/// The text is none of the words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {0}")]
pub struct UnknownWord(&'static str);

impl Format {
    /// Its word: `json`, `ndjson`, `csv`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = [Self::Json, Self::Ndjson, Self::Csv];
        let found = all.into_iter().find(|format| format.as_str() == text);
        found.ok_or(UnknownWord("json, ndjson, csv"))
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Json => "json",
        })
    }
}

impl FromStr for ColumnType {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "text" => Ok(Self::Text),
            "number" => Ok(Self::Number),
            "boolean" => Ok(Self::Boolean),
            "json" => Ok(Self::Json),
            _ => Err(UnknownWord("text, number, boolean, json")),
        }
    }
}

impl Ids {
    /// Its word: `new`, `keep`, `upsert`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Keep => "keep",
            Self::Upsert => "upsert",
        }
    }

    /// The salt that sets an import apart from one that does something else with the same ids.
    #[must_use]
    pub fn salt(self) -> &'static str {
        if self == Self::New { "" } else { self.as_str() }
    }
}

impl FromStr for Ids {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let all = [Self::New, Self::Keep, Self::Upsert];
        all.into_iter().find(|ids| ids.as_str() == text).ok_or(UnknownWord("new, keep, upsert"))
    }
}

/// `true` or `false`, in any letters.
pub(crate) fn boolean(text: &str) -> Option<&'static str> {
    ["true", "false"].into_iter().find(|word| text.eq_ignore_ascii_case(word))
}

/// How many digits a JSON number has; `None` when the text is not one. `007`, `+1` and `.5` are none:
/// they may be identifiers. What is too large for a 64-bit float is none either.
pub(crate) fn digits(text: &str) -> Option<usize> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| are_digits(text.strip_prefix(['+', '-']).unwrap_or(text));
    let is_number = are_digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(is_exponent)
        && text.parse::<f64>().is_ok_and(f64::is_finite);
    is_number.then(|| whole.len() + fraction.map_or(0, str::len))
}
