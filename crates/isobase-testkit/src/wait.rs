//! Waiting with a deadline.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// Asks `probe` again and again, with short growing pauses, until it gives a value.
///
/// # Errors
/// What `probe` fails with, and an error naming `what` once `deadline` has passed.
pub fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        if start.elapsed() >= deadline {
            bail!("{what} took more than {} s", deadline.as_secs_f32());
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until a process that we started has ended.
///
/// # Errors
/// When it still runs at the deadline; it is left running.
pub fn wait_for_exit(what: &str, child: &mut Child, deadline: Duration) -> Result<ExitStatus> {
    wait_until(&format!("the end of {what}"), deadline, || Ok(child.try_wait()?))
}
