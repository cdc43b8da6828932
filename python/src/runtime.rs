//! The threads on which statements run.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// Statements wait more than they work, and an answer that goes from one thread to another on its way
/// is late: with one thread a row came twice as fast as with two.
const WORKERS: usize = 1;

/// The threads of this process. A child of fork has none of its parent's threads, and gets its
/// own; what was connected before belongs to the parent.
static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

pub(crate) fn handle() -> std::io::Result<Handle> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, running)) = runtime.as_ref()
        && *owner == process
    {
        return Ok(running.handle().clone());
    }
    if let Some((_, foreign)) = runtime.take() {
        // Its threads are not in this process: its drop would wait for them for ever.
        std::mem::forget(foreign);
    }
    let started = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("isobase")
        .enable_all()
        .build()?;
    let handle = started.handle().clone();
    *runtime = Some((process, started));
    Ok(handle)
}
