//! Which schema is meant.

use crate::Error;

/// SQLite finds a table without a schema in the main database.
pub(crate) fn check_schema(schema: Option<&str>) -> Result<(), Error> {
    match schema {
        None | Some("main" | "public") => Ok(()),
        Some(other) => Err(Error::invalid(format!(
            "SQLite searches no schema '{other}' first; write it before the table"
        ))),
    }
}
