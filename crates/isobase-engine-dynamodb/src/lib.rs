//! Documents in DynamoDB.
//!
//! A collection is a table with the partition key `_id`, a document an item with the caller's
//! fields as attributes. What DynamoDB has no order for stands in one more table, the journal:
//! counters, change feed, entries of indexes. [`isobase_journal`] holds the engine;
//! [`DynamoDbDatabase`] is what DynamoDB does for it.

mod options;

mod answers;
mod catalogue;
mod client;
mod codec;
mod commit;
mod cost;
mod database;

mod error;
mod guarded;
mod head;
mod index;
mod journal;
mod limits;
mod load;
mod log;
mod merge;
mod names;
mod number;
mod pages;
mod plan;
mod purge;
mod range;
mod read;
mod run;
mod runs;
mod sweep;
mod tables;
mod transact;

use std::sync::Arc;

pub use database::DynamoDbDatabase;
use futures_util::future::BoxFuture;
use isobase_engine::{Clock, EngineError, ReadOnly};
use isobase_journal::{JournalEngine, JournalOptions, JournalReader};
pub use options::{DynamoDbCredentials, DynamoDbOptions, InvalidUrl};
pub use plan::{plan, policy};

/// The engine over DynamoDB.
pub type DynamoDbEngine = JournalEngine<DynamoDbDatabase>;

/// Opens the database: finds region and credentials, checks that the journal can be read, and
/// makes its table where there is none.
///
/// # Errors
/// When no region or credentials are known, DynamoDB cannot be reached, or a needed action is not
/// allowed; the message names it.
pub fn open<'a>(
    options: &'a DynamoDbOptions,
    remote: JournalOptions,
    clock: Arc<dyn Clock>,
) -> BoxFuture<'a, Result<DynamoDbEngine, EngineError>> {
    Box::pin(async move {
        let database = DynamoDbDatabase::new(options, &remote).await?;
        JournalEngine::open(database, remote, clock).await
    })
}

/// Opens the database to read it whole and nothing else: nothing is written, and credentials that
/// may only read are enough.
///
/// # Errors
/// As [`open`].
pub fn open_to_read<'a>(
    options: &'a DynamoDbOptions,
    remote: JournalOptions,
    clock: Arc<dyn Clock>,
) -> BoxFuture<'a, Result<ReadOnly<JournalReader<DynamoDbDatabase>>, EngineError>> {
    Box::pin(async move {
        let database = DynamoDbDatabase::new(options, &remote).await?;
        JournalReader::open(database, remote, clock).await
    })
}
