//! What a process has used, read from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// CPU time and memory of one process, threads included, children not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessUsage {
    /// User and system time since its start. The kernel counts in ticks of
    /// usually 10 ms: measure over a second or more.
    pub cpu: Duration,
    /// Resident memory now, in bytes (`VmRSS`).
    pub resident_bytes: u64,
    /// The most resident memory it ever had, in bytes (`VmHWM`).
    pub resident_peak_bytes: u64,
    /// Of the resident memory now, what are pages of files (`RssFile`): the executable's own code
    /// above all, which the kernel can drop. A debug build has three times the code of a release.
    pub resident_file_bytes: u64,
}

impl ProcessUsage {
    /// Reads the usage of the process `pid`.
    ///
    /// # Errors
    /// When there is no such process, or no `/proc`.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = read(pid, "stat")?;
        let status = read(pid, "status")?;
        Ok(Self {
            cpu: cpu_time(&stat).with_context(|| format!("unexpected /proc/{pid}/stat"))?,
            resident_bytes: memory(&status, "VmRSS:")
                .with_context(|| format!("no VmRSS in /proc/{pid}/status"))?,
            resident_peak_bytes: memory(&status, "VmHWM:")
                .with_context(|| format!("no VmHWM in /proc/{pid}/status"))?,
            resident_file_bytes: memory(&status, "RssFile:")
                .with_context(|| format!("no RssFile in /proc/{pid}/status"))?,
        })
    }

    /// The CPU time used since an `earlier` reading of the same process.
    pub fn cpu_since(&self, earlier: &Self) -> Duration {
        self.cpu.saturating_sub(earlier.cpu)
    }
}

fn read(pid: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("read {path}"))
}

/// Fields 14 and 15 of proc(5) `stat`; the name in field 2 may hold blanks and
/// brackets, so counting starts behind its last bracket.
fn cpu_time(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_nanos((user + system) * 1_000_000_000 / per_second))
}

fn memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cpu_behind_a_name_with_brackets() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 1";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu_time(stat), Some(Duration::from_nanos(200 * 1_000_000_000 / ticks)));
    }

    #[test]
    fn reads_memory_in_bytes() {
        assert_eq!(memory("Name:\tx\nVmRSS:\t    1234 kB\n", "VmRSS:"), Some(1234 * 1024));
    }

    #[test]
    fn knows_this_process() {
        let usage = ProcessUsage::of(std::process::id()).unwrap();
        assert!(usage.resident_bytes > 0);
        assert!(usage.resident_peak_bytes >= usage.resident_bytes);
    }
}
