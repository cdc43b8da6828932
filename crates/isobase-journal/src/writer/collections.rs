//! Deleting collections, and taking them into the catalogue.

use isobase_engine::EngineError;
use isobase_types::{CollectionName, Sequence};
use isobase_writer::Job;

use crate::{
    CatalogueEntry, DocumentDatabase,
    error::within,
    writer::special::{Scene, Special},
};

/// Deletes all documents of a collection.
pub(crate) struct DeleteCollection(pub(crate) CollectionName);

/// The outcome of a deletion.
pub(crate) struct Deleted {
    /// How many documents there were.
    pub(crate) documents: u64,
    /// The number of the deletion; `None` when there was nothing.
    pub(crate) to: Option<Sequence>,
}

impl Job for DeleteCollection {
    type Reply = Deleted;
}

impl<B: DocumentDatabase> Special<B> for DeleteCollection {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<Deleted, EngineError> {
        let (collection, shared, catalogue) = (&self.0, scene.shared, scene.catalogue);
        let count = shared.count_all(collection, catalogue.deleting(collection));
        let stored = within(scene.deadline, "counting documents", count).await?;
        if stored == 0 {
            return Ok(Deleted { documents: 0, to: None });
        }
        let count = shared.count_expired(catalogue, collection);
        let expired = within(scene.deadline, "counting expired documents", count).await?;
        // Those that have expired go with the others, and are told with them.
        let documents = stored.saturating_sub(expired);
        let entry = scene.entry(collection).await?;
        Ok(Deleted { documents, to: Some(scene.group.delete_collection(&entry)) })
    }
}

/// Notes that the documents of a deletion are gone natively, too.
pub(crate) struct SetPurged {
    pub(crate) collection: CollectionName,
    /// The number of the deletion.
    pub(crate) to: Sequence,
}

impl Job for SetPurged {
    type Reply = ();
}

impl<B: DocumentDatabase> Special<B> for SetPurged {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<(), EngineError> {
        let entry = scene.known_entry(&self.collection);
        if let Some(entry) = entry.filter(|entry| entry.deleting == Some(self.to)) {
            scene.group.set_entry(CatalogueEntry { deleting: None, ..entry });
        }
        Ok(())
    }
}

/// Gives a collection an entry in the catalogue.
pub(crate) struct Register(pub(crate) CollectionName);

impl Job for Register {
    type Reply = ();
}

impl<B: DocumentDatabase> Special<B> for Register {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<(), EngineError> {
        if scene.known_entry(&self.0).is_none() {
            let entry = scene.entry(&self.0).await?;
            scene.group.set_entry(entry);
        }
        Ok(())
    }
}

/// Notes that all documents of a collection were taken in that other programs wrote.
pub(crate) struct SetAdopted(pub(crate) CollectionName);

impl Job for SetAdopted {
    type Reply = ();
}

impl<B: DocumentDatabase> Special<B> for SetAdopted {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<(), EngineError> {
        let adopted = CatalogueEntry { adopted: true, ..scene.entry(&self.0).await? };
        if scene.catalogue.entry(&self.0) != Some(&adopted) {
            scene.group.set_entry(adopted);
        }
        Ok(())
    }
}
