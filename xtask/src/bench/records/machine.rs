//! Where figures come from: without it they mean nothing.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// From this many processes that want to run, figures are not worth keeping.
const BUSY: f64 = 0.5;

#[derive(Clone, Debug)]
pub(in crate::bench) struct Machine {
    cores: usize,
    processor: String,
    memory_bytes: u64,
    kernel: String,
    /// Of the folder with the databases.
    file_system: String,
    /// Processes that wanted to run in the minute before the start.
    load_average: f64,
}

impl Machine {
    pub(in crate::bench) fn look(folder: &Path) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or_default();
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kib: u64 = memory.trim_end_matches(" kB").parse().unwrap_or(0);
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            memory_bytes: kib * 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            file_system: file_system(folder)?,
            load_average: load.parse().context("unexpected /proc/loadavg")?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "cores": self.cores,
            "processor": self.processor,
            "memory_bytes": self.memory_bytes,
            "kernel": self.kernel,
            "file_system": self.file_system,
            "load_average": self.load_average,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, kernel, file_system, load_average, .. } = self;
        let gibibytes = self.memory_bytes as f64 / f64::from(1 << 30);
        write!(
            f,
            "machine: {cores} cores of {processor}, {gibibytes:.0} GiB, Linux {kernel}, \
             databases on {file_system}"
        )?;
        if *load_average > BUSY {
            write!(
                f,
                "\nWARNING: the load average is {load_average}: other programs disturb this"
            )?;
        }
        if file_system == "tmpfs" {
            write!(f, "\nWARNING: a commit to memory waits for no disk: choose another --folder")?;
        }
        Ok(())
    }
}

/// A `name: value` line of a file in `/proc`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn file_system(folder: &Path) -> Result<String> {
    let folder = fs::canonicalize(folder)?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let kind = innermost(&mounts, &folder).context("no file system has the folder")?;
    Ok(kind.to_owned())
}

/// The kind of the mount with the longest path; of equal ones, the last is on top.
fn innermost<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let around = mounts.filter(|(path, _)| folder.starts_with(path));
    around.max_by_key(|(path, _)| path.len()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_file_system_of_a_folder() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/b xfs rw 0 0\n";
        let kind = |folder| innermost(mounts, Path::new(folder));
        assert_eq!(kind("/var/x"), Some("ext4"));
        assert_eq!(kind("/tmp/bc"), Some("tmpfs"));
        assert_eq!(kind("/tmp/b/c"), Some("xfs"));
    }

    #[test]
    fn knows_this_machine() {
        let machine = Machine::look(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(machine.cores > 0 && machine.memory_bytes > 0);
        assert!(!machine.file_system.is_empty());
    }
}
