//! The rows of a dump and of a database, compared without their order.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use sha2::{Digest, Sha256};

use crate::{DbConnector, Dialect, Error, lexer::Lexer};

/// How many rows a table has, and a sum over them that does not depend on their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableContents {
    /// Rows.
    pub rows: u64,
    /// The sum of what their texts hash to.
    pub digest: u128,
}

/// By the beginning of its COPY: table and columns.
pub(super) type Contents = BTreeMap<String, TableContents>;

impl TableContents {
    fn take(&mut self, line: &[u8]) {
        let hash = Sha256::digest(line);
        let half: [u8; 16] = std::array::from_fn(|at| hash[at]);
        self.rows += 1;
        self.digest = self.digest.wrapping_add(u128::from_be_bytes(half));
    }
}

/// The rows in a dump of `pg_dump`, by table.
pub(super) fn of_dump(file: &Path) -> Result<Contents, Error> {
    let io = |error| Error::io("read", file, &error);
    let mut reader = BufReader::new(File::open(file).map_err(io)?);
    let mut contents = Contents::new();
    let mut current: Option<String> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(io)? == 0 {
            return Ok(contents);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        match &current {
            Some(_) if text == b"\\." => current = None,
            Some(table) => contents.entry(table.clone()).or_default().take(text),
            None => {
                current = copied(text);
                if let Some(table) = &current {
                    contents.entry(table.clone()).or_default();
                }
            }
        }
    }
}

/// `public.users (id, name)` of `COPY public.users (id, name) FROM stdin;`. Names in quotes may
/// hold anything, also ` FROM stdin;`.
pub(super) fn copied(line: &[u8]) -> Option<String> {
    let line = str::from_utf8(line).ok()?.strip_prefix("COPY ")?;
    let mut tokens = Lexer::new(Dialect::Postgres, line);
    let from = tokens.find(|token| token.is("from"))?;
    let rest: Vec<_> = tokens.collect();
    let is_data = rest.len() == 2 && rest[0].is("stdin") && rest[1].text == ";";
    is_data.then(|| line[..from.at].trim_end().to_owned())
}

/// The rows of the same tables and columns in a database, all as of one moment.
pub(super) async fn of_database(db: &DbConnector, like: &Contents) -> Result<Contents, Error> {
    let transaction = db.begin_snapshot().await?;
    let mut contents = Contents::new();
    for table in like.keys() {
        let mut found = TableContents::default();
        let mut rest: Vec<u8> = Vec::new();
        transaction
            .copy_out(&format!("COPY {table} TO STDOUT"), |piece| {
                rest.extend_from_slice(piece);
                let mut start = 0;
                while let Some(end) = rest[start..].iter().position(|byte| *byte == b'\n') {
                    found.take(&rest[start..start + end]);
                    start += end + 1;
                }
                rest.drain(..start);
                Ok(())
            })
            .await?;
        contents.insert(table.clone(), found);
    }
    transaction.rollback().await?;
    Ok(contents)
}

/// The tables whose rows differ, with their numbers.
pub(super) fn differences(expected: &Contents, found: &Contents) -> Vec<String> {
    let none = TableContents::default();
    let mut differences = Vec::new();
    for (table, wanted) in expected {
        let there = found.get(table).unwrap_or(&none);
        if there.rows != wanted.rows {
            let (there, wanted) = (there.rows, wanted.rows);
            differences.push(format!("{table} has {there} rows, the dump {wanted}"));
        } else if there != wanted {
            differences.push(format!("{table} has other rows than the dump"));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_whatever_they_look_like() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.sql");
        let dump = "COPY public.a (x) FROM stdin;\nCOPY b FROM stdin;\n\\\\.\n\\.\n\
                    COPY public.\" FROM stdin;\" (x) FROM stdin;\n\\.\nSELECT 1;\n";
        std::fs::write(&file, dump).unwrap();
        let contents = of_dump(&file).unwrap();
        let rows: Vec<_> = contents.iter().map(|(table, c)| (table.as_str(), c.rows)).collect();
        assert_eq!(rows, [("public.\" FROM stdin;\" (x)", 0), ("public.a (x)", 2)]);
        let mut turned = Contents::new();
        let mut other = TableContents::default();
        other.take(b"\\\\.");
        other.take(b"COPY b FROM stdin;");
        turned.insert("public.a (x)".to_owned(), other.clone());
        assert!(differences(&turned, &contents).is_empty());
        other.take(b"more");
        turned.insert("public.a (x)".to_owned(), other);
        assert_eq!(differences(&turned, &contents), ["public.a (x) has 2 rows, the dump 3"]);
    }
}
