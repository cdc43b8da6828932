//! Committing, and finding out what became of a commit that was not answered.

use std::time::Duration;

use isobase_engine::{EngineError, ErrorKind};
use tokio::time::Instant;

use crate::{
    Commit, CommitError, DocumentDatabase,
    error::{pauses, within},
    shared::{Shared, Status},
};

/// How long the last look for a commit takes, after its deadline.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was carried out.
    Written,
    /// Another commit was, so it never will be.
    Lost,
    /// Its head still stands: it may yet be carried out.
    Open,
    /// What would tell it from another commit has been written over.
    Unknowable,
}

impl Fate {
    /// The answer to the author; `None` while no one can say.
    fn answer(self) -> Option<Result<Result<(), CommitError>, EngineError>> {
        match self {
            Self::Written => Some(Ok(Ok(()))),
            Self::Lost => Some(Ok(Err(CommitError::HeadMoved))),
            Self::Open => None,
            Self::Unknowable => Some(Err(unknown(None))),
        }
    }
}

impl<B: DocumentDatabase> Shared<B> {
    /// Commits. When the database does not say what became of it, asks until it is known or the
    /// deadline has passed, unless the database has done so.
    ///
    /// A commit is for one head, so it can be repeated: at most one of its copies is carried out,
    /// and once another commit was carried out none ever is.
    pub(super) async fn commit(
        &self,
        commit: &Commit,
        deadline: Instant,
    ) -> Result<Result<(), CommitError>, EngineError> {
        let mut pauses = pauses();
        let mut lost: Option<EngineError> = None;
        loop {
            // A caller that stops waiting for a commit does not know what becomes of it.
            let answer = tokio::time::timeout_at(deadline, self.database.commit(commit)).await;
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
                    match within(deadline, "the head", self.fate_of(commit)).await {
                        // The head stands still: the document was changed by others, and no copy
                        // can be carried out as long as it is so. The next commit for this head,
                        // or the deadline, ends it.
                        Ok(Fate::Open) if refused == CommitError::DocumentChanged => {
                            return Ok(Err(refused));
                        }
                        Ok(fate) => {
                            if let Some(answer) = fate.answer() {
                                return answer;
                            }
                        }
                        Err(_) => {}
                    }
                }
                (Err(error), _) => {
                    if lost.is_none() {
                        Status::count(&self.status.outcomes_unknown);
                        tracing::warn!(%error, "the outcome of a commit is unknown: {error}");
                    }
                    if self.database.settles_commits() {
                        return Err(error);
                    }
                    lost = Some(error);
                }
            }
            if Instant::now() >= deadline {
                let grace = Instant::now() + LAST_LOOK;
                let fate = within(grace, "the head", self.fate_of(commit)).await;
                return fate.ok().and_then(Fate::answer).unwrap_or_else(|| Err(unknown(lost)));
            }
            pauses.wait().await;
            let fate = within(deadline, "the head", self.fate_of(commit)).await;
            if let Some(answer) = fate.ok().and_then(Fate::answer) {
                return answer;
            }
        }
    }

    /// The outcome of a commit.
    async fn fate_of(&self, commit: &Commit) -> Result<Fate, EngineError> {
        let head = self.database.head().await?;
        if head.commit < commit.next.commit {
            return Ok(Fate::Open);
        }
        let written = |written| if written { Fate::Written } else { Fate::Lost };
        if let Some(first) = commit.changes.first() {
            let records = self.database.read_log(commit.head.sequence, 1).await?;
            let found = records.iter().flat_map(|record| &record.changes);
            let found = found.filter(|change| change.sequence >= first.sequence);
            return match found.take(commit.changes.len()).eq(&commit.logged()) {
                true => self.fate_by_documents(commit).await,
                false => Ok(Fate::Lost),
            };
        }
        if let Some(given) = commit.answers.first() {
            let found = self.database.read_answers(&[given.key]).await?;
            return Ok(written(found.first().is_some_and(|found| found.as_ref() == Some(given))));
        }
        if commit.catalogue.is_empty() {
            // It only moves the head: whether ours or another one stands there, no one can tell
            // but by all of it.
            return Ok(written(head == commit.next));
        }
        // What is left changes the catalogue only, and can be repeated without harm.
        let known = self.database.catalogue().await?;
        Ok(written(commit.catalogue.iter().all(|entry| known.contains(entry))))
    }

    /// The outcome of a commit whose changes are in the log: two processes may tell the same
    /// changes of the same microsecond, and what they wrote tells them apart. Commits that also
    /// wrote the same content have done what the author asked for, no matter who carried them out.
    async fn fate_by_documents(&self, commit: &Commit) -> Result<Fate, EngineError> {
        // What only goes is gone, and was to go.
        let mut fate = Fate::Written;
        for write in &commit.documents {
            let Some(ours) = write.after.as_ref().map(|after| &after.meta) else { continue };
            fate = Fate::Unknowable;
            let found = self.database.read(std::slice::from_ref(&write.key)).await?;
            let found = found.into_iter().next().flatten().and_then(|found| found.meta);
            // One that was not written since is enough: all of a commit is of one process.
            if let Some(found) = found.filter(|found| found.revision == ours.revision) {
                let is_ours = found.hash == ours.hash && found.created_at == ours.created_at;
                return Ok(if is_ours { Fate::Written } else { Fate::Lost });
            }
        }
        Ok(fate)
    }
}

