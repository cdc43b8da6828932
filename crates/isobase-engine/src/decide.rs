//! The rules of a write, the same on every engine.

use std::{borrow::Cow, sync::Arc};

use isobase_types::json::{self, PatchRefused};

use crate::{
    Action, Current, IfMissing, Limits, Others, Precondition, ProposedWrite, Rejection, WriteBatch,
    WriteCheck, WriteOperation,
};

/// The effect of a write on its document. A body is the action's own text unless it was merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Store a new document.
    Insert {
        /// Its body.
        body: Cow<'a, str>,
        /// The caller does not know the body, because a check has amended it, and wants it back.
        return_body: bool,
    },
    /// Store another body.
    Replace {
        /// The body.
        body: Cow<'a, str>,
        /// The caller does not know the body (it sent a patch, or a check has amended what it
        /// sent) and wants it back.
        return_body: bool,
    },
    /// Delete it.
    Remove,
}

impl Effect<'_> {
    /// The body that is to be stored, and the caller is to be told; `None` when it knows it.
    #[must_use]
    pub fn returned_body(&self) -> Option<&str> {
        match self {
            Self::Insert { body, return_body: true }
            | Self::Replace { body, return_body: true } => Some(body),
            _ => None,
        }
    }

    /// Lets the checks of a batch amend the body.
    fn amend(
        &mut self,
        operation: &WriteOperation,
        before: Option<Current<'_>>,
        progress: &BatchProgress,
    ) {
        let (Self::Insert { body, return_body } | Self::Replace { body, return_body }) = self
        else {
            return;
        };
        for check in &progress.checks {
            if let Some(amended) = check.amend(operation, before, body) {
                *body = amended.into();
                *return_body = progress.alone;
            }
        }
    }

    /// The body that is to be stored; `None` when the document is deleted.
    #[must_use]
    pub fn body(&self) -> Option<&str> {
        match self {
            Self::Insert { body, .. } | Self::Replace { body, .. } => Some(body),
            Self::Remove => None,
        }
    }
}

/// Most bytes of documents one batch may store: a few short patches of a large document would
/// otherwise fill memory and disk. Ours; a batch of one is bounded by the document alone.
pub const BATCH_BYTES_MAX: u64 = 64 << 20;

/// The progress of the operations of one batch.
#[derive(Clone, Debug)]
pub struct BatchProgress {
    alone: bool,
    stored_bytes: u64,
    checks: Vec<Arc<dyn WriteCheck>>,
}

impl BatchProgress {
    /// The beginning of a batch.
    #[must_use]
    pub fn of(batch: &WriteBatch) -> Self {
        Self { alone: batch.operations.len() == 1, stored_bytes: 0, checks: batch.checks.clone() }
    }

    fn store(&mut self, body: &str) -> Result<(), Rejection> {
        let bytes = self.stored_bytes.saturating_add(body.len() as u64);
        if !self.alone && bytes > BATCH_BYTES_MAX {
            let reason = format!("the batch stores more than {BATCH_BYTES_MAX} bytes; divide it");
            return Err(Rejection::Unholdable { path: String::new(), reason });
        }
        self.stored_bytes = bytes;
        Ok(())
    }
}

/// Decides what an operation does to its document, without doing it.
///
/// A create meets no document: pass `None` for `current`. `progress` is of the operation's batch; `others` are
/// asked by its checks.
///
/// # Errors
/// The [`Rejection`] that the caller is told.
pub fn decide<'a>(
    operation: &'a WriteOperation,
    current: Option<Current<'_>>,
    limits: &Limits,
    progress: &mut BatchProgress,
    others: &mut dyn Others,
) -> Result<Effect<'a>, Rejection> {
    let WriteOperation { collection, action, precondition } = operation;
    if let (Some(id), Some(current)) = (action.id(), current)
        && !progress.checks.iter().all(|check| check.shows(collection, id, current))
    {
        // The same answer as where there is no document: another would tell that there is one.
        check_precondition(precondition, None)?;
        return Err(Rejection::NotFound);
    }
    check_precondition(precondition, current)?;
    let mut effect = match (action, current) {
        (Action::Create { body }, _) => Effect::Insert { body: body.into(), return_body: false },
        (Action::Put { body, .. }, Some(current)) => {
            Effect::Replace { body: keeping_own_id(body, current.body), return_body: false }
        }
        (Action::Put { body, if_missing: IfMissing::Create, .. }, None) => {
            Effect::Insert { body: body.into(), return_body: false }
        }
        (Action::Patch { patch, .. }, Some(current)) => {
            let body = patch.apply(current.body).map_err(patch_refused)?.into();
            Effect::Replace { body, return_body: progress.alone }
        }
        (Action::Delete { .. }, Some(_)) => Effect::Remove,
        (_, None) => return Err(Rejection::NotFound),
    };
    effect.amend(operation, current, progress);
    if let Some(body) = effect.body() {
        limits.check_body(body)?;
    }
    let (id, after) = (action.id(), effect.body());
    let proposed = ProposedWrite { collection, id, before: current, after };
    progress.checks.iter().try_for_each(|check| check.check(&proposed, others))?;
    if let Some(body) = effect.body() {
        progress.store(body)?;
    }
    Ok(effect)
}

/// A new body for a document, with the field `id` that another program has given it: callers
/// cannot send one, and must not delete it unawares.
fn keeping_own_id<'a>(body: &'a str, current: &str) -> Cow<'a, str> {
    match json::own_id(current) {
        Some(own) => json::with_own_id(&json::without_own_id(body), own).into(),
        None => body.into(),
    }
}

fn patch_refused(refused: PatchRefused) -> Rejection {
    let is_conflict = refused.is_conflict();
    let PatchRefused { pointer, message: reason, .. } = refused;
    match is_conflict {
        true => Rejection::PatchConflict { pointer, reason },
        false => Rejection::Unholdable { path: String::new(), reason },
    }
}

fn check_precondition(
    precondition: &Precondition,
    current: Option<Current<'_>>,
) -> Result<(), Rejection> {
    let revision = current.map(|current| current.revision);
    let conflict = || Rejection::RevisionConflict { current: revision.cloned() };
    match precondition {
        Precondition::None => Ok(()),
        Precondition::Exists => revision.map(|_| ()).ok_or_else(conflict),
        Precondition::Missing if revision.is_some() => Err(Rejection::AlreadyExists),
        Precondition::Missing => Ok(()),
        Precondition::RevisionIn(allowed) => match revision {
            Some(revision) if allowed.contains(revision) => Ok(()),
            _ => Err(conflict()),
        },
        Precondition::RevisionNotIn(refused) => match revision {
            Some(revision) if refused.contains(revision) => Err(conflict()),
            _ => Ok(()),
        },
    }
}
