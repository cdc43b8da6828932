//! Connections for statements of people: what SQLite itself does not forbid them is not authorised.

use std::path::Path;

use isobase_sqlite::rusqlite::{
    Connection, OpenFlags, Result,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

/// Longest value and row that such a connection takes, in bytes.
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

/// Modules whose virtual tables keep all they have in the file.
const KEPT_INSIDE: [&str; 4] = ["fts3", "fts4", "fts5", "rtree"];

/// Opens a file that exists, to be changed by statements that [`authorise_change`] looks at.
pub(super) fn open_to_change(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    // Nothing writes around SQLite: neither its own tables nor those behind virtual ones.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(connection)
}

/// Reading and changing the file itself, inside the transaction that was begun before.
pub(crate) fn authorise_change(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::CreateVtable { module_name, .. } => {
            let inside = KEPT_INSIDE.iter().any(|name| name.eq_ignore_ascii_case(module_name));
            if inside { Authorization::Allow } else { Authorization::Deny }
        }
        AuthAction::DropVtable { .. } => Authorization::Allow,
        _ => authorise(context),
    }
}

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
            TELLING.iter().any(&is) || (pragma_value.is_none() && SETTINGS.iter().any(is))
        }
        _ => true,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}
