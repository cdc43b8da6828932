//! Listings, counts and counters.

use isobase_engine::{
    Cutoff, EngineError, Identity, ListRequest, Listing,
    listing::{CountRun, CountStep, Fetch, KeyRange, ListRun, Range, ReadyIndex, Step},
};
use isobase_sqlite::rusqlite::{self, Connection, OptionalExtension};
use isobase_types::{Document, Filter};

use crate::fetch::{Filling, count_entries, fetch, fill};

/// An answer that may fail for a reason of SQLite's or of ours.
pub(crate) type Answer<T> = rusqlite::Result<Result<T, EngineError>>;

/// One page of a collection, seen at one moment.
pub(crate) fn list(
    connection: &Connection,
    collection: i64,
    indexes: &[ReadyIndex],
    request: &ListRequest,
    cutoff: Option<Cutoff>,
) -> Answer<Listing> {
    at_one_moment(connection, || {
        let indexes = still_there(connection, collection, indexes)?;
        let mut run = ListRun::new(request, &indexes).living(cutoff).at_one_moment();
        loop {
            match run.step() {
                Ok(Step::Fetch(parts)) => {
                    let (mut sieve, mut left_out) = (run.sieve(), 0);
                    let mut answers = Vec::with_capacity(parts.len());
                    for part in &parts {
                        let filling = Filling::new(part.limit).sifted(&mut sieve);
                        let filling = fill(connection, collection, part, filling)?;
                        left_out += filling.left_out;
                        answers.push(filling.done());
                    }
                    run.leave_out(left_out);
                    run.feed(answers);
                }
                Ok(Step::Done(listing)) => return Ok(Ok(listing)),
                Err(error) => return Ok(Err(error)),
            }
        }
    })
}

/// Runs several statements on one snapshot: of the transaction that is open, or of one of their own.
/// The statements that frame it are prepared once.
pub(crate) fn at_one_moment<T>(
    connection: &Connection,
    read: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if !connection.is_autocommit() {
        return read();
    }
    connection.prepare_cached("BEGIN")?.execute([])?;
    let answer = read();
    connection.prepare_cached("COMMIT")?.execute([])?;
    answer
}

/// Documents that have expired, and the index that leads to them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    pub(crate) cutoff: Cutoff,
    pub(crate) index: i64,
}

/// How many documents meet the filter, seen at one moment.
pub(crate) fn count(
    connection: &Connection,
    collection: i64,
    indexes: &[ReadyIndex],
    expired: Option<Expired>,
    (filter, scan_max): (&Filter, u64),
) -> Answer<u64> {
    at_one_moment(connection, || {
        let indexes = still_there(connection, collection, indexes)?;
        let cutoff = expired.map(|expired| expired.cutoff);
        let mut run = CountRun::new(filter, &indexes, scan_max).living(cutoff);
        loop {
            match run.step() {
                Ok(CountStep::CountCollection) => {
                    run.feed_count(count_collection(connection, collection, expired)?);
                }
                Ok(CountStep::CountEntries(ranges)) => {
                    run.feed_count(count_entries(connection, &ranges)?);
                }
                Ok(CountStep::Fetch(part)) => run.feed(&fetch(connection, collection, &part)?),
                Ok(CountStep::Done(count)) => return Ok(Ok(count)),
                Err(error) => return Ok(Err(error)),
            }
        }
    })
}

/// The documents of a collection without those that have expired.
fn count_collection(
    snapshot: &Connection,
    collection: i64,
    expired: Option<Expired>,
) -> rusqlite::Result<u64> {
    let stored: u64 = snapshot
        .prepare_cached("SELECT documents FROM collections WHERE id = ?1")?
        .query_row([collection], |row| row.get(0))?;
    let expired = expired.map_or(Ok(0), |expired| count_expired(snapshot, expired))?;
    Ok(stored.saturating_sub(expired))
}

/// How many documents have expired and are stored still.
pub(crate) fn count_expired(connection: &Connection, expired: Expired) -> rusqlite::Result<u64> {
    count_entries(connection, &[expired_range(expired)])
}

/// Documents that have expired and are stored still, the oldest first.
pub(crate) fn expired_documents(
    connection: &Connection,
    collection: i64,
    expired: Expired,
    limit: u32,
) -> rusqlite::Result<Vec<Document>> {
    let part = Fetch { range: expired_range(expired), reverse: false, limit };
    let fetched = fetch(connection, collection, &part)?;
    Ok(fetched.rows.into_iter().map(|row| row.document).collect())
}

fn expired_range(expired: Expired) -> Range {
    let keys = KeyRange { lower: Vec::new(), upper: Some(expired.cutoff.upper_key()) };
    Range::Index { index: expired.index, keys }
}

/// The indexes that the snapshot has: one that was dropped since the catalogue was read has no
/// entries any more, and would answer that there are no documents.
fn still_there(
    snapshot: &Connection,
    collection: i64,
    indexes: &[ReadyIndex],
) -> rusqlite::Result<Vec<ReadyIndex>> {
    if indexes.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement =
        snapshot.prepare_cached("SELECT id FROM indexes WHERE collection = ?1 AND ready = 1")?;
    let ids = statement.query_map([collection], |row| row.get(0))?;
    let ids = ids.collect::<rusqlite::Result<Vec<i64>>>()?;
    Ok(indexes.iter().filter(|index| ids.contains(&index.id)).cloned().collect())
}

// --- by id -------------------------------------------------------------------------------------

impl<'s, 'r> Filling<'s, 'r> {}

// --- by index ----------------------------------------------------------------------------------

// --- the change feed ---------------------------------------------------------------------------

/// The value of a counter.
pub(crate) fn counter(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT value FROM counters WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
}

/// Which database and which epoch it is.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    connection
        .prepare_cached(
            "SELECT d.value, e.value FROM counters AS d, counters AS e
             WHERE d.name = 'database' AND e.name = 'epoch'",
        )?
        .query_row([], |row| Ok(Identity { database: row.get(0)?, epoch: row.get(1)? }))
}

/// The note of a load that was begun and not finished.
pub(crate) fn unfinished(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT note FROM unfinished", [], |row| row.get(0)).optional()
}
