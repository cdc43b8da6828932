//! The threads on which statements run.

use std::{
    cell::OnceCell,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

/// Statements wait more than they work, and an answer that goes from one thread to another on its way
/// is late: with one thread a row came twice as fast as with two.
const WORKERS: usize = 1;

/// The threads of this process. A child of fork has none of its parent's threads, and gets its
/// own; what was connected before belongs to the parent.
static RUNTIME: Mutex<Option<Threads>> = Mutex::new(None);

/// Written once, by [`leave_python`].
static ENDING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// On the threads of the runtime; written when one starts.
    static GATE: OnceCell<Gate> = const { OnceCell::new() };
}

struct Threads {
    process: u32,
    runtime: Runtime,
    gate: Gate,
}

/// The way of these threads into Python. A thread that is there while the interpreter ends takes the
/// process down with it.
#[derive(Clone, Default)]
struct Gate(Arc<RwLock<bool>>);

impl Gate {
    fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

pub(crate) fn handle() -> std::io::Result<Handle> {
    let mut threads = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some(running) = threads.as_ref()
        && running.process == process
    {
        return Ok(running.runtime.handle().clone());
    }
    if let Some(foreign) = threads.take() {
        // Its threads are not in this process: its drop would wait for them for ever.
        std::mem::forget(foreign);
    }
    let gate = Gate::default();
    let of_thread = gate.clone();
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("isobase")
        .on_thread_start(move || GATE.with(|gate| drop(gate.set(of_thread.clone()))))
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    *threads = Some(Threads { process, runtime, gate });
    Ok(handle)
}

/// Does something in Python; `None` when the interpreter is ending, and no one waits for it.
pub(crate) fn attach<T>(work: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let gate = GATE.with(|gate| gate.get().cloned());
    let closed = gate.as_ref().map(|gate| gate.0.read().unwrap_or_else(PoisonError::into_inner));
    match closed.as_deref() {
        Some(true) => None,
        _ => Python::try_attach(work),
    }
}

/// Waits for the threads that are in Python, and lets none in afterwards. Python calls it when the
/// interpreter begins to end.
#[pyfunction]
pub(crate) fn leave_python(py: Python<'_>) {
    ENDING.store(true, Ordering::Relaxed);
    let gate = own_gate();
    py.detach(|| gate.inspect(Gate::close));
}

/// Whether [`leave_python`] was called: what is asked from now on is answered on the thread that asks.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

fn own_gate() -> Option<Gate> {
    let threads = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let own = threads.as_ref().filter(|threads| threads.process == std::process::id());
    own.map(|threads| threads.gate.clone())
}
