//! The input of an attempt, and its outcome.

use isobase_engine::EngineError;

/// Ids beyond the next ones that are looked at when other programs seem to have taken some;
/// doubles. When all of them are taken, the same number is looked at farther on; that distance
/// doubles too.
pub(super) const IDS_AHEAD_FIRST: i64 = 64;

pub(super) const IDS_AHEAD_MAX: i64 = 1 << 10;

/// The input of an attempt.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    /// At most this many batches.
    pub(super) batches: usize,
    /// So many of the next integer ids may be taken by other programs.
    pub(super) ids_ahead: i64,
    /// So many before them are passed over, because others seem to have taken those too.
    pub(super) ids_passed: i64,
}

impl Scope {
    /// After others changed documents; `all_taken` says that all ids that were looked at are.
    pub(super) fn look_further(&mut self, all_taken: bool) {
        if all_taken {
            self.ids_passed = (self.ids_passed * 2).max(self.ids_ahead);
        }
        self.ids_ahead = (self.ids_ahead * 2).clamp(IDS_AHEAD_FIRST, IDS_AHEAD_MAX);
    }
}

/// An attempt failed, for the first so many batches.
pub(super) struct Failure {
    pub(super) error: EngineError,
    pub(super) batches: usize,
}

/// How an attempt ended that must be repeated.
pub(super) enum Again {
    HeadMoved,
    DocumentChanged,
}

/// The outcome of [`Task::attempt`].
pub(super) enum Attempted {
    Done,
    Again {
        again: Again,
        /// Other programs have taken all of the next ids that were looked at.
        ids_taken: bool,
    },
}
