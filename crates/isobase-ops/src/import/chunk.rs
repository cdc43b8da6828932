//! Records, packed into chunks that are written together.

use std::fmt::{self, Write as _};

use isobase_engine::{Action, IfMissing, Precondition, WriteOperation};
use isobase_types::{CollectionName, DocumentId, json::merge_patch};
use sha2::{Digest as _, Sha256};

use super::{
    kinds::Ids,
    record::{ReadError, Record},
    records::Records,
};

/// Bytes at which a chunk is full, whatever its number of records. Where it ends depends on its own
/// records only: when the first of the next chunk is mended, it is still the same.
const CHUNK_BYTES: usize = 1 << 20;

/// Records that are left out at which a chunk ends, so that a file of nothing else is not held.
const LEFT_OUT_MAX: usize = 10_000;

/// Records that are written together. The same file gives the same chunks.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The collection, and what sets this import apart from earlier ones.
    origin: Vec<u8>,
    /// Where in the file it is: its number, and which half of it, of which half.
    place: String,
    /// Its records.
    pub items: Vec<Item>,
    /// Records that were left out on the way to the end of this chunk.
    pub left_out: Vec<LeftOut>,
}

/// A record of a chunk.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its own id, when it is to keep it.
    pub id: Option<DocumentId>,
    /// The document.
    pub body: String,
}

impl Item {
    /// The operation that writes it.
    #[must_use]
    pub fn operation(&self, collection: &CollectionName, ids: Ids) -> WriteOperation {
        let body = self.body.clone();
        let (action, precondition) = match &self.id {
            None => (Action::Create { body }, Precondition::None),
            Some(id) => {
                let action = Action::Put { id: id.clone(), body, if_missing: IfMissing::Create };
                let is_new = Precondition::Missing;
                (action, if ids == Ids::Upsert { Precondition::None } else { is_new })
            }
        };
        WriteOperation { collection: collection.clone(), action, precondition }
    }
}

/// A record that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its fault.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, line, reason } = self;
        write!(f, "record {number} (line {line}): {reason}")
    }
}

impl Chunk {
    /// Names the chunk by its place and content: it is stored once, however often it is sent.
    #[must_use]
    pub fn key(&self) -> String {
        let mut hasher = Sha256::new();
        let mut take = |part: &[u8]| {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        };
        take(&self.origin);
        take(self.place.as_bytes());
        for item in &self.items {
            if let Some(id) = &item.id {
                take(id.to_string().as_bytes());
            }
            take(item.body.as_bytes());
        }
        let mut key = "import-".to_owned();
        for byte in hasher.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    /// The chunk in two, in the order in which they are written; `None` when it is one record. A half
    /// is named by its own content: when a record of the other half is mended, it is still the
    /// same.
    ///
    /// A record that alone makes a chunk full comes first: should it be refused for its size, the
    /// others are not stored, and are not stored twice when it is mended.
    pub(crate) fn halves(&self) -> Option<(Self, Self)> {
        let middle = self.items.len() / 2;
        if middle == 0 {
            return None;
        }
        if let Some((last, others)) = self.items.split_last()
            && last.body.len() >= CHUNK_BYTES
        {
            return Some((self.part("l", vec![last.clone()]), self.part("o", others.to_vec())));
        }
        let (first, second) = self.items.split_at(middle);
        Some((self.part("a", first.to_vec()), self.part("b", second.to_vec())))
    }

    /// Some of its records as a chunk with a name of its own.
    pub(crate) fn part(&self, name: &str, items: Vec<Item>) -> Self {
        let place = format!("{}{name}", self.place);
        Self { origin: self.origin.clone(), place, items, left_out: Vec::new() }
    }
}

/// How chunks are made.
#[derive(Clone, Debug)]
pub struct ChunkOptions {
    /// Where the records go.
    pub collection: String,
    /// Most records in a chunk.
    pub records_max: usize,
    /// Leave out records that are wrong.
    pub skip_bad: bool,
    /// Records keep the ids they have.
    pub keep_ids: bool,
    /// Set apart from earlier imports of the same file; empty to be the same.
    pub salt: String,
}

/// Why there are no more chunks.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// A record cannot be stored.
    #[error("{0}")]
    Bad(LeftOut),
    /// The file cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The chunks of a file, one after another.
pub(crate) struct Chunks {
    records: Records,
    options: ChunkOptions,
    ordinal: u64,
    /// Records whose own ids are not kept.
    ids_dropped: u64,
}

impl Chunks {
    pub(crate) fn new(records: Records, options: ChunkOptions) -> Self {
        Self { records, options, ordinal: 0, ids_dropped: 0 }
    }

