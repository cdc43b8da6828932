//! Changes to tables, as the one statement of each dialect that makes them.

use crate::{
    Dialect, Error,
    lexer::{Kind, Lexer},
    name::quote,
};

/// Why SQLite has no statement for something.
const NO_STATEMENT: &str =
    "SQLite has no statement for this: make a new table, copy the rows and rename it";

/// A change to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// A new table.
    CreateTable {
        /// Its columns.
        columns: Vec<NewColumn>,
    },
    /// Another name.
    RenameTable {
        /// The new one.
        to: String,
    },
    /// It goes, with its rows.
    DropTable,
    /// A new column.
    AddColumn(NewColumn),
    /// Another name of a column.
    RenameColumn {
        /// The name that it has.
        column: String,
        /// The new one.
        to: String,
    },
    /// A column goes, with its values.
    DropColumn {
        /// Its name.
        column: String,
    },
    /// Another type of a column.
    ChangeType {
        /// Its name.
        column: String,
        /// The new type, in SQL.
        data_type: String,
    },
    /// Whether a column may be NULL.
    ChangeNull {
        /// Its name.
        column: String,
        /// Whether it may.
        nullable: bool,
    },
    /// Another default of a column.
    ChangeDefault {
        /// Its name.
        column: String,
        /// The expression, in SQL; none any more without one.
        default: Option<String>,
    },
    /// A new index.
    CreateIndex {
        /// Its name.
        index: String,
        /// The columns.
        columns: Vec<String>,
        /// Whether no two rows may have the same values.
        unique: bool,
    },
    /// An index goes.
    DropIndex {
        /// Its name.
        index: String,
    },
    /// A new constraint.
    AddConstraint {
        /// Its name.
        constraint: String,
        /// Its content.
        definition: NewConstraint,
    },
    /// A constraint goes.
    DropConstraint {
        /// Its name.
        constraint: String,
    },
}

/// The rule of a constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewConstraint {
    /// A condition that all rows meet.
    Check {
        /// An expression in SQL.
        condition: String,
    },
    /// Columns whose values together are unique.
    Unique {
        /// The columns.
        columns: Vec<String>,
    },
    /// A primary key.
    PrimaryKey {
        /// The columns.
        columns: Vec<String>,
    },
    /// Columns that refer to rows of another table of the same schema.
    ForeignKey {
        /// The columns that refer.
        columns: Vec<String>,
        /// The other table.
        table: String,
        /// Its columns; its primary key without any.
        references: Vec<String>,
        /// The fate of rows whose other row is deleted.
        on_delete: OnDelete,
    },
}

/// The fate of rows whose other row is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion is refused.
    #[default]
    Refuse,
    /// They are deleted too.
    Cascade,
    /// They refer to nothing.
    SetNull,
}

/// A column that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// Its type, in SQL.
    pub data_type: String,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Its default, an expression in SQL.
    pub default: Option<String>,
    /// Whether it is part of the primary key.
    pub key: bool,
}

/// How a change is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The statement, or why there is none.
    pub statement: Result<String, &'static str>,
    /// Warnings to be read before.
    pub warnings: Vec<&'static str>,
    /// The name of what is lost, or may be: of a table, a column or an index.
    pub loses: Option<String>,
}

/// How a change to a table is made; nothing is asked of a database.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a name that cannot be one, and for a type or a
/// default that is more than that.
pub fn plan_schema_change(
    dialect: Dialect,
    (schema, table): (&str, &str),
    change: &SchemaChange,
) -> Result<Planned, Error> {
    let text = Text { dialect, schema: quote(dialect, schema)?, table: quote(dialect, table)? };
    let statement = text.statement(change)?;
    let loses = match change {
        SchemaChange::DropTable => Some(table.to_owned()),
        SchemaChange::DropColumn { column } | SchemaChange::ChangeType { column, .. } => {
            Some(column.clone())
        }
        SchemaChange::DropIndex { index } => Some(index.clone()),
        SchemaChange::DropConstraint { constraint } => Some(constraint.clone()),
        _ => None,
    };
    Ok(Planned { statement, warnings: warnings(dialect, change), loses })
}

