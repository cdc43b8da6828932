//! The CouchDB engine: a collection is a database, a document a document.
//!
//! The common part of the document databases is in `isobase-journal`; here is what CouchDB does for it,
//! over plain HTTP. CouchDB has no transactions: a commit is a record in a journal of ours, and
//! what it says is done afterwards, by its author or by the next process.
//!
//! Reading order: [`CouchDbOptions`], `client` (requests and repetitions), `names` and `codec`
//! (what is stored), `record`, `versioned` and `journal` (what is remembered: `head`, `log`,
//! `answers`, `catalogue`), then the way of a write (`commit`, `apply`, `recover`, `bulk`, `strip`)
//! and of a read (`read`, `index`, `scan`, `databases`).

mod answers;
mod apply;
mod bulk;
mod catalogue;
mod client;
mod codec;
mod commit;
mod database;
mod databases;
mod done;
mod error;
mod fields;
mod head;
mod index;
mod journal;
mod limits;
mod load;
mod log;
mod names;
mod options;
mod order;
mod plan;
mod read;
mod record;
mod recover;
mod remembered;
mod rows;
mod scan;
mod shared;
mod strip;
mod unfinished;
mod versioned;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use isobase_engine::{Clock, EngineError, ReadOnly};
use isobase_journal::{JournalEngine, JournalOptions, JournalReader};

pub use database::CouchDbDatabase;
pub use options::{CouchDbOptions, InvalidUrl};
pub use plan::{SetupStep, setup_steps};

/// Documents in the databases of a CouchDB server.
pub type CouchDbEngine = JournalEngine<CouchDbDatabase>;

/// Opens the engine: checks that the server can be reached and lets us in, makes the journal
/// where there is none, and finishes what a process that was killed has left.
///
/// # Errors
/// When the server cannot be reached (the message names host and port), refuses the user (the
/// message names the user), or is not a CouchDB.
pub fn open(
    options: CouchDbOptions,
    remote: JournalOptions,
    clock: Arc<dyn Clock>,
) -> BoxFuture<'static, Result<CouchDbEngine, EngineError>> {
    Box::pin(async move {
        let database = CouchDbDatabase::new(&options, remote.deadline)?;
        JournalEngine::open(database, remote, clock).await
    })
}

/// Opens the database to read it whole and nothing else: nothing is written, and credentials that
/// may only read are enough.
///
/// # Errors
/// As [`open`].
pub fn open_to_read(
    options: CouchDbOptions,
    remote: JournalOptions,
    clock: Arc<dyn Clock>,
) -> BoxFuture<'static, Result<ReadOnly<JournalReader<CouchDbDatabase>>, EngineError>> {
    Box::pin(async move {
        let database = CouchDbDatabase::new(&options, remote.deadline)?;
        JournalReader::open(database, remote, clock).await
    })
}