fn unknown(source: Option<EngineError>) -> EngineError {
    let message = "the database did not say what became of a commit".to_owned();
    let source = source.map(|error| Box::new(error) as _);
    EngineError { kind: ErrorKind::OutcomeUnknown, message, source }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isobase_engine::SystemClock;
    use isobase_types::{
        Change, ChangeKind, CollectionName, DocumentId, Kept, Revision, Sequence, Timestamp,
    };

    use super::*;
    use crate::{
        After, Before, DocumentKey, DocumentWrite, Head, JournalOptions, Meta, Tag,
        catalogue::Catalogue,
        testing::{FakeDatabase, FakeSettings, Fault},
    };

    const AT: Timestamp = Timestamp { unix_us: 1_795_183_740_123_456 };

    /// The commit for a head that gives one document a body, no matter who makes it.
    fn commit(database: &FakeDatabase, head: Head, body: &str, before: Option<Before>) -> Commit {
        let sequence = Sequence(head.sequence.0 + 1);
        let collection = CollectionName::new("a").unwrap();
        let id = DocumentId::Integer(1);
        let kind = if before.is_some() { ChangeKind::Updated } else { ChangeKind::Created };
        let (fields, meta) = Meta::of_body(body, database.rules(), sequence, AT, AT);
        let change = Change {
            sequence,
            collection: collection.clone(),
            id: Some(id.clone()),
            kind,
            revision: Some(Revision::from_number(sequence.0)),
            at: AT,
            kept: Kept::default(),
        };
        let after = Some(After { fields, meta, keys: Vec::new() });
        Commit {
            head,
            next: Head { commit: head.commit + 1, sequence, ..head },
            documents: vec![DocumentWrite { key: DocumentKey { collection, id }, before, after }],
            changes: vec![change],
            untold: Vec::new(),
            answers: Vec::new(),
            catalogue: Vec::new(),
            bodies: Vec::new(),
            at: AT,
        }
    }

    /// What the author of the first commit is told whose request is lost while others commit.
    async fn told(body: &str, others: &[&str]) -> Result<Result<(), CommitError>, EngineError> {
        let database = FakeDatabase::new(FakeSettings::small_commits());
        let head = database.head().await.unwrap();
        let (options, clock) = (JournalOptions::default(), Arc::new(SystemClock));
        let catalogue = Catalogue::new(&Head::default(), Vec::new());
        let shared = Shared::new(database.clone(), options, clock, catalogue);
        let ours = commit(&database, head, body, None);
        database.inject(Fault::RequestLost);
        let (outcome, ()) = tokio::join!(shared.commit(&ours, shared.deadline()), async {
            let (mut head, mut before) = (head, None);
            for body in others {
                // The clock stands still as long as somebody has something to do.
                tokio::task::yield_now().await;
                let theirs = commit(&database, head, body, before);
                assert_eq!(database.commit(&theirs).await.unwrap(), Ok(()));
                head = theirs.next;
                let stamp = Some(head.sequence);
                before = Some(Before { tag: Tag::default(), stamp, keys: Vec::new() });
            }
        });
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn equal_changes_of_another_process_are_not_ours() {
        assert_eq!(told("{\"by\":1}", &["{\"by\":2}"]).await.unwrap(), Err(CommitError::HeadMoved));
        assert_eq!(told("{\"by\":1}", &["{\"by\":1}"]).await.unwrap(), Ok(()));
        assert_eq!(told("{\"by\":1}", &[]).await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_over_tells_nobody_whose_it_was() {
        let begun = Instant::now();
        let failed = told("{\"by\":1}", &["{\"by\":2}", "{\"by\":3}"]).await.unwrap_err();
        assert_eq!(failed.kind, ErrorKind::OutcomeUnknown);
        // It does not get better by waiting.
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
}