/// Warnings before a change.
fn warnings(dialect: Dialect, change: &SchemaChange) -> Vec<&'static str> {
    let is_postgres = dialect == Dialect::Postgres;
    match change {
        SchemaChange::CreateTable { .. } => vec![],
        SchemaChange::RenameTable { .. } | SchemaChange::RenameColumn { .. } => {
            vec!["Programs and statements that use the former name fail from then on."]
        }
        SchemaChange::DropTable => {
            vec!["All rows are lost.", "It is refused while something else needs the table."]
        }
        SchemaChange::DropColumn { .. } => {
            vec!["All values of the column are lost; on PostgreSQL its indexes go with it."]
        }
        SchemaChange::AddColumn(column) if !column.nullable && column.default.is_none() => {
            vec!["A table that has rows refuses a column that must not be NULL and has no default."]
        }
        SchemaChange::AddColumn(_) if is_postgres => {
            vec!["A default that is not the same for all rows rewrites the table under a lock."]
        }
        SchemaChange::AddColumn(_) => vec![],
        SchemaChange::ChangeType { .. } => vec![
            "The table is rewritten under a lock: nobody reads or writes it meanwhile.",
            "Values may lose digits or characters; those that do not fit refuse the change.",
        ],
        SchemaChange::ChangeNull { nullable: false, .. } => {
            vec!["All rows are looked at under a lock; one with NULL refuses the change."]
        }
        SchemaChange::ChangeNull { .. } => vec![],
        SchemaChange::ChangeDefault { .. } => vec!["Rows that are there stay as they are."],
        SchemaChange::CreateIndex { unique, .. } => {
            let mut all = vec!["Nobody writes to the table while the index is made."];
            if *unique {
                all.push("Two rows with the same values refuse it.");
            }
            all
        }
        SchemaChange::DropIndex { .. } => vec!["What it made fast is slow from then on."],
        SchemaChange::AddConstraint { definition, .. } => of_constraint(definition),
        SchemaChange::DropConstraint { .. } => {
            vec!["Rows that it refused are taken from then on; others may rely on it."]
        }
    }
}

/// Warnings before a constraint is made.
fn of_constraint(definition: &NewConstraint) -> Vec<&'static str> {
    match definition {
        NewConstraint::Check { .. } => vec![
            "All rows are looked at under a lock; one that does not meet it refuses the change.",
        ],
        NewConstraint::Unique { .. } => vec![
            "Nobody writes to the table while its index is made.",
            "Two rows with the same values refuse it.",
        ],
        NewConstraint::PrimaryKey { .. } => {
            vec!["All rows are looked at under a lock: NULL, and the same values twice, refuse it."]
        }
        NewConstraint::ForeignKey { on_delete, .. } => {
            let mut all = vec![
                "Nobody writes to either table while all rows are looked at; one that refers to \
                 nothing refuses the change.",
                "Without an index of these columns each deletion in the other table reads this one.",
            ];
            if *on_delete == OnDelete::Cascade {
                all.push("Rows of this table are deleted with the rows that they refer to.");
            }
            all
        }
    }
}

/// State that the statements of one table share.
struct Text {
    dialect: Dialect,
    /// In quotes, as the next one.
    schema: String,
    table: String,
}

