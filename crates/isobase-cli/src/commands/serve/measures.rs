//! Measures of the process for `/metrics`: its build, and what the system knows of it.

use std::fs;

use isobase_server::Measure;
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use crate::commands::version::{self, COMMIT, VERSION};

/// The names that every exporter of Prometheus uses for its own process.
/// Source: <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>.
pub(crate) fn of_process() -> Vec<Measure> {
    let build = Measure::new("isobase_build_info", "The build that runs; always 1.", 1.0)
        .label("version", VERSION)
        .label("commit", COMMIT.unwrap_or_default())
        .label("features", version::features().join(","));
    let mut measures = vec![build];
    measures.extend(Stat::read().into_iter().flat_map(Stat::measures));
    measures.extend(open_files());
    measures
}

/// The fields of `/proc/self/stat`. Other systems than Linux have no such file.
/// Source: proc(5).
struct Stat {
    cpu_ticks: f64,
    started_ticks: f64,
    virtual_bytes: f64,
    resident_pages: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, which may hold blanks, ends at the last bracket.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        // Counted from the third field of the file.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            started_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }

    fn measures(self) -> Vec<Measure> {
        let ticks = clock_ticks_per_second() as f64;
        let resident = self.resident_pages * page_size() as f64;
        let mut measures = vec![
            Measure::new(
                "process_cpu_seconds_total",
                "Time of processors that the process has used.",
                self.cpu_ticks / ticks,
            ),
            Measure::new("process_resident_memory_bytes", "Memory that the process has.", resident),
            Measure::new(
                "process_virtual_memory_bytes",
                "Addresses that the process has.",
                self.virtual_bytes,
            ),
        ];
        if let Some(booted) = booted() {
            measures.push(Measure::new(
                "process_start_time_seconds",
                "When the process was started, in seconds since 1970.",
                booted + self.started_ticks / ticks,
            ));
        }
        measures
    }
}

/// When the machine was started, in seconds since 1970.
fn booted() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Files and connections that are open, and how many may be.
fn open_files() -> Vec<Measure> {
    let open = fs::read_dir("/proc/self/fd").map(Iterator::count);
    let open = open.ok().map(|count| {
        Measure::new("process_open_fds", "Files and connections that are open.", count as f64)
    });
    let most = getrlimit(Resource::Nofile).current.map(|most| {
        Measure::new("process_max_fds", "Most files and connections that may be open.", most as f64)
    });
    open.into_iter().chain(most).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_started_a_moment_ago() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let stat = Stat::read().unwrap();
        assert!(stat.resident_pages > 0.0 && stat.virtual_bytes > 0.0);
        let started = booted().unwrap() + stat.started_ticks / clock_ticks_per_second() as f64;
        assert!(started <= now + 2.0 && started > now - 3_600.0, "{started} {now}");
    }
}
