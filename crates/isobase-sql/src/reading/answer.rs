//! The answer of a statement, within which limits, or why it does not.

use std::time::Duration;

use crate::{Error, PlanNode};

/// How long a statement waits for a connection.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Most bytes that the answer of PostgreSQL to one statement has, plans and messages included.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much a statement may answer, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Most rows.
    pub rows_max: usize,
    /// Most bytes of all values together.
    pub bytes_max: usize,
    /// Most characters of one value; it is cut after them, by the engine where that can do it.
    pub cell_characters_max: usize,
    /// How long the statement may run. Then it is stopped.
    pub timeout: Duration,
    /// Names the statement in the list of sessions of PostgreSQL, so that another process can stop it.
    pub mark: u64,
}

/// The answer of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadAnswer {
    /// The columns; two of one name stay two.
    pub columns: Vec<ReadColumn>,
    /// The rows; NULL is none.
    pub rows: Vec<Vec<Option<ReadCell>>>,
    /// Which limit ended the answer before its end.
    pub ended_by: Option<ReadEnd>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadColumn {
    /// Its name.
    pub name: String,
    /// Its type: `int4`, `text`; on SQLite the kind of its first value.
    pub data_type: String,
}

/// A value, as the engine itself writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCell {
    /// The text.
    pub text: String,
    /// Whether more of it was left out.
    pub is_cut: bool,
    /// The JSON form of the text.
    pub form: ReadForm,
}

/// The JSON form of the text of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadForm {
    /// A string.
    #[default]
    Text,
    /// A number, unless it is infinite or none.
    Number,
    /// `true` or `false`.
    Truth,
    /// JSON itself.
    Json,
}

impl ReadForm {
    /// That of a type of PostgreSQL.
    pub(super) fn of_type(name: &str) -> Self {
        match name {
            "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "oid" => Self::Number,
            "bool" => Self::Truth,
            "json" | "jsonb" => Self::Json,
            _ => Self::Text,
        }
    }
}

/// Which limit ended an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// There are more rows.
    Rows,
    /// The values are too many bytes.
    Bytes,
}

/// The plan of a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPlan {
    /// Its steps at the top.
    pub steps: Vec<PlanNode>,
    /// How long it ran, in milliseconds, when it was carried out.
    pub execution_ms: Option<f64>,
}

/// Why a statement is not answered.
#[derive(Debug)]
pub enum ReadError {
    /// As with every statement.
    Sql(Error),
    /// The role could write files or start programs on the server, or break its replication, which
    /// no transaction forbids. Holds its name.
    PowerfulRole(String),
    /// It is the database that is never changed.
    Guarded,
    /// The database answered with more bytes at once than are taken, [`ANSWER_BYTES_MAX`].
    TooLarge,
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl ReadAnswer {
    /// Takes a row unless a limit is reached; says whether there is place for more.
    pub(crate) fn take(
        &mut self,
        row: Vec<Option<ReadCell>>,
        bytes: &mut usize,
        limits: &ReadLimits,
    ) -> bool {
        if self.rows.len() >= limits.rows_max {
            self.ended_by = Some(ReadEnd::Rows);
            return false;
        }
        *bytes += row.iter().flatten().map(|cell| cell.text.len()).sum::<usize>();
        // One row is always shown: its values were cut one by one.
        if *bytes > limits.bytes_max && !self.rows.is_empty() {
            self.ended_by = Some(ReadEnd::Bytes);
            return false;
        }
        self.rows.push(row);
        true
    }
}

impl ReadLimits {
    /// Most characters of one of so many values of a row, which together fit.
    pub(crate) fn cell_of(&self, columns: usize) -> usize {
        (self.bytes_max / columns.max(1)).clamp(64, self.cell_characters_max.max(64))
    }
}

/// A value that is cut after so many characters.
pub(crate) fn cell(text: String, characters_max: usize, form: ReadForm) -> ReadCell {
    match text.char_indices().nth(characters_max) {
        None => ReadCell { text, is_cut: false, form },
        // A piece of JSON is none.
        Some((end, _)) => {
            ReadCell { text: text[..end].to_owned(), is_cut: true, form: ReadForm::Text }
        }
    }
}
