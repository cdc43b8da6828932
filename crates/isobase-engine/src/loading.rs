//! Who loads a database.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::{EngineError, ErrorKind};

const NOBODY: u8 = 0;
const HERE: u8 = 1;
const LEFT: u8 = 2;

/// What this process has to do with the load of a database. Written by whoever marks and ends the
/// load, read by the writer.
#[derive(Debug, Default)]
pub struct Loading(AtomicU8);

impl Loading {
    /// The load is ours from now on; says whether it was not before.
    pub fn begin(&self) -> bool {
        self.0.swap(HERE, Ordering::AcqRel) != HERE
    }

    /// The load has ended, and the database is whole.
    pub fn end(&self) {
        self.0.store(NOBODY, Ordering::Release);
    }

    /// This process goes on with the load no more.
    pub fn leave(&self) {
        // Where nothing was begun, nothing is left.
        let _ = self.0.compare_exchange(HERE, LEFT, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether the load that is unfinished is ours: only then may this process write.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.0.load(Ordering::Acquire) == HERE
    }

    /// Refuses a write into what a load of this process left unfinished. Whether another process
    /// loads, the database must tell.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`].
    pub fn check_write(&self) -> Result<(), EngineError> {
        match self.0.load(Ordering::Acquire) {
            LEFT => Err(being_loaded(None)),
            _ => Ok(()),
        }
    }
}

/// Why nothing is written while somebody loads the database; `note` is the load's.
#[must_use]
pub fn being_loaded(note: Option<&str>) -> EngineError {
    let mut message = "nothing can be written while the database is being loaded".to_owned();
    if let Some(what) = note.and_then(|note| note.lines().next()) {
        message.push_str(": ");
        message.push_str(what);
    }
    EngineError::new(ErrorKind::Unavailable, message)
}
