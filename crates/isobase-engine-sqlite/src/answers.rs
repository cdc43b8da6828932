//! The outcomes of batches that have an idempotency key.

use isobase_engine::{
    EngineError, ErrorKind, Idempotency, WriteOutcome, decode_outcomes, encode_outcomes,
};
use isobase_sqlite::{
    JobFailure,
    rusqlite::{self, Connection, OptionalExtension, params},
};
use isobase_types::Timestamp;

use crate::error::Outcome;

/// The first outcomes of a key that is younger than `oldest`. Retention removes old keys in a
/// while; until then they are as good as removed.
pub(crate) fn replay(
    connection: &Connection,
    idempotency: Option<&Idempotency>,
    oldest: Timestamp,
) -> Outcome<Option<Vec<WriteOutcome>>> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let found: Option<(Vec<u8>, String)> = connection
        .prepare_cached(
            "SELECT fingerprint, outcomes FROM idempotency WHERE key = ?1 AND at >= ?2",
        )?
        .query_row(params![&idempotency.key[..], oldest.unix_us], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match found {
        None => Ok(None),
        Some((fingerprint, outcomes)) if fingerprint == idempotency.fingerprint => {
            let outcomes = decode_outcomes(&outcomes);
            Ok(Some(outcomes.ok_or(rusqlite::Error::InvalidQuery)?))
        }
        Some(_) => Err(JobFailure::Refused(EngineError::new(
            ErrorKind::IdempotencyMismatch,
            "the idempotency key was used before with another request",
        ))),
    }
}

pub(crate) fn remember(
    connection: &Connection,
    idempotency: &Idempotency,
    outcomes: &[WriteOutcome],
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, outcomes, at)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            &idempotency.key[..],
            &idempotency.fingerprint[..],
            encode_outcomes(outcomes),
            now.unix_us
        ])?;
    Ok(())
}
