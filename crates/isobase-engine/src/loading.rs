//! Who loads a database.

use parking_lot::{Mutex, MutexGuard};

use crate::{EngineError, ErrorKind};

/// The load that this process is at, if it is at one: only then may it write into a database that
/// is unfinished. That it is unfinished, the database itself must tell. Written by the calls
/// that mark, leave and end the load, read by the writer.
#[derive(Debug, Default)]
pub struct Loading(Mutex<Option<Marked>>);

/// The load that is ours.
#[derive(Debug)]
struct Marked {
    note: String,
    /// Everybody else was kept out since it was marked.
    is_fenced: bool,
}

impl Loading {
    /// The load of this note is ours from now on; says whether others are still to be kept out.
    pub fn begin(&self, note: &str) -> bool {
        let mut marked = self.marked();
        let is_fenced = marked.as_ref().is_some_and(|marked| marked.is_fenced);
        *marked = Some(Marked { note: note.to_owned(), is_fenced });
        !is_fenced
    }

    /// Everybody else is kept out.
    pub fn fenced(&self) {
        if let Some(marked) = &mut *self.marked() {
            marked.is_fenced = true;
        }
    }

    /// The load has ended, and the database is whole.
    pub fn end(&self) {
        *self.marked() = None;
    }

    /// This process gives up the load of this note. Nothing happens where it has marked another
    /// note since: then that load goes on.
    pub fn leave(&self, note: &str) {
        self.marked().take_if(|marked| marked.note == note);
    }

    /// Whether a load is ours.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.marked().is_some()
    }

    /// A panic elsewhere cannot leave it half changed.
    fn marked(&self) -> MutexGuard<'_, Option<Marked>> {
        self.0.lock()
    }
}

/// Why nothing is written while the database is being loaded; `note` is the load's.
#[must_use]
pub fn being_loaded(note: Option<&str>) -> EngineError {
    let mut message = "nothing can be written while the database is being loaded".to_owned();
    if let Some(what) = note.and_then(|note| note.lines().next()) {
        message.push_str(": ");
        message.push_str(what);
    }
    EngineError::new(ErrorKind::Unavailable, message)
}
