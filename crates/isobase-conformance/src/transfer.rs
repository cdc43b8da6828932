//! The suite of reading and loading everything, for engines in the same process.
//!
//! Its cases talk to an engine itself: snapshots and loads have no form over HTTP.
//! [`transfer_tests!`](crate::transfer_tests) makes one test of each case for an engine.

mod cases;
mod check;
mod indexes;
mod snapshots;

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use isobase_engine::Engine;
use parking_lot::Mutex;

/// Longest time of a case, in a debug build beside other tests.
const CASE_DEADLINE: Duration = Duration::from_secs(120);

/// An engine that is on its way.
pub type Opening = Pin<Box<dyn Future<Output = Arc<dyn Engine>> + Send>>;

/// A fresh database, and what must live and end with it.
pub struct Database {
    engine: Mutex<Arc<dyn Engine>>,
    open: Option<Box<dyn Fn() -> Opening + Send + Sync>>,
    guards: Mutex<Vec<Box<dyn Any + Send>>>,
    ends: Mutex<Vec<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

impl Database {
    /// A database no one else uses, in memory: it is gone with its engine.
    pub fn in_memory(engine: impl Engine) -> Self {
        Self {
            engine: Mutex::new(Arc::new(engine)),
            open: None,
            guards: Mutex::default(),
            ends: Mutex::default(),
        }
    }

    /// A database no one else uses. `open` opens it, and opens it again after it was closed.
    pub async fn open<F>(open: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Arc<dyn Engine>> + Send + 'static,
    {
        let engine = open().await;
        Self {
            engine: Mutex::new(engine),
            open: Some(Box::new(move || Box::pin(open()))),
            guards: Mutex::default(),
            ends: Mutex::default(),
        }
    }

    /// Keeps something until the case is over: a folder, a server.
    #[must_use]
    pub fn keep(self, guard: impl Any + Send) -> Self {
        self.guards.lock().push(Box::new(guard));
        self
    }

    /// Does something when the case is over and the engine closed, also when it failed.
    #[must_use]
    pub fn at_end(self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        self.ends.lock().push(Box::pin(end));
        self
    }

    /// The engine.
    pub fn engine(&self) -> Arc<dyn Engine> {
        self.engine.lock().clone()
    }

    /// Closes the engine and opens another on the same database; does nothing in memory.
    pub async fn reopen(&self) {
        let Some(open) = &self.open else { return };
        self.engine().close().await.expect("the engine closes");
        // Two engines must not have it open at once, and the old one has it until it is dropped.
        let nobody = isobase_engine_memory::MemoryEngine::new(
            Arc::new(isobase_engine::SystemClock),
            Default::default(),
        );
        self.replace(Arc::new(nobody));
        self.replace(open().await);
    }

    fn replace(&self, engine: Arc<dyn Engine>) {
        *self.engine.lock() = engine;
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("engine", &self.engine().name()).finish_non_exhaustive()
    }
}

/// A named test of the suite.
#[derive(Clone, Copy)]
pub struct TransferCase {
    /// `loads::loaded_documents_are_kept_as_they_are`.
    pub name: &'static str,
    /// The test; it fails by panicking.
    pub run: fn(Arc<Database>) -> crate::Run,
}

impl std::fmt::Debug for TransferCase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TransferCase").field(&self.name).finish()
    }
}

/// Declares the cases once: for the list and for the macro that makes tests of them.
macro_rules! declare_cases {
    ($d:tt $($name:ident)*) => {
        /// Every case.
        pub const TRANSFER_CASES: &[TransferCase] = &[$(TransferCase {
            name: concat!("transfer::", stringify!($name)),
            run: |database| Box::pin(cases::$name(database)),
        },)*];

        /// One test for each case of reading and loading everything, in the module `transfer`.
        ///
        /// Takes the path of a function `async fn(&'static str) -> Option<Database>` that opens a
        /// fresh database for the case of that name, from the crate's root; `None` means that the
        /// engine is not there.
        #[macro_export]
        macro_rules! transfer_tests {
            ($d($d open:tt)+) => {
                mod transfer {
                    $(#[test]
                    fn $name() {
                        let name = concat!("transfer::", stringify!($name));
                        $crate::transfer::run_transfer_case(name, |name| $d($d open)+(name));
                    })*
                }
            };
        }
    };
}

declare_cases! { $
    loaded_documents_are_kept_as_they_are
    loaded_values_come_back_exactly
    loading_the_same_again_is_harmless
    loaded_document_replaces_one_of_its_id
    integer_ids_of_any_size_are_held
    own_ids_are_kept_by_every_write
    revisions_of_other_programs_stay_apart
    integers_continue_after_the_last
    next_write_has_the_next_sequence
    counters_never_go_back
    feed_begins_anew
    waits_end_with_a_commit
    changes_keep_what_they_are_told_to
    answers_outlive_a_load
    load_that_was_left_keeps_everybody_out
    load_goes_on_no_matter_who_waits_for_it
    note_outlives_the_engine
    unloaded_documents_are_gone
    declared_indexes_are_kept_true
    unfinished_load_may_not_be_unique
    index_of_an_unfinished_load_is_whole
    collections_with_indexes_are_told_also_without_documents
    parallel_loads_lose_nothing
    large_documents_come_through
    snapshot_reads_everything_in_order
    snapshot_goes_on_after_any_id
    snapshot_tells_the_counters
    snapshot_is_of_one_moment_where_it_says_so
    snapshot_of_an_empty_database_is_empty
    snapshots_and_loads_make_a_copy
}

/// Runs the case of a name on a fresh database.
///
/// # Panics
/// When the case fails, or there is none of this name.
pub fn run_transfer_case<F>(name: &'static str, open: impl FnOnce(&'static str) -> F)
where
    F: Future<Output = Option<Database>>,
{
    run_boxed(name, Box::new(move || Box::pin(open(name))));
}

/// A database that is being opened.
type CaseOpening<'a> = Pin<Box<dyn Future<Output = Option<Database>> + 'a>>;

/// What all tests share is compiled once: each closure is a type of its own.
fn run_boxed<'a>(name: &'static str, open: Box<dyn FnOnce() -> CaseOpening<'a> + 'a>) {
    let case = TRANSFER_CASES.iter().find(|case| case.name == name);
    let case = case.expect("the macro and the list are made of one list");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let Some(database) = open().await else { return };
        let database = Arc::new(database);
        let test = AssertUnwindSafe((case.run)(database.clone())).catch_unwind();
        let result = tokio::time::timeout(CASE_DEADLINE, test).await;
        let closed = database.engine().close().await;
        let ends = std::mem::take(&mut *database.ends.lock());
        for end in ends {
            end.await;
        }
        drop(database);
        match result {
            Ok(Ok(())) => closed.expect("the engine closes"),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => panic!("{name} took longer than {CASE_DEADLINE:?}"),
        }
    });
}
