//! Who loads a database.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{EngineError, ErrorKind};

/// The load that this process is at, if it is at one: only then may it write into a database that
/// is unfinished. That it is unfinished, the database itself must tell. Written by whoever marks,
/// leaves and ends the load, read by the writer.
#[derive(Debug, Default)]
pub struct Loading(Mutex<Option<String>>);

impl Loading {
    /// The load of this note is ours from now on; says whether none was before.
    pub fn begin(&self, note: &str) -> bool {
        self.note().replace(note.to_owned()).is_none()
    }

    /// The load has ended, and the database is whole.
    pub fn end(&self) {
        *self.note() = None;
    }

    /// This process goes on with the load of this note no more. Nothing where it has marked
    /// another note since: then that one's load goes on.
    pub fn leave(&self, note: &str) {
        self.note().take_if(|marked| marked == note);
    }

    /// Whether a load is ours.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.note().is_some()
    }

    /// A panic elsewhere cannot leave it half changed.
    fn note(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
