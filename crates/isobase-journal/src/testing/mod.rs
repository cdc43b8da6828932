//! A document database in memory, for tests: with native documents, an index beside them, and
//! faults on demand.

mod database;
mod faults;
mod life;
mod state;

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

pub use faults::Fault;
use isobase_engine::{Limit, Limits};
use isobase_types::CollectionName;
pub use life::live;
use state::State;

use crate::{Budget, NativeRules, Tree};

/// A document database in memory. A clone is another process on the same database.
#[derive(Clone, Debug)]
pub struct FakeDatabase {
    state: Arc<Mutex<State>>,
    settings: FakeSettings,
}

/// The abilities of the database.
#[derive(Clone, Copy, Debug)]
pub struct FakeSettings {
    /// How much one commit may write.
    pub budget: Budget,
    /// Values it can hold natively.
    pub rules: NativeRules,
    /// Sizes and counts.
    pub limits: Limits,
    /// Whether commits are atomic for readers.
    pub atomic: bool,
    /// Whether it knows versions of documents; otherwise it compares the revision in the
    /// bookkeeping.
    pub tags: bool,
    /// Every third commit meets a fault from which the engine recovers.
    pub troubled: bool,
}

const fn limit(max: u64, unit: &'static str) -> Limit {
    Limit { max, unit, source: "a test" }
}

impl FakeSettings {
    /// Small commits of documents and separate keys, atomic, without versions.
    #[must_use]
    pub fn small_commits() -> Self {
        Self {
            budget: Budget { items: 97, bytes: 16_000_000, items_per_collection: 1 },
            rules: NativeRules {
                nested_arrays: true,
                empty_names: false,
                dunder_names: true,
                top_level_underscore: true,
                name_bytes_max: 60_000,
                levels_max: 31,
                index_key_bytes_max: 1_024,
            },
            limits: Limits {
                document_bytes: limit(8_000_000, "bytes"),
                document_levels: limit(128, "levels"),
                batch_operations: limit(10_000, "operations"),
                atomic_operations: limit(32, "operations"),
            },
            atomic: true,
            tags: false,
            troubled: false,
        }
    }

    /// The same with faults now and then.
    #[must_use]
    pub fn troubled(self) -> Self {
        Self { troubled: true, ..self }
    }

    /// Large commits, not atomic, with versions.
    #[must_use]
    pub fn large_commits() -> Self {
        Self {
            budget: Budget { items: 2_002, bytes: 32_000_000, items_per_collection: 0 },
            rules: NativeRules {
                nested_arrays: false,
                empty_names: true,
                dunder_names: false,
                top_level_underscore: false,
                name_bytes_max: 1_500,
                levels_max: 19,
                index_key_bytes_max: 1_500,
            },
            limits: Limits {
                document_bytes: limit(8_000_000, "bytes"),
                document_levels: limit(128, "levels"),
                batch_operations: limit(10_000, "operations"),
                atomic_operations: limit(1_000, "operations"),
            },
            atomic: false,
            tags: true,
            troubled: false,
        }
    }
}

impl FakeDatabase {
    /// An empty database.
    #[must_use]
    pub fn new(settings: FakeSettings) -> Self {
        Self { state: Arc::default(), settings }
    }

    /// How often a process has asked for the head.
    #[must_use]
    pub fn heads_read(&self) -> u64 {
        self.state().heads_read
    }

    /// The journal becomes one of format 1, whose head has no identity.
    pub fn forget_identity(&self) {
        self.state().head.get_or_insert_default().identity = None;
    }

    /// Lets the next commit of any process meet a fault; several wait for one commit each.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Whether faults wait for a commit.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.state().faults.is_empty()
    }

    /// Writes a document as another program does: without our bookkeeping, or leaving it alone.
    ///
    /// # Panics
    /// When the text is no JSON object.
    pub fn put_foreign(&self, collection: &CollectionName, id: &str, body: &str) {
        let Ok(fields) = Tree::parse_fields(body) else { panic!("{body} is no JSON object") };
        self.state().put_foreign(collection, id, fields);
    }

    /// Deletes a document as another program does: its keys stay.
    pub fn delete_foreign(&self, collection: &CollectionName, id: &str) {
        self.state().delete_foreign(collection, id);
    }

    /// Keeps deletions from being finished natively, as if their processes were killed.
    pub fn hold_purges(&self, hold: bool) {
        self.state().purges_held = hold;
    }

    /// Lets new collections take their time.
    pub fn hold_preparations(&self, hold: bool) {
        self.state().preparations_held = hold;
    }

    /// Lets the next head be so long on its way.
    pub fn slow_head(&self, way: std::time::Duration) {
        self.state().head_way = Some(way);
    }

    /// Whether a slow head was not asked for yet.
    #[must_use]
    pub fn has_slow_head(&self) -> bool {
        self.state().head_way.is_some()
    }

    /// Lets no one read the head, as if the connection were broken.
    pub fn break_heads(&self, broken: bool) {
        self.state().heads_broken = broken;
    }

    /// Most bytes of documents that were read with one question so far.
    #[must_use]
    pub fn most_bytes_read(&self) -> usize {
        self.state().most_bytes_read
    }

    fn note_read(&self, bytes: usize) {
        let mut state = self.state();
        state.most_bytes_read = state.most_bytes_read.max(bytes);
    }

    /// The native text of a document, bookkeeping included.
    #[must_use]
    pub fn native(&self, collection: &CollectionName, id: &str) -> Option<String> {
        self.state().native(collection, id)
    }

    /// How many index entries there are, of all documents.
    #[must_use]
    pub fn entries(&self, collection: &CollectionName) -> usize {
        self.state().entries(collection)
    }

    /// How many commits were carried out.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.state().head.map_or(0, |head| head.commit)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}