    /// The next chunk; `None` at the end.
    ///
    /// A wrong record ends the import before its chunk, not in the middle of it: when the file is
    /// mended, the chunks before are the same and are not stored again.
    pub(crate) fn next(&mut self) -> Result<Option<Chunk>, ChunkError> {
        let (mut items, mut left_out, mut bytes) = (Vec::new(), Vec::new(), 0);
        while items.len() < self.options.records_max {
            let Some(record) = self.records.advance()? else { break };
            let item = match self.item(record) {
                Ok(item) => item,
                Err(wrong) if self.options.skip_bad => {
                    left_out.push(wrong);
                    if left_out.len() >= LEFT_OUT_MAX {
                        break;
                    }
                    continue;
                }
                Err(wrong) => return Err(ChunkError::Bad(wrong)),
            };
            bytes += item.body.len() + 1;
            items.push(item);
            if bytes >= CHUNK_BYTES {
                break;
            }
        }
        if items.is_empty() && left_out.is_empty() {
            return Ok(None);
        }
        let ChunkOptions { collection, salt, .. } = &self.options;
        let origin = [collection.as_bytes(), b"\0", salt.as_bytes()].concat();
        let place = self.ordinal.to_string();
        self.ordinal += 1;
        Ok(Some(Chunk { origin, place, items, left_out }))
    }
}

impl Chunks {
    /// How many records had ids of their own that were not kept.
    pub(crate) fn ids_dropped(&self) -> u64 {
        self.ids_dropped
    }

    fn item(&mut self, record: Record) -> Result<Item, LeftOut> {
        let Record { number, line, id, body } = record;
        let wrong = |reason| LeftOut { number, line, reason };
        let body = body.map_err(wrong)?;
        // They are the id and the revision, and no fields beside them.
        let body = match body.contains("\"_id\"") || body.contains("\"_rev\"") {
            true => merge_patch(&body, r#"{"_id":null,"_rev":null}"#),
            false => body,
        };
        if !self.options.keep_ids {
            self.ids_dropped += u64::from(id.is_some());
            return Ok(Item { number, line, id: None, body });
        }
        let id = id.transpose().map_err(wrong)?;
        Ok(Item { number, line, id, body })
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, path::Path};

    use super::*;
    use crate::import::{input::Input, options::ReadOptions};

    fn chunks(text: &str, records_max: usize, skip_bad: bool) -> Vec<Result<Chunk, String>> {
        read(text, records_max, skip_bad, false)
    }

    fn read(
        text: &str,
        records_max: usize,
        skip_bad: bool,
        keep_ids: bool,
    ) -> Vec<Result<Chunk, String>> {
        let mut input = Input::stream(Box::new(Cursor::new(text.to_owned().into_bytes())));
        let options = ReadOptions::default();
        let records = Records::open(&mut input, Path::new("x.ndjson"), &options).unwrap();
        let (collection, salt) = ("c".to_owned(), String::new());
        let options = ChunkOptions { collection, records_max, skip_bad, keep_ids, salt };
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
            chunks(text, 2, false).into_iter().map(|chunk| chunk.unwrap().key()).collect()
        };
        let text = "{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":1}\n{\"a\":2}\n";
        let first = keys(text);
        assert_eq!(first, keys(text));
        assert_eq!(first.len(), 3);
        assert_ne!(first[0], first[1], "equal content at another place is another chunk");
        assert_eq!(first[..2], keys(&text.replace('2', "3"))[..2]);
    }

