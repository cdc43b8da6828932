//! Rows, and what a statement answers.

use std::sync::Arc;

use crate::Value;

/// One row. Its columns keep their order, and two of one name stay two.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Shared by all rows of an answer.
    columns: Arc<[String]>,
    values: Vec<Value>,
}

/// The answer of a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The names of the columns; empty when the statement gives no rows.
    pub columns: Arc<[String]>,
    /// The rows.
    pub rows: Vec<Row>,
    /// How many rows were changed, or read by a statement that only reads.
    pub affected: u64,
}

impl Row {
    pub(crate) fn new(columns: &Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns: Arc::clone(columns), values }
    }

    /// The value of a column; the first one of that name.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.values.get(at)
    }

    /// The names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the columns.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.columns.iter().map(String::as_str).zip(&self.values)
    }

    /// The same row with other values.
    pub(crate) fn map(self, change: impl Fn(&str, Value) -> Value) -> Self {
        let Self { columns, values } = self;
        let values = columns.iter().zip(values).map(|(name, value)| change(name, value)).collect();
        Self { columns, values }
    }

    /// The row as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::from("{");
        for (at, (name, value)) in self.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&crate::value::json_string(name));
            text.push(':');
            value.write_json(&mut text);
        }
        text.push('}');
        text
    }
}

impl Answer {
    /// The first row, as a caller that asks for one wants it.
    #[must_use]
    pub fn into_first(self) -> Option<Row> {
        self.rows.into_iter().next()
    }

    /// The first value of the first row.
    #[must_use]
    pub fn into_value(self) -> Option<Value> {
        self.into_first().and_then(|row| row.values.into_iter().next())
    }
}
