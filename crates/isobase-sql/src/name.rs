//! Names in SQL.

use crate::{Dialect, Error};

/// PostgreSQL cuts longer names without an error (NAMEDATALEN, all versions).
const POSTGRES_NAME_BYTES_MAX: usize = 63;

/// A name as SQL writes it: in double quotes, whatever characters it has.
///
/// # Errors
/// A name that no database can hold as it is: empty, with NUL, or too long for PostgreSQL, which
/// would take another one for it.
pub fn quote(dialect: Dialect, name: &str) -> Result<String, Error> {
    if name.is_empty() {
        return Err(Error::invalid("a name must not be empty"));
    }
    if name.contains('\0') {
        return Err(Error::invalid("a name must not hold a NUL character"));
    }
    if dialect == Dialect::Postgres && name.len() > POSTGRES_NAME_BYTES_MAX {
        let length = name.len();
        return Err(Error::invalid(format!(
            "the name '{name}' has {length} bytes, PostgreSQL keeps {POSTGRES_NAME_BYTES_MAX}"
        )));
    }
    Ok(quoted(name))
}

/// A name that the catalogue gave us.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal. Only where SQL takes no parameter, as in definitions.
pub(crate) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        // With E a backslash means the same whatever standard_conforming_strings says.
        return format!("E'{}'", doubled.replace('\\', "\\\\"));
    }
    format!("'{doubled}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_names() {
        let quoted = quote(Dialect::Postgres, "a\"; DROP TABLE users; --").unwrap();
        assert_eq!(quoted, "\"a\"\"; DROP TABLE users; --\"");
        assert!(quote(Dialect::Sqlite, "").is_err());
        assert!(quote(Dialect::Sqlite, "a\0b").is_err());
        assert!(quote(Dialect::Postgres, &"ä".repeat(32)).is_err());
        assert!(quote(Dialect::Sqlite, &"ä".repeat(32)).is_ok());
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\"), "E'a\\\\'");
    }
}
