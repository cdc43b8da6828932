//! The effect of a statement on the connection that it runs on, as far as its words tell.

use crate::{
    Dialect, Error,
    lexer::{self, Lexer},
};

/// What must be known of a statement before it runs.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    word: String,
    /// Whether its text names what changes a session, or makes something temporary.
    changes_session: bool,
    /// `ROLLBACK TO`, which only goes back inside a transaction.
    goes_back: bool,
}

/// Words that begin or end transactions.
const OF_TRANSACTIONS: [&str; 8] =
    ["BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "SAVEPOINT", "RELEASE"];
/// Words of statements that go on after their end.
const OF_SESSIONS: [&str; 9] =
    ["SET", "RESET", "LISTEN", "UNLISTEN", "PREPARE", "DEALLOCATE", "DECLARE", "LOAD", "DISCARD"];
/// Functions that do the same.
const FUNCTIONS_OF_SESSIONS: [&str; 3] = ["set_config", "pg_advisory_lock", "pg_try_advisory_lock"];

impl Statement {
    pub(crate) fn of(dialect: Dialect, sql: &str) -> Self {
        let word = lexer::first_word(dialect, sql);
        let is_temporary = || {
            let mut words = Lexer::new(dialect, sql).skip(1).take(3);
            words.any(|token| token.is("temp") || token.is("temporary"))
        };
        let changes_session = OF_SESSIONS.contains(&word.as_str())
            || FUNCTIONS_OF_SESSIONS.iter().any(|name| sql.contains(name))
            || (word == "CREATE" && is_temporary());
        let goes_back = word == "ROLLBACK"
            && Lexer::new(dialect, sql).skip(1).take(2).any(|token| token.is("to"));
        Self { word, changes_session, goes_back }
    }

    /// Whether the session is another one afterwards.
    pub(crate) fn changes_session(&self) -> bool {
        self.changes_session
    }

    /// Whether tables may look different afterwards.
    pub(crate) fn changes_tables(&self) -> bool {
        matches!(self.word.as_str(), "CREATE" | "ALTER" | "DROP" | "DO" | "CALL")
    }

    /// Whether it leads a failed transaction of PostgreSQL back to where it was sound.
    pub(crate) fn goes_back(&self) -> bool {
        self.goes_back
    }

    /// Refuses what would leave a transaction open on a connection that others use next.
    pub(crate) fn may_run_alone(&self) -> Result<(), Error> {
        if OF_TRANSACTIONS.contains(&self.word.as_str()) {
            return Err(Error::invalid(format!(
                "{} stands for itself here: begin a transaction of the connector instead",
                self.word
            )));
        }
        Ok(())
    }

    /// Refuses what would end a transaction behind the back of its owner.
    pub(crate) fn may_run_in_transaction(&self) -> Result<(), Error> {
        let inside = matches!(self.word.as_str(), "SAVEPOINT" | "RELEASE") || self.goes_back;
        if inside {
            return Ok(());
        }
        if OF_TRANSACTIONS.contains(&self.word.as_str()) {
            return Err(Error::invalid(format!(
                "{} would end the transaction: commit or roll it back instead",
                self.word
            )));
        }
        Ok(())
    }
}

/// The tag that PostgreSQL gives a statement: `DELETE 5`.
#[must_use]
pub fn command_tag(dialect: Dialect, sql: &str, affected: u64) -> String {
    let mut words = Lexer::new(dialect, sql).map(|token| token.text.to_ascii_uppercase());
    let first = words.next().unwrap_or_default();
    match first.as_str() {
        "INSERT" => format!("INSERT 0 {affected}"),
        "SELECT" | "UPDATE" | "DELETE" | "MERGE" => format!("{first} {affected}"),
        "VALUES" | "TABLE" | "WITH" | "(" => format!("SELECT {affected}"),
        "CREATE" | "DROP" | "ALTER" => {
            let second = words.find(|word| {
                !matches!(word.as_str(), "OR" | "REPLACE" | "TEMP" | "TEMPORARY" | "UNIQUE")
            });
            format!("{first} {}", second.unwrap_or_default())
        }
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        let of = |sql| Statement::of(Dialect::Postgres, sql);
        assert!(of("/* x */ begin").may_run_alone().is_err());
        assert!(of("SELECT 'begin'").may_run_alone().is_ok());
        assert!(of("ROLLBACK TO SAVEPOINT a").may_run_in_transaction().is_ok());
        assert!(of("ROLLBACK").may_run_in_transaction().is_err());
        assert!(of("SET x = 1").changes_session());
        assert!(of("create temp table t (a int)").changes_session());
        assert!(!of("create table temp_t (a int)").changes_session());
    }

    #[test]
    fn tags_are_postgresqls() {
        let tag = |sql| command_tag(Dialect::Postgres, sql, 5);
        assert_eq!(tag("delete from t"), "DELETE 5");
        assert_eq!(tag("INSERT INTO t VALUES (1)"), "INSERT 0 5");
        assert_eq!(tag("CREATE UNIQUE INDEX i ON t (a)"), "CREATE INDEX");
        assert_eq!(tag("with x as (select 1) select * from x"), "SELECT 5");
    }
}
