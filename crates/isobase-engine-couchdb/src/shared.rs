//! State that all calls of one open database share.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use isobase_engine::EngineError;
use isobase_journal::Head;
use parking_lot::Mutex;

use crate::{
    CouchDbOptions,
    client::Client,
    names::Names,
    record::Record,
    remembered::{Forgetting, Refused, Stripped},
};

/// Requests of one call that run at once.
pub(crate) const PARALLEL: usize = 8;
/// Size of a document as long as no one knows.
const DOCUMENT_BYTES_GUESS: usize = 1_024;

/// One open database: a server and a prefix.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) names: Names,
    /// The database of the journal.
    pub(crate) journal: String,
    /// Databases that are there. Written when one is made or found, and when it goes; a name that is
    /// missing costs a question.
    pub(crate) prepared: Mutex<HashSet<String>>,
    /// Databases that have the index of ids. Written and dropped likewise.
    pub(crate) ordered: Mutex<HashSet<String>>,
    /// The last head that this process knows. Written by the task that read or moved it.
    pub(crate) known: Mutex<Option<KnownHead>>,
    /// The last record that was glanced at. Written by the caller that glanced, read by the one that settles.
    pub(crate) glanced: Mutex<Option<Arc<Record>>>,
    /// Held by the task that does what a record says, so that it is done once in this process.
    pub(crate) applying: tokio::sync::Mutex<()>,
    /// Records whose effects are applied and may be dropped. Commits add, the stripping takes.
    pub(crate) to_strip: Mutex<Vec<Stripped>>,
    /// A stripping is under way or about to begin.
    pub(crate) is_stripping: AtomicBool,
    /// The documents of the last commit of this process that CouchDB refused, by its number. The commit writes
    /// it, its author takes it.
    pub(crate) refused: Mutex<Option<(u64, Vec<Refused>)>>,
    /// Views of Mango indexes cannot be asked for counts; the server said so.
    pub(crate) counts_one_by_one: AtomicBool,
    /// Answers to idempotency keys are looked at again when those given before this time, in
    /// microseconds, are to go. Written by the task that looked at all of them.
    pub(crate) answers_due_us: AtomicI64,
    /// Where the look for old answers goes on; `None` when the next one begins at the first answer.
    /// Written by the look, page by page.
    pub(crate) forgetting: Mutex<Option<Forgetting>>,
    /// The journal has an older format: it gets ours with the first record of this process.
    pub(crate) is_old: AtomicBool,
    /// The size of a document of this database, lately.
    document_bytes: AtomicUsize,
}

/// A head whose record is applied.
#[derive(Clone, Debug)]
pub(crate) struct KnownHead {
    /// The id of its record.
    pub(crate) record: String,
    pub(crate) head: Head,
}

impl Shared {
    /// # Errors
    /// When the client cannot be made.
    pub(crate) fn new(options: &CouchDbOptions, deadline: Duration) -> Result<Self, EngineError> {
        let names = Names::new(&options.prefix);
        Ok(Self {
            client: Client::new(options, deadline)?,
            journal: names.journal(),
            names,
            prepared: Mutex::default(),
            ordered: Mutex::default(),
            known: Mutex::default(),
            glanced: Mutex::default(),
            applying: tokio::sync::Mutex::default(),
            to_strip: Mutex::default(),
            refused: Mutex::default(),
            is_stripping: AtomicBool::new(false),
            counts_one_by_one: AtomicBool::new(false),
            answers_due_us: AtomicI64::new(i64::MIN),
            forgetting: Mutex::default(),
            is_old: AtomicBool::new(false),
            document_bytes: AtomicUsize::new(DOCUMENT_BYTES_GUESS),
        })
    }

    /// How many documents to ask for when the answer should have about so many bytes.
    pub(crate) fn rows_for(&self, bytes: usize, limit: usize) -> usize {
        (bytes / self.document_bytes.load(Ordering::Relaxed).max(1)).clamp(1, limit.max(1))
    }

    /// Learns from an answer how large documents are.
    pub(crate) fn learn_size(&self, rows: usize, bytes: usize) {
        let Some(seen) = bytes.checked_div(rows) else { return };
        let known = self.document_bytes.load(Ordering::Relaxed);
        self.document_bytes.store(((known * 3 + seen) / 4).max(64), Ordering::Relaxed);
    }
}
