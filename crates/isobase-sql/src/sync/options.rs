//! Options of a dump.

/// Options of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DumpOptions {
    /// Only these schemas; all when there is none.
    pub schemas: Vec<String>,
    /// Definitions, rows, or both.
    pub parts: DumpParts,
    /// Leaves out what a dump without `pg_dump` cannot hold, rather than refusing.
    pub skip_others: bool,
}

/// Which half of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DumpParts {
    /// Definitions and rows.
    #[default]
    All,
    /// Definitions alone.
    Structure,
    /// Rows alone.
    Rows,
}
