//! Backups by the clock.

use std::time::{Duration, Instant, SystemTime};

use isobase_auth::Actor;
use tokio::time::sleep;

use crate::{Asked, Jobs, JobsError, Origin, Work};

/// How often it is looked whether a backup is due.
const LOOKS_EVERY: Duration = Duration::from_secs(20);
/// Rounds between two looks for interrupted jobs.
const NOTES_EVERY: u64 = 90;
/// A backup that failed is tried again after this long, or when the next one is due if that is
/// sooner.
const TRIES_AGAIN: Duration = Duration::from_secs(15 * 60);
/// Who asks for them, in the audit.
const PART: &str = "schedule";

/// When backups are made, and how many stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long after the last good one the next is made.
    pub every: Duration,
    /// How many of them stay. Those that somebody asked for stay until somebody deletes them.
    pub keep: usize,
}

/// Notes which jobs were left by processes that ended, deletes files that waited too long to be
/// imported, and makes backups as a schedule says, until it is dropped. What is due is told by the
/// folder, so a service that was off makes up for one.
pub async fn look_after(jobs: Jobs, schedule: Option<Schedule>) {
    let mut tried = None;
    for round in 0_u64.. {
        // Those that this process found silent at its start are silent for long enough a little later.
        if (round < 3 || round.is_multiple_of(NOTES_EVERY))
            && let Err(error) = jobs.note_interrupted().await
        {
            tracing::warn!(%error, "interrupted jobs are not noted: {error}");
        }
        if round.is_multiple_of(NOTES_EVERY)
            && let Some(imports) = jobs.imports()
            && let Err(error) = imports.tidy().await
        {
            tracing::warn!(%error, "old files to be imported are not deleted: {error}");
        }
        if let Some(schedule) = schedule {
            match begin_if_due(&jobs, schedule, tried).await {
                Ok(true) => tried = Some(Instant::now()),
                Ok(false) => {}
                Err(error) => {
                    tried = Some(Instant::now());
                    tracing::error!(%error, "the scheduled backup was not begun: {error}");
                }
            }
        }
        sleep(LOOKS_EVERY).await;
    }
}

async fn begin_if_due(
    jobs: &Jobs,
    schedule: Schedule,
    tried: Option<Instant>,
) -> Result<bool, JobsError> {
    let Some(backups) = jobs.backups() else { return Ok(false) };
    if jobs.has_open("backup") {
        return Ok(false);
    }
    let last = backups.list().await?.into_iter().find(|backup| backup.is_good());
    let last = last.map(|backup| backup.made_at());
    if !is_due(schedule.every, last, SystemTime::now(), tried.map(|tried| tried.elapsed())) {
        return Ok(false);
    }
    let origin = Origin::Scheduled { keep: schedule.keep };
    let asked = Asked { by: &Actor::part(PART), by_anybody: false, once: None };
    jobs.start(Work::Backup { origin }, asked).await?;
    Ok(true)
}

/// Whether a backup is due. One that is younger than now was made by another clock: it counts as
/// none.
fn is_due(
    every: Duration,
    last: Option<SystemTime>,
    now: SystemTime,
    tried_ago: Option<Duration>,
) -> bool {
    let age = last.and_then(|last| now.duration_since(last).ok());
    let waits = tried_ago.is_some_and(|ago| ago < every.min(TRIES_AGAIN));
    !waits && age.is_none_or(|age| age >= every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_when_the_last_good_one_is_old() {
        let hour = Duration::from_secs(3_600);
        let now = SystemTime::UNIX_EPOCH + 100 * hour;
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        assert!(is_due(hour, None, now, None));
        assert!(is_due(hour, Some(now - hour), now, None));
        assert!(!is_due(2 * hour, Some(now - hour), now, None));
        // Set back, or made elsewhere.
        assert!(is_due(hour, Some(now + hour), now, None));
        // One that failed is not tried at once.
        assert!(!is_due(hour, None, now, minutes(5)));
        assert!(is_due(hour, None, now, minutes(16)));
        assert!(is_due(hour / 30, None, now, minutes(5)));
    }
}
