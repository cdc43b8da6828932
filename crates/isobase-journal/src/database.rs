//! The part of one document database in the engine.

use async_trait::async_trait;
use isobase_engine::{
    CollectionInfo, Counters, EngineError, Identity, IndexDefinition, IndexState, Limits, NotRead,
};
use isobase_types::{Change, CollectionName, DocumentId, Sequence, Timestamp};

use crate::{Meta, NativeDocument, NativeRules, Tag, Tree, untold::untold};

/// The keys that a document is to have.
pub type KeysOf<'a> = &'a (dyn Fn(&NativeDocument) -> Vec<IndexKey> + Send + Sync);

/// A document database, as [`crate::JournalEngine`] uses it.
///
/// # Contract
/// - Everything is read strongly consistent: a read that starts after a write was answered
///   sees it.
/// - Each call is bounded in time by the database's own deadlines; repetitions inside a call are
///   bounded, jittered, and only where repeating is safe.
/// - Each future may be dropped at any await, also that of a commit: what was begun may go on,
///   and the journal tells later what became of it.
/// - Errors name the thing, its value and the way out. Of a write they mean that nothing was
///   written, except [`isobase_engine::ErrorKind::OutcomeUnknown`].
/// - A collection's native name is the collection's own wherever the database can have it, after
///   the prefix; names that would be ours (they begin with `isobase_`) or that the database
///   cannot have are escaped.
/// - A document's native id is its path segment ([`DocumentId`]'s `Display`), or a reversible form
///   of it where the database cannot have that.
#[async_trait]
pub trait DocumentDatabase: Send + Sync + 'static {
    /// The kind of engine in one lower-case word.
    fn name(&self) -> &'static str;

    /// Where the journal is: the same text in every process that opens it, without secrets. A journal
    /// of format 1 is told from others by it until it is written to.
    fn location(&self) -> String;

    /// Sizes and counts the database can hold.
    fn limits(&self) -> &Limits;

    /// Values the native form can hold.
    fn rules(&self) -> &NativeRules;

    /// Why the database cannot have a collection of this name; `None` when it can.
    fn refuses_collection(&self, collection: &CollectionName) -> Option<String>;

    /// Why the database cannot hold this document for its native size; `None` when it can. An upper
    /// bound of the real size may be used if it is at most a few percent larger.
    fn refuses_size(&self, key: &DocumentKey, after: &After) -> Option<String>;

    /// How much one commit may write.
    fn budget(&self) -> Budget;

    /// The share of a document's write in the budget.
    fn cost(&self, write: &DocumentWrite) -> Cost;

    /// Whether a commit is seen wholly or not at all.
    fn commits_are_atomic(&self) -> bool;

    /// Whether an unknown outcome of a commit is the last word: the database has looked for what
    /// tells its own commit from all others itself, or knows that looking does not tell yet.
    /// Otherwise the engine repeats the commit and reads the log until one of them tells.
    fn settles_commits(&self) -> bool {
        false
    }

    /// Checks the connection, makes the journal with an identity where there is none, finishes the
    /// last commit where a killed process left it half done, and reads the head.
    async fn open(&self) -> Result<Head, EngineError>;

    /// The head as it is now; also finishes a commit that was left half done.
    async fn head(&self) -> Result<Head, EngineError>;

    /// The head as it is now, though its commit may be half done: enough for a caller that reads nothing
    /// else. It may look only for what came after the last head that was seen. Before anything is
    /// read that depends on it, [`DocumentDatabase::settle`] is asked for; a commit for such a head
    /// settles it by itself.
    async fn glance(&self) -> Result<Head, EngineError> {
        self.head().await
    }

    /// Finishes the commit of a head that was glanced at, if that is half done.
    async fn settle(&self, _head: &Head) -> Result<(), EngineError> {
        Ok(())
    }

    /// The head as it is now, without writing anything; `None` where there is no journal.
    ///
    /// # Errors
    /// When a commit is half done and is not finished: a process that may write must do so first.
    async fn peek(&self) -> Result<Option<Head>, EngineError>;

    /// Whether the database can be reached and read now. Cheap enough to ask every second.
    async fn check(&self) -> Result<(), EngineError>;

    /// The catalogue: every collection known to the journal.
    async fn catalogue(&self) -> Result<Vec<CatalogueEntry>, EngineError>;

    /// Documents by their ids, in the order of the keys. A missing collection has no documents.
    async fn read(&self, keys: &[DocumentKey]) -> Result<Vec<Option<NativeDocument>>, EngineError>;

    /// Documents by the order of an index: those whose key lies in a range. Entries that other
    /// programs deleted in the meantime are left out.
    async fn fetch(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError>;

    /// How many keys of an index lie in a range.
    async fn count_keys(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Result<u64, EngineError>;

    /// How many documents a collection has; 0 when there is no such collection.
    async fn count(&self, collection: &CollectionName) -> Result<u64, EngineError>;

    /// All collections that have a document, also those of other programs, by the bytes of their
    /// names.
    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError>;

    /// What stands where the collections are, and is none: of other programs. Journals are left
    /// out, and what the database keeps for itself.
    async fn not_read(&self) -> Result<Vec<NotRead>, EngineError>;

    /// Every native document of a collection in any order, also those of other programs, in
    /// pages; `after` is the page's own token.
    async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError>;

    /// Documents of a collection that were written after a place, by any program, each as it is
    /// now: so that what other programs wrote is found without looking at everything. Without a
    /// place it tells the present one. `None` if the database cannot tell, or not any more.
    async fn written_since(
        &self,
        _collection: &CollectionName,
        _place: Option<&str>,
        _limit: u32,
    ) -> Result<Option<WrittenPage>, EngineError> {
        Ok(None)
    }

    /// Makes what a collection needs natively (database, table, the index of ids), if it is not
    /// there; says whether it had documents already.
    async fn prepare_collection(&self, collection: &CollectionName) -> Result<bool, EngineError>;

    /// Makes what an index needs natively, if anything.
    async fn prepare_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError>;

    /// Deletes what an index has natively, its keys included if they stand apart.
    async fn drop_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError>;

    /// Writes a group: all of it when the head is still what the group was made for, and none of
    /// it otherwise.
    async fn commit(&self, commit: &Commit) -> Result<Result<(), CommitError>, EngineError>;

    /// Documents of the last commit of this process, by its number, that the database refuses for
    /// good although the commit was carried out, and why: where a commit is written before its
    /// documents, a rule of the database's owner may say no. Each is told once.
    fn take_refused(&self, _commit: u64) -> Vec<(DocumentKey, String)> {
        Vec::new()
    }

    /// Writes documents again with other keys, and nothing else: content and revision stay. Each
    /// only if it is as [`Before`] says; one answer each, false where it was changed meanwhile.
    async fn rekey(&self, writes: &[DocumentWrite]) -> Result<Vec<bool>, EngineError>;

    /// Whole log records that have changes after a place, also those that begin before it, oldest
    /// first; at most about `limit` changes after the place together, at least one record.
    async fn read_log(&self, since: Sequence, limit: u32) -> Result<Vec<LogRecord>, EngineError>;

    /// Largest body that can lie apart from its change, in bytes. It costs one item and its bytes
    /// of the budget.
    fn kept_body_bytes_max(&self) -> usize;

    /// Bodies that lie apart from their changes, by these.
    async fn read_bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError>;

    /// Deletes log records whose changes are all at or before the floor, and the bodies of these
    /// changes. May leave some.
    async fn trim_log(&self, floor: Sequence) -> Result<(), EngineError>;

    /// The last change at or before a time, for trimming by age; `None` when there is none.
    async fn sequence_before(&self, at: Timestamp) -> Result<Option<Sequence>, EngineError>;

    /// The first answers to idempotency keys.
    async fn read_answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError>;

    /// Deletes answers given before a time.
    async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError>;

    /// Deletes the documents of a collection that [`is_purged`], with their keys. Each only while
    /// it is so: newer documents
    /// are written meanwhile, and stay. What [`DocumentDatabase::prepare_collection`] made stays too.
    /// Harmless to repeat, also by several processes at once.
    async fn purge(&self, collection: &CollectionName, to: Sequence) -> Result<(), EngineError>;

    /// After other programs wrote: deletes keys that no document has (any more), and counts
    /// anew. For databases that keep keys and counts apart from the documents; `keys_of` gives
    /// the keys that a document is to have.
    async fn sweep(
        &self,
        _collection: &CollectionName,
        _keys_of: KeysOf<'_>,
    ) -> Result<(), EngineError> {
        Ok(())
    }

    /// Stores documents past the journal with the database's bulk call: whatever is there is
    /// replaced, [`DocumentWrite::before`] is only set where keys must be replaced too. A write
    /// without [`After`] deletes. The collection is prepared already.
    async fn load(&self, writes: Vec<DocumentWrite>) -> Result<(), EngineError>;

    /// Sets or clears the note of an unfinished load.
    async fn set_unfinished(&self, note: Option<&str>) -> Result<(), EngineError>;

    /// The note of an unfinished load.
    async fn unfinished(&self) -> Result<Option<String>, EngineError>;

    /// Replaces head and catalogue after a load and empties the log; no other process writes. `commit`
    /// and `catalogue` of the head become one more than they were, its floor is its sequence, and
    /// its identity is renewed.
    /// Answers stay. New entries are written before old ones go: it may be cut off and repeated.
    async fn reset(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError>;

    /// Lets go of connections.
    async fn close(&self) -> Result<(), EngineError>;

    /// Counters for `/metrics`.
    fn gauges(&self) -> Vec<(&'static str, f64)>;
}

/// The state of the journal that every commit moves on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Counts commits; of two commits made for the same number one fails.
    pub commit: u64,
    /// The number of the last write.
    pub sequence: Sequence,
    /// The last integer id given out.
    pub last_id: i64,
    /// The place of the last change that is no longer kept.
    pub floor: Sequence,
    /// Changes with the catalogue.
    pub catalogue: u64,
    /// Which database it is; `None` in a journal of format 1, to which nothing was written since.
    pub identity: Option<Identity>,
    /// The process that made the commit, by a number that it chose at random: processes that write
    /// at once take turns by it. `None` where none is known; nothing depends on it.
    pub author: Option<u64>,
}

/// The number of an index in its database; 0 is that of the ids, the others are never reused.
pub type IndexNumber = u32;

/// A collection as the journal knows it. Stored as JSON or native fields, legibly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its name.
    pub collection: CollectionName,
    /// Its declared indexes.
    pub indexes: Vec<IndexEntry>,
    /// Documents that other programs had written before us have been taken into the listings.
    pub adopted: bool,
    /// The collection is being deleted: for callers its documents up to this write are gone.
    /// The engine leaves them out; the database gives what is there.
    pub deleting: Option<Sequence>,
}

/// A declared index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its number.
    pub number: IndexNumber,
    /// Its order.
    pub definition: IndexDefinition,
    /// Whether listings use it.
    pub state: IndexState,
}

