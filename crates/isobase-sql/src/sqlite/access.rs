//! Connections that only read: what SQLite itself does not forbid them is not authorised.

use std::path::Path;

use isobase_sqlite::rusqlite::{
    Connection, OpenFlags, Result,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

/// Longest value and row that a connection which only reads takes, in bytes.
const VALUE_BYTES_MAX: i32 = 64 * 1024 * 1024;

/// Pragmas that tell of a table, an index or the whole database, with or without a name.
const TELLING: [&str; 13] = [
    "collation_list",
    "compile_options",
    "database_list",
    "foreign_key_check",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
    "quick_check",
];
/// Settings that may be asked for, and not changed.
const SETTINGS: [&str; 11] = [
    "application_id",
    "auto_vacuum",
    "encoding",
    "foreign_keys",
    "freelist_count",
    "journal_mode",
    "page_count",
    "page_size",
    "query_only",
    "schema_version",
    "user_version",
];

/// Opens a file that exists, to be read.
pub(super) fn open_to_read(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.authorizer(Some(authorise))?;
    Ok(connection)
}

/// Reading, and writing to the file itself, which SQLite refuses with the better message.
fn authorise(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::CreateVtable { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::Unknown { .. } => false,
        AuthAction::Function { function_name } => {
            !function_name.eq_ignore_ascii_case("load_extension")
        }
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let is = |name: &&str| name.eq_ignore_ascii_case(pragma_name);
            TELLING.iter().any(|name| is(name))
                || (pragma_value.is_none() && SETTINGS.iter().any(|name| is(name)))
        }
        _ => true,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}
