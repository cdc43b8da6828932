//! Committing, and finding out what became of a commit that was not answered.

use std::time::Duration;

use isobase_engine::{EngineError, ErrorKind};
use tokio::time::Instant;

use crate::{
    Backend, Commit, CommitError,
    error::{Pauses, within},
    shared::{Shared, Status},
};

/// How long the last look for a commit takes, after its deadline.
const LAST_LOOK: Duration = Duration::from_secs(2);

impl<B: Backend> Shared<B> {
    /// Commits. When the database does not say what became of it, asks until it is known or the
    /// deadline has passed.
    ///
    /// A commit is for one head, so it can be repeated: at most one of its copies is carried out,
    /// and once another commit was carried out none ever is.
    pub(super) async fn commit(
        &self,
        commit: &Commit,
        deadline: Instant,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let mut pauses = Pauses::new();
        let mut lost: Option<EngineError> = None;
        loop {
            // Whoever stops waiting for a commit does not know what becomes of it.
            let answer = tokio::time::timeout_at(deadline, self.backend.commit(commit)).await;
            let answer = answer.unwrap_or_else(|_| {
                let message = "the database did not answer a commit in time";
                Err(EngineError::new(ErrorKind::OutcomeUnknown, message))
            });
            match (answer, &lost) {
                (Ok(Ok(())), _) => return Ok(Ok(())),
                (Ok(Err(refused)), None) => return Ok(Err(refused)),
                (Err(error), None) if error.kind != ErrorKind::OutcomeUnknown => {
                    return Err(error);
                }
                // The copy before may be what moved the head and changed the documents.
                (Ok(Err(refused)), Some(_)) => {
                    let asked = within(deadline, "the head", self.is_written(commit)).await;
                    match asked {
                        Ok(Some(true)) => return Ok(Ok(())),
                        Ok(Some(false)) => return Ok(Err(CommitError::HeadMoved)),
                        Ok(None) if refused == CommitError::DocumentChanged => {
                            // The head stands still: the document was changed by others, and no
                            // copy can be carried out as long as it is so. The next commit for
                            // this head, or the deadline, ends it.
                            return Ok(Err(refused));
                        }
                        Ok(None) | Err(_) => {}
                    }
                }
                (Err(error), _) => {
                    if lost.is_none() {
                        Status::count(&self.status.outcomes_unknown);
                        tracing::warn!(%error, "the outcome of a commit is unknown: {error}");
                    }
                    lost = Some(error);
                }
            }
            if Instant::now() >= deadline {
                let grace = Instant::now() + LAST_LOOK;
                if let Ok(Some(written)) = within(grace, "the head", self.is_written(commit)).await
                {
                    return Ok(if written { Ok(()) } else { Err(CommitError::HeadMoved) });
                }
                let message = "the database did not say what became of a commit".to_owned();
                let source = lost.map(|error| Box::new(error) as _);
                return Err(EngineError { kind: ErrorKind::OutcomeUnknown, message, source });
            }
            pauses.wait().await;
            if let Ok(Some(written)) = within(deadline, "the head", self.is_written(commit)).await {
                return Ok(if written { Ok(()) } else { Err(CommitError::HeadMoved) });
            }
        }
    }

    /// Whether a commit was carried out; none when its head still stands, so that it may yet be.
    /// Two processes that tell the very same changes of the same microsecond look like one.
    async fn is_written(&self, commit: &Commit) -> Result<Option<bool>, EngineError> {
        let head = self.backend.head().await?;
        if head.commit < commit.next.commit {
            return Ok(None);
        }
        if let Some(first) = commit.changes.first() {
            let records = self.backend.read_log(commit.head.sequence, 1).await?;
            let found = records.iter().flat_map(|record| &record.changes);
            let found = found.filter(|change| change.sequence >= first.sequence);
            return Ok(Some(found.take(commit.changes.len()).eq(&commit.changes)));
        }
        if let Some(given) = commit.answers.first() {
            let found = self.backend.read_answers(&[given.key]).await?;
            return Ok(Some(found.first().is_some_and(|found| found.as_ref() == Some(given))));
        }
        // What is left changes the catalogue only, and can be repeated without harm.
        let known = self.backend.catalogue().await?;
        Ok(Some(commit.catalogue.iter().all(|entry| known.contains(entry))))
    }
}