/// Marks the number under which the rows of unique values lie, beside those that sort.
const UNIQUE_VALUES: IndexNumber = 1 << 31;

impl IndexEntry {
    /// The number under which the unique values lie; `None` when they need not be unique.
    #[must_use]
    pub fn unique_number(&self) -> Option<IndexNumber> {
        self.definition.is_unique().then_some(self.number | UNIQUE_VALUES)
    }

    /// The numbers under which it has keys: one or two.
    pub fn numbers(&self) -> impl Iterator<Item = IndexNumber> {
        [Some(self.number), self.unique_number()].into_iter().flatten()
    }
}

/// Which document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    /// Its collection.
    pub collection: CollectionName,
    /// Its id.
    pub id: DocumentId,
}

/// Revisions from here on are no sequences: a load made them of texts
/// ([`isobase_engine::revision_number`]).
pub const BEYOND_SEQUENCES: Sequence = Sequence(1 << 62);

/// Whether a document belongs to what a deletion of its collection, told as the change `to`, has
/// deleted: `stamp` is the revision in its bookkeeping, if it has one. What other programs
/// wrote has none, and goes too, also when it came after the deletion was answered.
#[must_use]
pub fn is_purged(stamp: Option<Sequence>, to: Sequence) -> bool {
    stamp.is_none_or(|stamp| stamp <= to || stamp >= BEYOND_SEQUENCES)
}

