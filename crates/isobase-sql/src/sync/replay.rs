//! Restoring a dump without `psql`: its statements and its rows, in one transaction.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use super::{
    before::{Before, TRANSACTION_TIMEOUT_SINCE, drop_all},
    contents,
};
use crate::{
    DbConnector, Dialect, Error, Session, Transaction,
    lexer::{Kind, Lexer},
};

/// Rows are sent in pieces of about this size, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The lines of a dump, counted.
struct Lines {
    reader: BufReader<File>,
    number: usize,
    /// Set when a line could not be read.
    failure: Option<std::io::Error>,
}

/// Runs the script in one transaction.
pub(super) async fn run(
    db: &DbConnector,
    server_major: u32,
    (file, before): (&Path, Before),
) -> Result<(), Error> {
    let opened = File::open(file).map_err(|error| Error::io("read", file, &error))?;
    let mut lines = Lines { reader: BufReader::new(opened), number: 0, failure: None };
    let first = match before {
        Before::Keep => String::new(),
        Before::DropAll => drop_all(db).await?,
    };
    let transaction = db.begin().await?;
    let mut place = 1;
    let done = async {
        transaction.run_script(&first).await?;
        replay(&transaction, server_major, &mut lines, &mut place).await
    };
    match done.await {
        Ok(()) => transaction.commit().await,
        Err(error) => {
            transaction.rollback().await?;
            let message = format!(
                "Failed to restore database: {} at line {place}. Everything was rolled back",
                error.message
            );
            Err(Error { message, ..error })
        }
    }
}

async fn replay(
    transaction: &Transaction,
    server_major: u32,
    lines: &mut Lines,
    place: &mut usize,
) -> Result<(), Error> {
    let mut statement = String::new();
    while let Some(line) = lines.next_line() {
        let text =
            std::str::from_utf8(&line).map_err(|_| Error::invalid("the dump is not in UTF-8"))?;
        // Nothing but blanks and comments yet.
        if Lexer::new(Dialect::Postgres, &statement).next().is_none() {
            statement.clear();
            *place = lines.number;
            // Lines for psql alone.
            if text.starts_with('\\') {
                continue;
            }
        }
        statement.push_str(text);
        statement.push('\n');
        if !text.trim_end().ends_with(';') || !is_whole(&statement) {
            continue;
        }
        let sql = std::mem::take(&mut statement);
        if contents::copied(first_line(&sql)).is_some() {
            copy(transaction, &sql, lines).await?;
        } else if !is_unknown_setting(&sql, server_major) {
            transaction.run(&sql, &[]).await?;
        }
    }
    match lines.failure.take() {
        Some(error) => Err(Error::invalid(format!("the dump cannot be read: {error}"))),
        None => Ok(()),
    }
}

async fn copy(transaction: &Transaction, sql: &str, lines: &mut Lines) -> Result<(), Error> {
    let mut ended = false;
    let pieces = std::iter::from_fn(|| {
        let mut piece = Vec::new();
        while !ended && piece.len() < PIECE_BYTES {
            match lines.next_line() {
                Some(line) if line != b"\\." => {
                    piece.extend_from_slice(&line);
                    piece.push(b'\n');
                }
                Some(_) => ended = true,
                None => return Some(Err(Error::invalid("the dump ends among its rows"))),
            }
        }
        (!piece.is_empty()).then_some(Ok(piece))
    });
    transaction.copy_in(sql.trim_end().trim_end_matches(';'), pieces).await.map(drop)
}

/// Whether the text ends with the end of a statement, and not with a `;` inside of one.
fn is_whole(statement: &str) -> bool {
    let tokens = Lexer::new(Dialect::Postgres, statement);
    tokens.last().is_some_and(|last| last.kind == Kind::Mark && last.text == ";")
}

/// The last line that is not a comment.
fn first_line(sql: &str) -> &[u8] {
    let line = sql.lines().find(|line| !line.trim().is_empty() && !line.starts_with("--"));
    line.unwrap_or_default().as_bytes()
}

fn is_unknown_setting(sql: &str, server_major: u32) -> bool {
    server_major < TRANSACTION_TIMEOUT_SINCE
        && first_line(sql).starts_with(b"SET transaction_timeout = 0;")
}

impl Lines {
    /// The next line without its end.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => {
                self.number += 1;
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                Some(line)
            }
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }
}
