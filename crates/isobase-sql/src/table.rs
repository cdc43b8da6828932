//! The form of a table.

/// A table or a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// The columns of its primary key.
    pub primary_key: Vec<String>,
    /// Columns whose values together are unique, one list for each constraint or index.
    pub uniques: Vec<Vec<String>>,
    /// The primary key and the unique constraints, as SQL defines them.
    pub keys: Vec<Constraint>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// Conditions on its rows.
    pub checks: Vec<Constraint>,
    /// Its indexes, without those that a key or a unique constraint brings along.
    pub indexes: Vec<Index>,
    /// The text that made it. Only SQLite keeps it.
    pub definition: Option<String>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database writes it: `character varying(50)`.
    pub data_type: String,
    /// The name of the type without length: `varchar`, `int4`; of a domain the one below it.
    pub base_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// The expression that it has when nothing is given.
    pub default: Option<String>,
    /// Most characters.
    pub max_length: Option<u32>,
    /// Whether the database makes its value: an identity, or an expression over other columns.
    pub generated: bool,
    /// Whether a value must not be given.
    pub read_only: bool,
    /// How the database makes its value.
    pub generation: Generation,
    /// The values of an enum, or of the elements of an array of them, in their order.
    pub labels: Vec<String>,
}

/// How a database makes the value of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Generation {
    /// It does not, or by the default.
    #[default]
    None,
    /// A sequence; a value must not be given.
    IdentityAlways,
    /// A sequence, when no value is given.
    IdentityByDefault,
    /// An expression over other columns, kept.
    Stored,
    /// An expression over other columns, computed when it is read.
    Virtual,
}

/// A reference to another table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema of the other table.
    pub schema: String,
    /// The other table.
    pub table: String,
    /// The columns that are referred to.
    pub references: Vec<String>,
    /// As SQL defines it.
    pub definition: String,
    /// The name of the constraint; SQLite has none.
    pub name: String,
}

/// A condition on the rows of a table, or a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// The name of the constraint.
    pub name: String,
    /// As SQL defines it: `CHECK (price > 0)`.
    pub definition: String,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Whether its values are unique.
    pub unique: bool,
    /// As SQL defines it.
    pub definition: String,
}

impl Table {
    /// The names of the columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The column of exactly this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The name in SQL, with its schema.
    #[must_use]
    pub(crate) fn sql_name(&self) -> String {
        format!("{}.{}", crate::name::quoted(&self.schema), crate::name::quoted(&self.name))
    }
}

impl Column {
    /// Whether SQLite keeps a text as it is in it, whatever the other values of the column are.
    ///
    /// Source: SQLite documentation, "Determination Of Column Affinity".
    pub(crate) fn keeps_texts(&self) -> bool {
        let upper = self.data_type.to_ascii_uppercase();
        let others = ["INT", "CHAR", "CLOB", "TEXT"];
        !others.iter().any(|word| upper.contains(word))
            && (upper.contains("BLOB") || upper.is_empty())
    }

    /// Whether it holds JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        matches!(self.base_type.as_str(), "json" | "jsonb")
    }
}
