//! Commands that end with us, and servers that end after them.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

const PAUSE: Duration = Duration::from_millis(20);

/// How often we were asked to end. Written by the thread of [`watch`] only.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// From now on Ctrl-C, SIGTERM and SIGHUP do not end this process at once:
/// [`run`] ends its command and fails, so that everything is cleaned up on the way out.
pub(crate) fn watch() -> Result<()> {
    static WATCHING: OnceLock<()> = OnceLock::new();
    if WATCHING.set(()).is_err() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    drop(_context);
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                ASKED.fetch_add(1, Ordering::SeqCst);
            }
        });
    });
    Ok(())
}

/// For work that is not a command: call it between two parts.
///
/// # Errors
/// When we are asked to end.
pub(crate) fn check() -> Result<()> {
    ensure!(ASKED.load(Ordering::SeqCst) == 0, "interrupted");
    Ok(())
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started or fails, or when we are asked to end: then the
/// command and all it started have ended too.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    watch()?;
    check()?;
    // In its own group, signals of the terminal reach it only through us: it
    // gets each of them once, and its whole group is there to be ended.
    command.process_group(0).stdin(Stdio::null());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let status = wait(&mut child)?;
    if ASKED.load(Ordering::SeqCst) > 0 {
        bail!("interrupted");
    }
    ensure!(status.success(), "{name} failed ({status})");
    Ok(())
}

/// The first request to end is passed on politely, the second is not.
fn wait(child: &mut Child) -> Result<ExitStatus> {
    let group = Pid::from_child(child);
    let mut passed_on = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let asked = ASKED.load(Ordering::SeqCst);
        if asked > passed_on {
            let signal = if passed_on == 0 { Signal::INT } else { Signal::KILL };
            passed_on = asked;
            // It may have ended just now.
            let _ = kill_process_group(group, signal);
        }
        std::thread::sleep(PAUSE);
    }
}
