//! Reading and writing a whole database, for copies and archives.

use async_trait::async_trait;
use isobase_types::{COUNTED_ID_MAX, CollectionName, Document, DocumentId, Revision, Sequence};
use serde::Serialize;

use crate::{CollectionInfo, EngineError, ErrorKind, Rejection};

/// The counters of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The number of the last write, which is the last place of the change feed.
    pub sequence: Sequence,
    /// The last integer id given out, or chosen by a caller if that was larger
    /// ([`DocumentId::counted`]); 0 when there was none.
    pub last_id: i64,
}

/// Engines whose whole content can be read.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Begins to read everything.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError>;
}

/// Everything a database holds, to be read in parts. Its drop ends the reading.
#[async_trait]
pub trait Snapshot: Send {
    /// Whether all that is read is of one moment, that of [`Snapshot::counters`].
    ///
    /// Where it is not, writes during the reading may be in it or not; each of them has a place
    /// in the change feed after the counters' sequence, so that they can be read again.
    fn is_of_one_moment(&self) -> bool;

    /// The counters when the reading began.
    fn counters(&self) -> Counters;

    /// All collections that have a document, by the bytes of their names.
    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError>;

    /// Documents in the order of their ids, after one of them, of about `bytes_max` bytes
    /// together and at least one; none at the end of the collection.
    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError>;

    /// The documents of a collection that cannot be read. Asked for when the collection was.
    async fn unreadable(
        &mut self,
        _collection: &CollectionName,
    ) -> Result<Unreadable, EngineError> {
        Ok(Unreadable::default())
    }

    /// What is not read, as far as it shows until now: asked for when everything was read.
    async fn not_read(&mut self) -> Result<Vec<NotRead>, EngineError> {
        Ok(Vec::new())
    }
}

/// Documents of a database whose ids no document can have: in a snapshot they cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// How many.
    pub documents: u64,
    /// The native ids of the first of them, at most [`crate::UNREADABLE_NAMED_MAX`].
    pub ids: Vec<String>,
}

/// Something of other programs in a database, beside its collections or their documents, that is
/// not read: a copy of the database does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRead {
    /// Its native name.
    pub name: String,
    /// Why it is not read.
    pub reason: String,
}

impl NotRead {
    /// Names something, and why it is not read.
    #[must_use]
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// Writing documents as they were in another database: with their ids, revisions and times, and
/// past the change feed.
///
/// A load begins with [`BulkLoad::mark`] and ends with [`BulkLoad::finish`]. In between the
/// database is unfinished: it is not opened for anything else, also after the process was
/// killed. No other process may write to it meanwhile.
#[async_trait]
pub trait BulkLoad: Send + Sync {
    /// The note of a load that was begun and not finished; `None` when the database is whole.
    async fn unfinished(&self) -> Result<Option<String>, EngineError>;

    /// Marks the database as unfinished, durably, with a note (at most [`NOTE_BYTES_MAX`]) for
    /// the process that resumes the load. Marking it again replaces the note; what was loaded before is durable
    /// then.
    async fn mark(&self, note: &str) -> Result<(), EngineError>;

    /// Stores documents of one collection as they are, also revision and times. A document with
    /// the same id is replaced. Not atomic: after an error any part may be stored, and loading
    /// the same again is harmless. Several calls may run at once, for different documents.
    ///
    /// Declared indexes that the collection has are kept true.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for a document that [`crate::Engine::check_document`]
    /// refuses.
    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError>;

    /// Deletes documents, as a load does: for what was deleted while it ran.
    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError>;

    /// Ends the load: each counter becomes at least what is given, the change feed begins anew at
    /// its sequence (earlier places are [`crate::ErrorKind::ChangesGone`]) and in another epoch
    /// ([`crate::Identity`]), and the database is whole.
    async fn finish(&self, counters: Counters) -> Result<(), EngineError>;

    /// This process gives up the load of this note, because it failed, was stopped or was taken
    /// over: from now on its own writes are refused as those of all others, until a load is
    /// marked here again or finished. Nothing where another note was marked here since, or the
    /// load is finished.
    fn leave(&self, note: &str);
}

/// Longest note of a load, in bytes. Ours: room for the place reached in each of some hundred
/// collections.
pub const NOTE_BYTES_MAX: usize = 64 << 10;

/// Refuses a note that is too long.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`].
pub fn check_note(note: &str) -> Result<(), EngineError> {
    if note.len() <= NOTE_BYTES_MAX {
        return Ok(());
    }
    let bytes = note.len();
    let message = format!("the note has {bytes} bytes, at most {NOTE_BYTES_MAX} are allowed");
    Err(EngineError::new(ErrorKind::LimitExceeded, message))
}

/// The number under which an engine that numbers its revisions keeps a loaded one; fits 63 bits.
///
/// That is its own number. A text (of a document that another program wrote) becomes a number
/// beyond all sequences, the same whenever the same text is loaded.
#[must_use]
pub fn revision_number(revision: &Revision) -> u64 {
    const BEYOND_SEQUENCES: u64 = 1 << 62;
    match revision.number() {
        Some(number) if number <= i64::MAX.unsigned_abs() => number,
        // FNV-1a: it must be the same in every version of this program.
        _ => {
            revision.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            }) >> 2
                | BEYOND_SEQUENCES
        }
    }
}

/// The integer id that a create gets after the last that the counter knows.
///
/// # Errors
/// When the counter has come to its end, as it can after ids that others chose: beyond
/// [`COUNTED_ID_MAX`] it is unknown which ids are free.
pub fn next_id(last: i64) -> Result<i64, Rejection> {
    last.checked_add(1).filter(|next| *next <= COUNTED_ID_MAX).ok_or_else(|| {
        let reason = "no integer id is left; choose a string id".to_owned();
        Rejection::Unholdable { path: String::new(), reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_keep_their_number_or_get_one_of_their_text() {
        let number = |text| revision_number(&Revision::parse(text).unwrap());
        assert_eq!(number("17"), 17);
        assert_eq!(number("9223372036854775807"), 9_223_372_036_854_775_807);
        let texts = ["foreign-1", "foreign-2", "9223372036854775808", "007"];
        for text in texts {
            assert_eq!(number(text) >> 62, 1, "{text}");
            assert_eq!(texts.iter().filter(|other| number(other) == number(text)).count(), 1);
        }
    }
}
