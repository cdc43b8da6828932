//! Counters below the routes of the service: the database, jobs, the process.

use isobase_http::Measure;

use super::State;

/// All measures, each with a sentence about it.
pub(super) fn all(state: &State) -> Vec<Measure> {
    let of_process = state.process.map(|measures| measures()).unwrap_or_default();
    let below = state.store.gauges().into_iter().chain(state.jobs.gauges());
    let below =
        below.map(|(name, value)| Measure::new(format!("isobase_store_{name}"), help(name), value));
    of_process.into_iter().chain(below).collect()
}

/// What a number of an engine or of the jobs is. Engines of one kind share names.
fn help(name: &str) -> &'static str {
    match name {
        "writer_queue_jobs" => "Writes that wait for the writer.",
        "writer_queue_slots" => "Places in use of the queue before the writer.",
        "writer_batches_total" => "Groups of writes that were committed together.",
        "writer_jobs_total" => "Writes that the writer has carried out.",
        "writer_last_batch_jobs" => "Writes in the last group.",
        "writer_rollbacks_total" => "Groups of writes that were rolled back.",
        "writer_last_commit_seconds" => "How long the last commit took.",
        "writer_commits_seconds_total" => "How long all commits took together.",
        "writer_failed_batches_total" | "writer_failed_groups_total" => {
            "Groups of writes that failed."
        }
        "writer_reconnects_total" => "How often the writer has connected again.",
        "writer_connected" => "1 while the writer is connected.",
        "writer_commits_total" => "Commits.",
        "writer_documents_total" => "Documents that were written.",
        "writer_heads_moved_total" => {
            "Commits that another node was faster with; they are repeated."
        }
        "writer_documents_changed_total" => {
            "Commits whose documents were changed meanwhile; they are repeated."
        }
        "writer_outcomes_unknown_total" => {
            "Commits whose answer was lost, and whose outcome was looked up."
        }
        "log_pages" => "Pages of the write-ahead log.",
        "reads_waiting" => "Listings that wait for a connection to read by.",
        "pool_connections_max" => "Most connections of the pool.",
        "pool_connections_leased" => "Connections of the pool that are in use.",
        "pool_connections_idle" => "Connections of the pool that wait for use.",
        "durability_relaxed" => {
            "1 when an answered write may be lost with the power of the server."
        }
        "jobs_open" => "Long work that waits or runs.",
        "backups_failed" => {
            "Scheduled backups that failed one after the other; 0 after a good one."
        }
        name if name.ends_with("throttled_requests_total") => "Requests that the database put off.",
        name if name.ends_with("repeated_requests_total")
            || name.ends_with("repetitions_total") =>
        {
            "Requests to the database that were sent again."
        }
        name if name.ends_with("tokens_total") => "Tokens of access that were fetched.",
        name if name.ends_with("requests_total") => "Requests to the database.",
        name if name.ends_with("conflicts_total") => "Writes that met another writer's.",
        "couchdb_overtaken_writes_total" => "Writes of other programs that ours have overtaken.",
        "couchdb_refused_documents_total" => "Documents that CouchDB refused to store.",
        "couchdb_redone_commits_total" => {
            "Commits that were finished for a writer that ended in their middle."
        }
        "couchdb_missed_quorums_total" => {
            "Writes that fewer nodes of CouchDB stored than they should."
        }
        "couchdb_whole_records" => "Commits whose bodies are still in the log as well.",
        _ => "A number of the database that the service has open.",
    }
}
