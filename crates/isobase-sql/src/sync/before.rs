//! Preparations of a restore: existing objects, and settings that the server does not know.

use crate::{DbConnector, Error, catalogue, name::quoted};

/// The first version whose servers know this setting.
pub(super) const TRANSACTION_TIMEOUT_SINCE: u32 = 17;

/// The way to treat documents that the database already has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It stays, but for what the dump itself replaces.
    Keep,
    /// All of it is dropped, in the same transaction.
    DropAll,
}

/// The statements that empty a database, in one line. A dump makes every schema but `public`.
pub(super) async fn drop_all(db: &DbConnector) -> Result<String, Error> {
    let mut sql = String::new();
    for name in catalogue::schema_names(db).await? {
        sql.push_str(&format!("DROP SCHEMA {} CASCADE; ", quoted(&name)));
    }
    sql.push_str("CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; ");
    Ok(sql)
}
