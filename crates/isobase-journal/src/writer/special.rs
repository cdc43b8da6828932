//! Jobs that are no batches: each has a commit of its own.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use isobase_engine::EngineError;
use isobase_types::CollectionName;
use isobase_writer::{Asked, Job};
use tokio::time::Instant;

use crate::{
    CatalogueEntry, DocumentDatabase, Head,
    catalogue::Catalogue,
    error::{pauses, within},
    shared::Shared,
    writer::{
        attempted::Again,
        group::Group,
        task::{AnyWork, Task, too_busy},
    },
};

/// A job with one commit of its own.
pub(crate) trait Special<B: DocumentDatabase>: Job + Sync {
    /// Whether a commit that changes nothing is made all the same.
    const MOVES_HEAD: bool = false;

    /// Puts what is to be committed into the group; the reply is for the case that it is.
    fn decide(
        &self,
        scene: &mut Scene<'_, B>,
    ) -> impl Future<Output = Result<Self::Reply, EngineError>> + Send;
}

/// The view of a special job, and the group that it fills.
pub(crate) struct Scene<'a, B: DocumentDatabase> {
    pub(crate) shared: &'a Shared<B>,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) head: Head,
    pub(crate) group: Group<'a, B>,
    pub(crate) deadline: Instant,
}

/// Moves the head and nothing else: what was decided for the head as it was is not committed.
pub(crate) struct Fence;

impl Job for Fence {
    type Reply = ();
}

impl<B: DocumentDatabase> Special<B> for Fence {
    const MOVES_HEAD: bool = true;

    async fn decide(&self, _: &mut Scene<'_, B>) -> Result<(), EngineError> {
        Ok(())
    }
}

/// A special job in the queue.
pub(super) struct AskedSpecial<J: Job>(pub(super) Asked<J, EngineError>);

impl<B: DocumentDatabase, J: Special<B>> AnyWork<B> for AskedSpecial<J> {
    fn run<'t>(self: Box<Self>, task: &'t mut Task<B>) -> BoxFuture<'t, ()> {
        Box::pin(async move {
            let Self(asked) = *self;
            let answer = task.special(&asked.job).await;
            asked.answer(answer);
        })
    }
}

/// How an attempt ended.
pub(super) type Attempt<T> = Result<Result<T, Again>, EngineError>;

impl<B: DocumentDatabase> Task<B> {
    async fn special<J: Special<B>>(&mut self, job: &J) -> Result<J::Reply, EngineError> {
        let deadline = self.shared.deadline();
        let mut pauses = pauses();
        loop {
            within(deadline, "the head", self.wait_for_turn()).await?;
            match Box::pin(self.try_special(job, deadline)).await {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(again)) if Instant::now() >= deadline => return Err(too_busy(&again)),
                Ok(Err(_)) => pauses.wait().await,
                Err(error) => {
                    self.head = None;
                    return Err(error);
                }
            }
        }
    }

    async fn try_special<J: Special<B>>(
        &mut self,
        job: &J,
        deadline: Instant,
    ) -> Attempt<J::Reply> {
        let shared = Arc::clone(&self.shared);
        let (head, at, catalogue) = within(deadline, "the head", self.fresh_head()).await?;
        self.head = Some((head, at));
        within(deadline, "the last commit", shared.database.settle(&head)).await?;
        let group = Group::new(&shared, &catalogue, head);
        let mut scene = Scene { shared: &shared, catalogue: &catalogue, head, group, deadline };
        let reply = job.decide(&mut scene).await?;
        if scene.group.is_empty() && !J::MOVES_HEAD {
            return Ok(Ok(reply));
        }
        let commit = scene.group.into_commit();
        match self.commit(&commit, &catalogue, deadline).await? {
            None => Ok(Ok(reply)),
            Some(again) => Ok(Err(again)),
        }
    }
}

impl<B: DocumentDatabase> Scene<'_, B> {
    /// The entry of a collection, if there is one.
    pub(crate) fn known_entry(&self, collection: &CollectionName) -> Option<CatalogueEntry> {
        self.catalogue.entry(collection).cloned()
    }

    /// The entry of a collection, made ready natively if it is new.
    pub(crate) async fn entry(
        &self,
        collection: &CollectionName,
    ) -> Result<CatalogueEntry, EngineError> {
        entry_of(self.shared, collection, self.catalogue, self.deadline).await
    }
}

/// The entry of a collection, made ready natively if it is new.
pub(super) async fn entry_of<B: DocumentDatabase>(
    shared: &Shared<B>,
    collection: &CollectionName,
    catalogue: &Catalogue,
    deadline: Instant,
) -> Result<CatalogueEntry, EngineError> {
    if let Some(entry) = catalogue.entry(collection) {
        return Ok(entry.clone());
    }
    let prepare = shared.database.prepare_collection(collection);
    let had_documents = within(deadline, "preparing a collection", prepare).await?;
    Ok(CatalogueEntry::new(collection.clone(), !had_documents))
}
