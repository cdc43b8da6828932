//! One process per file: a lock file beside the database that also says who holds it.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::OpenError;
use crate::{file, moved::is_moved};

/// A process that only asks for the holder has the lock for a moment, and one that is just ending
/// a little longer. Three tries bridge both without making a real refusal slow.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Who has a database open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// The process; `None` when it could not be read.
    pub pid: Option<u32>,
    /// Where it serves, for example `http://127.0.0.1:8002`, once it does.
    pub address: Option<String>,
}

/// Who has the database at `path` open now; `None` when no one has.
#[must_use]
pub fn lock_holder(path: &Path) -> Option<LockHolder> {
    let path = file::resolve(path).ok()?;
    let lock = File::open(lock_path(&path)).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read_holder(&lock)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

/// The lock on one database. The system releases it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
    /// Set when this process has made the file.
    made: Option<PathBuf>,
}

impl FileLock {
    /// Takes the lock for the database at `path`, which must be resolved.
    pub(crate) fn acquire(path: &Path) -> Result<Self, OpenError> {
        loop {
            let lock = Self::acquire_once(path)?;
            // It was removed together with the database, and the next process makes another one.
            if !is_moved(&lock.file, &lock_path(path)) {
                return Ok(lock);
            }
        }
    }

    fn acquire_once(path: &Path) -> Result<Self, OpenError> {
        let lock_path = lock_path(path);
        let io_error = |action, source| OpenError::Io { action, path: lock_path.clone(), source };
        let made = !lock_path.exists();
        let file = file::private_options()
            .read(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|source| io_error("open", source))?;
        for attempt in 1..=TRIES {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io_error("lock", source)),
                Err(TryLockError::WouldBlock) if attempt < TRIES => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => {
                    let LockHolder { pid, address } = read_holder(&file);
                    return Err(OpenError::Locked { path: path.to_owned(), pid, address });
                }
            }
        }
        let lock = Self { file, made: made.then(|| lock_path.clone()) };
        lock.write(None).map_err(|source| io_error("write", source))?;
        Ok(lock)
    }

    /// Removes the lock beside a file that is none of ours or that is gone, if this process has made
    /// it: no process of ours has anything to do there.
    pub(crate) fn withdraw(self) {
        if let Some(path) = &self.made {
            // It is in no one's way.
            let _ = fs::remove_file(path);
        }
    }

    /// Writes who holds the lock.
    pub(crate) fn write(&self, address: Option<&str>) -> io::Result<()> {
        let holder =
            LockHolder { pid: Some(process::id()), address: address.map(ToOwned::to_owned) };
        let mut line = serde_json::to_vec(&holder)?;
        line.push(b'\n');
        // The line is written over the old one before the rest is cut off, so a reader always
        // finds a whole first line.
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&line)?;
        file.set_len(line.len() as u64)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // The file stays: it is there again with the next process. A stale line does no harm
        // either, as the lock itself tells whether it counts.
        let _ = self.file.set_len(0);
    }
}

fn read_holder(mut file: &File) -> LockHolder {
    let mut line = String::new();
    let read =
        file.seek(SeekFrom::Start(0)).and_then(|_| BufReader::new(file).read_line(&mut line));
    read.ok()
        .and_then(|_| serde_json::from_str(&line).ok())
        .unwrap_or(LockHolder { pid: None, address: None })
}

fn lock_path(path: &Path) -> PathBuf {
    file::with_suffix(path, ".lock")
}
