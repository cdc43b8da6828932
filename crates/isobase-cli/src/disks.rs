//! Room on the disks of folders.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use isobase_server::{Machine, Space};
use rustix::fs::statvfs;

/// Room on the disk of a folder, or of the folder in which it will be made.
pub(crate) fn space(folder: &Path) -> Option<Space> {
    let found = statvfs(there(folder)).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Space { free: bytes(found.f_bavail), total: bytes(found.f_blocks) })
}

/// The disks that the hub shows: of folders on one disk the first.
pub(crate) fn machine(folders: impl IntoIterator<Item = (&'static str, PathBuf)>) -> Machine {
    let mut disks = BTreeSet::new();
    let mut is_another = |folder: &Path| match fs::metadata(there(folder)) {
        Ok(known) => disks.insert(known.dev()),
        Err(_) => true,
    };
    let folders = folders.into_iter().filter(|(_, folder)| is_another(folder)).collect();
    Machine { folders, space }
}

fn there(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}
