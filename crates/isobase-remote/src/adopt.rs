//! Taking in what other programs wrote.

use isobase_engine::{EngineError, Pending, Reconcile, Reconciled};
use isobase_types::CollectionName;

use crate::{
    Backend, NativeDocument, RemoteEngine,
    core::Core,
    keys::keys_of,
    shared::is_gone,
    writer::{SpecialAnswer, SpecialJob},
};

/// Documents looked at together.
const SCAN_DOCUMENTS: u32 = 200;

impl<B: Backend> Core<B> {
    /// Takes in a whole collection that is new to us.
    pub(crate) async fn adopt_now(&self, collection: &CollectionName) -> Result<(), EngineError> {
        let found = self.take_in(collection).await?;
        let job = SpecialJob::SetAdopted { collection: collection.clone() };
        self.writer.special(job).await?;
        tracing::info!(
            %collection,
            documents = found.created,
            "took in {} documents that other programs wrote into {collection}",
            found.created
        );
        Ok(())
    }

    /// Looks at every document of a collection and stamps those of other programs.
    async fn take_in(&self, collection: &CollectionName) -> Result<Reconciled, EngineError> {
        let shared = &self.shared;
        let mut found = Reconciled::default();
        let mut after: Option<String> = None;
        loop {
            let page = shared.backend.scan(collection, after.as_deref(), SCAN_DOCUMENTS).await?;
            let deleting = shared.catalogue.get().deleting(collection);
            found.examined += page.documents.len() as u64;
            let foreign = page.documents.iter().filter(|document| document.is_foreign());
            let ids: Vec<_> = foreign
                .filter(|document| !is_gone(document, deleting))
                .map(|document| document.id.clone())
                .collect();
            if !ids.is_empty() {
                let job = SpecialJob::Stamp { collection: collection.clone(), ids };
                if let SpecialAnswer::Stamped(counts) = self.writer.special(job).await? {
                    found.created += counts.created;
                    found.updated += counts.updated;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What other programs deleted leaves nothing to find: it is in no listing already, and is not
/// told.
impl<B: Backend> Reconcile for RemoteEngine<B> {
    fn reconcile<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, Reconciled> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            if shared.backend.refuses_collection(collection).is_some() {
                return Ok(Reconciled::default());
            }
            // What is in no catalogue is looked at like everything else, and is adopted then.
            let was_adopted = shared
                .fresh_catalogue()
                .await?
                .entry(collection)
                .is_some_and(|entry| !entry.needs_adoption());
            let found = self.core.take_in(collection).await?;
            if !was_adopted && found.examined > 0 {
                let job = SpecialJob::SetAdopted { collection: collection.clone() };
                self.core.writer.special(job).await?;
            }
            let catalogue = shared.fresh_catalogue().await?;
            if let Some(entry) = catalogue.entry(collection) {
                let keys = |found: &NativeDocument| keys_of(&found.body, &found.id, &entry.indexes);
                shared.backend.sweep(collection, &keys).await?;
            }
            Ok(found)
        })
    }
}