impl Text {
    fn statement(&self, change: &SchemaChange) -> Result<Result<String, &'static str>, Error> {
        let only_postgres = |sql: String| match self.dialect {
            Dialect::Postgres => Ok(sql),
            Dialect::Sqlite => Err(NO_STATEMENT),
        };
        let name = format!("{}.{}", self.schema, self.table);
        let alter = format!("ALTER TABLE {name}");
        Ok(Ok(match change {
            SchemaChange::CreateTable { columns } => self.create_table(&name, columns)?,
            SchemaChange::RenameTable { to } => format!("{alter} RENAME TO {}", self.name(to)?),
            SchemaChange::DropTable => format!("DROP TABLE {name}"),
            SchemaChange::AddColumn(column) => {
                format!("{alter} ADD COLUMN {}", self.column(column)?)
            }
            SchemaChange::RenameColumn { column, to } => {
                format!("{alter} RENAME COLUMN {} TO {}", self.name(column)?, self.name(to)?)
            }
            SchemaChange::DropColumn { column } => {
                format!("{alter} DROP COLUMN {}", self.name(column)?)
            }
            SchemaChange::ChangeType { column, data_type } => {
                let (column, data_type) = (self.name(column)?, self.data_type(data_type)?);
                let sql = format!(
                    "{alter} ALTER COLUMN {column} TYPE {data_type} USING {column}::{data_type}"
                );
                return Ok(only_postgres(sql));
            }
            SchemaChange::ChangeNull { column, nullable } => {
                let word = if *nullable { "DROP" } else { "SET" };
                let sql = format!("{alter} ALTER COLUMN {} {word} NOT NULL", self.name(column)?);
                return Ok(only_postgres(sql));
            }
            SchemaChange::ChangeDefault { column, default } => {
                let column = self.name(column)?;
                let sql = match default {
                    Some(default) => {
                        format!(
                            "{alter} ALTER COLUMN {column} SET DEFAULT {}",
                            self.value(default)?
                        )
                    }
                    None => format!("{alter} ALTER COLUMN {column} DROP DEFAULT"),
                };
                return Ok(only_postgres(sql));
            }
            SchemaChange::CreateIndex { index, columns, unique } => {
                self.create_index(index, columns, *unique)?
            }
            SchemaChange::DropIndex { index } => {
                format!("DROP INDEX {}.{}", self.schema, self.name(index)?)
            }
            SchemaChange::AddConstraint { constraint, definition } => {
                return self.add_constraint(&alter, constraint, definition);
            }
            SchemaChange::DropConstraint { constraint } => {
                let sql = format!("{alter} DROP CONSTRAINT {}", self.name(constraint)?);
                return Ok(only_postgres(sql));
            }
        }))
    }

    fn add_constraint(
        &self,
        alter: &str,
        constraint: &str,
        definition: &NewConstraint,
    ) -> Result<Result<String, &'static str>, Error> {
        let definition = match definition {
            NewConstraint::Check { condition } => {
                let condition = self.value(condition)?;
                let inner = condition.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
                format!("CHECK ({})", inner.unwrap_or(&condition))
            }
            // There a unique index is all that such a constraint is.
            NewConstraint::Unique { columns } if self.dialect == Dialect::Sqlite => {
                return self.create_index(constraint, columns, true).map(Ok);
            }
            NewConstraint::Unique { columns } => format!("UNIQUE ({})", self.names(columns)?),
            NewConstraint::PrimaryKey { columns } => {
                format!("PRIMARY KEY ({})", self.names(columns)?)
            }
            NewConstraint::ForeignKey { columns, table, references, on_delete } => {
                let own = self.names(columns)?;
                let other = match references.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", self.names(references)?),
                };
                let table = format!("{}.{}", self.schema, self.name(table)?);
                format!("FOREIGN KEY ({own}) REFERENCES {table}{other}{}", on_delete.sql())
            }
        };
        let constraint = self.name(constraint)?;
        Ok(match self.dialect {
            Dialect::Postgres => Ok(format!("{alter} ADD CONSTRAINT {constraint} {definition}")),
            Dialect::Sqlite => Err(NO_STATEMENT),
        })
    }

    /// Names in quotes, of which there is at least one.
    fn names(&self, names: &[String]) -> Result<String, Error> {
        if names.is_empty() {
            return Err(Error::invalid("a constraint has at least one column"));
        }
        let names = names.iter().map(|it| self.name(it)).collect::<Result<Vec<_>, _>>()?;
        Ok(names.join(", "))
    }

    fn create_table(&self, name: &str, columns: &[NewColumn]) -> Result<String, Error> {
        let mut lines = columns.iter().map(|it| self.column(it)).collect::<Result<Vec<_>, _>>()?;
        let key = columns.iter().filter(|column| column.key).map(|column| self.name(&column.name));
        let key = key.collect::<Result<Vec<_>, _>>()?;
        if !key.is_empty() {
            lines.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        if lines.is_empty() {
            return Err(Error::invalid("a table has at least one column"));
        }
        Ok(format!("CREATE TABLE {name} (\n  {}\n)", lines.join(",\n  ")))
    }

    fn create_index(&self, index: &str, columns: &[String], unique: bool) -> Result<String, Error> {
        let columns = columns.iter().map(|it| self.name(it)).collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            return Err(Error::invalid("an index has at least one column"));
        }
        let (word, index) = (if unique { " UNIQUE" } else { "" }, self.name(index)?);
        // PostgreSQL has an index in the schema of its table, SQLite names it at the index.
        let (index, table) = match self.dialect {
            Dialect::Postgres => (index, format!("{}.{}", self.schema, self.table)),
            Dialect::Sqlite => (format!("{}.{index}", self.schema), self.table.clone()),
        };
        Ok(format!("CREATE{word} INDEX {index} ON {table} ({})", columns.join(", ")))
    }

    fn column(&self, column: &NewColumn) -> Result<String, Error> {
        let mut sql =
            format!("{} {}", self.name(&column.name)?, self.data_type(&column.data_type)?);
        if let Some(default) = &column.default {
            sql.push_str(&format!(" DEFAULT {}", self.value(default)?));
        }
        if !column.nullable {
            sql.push_str(" NOT NULL");
        }
        Ok(sql)
    }

    fn name(&self, name: &str) -> Result<String, Error> {
        quote(self.dialect, name)
    }

    /// A type: words, and what is in brackets behind them. Words that go on with the column are none.
    fn data_type<'a>(&self, text: &'a str) -> Result<&'a str, Error> {
        let text = text.trim();
        let refuse =
            || Error::invalid(format!("expected a type such as numeric(10, 2), not {text:?}"));
        let more =
            ["default", "not", "null", "primary", "unique", "references", "check", "generated"];
        let tokens: Vec<_> = Lexer::new(self.dialect, text).collect();
        let one = balanced(&tokens) && tokens.first().is_some_and(|token| token.kind != Kind::Mark);
        let goes_on = tokens.iter().any(|token| more.iter().any(|word| token.is(word)));
        if !one || goes_on || text.contains("--") || text.contains("/*") {
            return Err(refuse());
        }
        Ok(text)
    }

    /// An expression, in brackets unless it is one literal or word.
    fn value(&self, text: &str) -> Result<String, Error> {
        let text = text.trim();
        let tokens: Vec<_> = Lexer::new(self.dialect, text).collect();
        let closed = tokens.iter().all(|token| is_closed(token.kind, token.text));
        let fits = !tokens.is_empty() && closed && !text.contains("--") && !text.contains("/*");
        let signed = tokens.len() == 2 && matches!(tokens[0].text, "-" | "+");
        match fits && in_brackets(&tokens) {
            true if tokens.len() == 1 || signed => Ok(text.to_owned()),
            true => Ok(format!("({text})")),
            false => {
                Err(Error::invalid(format!("expected an expression as default, not {text:?}")))
            }
        }
    }
}

