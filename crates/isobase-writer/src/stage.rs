//! How far a job is, which its caller and the writer settle between them.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const QUEUED: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Where a job is. The one who moves it away from `QUEUED` decides what becomes of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stage(Arc<AtomicU8>);

impl Stage {
    /// The writer takes the job; false if it was given up.
    pub(crate) fn take(&self) -> bool {
        self.move_to(TAKEN)
    }

    /// The caller gives the job up; false if it was taken.
    pub(crate) fn give_up(&self) -> bool {
        self.move_to(GIVEN_UP)
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire) == TAKEN
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.0.load(Ordering::Acquire) == GIVEN_UP
    }

    fn move_to(&self, stage: u8) -> bool {
        self.0.compare_exchange(QUEUED, stage, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
