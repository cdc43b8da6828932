//! The rules of a write, the same on every engine.

use isobase_types::{DocumentId, Revision, Timestamp, json};

use crate::{Action, IfMissing, Limits, Precondition, Rejection};

/// The document as it is before a write.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// Its revision.
    pub revision: &'a Revision,
    /// When it was first written.
    pub created_at: Timestamp,
    /// Its body.
    pub body: &'a str,
}

/// What a write does to its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store a new document.
    Insert {
        /// Its body.
        body: String,
    },
    /// Store another body.
    Replace {
        /// The body.
        body: String,
        /// The caller does not know the body (it sent a patch) and wants it back.
        return_body: bool,
    },
    /// Take it away.
    Remove,
}

/// Decides what an action does to a document, without doing it.
///
/// A create meets no document: pass `None` for `current`.
///
/// # Errors
/// The [`Rejection`] that the caller is told.
pub fn decide(
    action: Action,
    precondition: &Precondition,
    current: Option<Current<'_>>,
    limits: &Limits,
) -> Result<Effect, Rejection> {
    check_precondition(precondition, current)?;
    let effect = match (action, current) {
        (Action::Create { body }, _) => Effect::Insert { body },
        (Action::Put { body, .. }, Some(_)) => Effect::Replace { body, return_body: false },
        (Action::Put { id: DocumentId::Text(_), body, if_missing: IfMissing::Create }, None) => {
            Effect::Insert { body }
        }
        (Action::Patch { patch, .. }, Some(current)) => {
            Effect::Replace { body: json::merge_patch(current.body, &patch), return_body: true }
        }
        (Action::Delete { .. }, Some(_)) => Effect::Remove,
        (_, None) => return Err(Rejection::NotFound),
    };
    if let Effect::Insert { body } | Effect::Replace { body, .. } = &effect {
        limits.check_body(body)?;
    }
    Ok(effect)
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