/// The key of a document in an index. Unique in the index; keys sort by their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexKey {
    /// The index.
    pub index: IndexNumber,
    /// The key.
    pub key: Vec<u8>,
}

/// The fate of one document. A commit holds at most one for each document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentWrite {
    /// Which document.
    pub key: DocumentKey,
    /// How it was when the write was decided; `None` when there was no document.
    pub before: Option<Before>,
    /// How it is to be; `None` when it is deleted.
    pub after: Option<After>,
}

impl DocumentWrite {
    /// Only the bookkeeping and the keys are to be written, and the content stays as it is
    /// natively: another program wrote it, perhaps with types that JSON does not have.
    #[must_use]
    pub fn keeps_content(&self) -> bool {
        self.after.as_ref().is_some_and(|after| after.meta.keeps_content)
    }
}

/// A document before a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// The version that was read.
    pub tag: Tag,
    /// The revision in its bookkeeping as it is natively, also when that is out of date because
    /// another program changed the content; `None` when there is no bookkeeping that can be read.
    pub stamp: Option<Sequence>,
    /// Its keys, for databases that keep them apart from the document. Some of them may not be
    /// there (an index that is being built). Empty when another program gave the document its
    /// content and it stays: which keys are there is not known then, and all new ones are to be
    /// put.
    pub keys: Vec<IndexKey>,
}

