//! CPU time of what this process has started.

use std::fs;
use std::time::Duration;

/// User and system time of all children that have ended and were waited for, and of theirs; zero
/// where there is no `/proc`.
///
/// Unlike a duration it hardly depends on what else the machine does.
pub(crate) fn of_children() -> Duration {
    fs::read_to_string("/proc/self/stat").ok().and_then(|stat| children(&stat)).unwrap_or_default()
}

/// Fields 16 and 17 of proc(5) `stat`; counting starts behind the name in brackets.
fn children(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_nanos((user + system) * 1_000_000_000 / per_second))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn ticks_of_children_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 9 0 0 11 12 300 200 20 0 1 0";
        let ticks = rustix::param::clock_ticks_per_second();
        let expected = Duration::from_nanos(500 * 1_000_000_000 / ticks);
        assert_eq!(children(stat), Some(expected));
    }

    #[test]
    fn a_busy_child_is_counted_once_it_ended() {
        let before = of_children();
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
        assert!(of_children() > before);
    }
}
