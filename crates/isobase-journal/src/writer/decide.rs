//! Filling a group with batches.

use isobase_engine::{
    BatchProgress, EngineError, ErrorKind, Idempotency, Rejection, WriteOperation, WriteOutcome,
    decode_outcomes, encode_outcomes,
};

use crate::{
    DocumentDatabase, StoredAnswer,
    writer::{
        group::Group,
        job::Active,
        share::{End, Share},
        task::Task,
    },
};

impl<B: DocumentDatabase> Task<B> {
    /// Fills a group with what is active, in its order, as far as it fits.
    pub(super) fn decide(&self, group: &mut Group<'_, B>, batches: usize) -> Vec<Share> {
        let mut shares = Vec::new();
        for active in self.active.iter().take(batches) {
            let share = if active.in_one_piece() {
                self.decide_piece(active, group)
            } else {
                self.decide_part(active, group)
            };
            let Some(share) = share else { break };
            let is_whole = share.end.is_some();
            group.keep_answers();
            shares.push(share);
            if !is_whole {
                break;
            }
        }
        shares
    }

    /// A batch that must be in one commit; `None` when it does not fit any more.
    fn decide_piece(&self, active: &Active, group: &mut Group<'_, B>) -> Option<Share> {
        let ended = |end, outcomes| {
            Some(Share { outcomes, progress: active.progress.clone(), end: Some(end) })
        };
        if let Some(idempotency) = &active.batch.idempotency
            && let Some(first) = group.answer(idempotency)
        {
            return ended(replay(first, idempotency), Vec::new());
        }
        let operations = &active.batch.operations;
        if !operations.iter().all(|operation| self.is_known(group, operation)) {
            return None;
        }
        if group.keeps_much() {
            return None;
        }
        let was_empty = group.is_empty();
        let mark = group.mark();
        let mut applied = self.apply_piece(active, group);
        if applied.is_none() && was_empty && group.has_bodies_apart() {
            // The documents come first.
            group.back_to(&mark);
            group.omit_bodies(true);
            applied = self.apply_piece(active, group);
            group.omit_bodies(false);
        }
        if let Some((outcomes, progress)) = applied {
            return Some(Share { outcomes, progress, end: Some(End::Done) });
        }
        let needed = group.total();
        group.back_to(&mark);
        if !was_empty {
            return None;
        }
        let budget = self.shared.database.budget();
        let message = format!(
            "the batch needs {} items and {} bytes or more in one piece, {} writes at most {} \
             items and {} bytes at once; divide it",
            needed.items,
            needed.bytes,
            self.shared.database.name(),
            budget.items,
            budget.bytes
        );
        ended(End::Failed(EngineError::new(ErrorKind::LimitExceeded, message)), Vec::new())
    }

    /// Applies a whole batch, or what is left of it when it is atomic and refused; `None` if it does
    /// not fit.
    fn apply_piece(
        &self,
        active: &Active,
        group: &mut Group<'_, B>,
    ) -> Option<(Vec<WriteOutcome>, BatchProgress)> {
        let operations = &active.batch.operations;
        let mark = group.mark();
        let mut progress = active.progress.clone();
        let mut outcomes = Vec::with_capacity(operations.len());
        for operation in operations {
            let outcome = group.apply(operation, &mut progress);
            let is_rejected = outcome.is_err();
            outcomes.push(outcome);
            if !group.fits() {
                return None;
            }
            if active.atomic && is_rejected {
                break;
            }
        }
        if active.atomic && outcomes.last().is_some_and(Result::is_err) {
            group.back_to(&mark);
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(Rejection::BatchRejected);
            }
            // What comes after the first rejected one is not looked at.
            outcomes.resize(operations.len(), Err(Rejection::BatchRejected));
        }
        if let Some(idempotency) = &active.batch.idempotency {
            group.remember(idempotency, encode_outcomes(&outcomes));
        }
        group.fits().then_some((outcomes, progress))
    }

    /// As many operations of a batch as fit; `None` when none does.
    fn decide_part(&self, active: &Active, group: &mut Group<'_, B>) -> Option<Share> {
        let mut progress = active.progress.clone();
        let mut outcomes = Vec::new();
        let left = &active.batch.operations[active.outcomes.len()..];
        for operation in left {
            if !self.is_known(group, operation) || group.keeps_much() {
                break;
            }
            let (mark, before, was_empty) = (group.mark(), progress.clone(), group.is_empty());
            let mut outcome = group.apply(operation, &mut progress);
            if !group.fits() && was_empty && group.has_bodies_apart() {
                // The document comes first.
                group.back_to(&mark);
                progress = before.clone();
                group.omit_bodies(true);
                outcome = group.apply(operation, &mut progress);
                group.omit_bodies(false);
            }
            if !group.fits() {
                let needed = group.total();
                group.back_to(&mark);
                progress = before;
                if !was_empty {
                    break;
                }
                let reason = format!(
                    "its write needs {} items and {} bytes, more than one commit may have",
                    needed.items, needed.bytes
                );
                outcome = Err(Rejection::Unholdable { path: String::new(), reason });
            }
            outcomes.push(outcome);
        }
        let is_whole = outcomes.len() == left.len();
        if outcomes.is_empty() && !is_whole {
            return None;
        }
        Some(Share { outcomes, progress, end: is_whole.then_some(End::Done) })
    }

    /// Whether an operation can be decided with what was read.
    fn is_known(&self, group: &Group<'_, B>, operation: &WriteOperation) -> bool {
        group.knows(operation)
            || self.shared.database.refuses_collection(&operation.collection).is_some()
    }
}

/// The answer to a key that came before.
fn replay(first: &StoredAnswer, idempotency: &Idempotency) -> End {
    if first.fingerprint != idempotency.fingerprint {
        let message = "the idempotency key was used before with another request";
        return End::Failed(EngineError::new(ErrorKind::IdempotencyMismatch, message));
    }
    match decode_outcomes(&first.outcomes) {
        Some(outcomes) => End::Replayed(outcomes),
        None => {
            let message = "the outcomes stored with an idempotency key cannot be read";
            End::Failed(EngineError::new(ErrorKind::Corrupted, message))
        }
    }
}
