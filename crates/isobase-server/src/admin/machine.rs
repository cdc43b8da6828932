//! Facts about the machine for the hub.

use std::path::{Path, PathBuf};

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// The room that is left for us.
    pub free: u64,
    /// Its size.
    pub total: u64,
}

/// Disks that the hub looks at, and how: the process knows, the service does not.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Folders of which each lies on a disk of its own, and what they are for: `data`, `uploads`,
    /// `backups`. They need not be there yet.
    pub folders: Vec<(&'static str, PathBuf)>,
    /// Room on the disk of a folder; `None` if it cannot be told.
    pub space: fn(&Path) -> Option<Space>,
}

impl Machine {
    /// Room on each disk. It asks the system, which may have to ask another machine: not for a thread
    /// that others wait for.
    pub(super) fn spaces(&self) -> Vec<(&'static str, Space)> {
        let space = |(purpose, folder): &(&'static str, PathBuf)| {
            (self.space)(folder).map(|space| (*purpose, space))
        };
        self.folders.iter().filter_map(space).collect()
    }
}
