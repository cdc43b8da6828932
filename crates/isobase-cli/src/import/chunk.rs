//! Records, packed into chunks that are written together.

use std::{fmt::Write as _, io::BufRead};

use sha2::{Digest, Sha256};

use super::records::{ReadError, Record, Records};

/// Bytes at which a chunk is full, whatever its number of records.
const CHUNK_BYTES: usize = 1 << 20;

/// Records that are written together. The same file gives the same chunks.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Names the chunk, by its place and content: stored once, however often it is sent.
    pub(super) key: String,
    /// The documents, one a line.
    pub(super) lines: Vec<u8>,
    /// The numbers of the records in the file, one per line.
    pub(super) numbers: Vec<u64>,
    /// Records that were left out on the way to the end of this chunk.
    pub(super) left_out: u64,
}

impl Chunk {
    /// The chunk in two, each with a name of its own; none when it is one record.
    pub(super) fn halves(&self) -> Option<(Self, Self)> {
        let middle = self.numbers.len() / 2;
        let last_of_first = middle.checked_sub(1)?;
        let ends = self.lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let end = ends.map(|(place, _)| place + 1).nth(last_of_first)?;
        let half = |name: char, lines: &[u8], numbers: &[u64]| Self {
            key: format!("{}{name}", self.key),
            lines: lines.to_vec(),
            numbers: numbers.to_vec(),
            left_out: 0,
        };
        let first = half('a', &self.lines[..end], &self.numbers[..middle]);
        let second = half('b', &self.lines[end..], &self.numbers[middle..]);
        Some((first, second))
    }
}

/// How chunks are made.
#[derive(Clone, Debug)]
pub(super) struct ChunkOptions {
    /// Where the records go.
    pub(super) collection: String,
    /// Most records in a chunk.
    pub(super) records_max: usize,
    /// Leave out records that are wrong.
    pub(super) skip_bad: bool,
    /// Set apart from earlier imports of the same file; empty to be the same.
    pub(super) salt: String,
}

/// Why there are no more chunks.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChunkError {
    /// A record cannot be stored.
    #[error("record {number}: {reason}")]
    Bad {
        /// Its number in the file, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The chunks of a file, one after another.
pub(super) struct Chunks<R> {
    records: Records<R>,
    options: ChunkOptions,
    ordinal: u64,
    /// Read, but too long for the chunk before.
    held: Option<(u64, String)>,
}

impl<R: BufRead> Chunks<R> {
    pub(super) fn new(records: Records<R>, options: ChunkOptions) -> Self {
        Self { records, options, ordinal: 0, held: None }
    }

    /// The next chunk; none at the end.
    ///
    /// A wrong record ends the import before its chunk, not in the middle of it: when the file is
    /// mended, the chunks before are the same and are not stored again.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>, ChunkError> {
        let (mut lines, mut numbers, mut left_out) = (Vec::new(), Vec::new(), 0);
        while numbers.len() < self.options.records_max {
            let (number, body) = match self.held.take() {
                Some(held) => held,
                None => match self.records.next()? {
                    None => break,
                    Some(Record { number, body: Ok(body) }) => (number, body),
                    Some(Record { .. }) if self.options.skip_bad => {
                        left_out += 1;
                        continue;
                    }
                    Some(Record { number, body: Err(reason) }) => {
                        return Err(ChunkError::Bad { number, reason });
                    }
                },
            };
            if !numbers.is_empty() && lines.len() + body.len() >= CHUNK_BYTES {
                self.held = Some((number, body));
                break;
            }
            lines.extend_from_slice(body.as_bytes());
            lines.push(b'\n');
            numbers.push(number);
        }
        if numbers.is_empty() && left_out == 0 {
            return Ok(None);
        }
        let key = self.key(&lines);
        self.ordinal += 1;
        Ok(Some(Chunk { key, lines, numbers, left_out }))
    }

    fn key(&self, lines: &[u8]) -> String {
        let mut hasher = Sha256::new();
        let ordinal = self.ordinal.to_le_bytes();
        for part in
            [self.options.collection.as_bytes(), self.options.salt.as_bytes(), &ordinal, lines]
        {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut key = "import-".to_owned();
        for byte in hasher.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::import::csv::CsvOptions;

    fn chunks(text: &str, records_max: usize, skip_bad: bool) -> Vec<Result<Chunk, String>> {
        let records =
            Records::open(text.as_bytes(), Path::new("x.ndjson"), None, CsvOptions::default())
                .unwrap();
        let (collection, salt) = ("c".to_owned(), String::new());
        let options = ChunkOptions { collection, records_max, skip_bad, salt };
        let mut chunks = Chunks::new(records, options);
        let mut found = Vec::new();
        loop {
            match chunks.next() {
                Ok(None) => return found,
                Ok(Some(chunk)) => found.push(Ok(chunk)),
                Err(error) => {
                    found.push(Err(error.to_string()));
                    return found;
                }
            }
        }
    }

    #[test]
    fn the_same_file_gives_the_same_keys() {
        let keys = |text: &str| -> Vec<_> {
            chunks(text, 2, false).into_iter().map(|chunk| chunk.unwrap().key).collect()
        };
        let text = "{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n";
        let first = keys(text);
        assert_eq!(first, keys(text));
        assert_eq!(first.len(), 3);
        assert_ne!(first[0], first[1], "equal content at another place is another chunk");
        assert_eq!(first[..2], keys(&text.replace('2', "3"))[..2]);
    }

    #[test]
    fn halves_hold_the_same_records_under_other_names() {
        let chunk = chunks("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 3, false).remove(0).unwrap();
        let (first, second) = chunk.halves().unwrap();
        assert_eq!((first.numbers.as_slice(), second.numbers.as_slice()), (&[1][..], &[2, 3][..]));
        assert_eq!([first.lines.clone(), second.lines.clone()].concat(), chunk.lines);
        let (third, fourth) = second.halves().unwrap();
        let mut keys = vec![chunk.key, first.key.clone(), second.key, third.key, fourth.key];
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 5);
        assert!(first.halves().is_none());
    }

    #[test]
    fn a_wrong_record_stops_before_its_chunk() {
        let text = "{\"a\":1}\n{\"a\":1}\n{\"a\":1}\nx\n";
        let found = chunks(text, 2, false);
        assert_eq!(found[0].as_ref().unwrap().numbers, [1, 2]);
        assert!(found[1].as_ref().unwrap_err().starts_with("record 4: "));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn wrong_records_are_left_out_and_counted() {
        let found = chunks("x\n{\"a\":1}\ny\n{\"a\":2}\nz\n", 2, true);
        let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(found[0].numbers, [2, 4]);
        assert_eq!(found.iter().map(|chunk| chunk.left_out).sum::<u64>(), 3);
    }

    #[test]
    fn chunks_are_bounded_in_bytes() {
        let record = format!("{{\"a\":\"{}\"}}\n", "x".repeat(600_000));
        let found = chunks(&record.repeat(3), 1000, false);
        assert_eq!(found.len(), 3);
    }
}
