//! The body of the writer thread: takes what is queued, has it committed, then answers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use isobase_writer::{GroupBounds, Jobs};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::checkpoint::{Checkpoints, Mode, checkpoint, watch_log};
use crate::commit::Committer;
use crate::error::{Error, SqliteFailure, classify};
use crate::handler::WriteHandler;
use crate::metrics::WriterStatus;
use crate::moved::OpenFiles;
use crate::options::Options;
use crate::pool::Pool;
use crate::work::Work;

/// A job of one operation or many: what bounds a batch is its jobs and their bytes.
fn group_bounds(options: &Options) -> GroupBounds {
    GroupBounds {
        jobs: options.batch_jobs_max.max(1),
        operations: usize::MAX,
        bytes: options.batch_bytes_max,
    }
}

/// The state of the writer beside its connection.
pub(crate) struct Beside {
    /// Where the file was when it was opened.
    pub(crate) files: Option<Arc<OpenFiles>>,
    /// Connections that may be in the middle of the log.
    pub(crate) pool: Arc<Pool>,
}

/// The body of the writer thread. It ends when the queue is closed and empty.
pub(crate) fn run<H: WriteHandler>(
    mut connection: Connection,
    handler: H,
    jobs: Jobs<Work<H>>,
    status: &Arc<WriterStatus>,
    (options, beside): (&Options, Beside),
) -> Result<(), Error> {
    let files = beside.files.as_deref();
    let ready = watch_log(&mut connection, status);
    let committer = ready.and_then(|()| Committer::new(&connection, handler, status, files));
    serve((&connection, &beside.pool), committer, jobs, status, options);
    finish(connection, status, files)
}

/// Closes the connection of the writer; folds the log into the file unless writing has failed.
pub(crate) fn finish(
    connection: Connection,
    status: &WriterStatus,
    files: Option<&OpenFiles>,
) -> Result<(), Error> {
    if status.failure().is_none()
        && let Some(reason) = files.and_then(OpenFiles::moved)
    {
        // SQLite removes the log by its name, and that may be the log of another file by now. Who
        // closes is told, and may have deleted the file itself.
        status.fail(&reason);
    }
    if let Some(failure) = status.failure() {
        // The log may be all that is sound. The next start recovers from it.
        return Err(failure);
    }
    match fold(&connection) {
        Ok(()) => {}
        // The log keeps everything, and the next start reads it: the stop is clean all the same.
        Err(error) if classify(&error) == SqliteFailure::DiskFull => {
            tracing::warn!(%error, "the log stays beside the database: {error}");
        }
        Err(error) => return Err(error.into()),
    }
    connection.close().map_err(|(_, error)| Error::from(error))
}

/// Folds the log into the file, and lets SQLite remove it when the connection closes.
fn fold(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA optimize")?;
    let emptied = checkpoint(connection, Mode::Truncate)?;
    if !emptied {
        tracing::info!("the log was not emptied: another process reads the database");
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(())
}

fn serve<H: WriteHandler>(
    (connection, pool): (&Connection, &Pool),
    committer: rusqlite::Result<Committer<'_, H>>,
    mut jobs: Jobs<Work<H>>,
    status: &WriterStatus,
    options: &Options,
) {
    let mut committer = match committer {
        Ok(committer) => committer,
        Err(error) => {
            stop(status, &format!("cannot start: {error}").into());
            refuse(jobs.close(), status);
            return;
        }
    };
    let mut checkpoints =
        Checkpoints::new(connection, pool, u64::from(options.checkpoint_pages.max(1)));
    let mut batch = Vec::new();
    let bounds = group_bounds(options);
    while jobs.wait_blocking() {
        if status.failure().is_some() {
            // One that was being queued while the queue was closed.
            refuse(jobs.close(), status);
            continue;
        }
        jobs.take_group(bounds, |_| true, &mut batch);
        status.queue_jobs.fetch_sub(batch.len() as u64, Relaxed);
        let stopped = committer.commit(&mut batch);
        if let Some(stopped) = &stopped {
            // Before the answers: who has been told must find the writer failed.
            stop(status, &stopped.reason);
        }
        let together = batch.len() > 1;
        committer.answer(&mut batch, stopped.as_ref());
        if stopped.is_some() {
            refuse(jobs.close(), status);
            continue;
        }
        if together {
            // Lets the answered submitters queue their next jobs, so that those share the next
            // sync instead of splitting over two. A lone submitter gains nothing by it.
            thread::yield_now();
        }
        // After the answers, so that no one waits for it.
        if let Some(reason) = checkpoints.after_batch(status) {
            stop(status, &reason);
            refuse(jobs.close(), status);
        }
    }
}

/// Answers jobs that were never tried, after writing has ended.
fn refuse<H: WriteHandler>(jobs: Vec<Work<H>>, status: &WriterStatus) {
    status.queue_jobs.fetch_sub(jobs.len() as u64, Relaxed);
    for job in jobs {
        job.answer(Err(status.failure().unwrap_or(Error::Closed)));
    }
}

/// Ends writing for the life of the process.
pub(crate) fn stop(status: &WriterStatus, reason: &Arc<str>) {
    tracing::error!(%reason, "writing has stopped: {reason}");
    status.fail(reason);
}
