//! Bringing over what the source wrote meanwhile.

use std::time::Duration;

use isobase_engine::ChangesRequest;

use crate::{
    Control, Event, Lag, OpsError, Progress, Stage, loader::Loader, note::now, replay::Replay,
};

/// Pages of changes after which a copy that does not follow gives up catching up with a source
/// that is written faster.
const CATCH_UP_ROUNDS_MAX: u32 = 10_000;

/// While nothing is written: after this the place of this copy in the target is looked at again.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// Brings changes over until there are none for a moment; says whether there was such a moment.
pub(crate) async fn catch_up(
    replay: &mut Replay,
    loader: &mut Loader,
    control: &Control,
) -> Result<bool, OpsError> {
    for _ in 0..CATCH_UP_ROUNDS_MAX {
        loader.check_owner_now_and_then().await?;
        let round = replay.round().await?;
        loader.replayed(replay.since).await?;
        if !round.some && !round.more {
            control.tell(Event::CaughtUp);
            return Ok(true);
        }
        control.progress(|| Progress {
            stage: Stage::CatchUp,
            collection: None,
            documents: replay.changes,
            documents_total: None,
            bytes: 0,
        });
        if control.is_stopped() {
            loader.stop().await?;
        }
    }
    Ok(false)
}

/// Brings changes over until it is stopped, and then the last ones; tells how far the target was
/// behind when it was stopped.
pub(crate) async fn follow(
    replay: &mut Replay,
    loader: &mut Loader,
    control: &Control,
    undisturbed: &Control,
) -> Result<Lag, OpsError> {
    while !control.is_stopped() {
        loader.check_owner_now_and_then().await?;
        let round = replay.round().await?;
        loader.replayed(replay.since).await?;
        if round.some || round.more {
            control.tell(Event::Following(lag(replay).await?));
            continue;
        }
        control.tell(Event::Following(Lag::default()));
        let changed = replay.from.wait(replay.since, None);
        tokio::select! {
            // Who owns the target is looked at while nothing is written, too.
            changed = tokio::time::timeout(QUIET_MAX, changed) => if let Ok(changed) = changed {
                changed.map_err(OpsError::source_failed)?;
            },
            () = control.stopped() => {}
        }
    }
    let lag = lag(replay).await?;
    catch_up(replay, loader, undisturbed).await?;
    Ok(lag)
}

/// How far the target is behind the source.
pub(crate) async fn lag(replay: &Replay) -> Result<Lag, OpsError> {
    let latest = replay.from.latest().await.map_err(OpsError::source_failed)?;
    let changes = latest.0.saturating_sub(replay.since.0);
    if changes == 0 {
        return Ok(Lag::default());
    }
    let request = ChangesRequest { since: replay.since, collection: None, limit: 1, bodies: false };
    let page = replay.from.read_changes(&request).await.map_err(OpsError::source_failed)?;
    let age_us = page.changes.first().map_or(0, |oldest| now().unix_us - oldest.at.unix_us);
    Ok(Lag { changes, seconds: age_us.max(0) as f64 / 1e6 })
}
