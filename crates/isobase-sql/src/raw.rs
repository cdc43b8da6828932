//! Answers whose values are read one by one, from the form in which they came.

use std::sync::Arc;

use isobase_postgres::tokio_postgres::{self, Statement, types::Type};

use crate::{
    Answer, Error, ErrorKind, Row, Value,
    postgres::{Raw, decode, refused},
};

/// The answer of a statement, with its values as they came. Reading a value costs when it is read.
#[derive(Debug)]
pub struct RawAnswer {
    columns: Arc<[String]>,
    rows: Rows,
    affected: u64,
}

#[derive(Debug)]
enum Rows {
    Postgres(Statement, Vec<tokio_postgres::Row>),
    Values(Vec<Row>),
}

/// The form in which the values of a column came from PostgreSQL.
///
/// Source: PostgreSQL, the `…_send` functions of `src/backend/utils/adt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One byte.
    Bool,
    /// Two, four or eight bytes, the highest first.
    Int,
    /// Four bytes of IEEE 754.
    Float4,
    /// Eight bytes of IEEE 754.
    Float8,
    /// UTF-8.
    Text,
    /// JSON as UTF-8.
    Json,
    /// The number 1 and JSON as UTF-8.
    Jsonb,
    /// Microseconds from 2000-01-01 UTC, in eight bytes.
    TimestampTz,
    /// Any other: only [`RawAnswer::value`] reads it.
    Other,
}

/// Takes the rows of a long answer while more of them come.
pub trait TakeRows: Send {
    /// Takes the next rows. No others come until it returns.
    fn take(&mut self, rows: RawAnswer);
}

impl RawAnswer {
    pub(crate) fn of_postgres(
        statement: Statement,
        rows: Vec<tokio_postgres::Row>,
        affected: u64,
    ) -> Self {
        let columns = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        Self { columns, rows: Rows::Postgres(statement, rows), affected }
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Postgres(_, rows) => rows.len(),
            Rows::Values(rows) => rows.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows were changed, or read by a statement that only reads.
    #[must_use]
    pub fn affected(&self) -> u64 {
        self.affected
    }

    /// The form of each column.
    #[must_use]
    pub fn forms(&self) -> Vec<Form> {
        match &self.rows {
            Rows::Postgres(statement, _) => {
                statement.columns().iter().map(|column| form(column.type_())).collect()
            }
            Rows::Values(_) => vec![Form::Other; self.columns.len()],
        }
    }

    /// The bytes of a value of a form that is not [`Form::Other`]; none for NULL.
    #[must_use]
    pub fn bytes(&self, row: usize, column: usize) -> Option<&[u8]> {
        let Rows::Postgres(_, rows) = &self.rows else { return None };
        let raw: Option<Raw<'_>> = rows.get(row)?.try_get(column).ok()?;
        raw.map(|Raw(bytes)| bytes)
    }

    /// A value.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] when its type has no value here.
    pub fn value(&self, row: usize, column: usize) -> Result<Value, Error> {
        match &self.rows {
            Rows::Postgres(statement, rows) => value_of(statement, &rows[row], column),
            Rows::Values(rows) => Ok(rows[row].values()[column].clone()),
        }
    }

    /// All values.
    ///
    /// # Errors
    /// As [`RawAnswer::value`].
    pub fn into_answer(self) -> Result<Answer, Error> {
        let Self { columns, rows, affected } = self;
        let rows = match rows {
            Rows::Values(rows) => rows,
            Rows::Postgres(statement, rows) => {
                let count = statement.columns().len();
                let read = |row: tokio_postgres::Row| {
                    let values = (0..count).map(|at| value_of(&statement, &row, at));
                    values.collect::<Result<_, _>>().map(|values| Row::new(&columns, values))
                };
                rows.into_iter().map(read).collect::<Result<_, _>>()?
            }
        };
        Ok(Answer { columns, rows, affected })
    }
}

impl From<Answer> for RawAnswer {
    fn from(answer: Answer) -> Self {
        let Answer { columns, rows, affected } = answer;
        Self { columns, rows: Rows::Values(rows), affected }
    }
}

fn value_of(statement: &Statement, row: &tokio_postgres::Row, at: usize) -> Result<Value, Error> {
    let column = &statement.columns()[at];
    let raw: Option<Raw<'_>> = row.try_get(at).map_err(|error| refused(error, ""))?;
    let Some(Raw(raw)) = raw else { return Ok(Value::Null) };
    decode(column.type_(), raw).map_err(|_| {
        let (name, ty) = (column.name(), column.type_().name());
        let message = format!(
            "the column '{name}' has the type {ty}, which has no value here; select it as text"
        );
        Error::new(ErrorKind::Query, message)
    })
}

fn form(ty: &Type) -> Form {
    match *ty {
        Type::BOOL => Form::Bool,
        Type::INT2 | Type::INT4 | Type::INT8 => Form::Int,
        Type::FLOAT4 => Form::Float4,
        Type::FLOAT8 => Form::Float8,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => Form::Text,
        Type::JSON => Form::Json,
        Type::JSONB => Form::Jsonb,
        Type::TIMESTAMPTZ => Form::TimestampTz,
        _ => Form::Other,
    }
}