    fn numbers(chunk: &Chunk) -> Vec<u64> {
        chunk.items.iter().map(|item| item.number).collect()
    }

    #[test]
    fn halves_hold_the_same_records_under_names_of_their_own() {
        let text = "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
        let chunk = chunks(text, 3, false).remove(0).unwrap();
        let (first, second) = chunk.halves().unwrap();
        assert_eq!((numbers(&first), numbers(&second)), (vec![1], vec![2, 3]));
        let (third, fourth) = second.halves().unwrap();
        let mut keys: Vec<_> =
            [&chunk, &first, &second, &third, &fourth].iter().map(|chunk| chunk.key()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 5);
        assert!(first.halves().is_none());

        let mended = chunks(&text.replace('3', "4"), 3, false).remove(0).unwrap();
        let (same, other) = mended.halves().unwrap();
        assert_eq!(first.key(), same.key());
        assert_ne!(second.key(), other.key());
    }

    #[test]
    fn a_wrong_record_stops_before_its_chunk() {
        let text = "{\"a\":1}\n{\"a\":1}\n{\"a\":1}\nx\n";
        let found = chunks(text, 2, false);
        assert_eq!(numbers(found[0].as_ref().unwrap()), [1, 2]);
        assert!(found[1].as_ref().unwrap_err().starts_with("record 4 (line 4): "));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn wrong_records_are_left_out_and_named() {
        let found = chunks("x\n{\"a\":1}\ny\n{\"a\":2}\nz\n", 2, true);
        let found: Vec<_> = found.into_iter().map(Result::unwrap).collect();
        assert_eq!(numbers(&found[0]), [2, 4]);
        let left_out = found.iter().flat_map(|chunk| &chunk.left_out).map(|it| it.number);
        assert_eq!(left_out.collect::<Vec<_>>(), [1, 3, 5]);
    }

    #[test]
    fn ids_are_kept_where_they_are_asked_for() {
        let text = "{\"_id\":\"x-y\",\"a\":1}\n{\"id\":7,\"a\":2}\n{\"a\":3}\n";
        let of = |keep_ids| read(text, 9, false, keep_ids).remove(0).unwrap();
        let (with, without) = (of(true), of(false));
        let shown: Vec<_> = with.items.iter().map(|item| (item.id.clone(), &*item.body)).collect();
        let id = |text| DocumentId::parse(text).ok();
        assert_eq!(shown[1..], [(id("7"), "{\"a\":2}"), (None, "{\"a\":3}")]);
        assert_eq!(shown[0], (id("x-y"), "{\"a\":1}"));
        assert!(without.items.iter().all(|item| item.id.is_none()));
        assert_ne!(with.key(), without.key());
    }

    #[test]
    fn chunks_are_bounded_in_bytes() {
        let record = |bytes| format!("{{\"a\":\"{}\"}}\n", "x".repeat(bytes));
        let found = chunks(&record(600_000).repeat(3), 1000, false);
        let numbers_of = |chunk: &Result<Chunk, String>| numbers(chunk.as_ref().unwrap());
        assert_eq!(found.iter().map(numbers_of).collect::<Vec<_>>(), [vec![1, 2], vec![3]]);
        // The chunk before a record is the same however large that is.
        let before = |bytes| {
            let text = format!("{}{}", record(600_000).repeat(2), record(bytes));
            chunks(&text, 1000, false).remove(0).unwrap().key()
        };
        assert_eq!(before(10), before(2_000_000));
        let large = chunks(&format!("{}{}", record(10), record(2_000_000)), 9, false).remove(0);
        let (first, second) = large.unwrap().halves().unwrap();
        assert_eq!((numbers(&first), numbers(&second)), (vec![2], vec![1]));
    }
}
