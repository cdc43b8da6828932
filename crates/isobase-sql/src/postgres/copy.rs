//! COPY: many rows at once, in PostgreSQL's text form.
//!
//! The text form and not CSV: servers up to 17 take an unquoted line `\.` of CSV for the end of
//! the data, and say nothing.

use std::io::Write;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use isobase_postgres::Connection;

use super::refused;
use crate::{Error, Value};

/// Runs a `COPY … FROM STDIN` with pieces of its text; gives the number of rows.
///
/// A piece that cannot be had ends it, and nothing is written.
pub(crate) async fn copy_in(
    connection: &Connection,
    sql: &str,
    pieces: impl Iterator<Item = Result<Vec<u8>, Error>>,
) -> Result<u64, Error> {
    let failed = |error| refused(error, sql);
    let sink = connection.client().copy_in::<_, Bytes>(sql).await.map_err(failed)?;
    let mut sink = Box::pin(sink);
    for piece in pieces {
        sink.feed(Bytes::from(piece?)).await.map_err(failed)?;
    }
    sink.as_mut().finish().await.map_err(failed)
}

/// Rows in the text form.
pub(super) fn text_of(rows: &[Vec<Value>]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        write_row(&mut out, row);
    }
    out
}

/// Runs a `COPY … TO STDOUT`; hands every piece on. Gives the number of rows, which are lines of
/// the text form.
pub(crate) async fn copy_out(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let failed = |error| refused(error, sql);
    let stream = connection.client().copy_out(sql).await.map_err(failed)?;
    let mut stream = Box::pin(stream);
    let mut lines = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(failed)?;
        // The server sends whole lines; a line end inside a value is written as \n.
        lines += u64::try_from(piece.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(0);
        take(&piece)?;
    }
    Ok(lines)
}

fn write_row(out: &mut Vec<u8>, row: &[Value]) {
    for (at, value) in row.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\t");
        }
        match value {
            Value::Null => out.extend_from_slice(b"\\N"),
            // The usual ones without a text of their own, which would be made for each.
            Value::Text(text) | Value::Json(text) => write_escaped(out, text),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => {
                write!(out, "{value}").expect("a vector takes all that is written");
            }
            other => write_escaped(out, &other.to_sql_text().unwrap_or_default()),
        }
    }
    out.extend_from_slice(b"\n");
}

/// Source: PostgreSQL documentation, COPY, "Text Format".
fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escaped = match byte {
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(escaped);
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_escapes_what_means_something() {
        let mut out = Vec::new();
        write_row(&mut out, &["a\tb\\.\n".into(), Value::Null, "\\N".into(), 5.into()]);
        assert_eq!(&out[..], b"a\\tb\\\\.\\n\t\\N\t\\\\N\t5\n");
        out.clear();
        write_row(&mut out, &["\\.".into()]);
        assert_eq!(&out[..], b"\\\\.\n");
    }
}
