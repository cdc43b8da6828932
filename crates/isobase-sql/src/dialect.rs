//! The two databases that the toolkit speaks to.

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL 13 and newer.
    Postgres,
    /// SQLite 3.35 and newer; we bring our own.
    Sqlite,
}

impl Dialect {
    /// Its name in URLs and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }

    /// The schema that is meant when none is named.
    #[must_use]
    pub fn default_schema(self) -> &'static str {
        match self {
            Self::Postgres => "public",
            Self::Sqlite => "main",
        }
    }

    /// The schema that a name means: SQLite calls PostgreSQL's `public` its `main`.
    #[must_use]
    pub fn schema(self, name: &str) -> &str {
        match (self, name) {
            (Self::Sqlite, "public" | "") => "main",
            (Self::Postgres, "") => "public",
            _ => name,
        }
    }
}
