//! Warnings for readers of the hub.

use std::time::{Duration, SystemTime};

use isobase_auth::Principal;
use isobase_http::OpenTo;
use isobase_jobs::JobState;
use isobase_licences::parse_moment;
use isobase_store::StoreError;
use isobase_types::{Count, FieldPath, Filter, Order, PageRequest, Query, Timestamp, json};
use tokio::{task::spawn_blocking, time::timeout};

use super::{State, state::PATIENCE, wire::Overview};

/// A disk with less is nearly full.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// A disk of which less is free is nearly full, too, unless much is left.
const FREE_SHARE_MIN: u64 = 20;
const FREE_BYTES_MUCH: u64 = 20 << 30;
/// Clocks may differ by so much.
const SKEW_MAX: Duration = Duration::from_secs(60);
/// Jobs that failed within this time are told of.
const FAILED_WITHIN: Duration = Duration::from_secs(24 * 3_600);

/// What can be said without the database.
pub(super) async fn of_process(state: &State, principal: &Principal, overview: &mut Overview) {
    if *principal == Principal::Open {
        overview.warn(match state.open_to {
            OpenTo::Everyone => {
                "The service is open: everybody who reaches it may read and change everything. Make \
                 an owner or a key."
            }
            OpenTo::Loopback => {
                "The service is open to everybody on its machine. Make an owner or a key before \
                 others use it."
            }
        });
    }
    if let Some(back) = state.set_back().filter(|back| *back > SKEW_MAX) {
        overview.warn(format!(
            "The clock of the machine was set back by {} s while the service ran. Sessions and expiries \
             hold for longer, then.",
            back.as_secs()
        ));
    }
    of_disks(state, overview).await;
}

async fn of_disks(state: &State, overview: &mut Overview) {
    let (machine, sealer) = (state.facts.machine.clone(), state.facts.sealer.clone());
    let asked = spawn_blocking(move || {
        let spaces = machine.map(|machine| machine.spaces()).unwrap_or_default();
        (spaces, sealer.map(|sealer| sealer.can_seal()))
    });
    // A disk of another machine may not answer at all.
    let Ok(Ok((spaces, seals))) = timeout(PATIENCE, asked).await else {
        overview.warn("A disk does not answer.");
        return;
    };
    match seals {
        Some(Ok(())) => {}
        Some(Err(error)) => overview.warn(format!("Nothing can be sealed: {error}")),
        None => overview.warn(
            "The service has no secret: of keys of licences only hashes are kept, and links to \
             private files cannot be signed.",
        ),
    }
    for (purpose, space) in spaces {
        overview.disk(purpose, space);
        let is_small_share = space.free < space.total / FREE_SHARE_MIN;
        let is_little = space.free < FREE_BYTES_MUCH;
        if space.free < FREE_BYTES_MIN || (is_small_share && is_little) {
            overview.warn(format!(
                "The disk of the folder of {purpose} is nearly full: {} MiB are left. What finds no \
                 room is refused.",
                space.free >> 20
            ));
        }
    }
}

/// What the database tells: nothing of it is worth a failure.
pub(super) async fn of_database(state: &State, overview: &mut Overview) {
    let has = |name: &str| overview.has_system(name);
    let (has_jobs, has_audit) = (has("jobs"), has("audit"));
    let asked = async {
        let failed = if has_jobs { failed_jobs(state).await } else { Vec::new() };
        let ahead = if has_audit { ahead(state).await } else { Ok(None) };
        (failed, ahead)
    };
    let Ok((mut kinds, ahead)) = timeout(PATIENCE, asked).await else { return };
    if !kinds.is_empty() {
        let count = kinds.len();
        overview.jobs_failed = count;
        kinds.sort_unstable();
        kinds.dedup();
        let word = if count == 1 { "job" } else { "jobs" };
        overview.warn(format!("{count} {word} failed within a day: {}.", kinds.join(", ")));
    }
    if let Ok(Some(ahead)) = ahead
        && ahead > SKEW_MAX
    {
        overview.warn(format!(
            "The audit has entries that are {} s in the future: the clock of this machine is slow, or \
             that of another one is fast.",
            ahead.as_secs()
        ));
    }
}

/// The kinds of the jobs that failed lately.
async fn failed_jobs(state: &State) -> Vec<String> {
    let Ok(jobs) = state.jobs.list().await else { return Vec::new() };
    let now = SystemTime::now();
    let is_late = |text: &str| {
        let ended = parse_moment(text).map(|ended| ended.to_system_time());
        ended.is_ok_and(|ended| now.duration_since(ended).unwrap_or_default() < FAILED_WITHIN)
    };
    let failed = jobs.into_iter().filter(|job| {
        let is_failed = matches!(job.state, JobState::Failed | JobState::Interrupted);
        let times = [&job.ended_at, &job.started_at];
        let at = times.into_iter().flatten().next().unwrap_or(&job.created_at);
        is_failed && is_late(at)
    });
    failed.map(|job| job.kind).collect()
}

/// How far the newest entry of the audit is in the future.
async fn ahead(state: &State) -> Result<Option<Duration>, StoreError> {
    state.index_audit().await?;
    let query = Query {
        filter: Filter::all(),
        order: Order::parse("-at").expect("the order of the index of the audit"),
        page: PageRequest::Cursor { limit: 1, after: None },
        fields: Vec::new(),
        count: Count::None,
    };
    let page = state.store.list(&state.audit, &query).await?;
    let path = FieldPath::parse("at").expect("a field of every entry");
    let at = page.documents.first().and_then(|entry| {
        let text = json::find(&entry.body, &path)?.as_str_decoded()?;
        parse_moment(&text).ok()
    });
    let now = Timestamp::from_system_time(SystemTime::now());
    let ahead = at.map(|at| u64::try_from(at.unix_us - now.unix_us).unwrap_or_default());
    Ok(ahead.map(Duration::from_micros))
}