/// A document after a write.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    /// The caller's fields.
    pub fields: Vec<(String, Tree)>,
    /// The bookkeeping.
    pub meta: Meta,
    /// Its keys, that of the ids first.
    pub keys: Vec<IndexKey>,
}

/// Writes that are made together.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The head it was made for.
    pub head: Head,
    /// The head after it; its `commit` is one more.
    pub next: Head,
    /// Documents, each at most once.
    pub documents: Vec<DocumentWrite>,
    /// The changes, in order, without a gap after `head.sequence`. The log has
    /// [`Commit::logged`].
    pub changes: Vec<Change>,
    /// Collections of whose writes the change feed does not tell.
    pub untold: Vec<CollectionName>,
    /// Answers to remember.
    pub answers: Vec<StoredAnswer>,
    /// Entries of the catalogue that are new or other than before.
    pub catalogue: Vec<CatalogueEntry>,
    /// Bodies that changes keep and that are too large for the record of the log.
    pub bodies: Vec<KeptBody>,
    /// When.
    pub at: Timestamp,
}

impl Commit {
    /// The changes as the log has them: one that the feed does not tell names nothing.
    #[must_use]
    pub fn logged(&self) -> Vec<Change> {
        self.changes.iter().map(|change| self.logged_change(change)).collect()
    }

    fn logged_change(&self, change: &Change) -> Change {
        let is_untold = self.untold.contains(&change.collection);
        let entry = is_untold.then(|| untold(change.sequence, change.at)).flatten();
        entry.unwrap_or_else(|| change.clone())
    }

    /// The changes that the feed tells.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| !self.untold.contains(&change.collection))
    }
}

/// A body that lies apart from its change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBody {
    /// Of this change.
    pub sequence: Sequence,
    /// The body.
    pub text: String,
}

/// Why a commit was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// Another process committed first: read the head again and decide anew.
    HeadMoved,
    /// Another program changed a document meanwhile: read the documents again and decide anew.
    DocumentChanged,
}

/// How much one commit may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Items of any kind for documents and answers; the fixed ones are taken off already.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
    /// Items that each distinct collection of a commit costs once (its count, its entry in the
    /// catalogue), whether documents or the catalogue name it. Where this is 0, an entry of the
    /// catalogue costs one item all the same.
    pub items_per_collection: u64,
}

/// The cost of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Items.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The first answer to an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The key.
    pub key: [u8; 32],
    /// The request.
    pub fingerprint: [u8; 32],
    /// [`isobase_engine::encode_outcomes`].
    pub outcomes: String,
    /// When.
    pub at: Timestamp,
}

/// Which part of an index to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFetch {
    /// The index.
    pub index: IndexNumber,
    /// The smallest key.
    pub lower: Vec<u8>,
    /// The first key that is too large; `None` when nothing is.
    pub upper: Option<Vec<u8>>,
    /// From the largest to the smallest.
    pub reverse: bool,
    /// At most this many documents.
    pub limit: u32,
    /// End the part, with at least one document, after about this many bytes.
    pub bytes_max: usize,
}

/// A part of an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyFetched {
    /// In the order of the keys, or the opposite.
    pub documents: Vec<KeyedDocument>,
    /// There is nothing more in the range.
    pub exhausted: bool,
    /// Where nothing more comes although it is not exhausted (all entries of the part were left
    /// out): go on after this key. May always be given: the further
    /// of it and the last document counts.
    pub passed: Option<Vec<u8>>,
}

/// A document and its key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyedDocument {
    /// The key under which it was found.
    pub key: Vec<u8>,
    /// The document.
    pub document: NativeDocument,
}

/// The writes after a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WrittenPage {
    /// Documents, in any order. What was deleted is left out.
    pub documents: Vec<NativeDocument>,
    /// Native ids of documents whose ids none of ours can be.
    pub unreadable: Vec<String>,
    /// The place after them.
    pub place: String,
    /// Nothing more was written.
    pub is_last: bool,
}

/// A page of a scan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanPage {
    /// Documents, in any order.
    pub documents: Vec<NativeDocument>,
    /// Native ids of documents whose ids none of ours can be.
    pub unreadable: Vec<String>,
    /// For the next page; `None` at the end.
    pub next: Option<String>,
}

/// The writes of one commit, as the log keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// In order.
    pub changes: Vec<Change>,
}