impl OnDelete {
    /// The text behind a foreign key.
    fn sql(self) -> &'static str {
        match self {
            Self::Refuse => "",
            Self::Cascade => " ON DELETE CASCADE",
            Self::SetNull => " ON DELETE SET NULL",
        }
    }
}

type Token<'a> = crate::lexer::Token<'a>;

/// Whether every bracket that opens closes, no statement ends, and no comma stands outside of brackets.
fn balanced(tokens: &[Token<'_>]) -> bool {
    in_brackets(tokens) && {
        let mut depth = 0_usize;
        tokens.iter().all(|token| {
            match token.text {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            (token.text != "," || depth > 0) && is_closed(token.kind, token.text)
        })
    }
}

/// Whether brackets open and close in their order, and no statement ends.
fn in_brackets(tokens: &[Token<'_>]) -> bool {
    let mut open = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == Kind::Mark) {
        match token.text {
            "(" | "[" => open.push(token.text),
            ")" if open.pop() != Some("(") => return false,
            "]" if open.pop() != Some("[") => return false,
            ";" => return false,
            _ => {}
        }
    }
    open.is_empty()
}

/// Whether a text or a name in quotes ends with its quote: an open one would swallow what follows.
fn is_closed(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Word | Kind::Mark => true,
        Kind::Name | Kind::Text => {
            let quote = text.trim_start_matches(['e', 'E']).chars().next();
            let end = if quote == Some('[') { Some(']') } else { quote };
            text.len() > 1 && text.chars().last() == end
        }
    }
}
