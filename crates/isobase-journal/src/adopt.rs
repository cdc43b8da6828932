//! Taking in what other programs wrote.

use async_trait::async_trait;
use isobase_engine::{EngineError, Reconcile, Reconciled, UNREADABLE_NAMED_MAX};
use isobase_types::{CollectionName, Sequence, Timestamp};

use crate::{
    BEYOND_SEQUENCES, DocumentDatabase, JournalEngine, NativeDocument,
    core::Core,
    keys::keys_of,
    looked::Looked,
    shared::is_gone,
    untold::is_untold,
    writer::{Found, SetAdopted, Stamp},
};

/// Documents looked at together.
const SCAN_DOCUMENTS: u32 = 200;

impl<B: DocumentDatabase> Core<B> {
    /// Takes in a whole collection that is new to us.
    pub(crate) async fn adopt_now(&self, collection: &CollectionName) -> Result<(), EngineError> {
        let found = self.take_in(collection).await?;
        self.writer.special(SetAdopted(collection.clone())).await?;
        if found.unreadable > 0 {
            tracing::warn!(
                %collection,
                documents = found.unreadable,
                "{} documents in {collection} have ids that no document can have, the first is {:?}",
                found.unreadable,
                found.unreadable_ids.first().map_or("", String::as_str)
            );
        }
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
        // Before everything is looked at, so that nothing falls between this look and the next.
        let (at, now) =
            (shared.time.now(), shared.database.written_since(collection, None, 0).await?);
        let found = self.take_all_in(collection).await?;
        let looked = Looked { at, place: now.map(|page| page.place) };
        self.looked.lock().insert(collection.clone(), looked);
        Ok(found)
    }

    async fn take_all_in(&self, collection: &CollectionName) -> Result<Reconciled, EngineError> {
        let shared = &self.shared;
        let first = shared.database.head().await?.sequence;
        let mut found = Reconciled::default();
        let mut after: Option<String> = None;
        loop {
            let page = shared.database.scan(collection, after.as_deref(), SCAN_DOCUMENTS).await?;
            let part = (page.documents, page.unreadable);
            self.take_part_in(collection, part, first, &mut found).await?;
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Stamps those of some documents that are of other programs.
    async fn take_part_in(
        &self,
        collection: &CollectionName,
        (documents, unreadable): (Vec<NativeDocument>, Vec<String>),
        first: Sequence,
        found: &mut Reconciled,
    ) -> Result<(), EngineError> {
        let deleting = self.shared.catalogue.get().deleting(collection);
        found.examined += documents.len() as u64;
        found.unreadable += unreadable.len() as u64;
        let room = UNREADABLE_NAMED_MAX.saturating_sub(found.unreadable_ids.len());
        found.unreadable_ids.extend(unreadable.into_iter().take(room));
        let mut foreign = Vec::new();
        for document in documents.iter().filter(|found| !is_gone(found, deleting)) {
            let id = document.id.clone();
            let elsewhere = self.elsewhere(collection, document, first).await?;
            if elsewhere.is_some() || document.is_foreign() {
                foreign.push(Found { id, elsewhere });
            }
        }
        if foreign.is_empty() {
            return Ok(());
        }
        let job = Stamp { collection: collection.clone(), documents: foreign };
        let counts = self.writer.stamp(job).await?;
        found.created += counts.created;
        found.updated += counts.updated;
        Ok(())
    }

    /// As [`Core::take_in`], for what was written after a place; and the place after it. `None` if
    /// the database cannot tell.
    async fn take_in_since(
        &self,
        collection: &CollectionName,
        mut place: String,
    ) -> Result<Option<(Reconciled, String)>, EngineError> {
        let database = &self.shared.database;
        let mut found = Reconciled::default();
        loop {
            let page = database.written_since(collection, Some(&place), SCAN_DOCUMENTS).await?;
            let Some(page) = page else { return Ok(None) };
            // Read after them: what is of this journal, has a revision up to it.
            let first = database.head().await?.sequence;
            let part = (page.documents, page.unreadable);
            self.take_part_in(collection, part, first, &mut found).await?;
            place = page.place;
            if page.is_last {
                return Ok(Some((found, place)));
            }
        }
    }

    /// The revision of a document that was written in another database, or under a journal that
    /// was lost; `None` if it is of this one. `first` was the last number when we began to look:
    /// later ones are in the log.
    async fn elsewhere(
        &self,
        collection: &CollectionName,
        document: &NativeDocument,
        first: Sequence,
    ) -> Result<Option<Sequence>, EngineError> {
        let Some(stamp) = document.meta.as_ref().map(|meta| meta.revision) else {
            return Ok(None);
        };
        if document.is_foreign() || stamp <= first || stamp >= BEYOND_SEQUENCES {
            return Ok(None);
        }
        let before = Sequence(stamp.0.saturating_sub(1));
        let records = self.shared.database.read_log(before, 1).await?;
        let mut changes = records.iter().flat_map(|record| &record.changes);
        let is_ours = changes.find(|change| change.sequence == stamp).is_some_and(|change| {
            is_untold(change)
                || change.collection == *collection && change.id.as_ref() == Some(&document.id)
        });
        Ok((!is_ours).then_some(stamp))
    }
}

/// What other programs deleted leaves nothing to find: it is in no listing already, and is not
/// told.
#[async_trait]
impl<B: DocumentDatabase> Reconcile for JournalEngine<B> {
    async fn reconcilable(&self) -> Result<Vec<CollectionName>, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        let catalogue = shared.fresh_catalogue().await?;
        let found = shared.database.collections().await?;
        let mut names: Vec<_> = catalogue.entries().map(|it| it.collection.clone()).collect();
        names.extend(found.into_iter().map(|info| info.name));
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn reconcile(&self, collection: &CollectionName) -> Result<Reconciled, EngineError> {
        self.reconcile_now(collection).await
    }

    async fn look(&self, collection: &CollectionName) -> Result<Reconciled, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        let place = self.core.looked.lock().get(collection).and_then(|it| it.place.clone());
        if let Some(place) = place {
            let at = shared.time.now();
            if let Some((found, place)) = self.core.take_in_since(collection, place).await? {
                let looked = Looked { at, place: Some(place) };
                self.core.looked.lock().insert(collection.clone(), looked);
                return Ok(found);
            }
        }
        self.reconcile_now(collection).await
    }

    fn looked_at(&self, collection: &CollectionName) -> Option<Timestamp> {
        self.core.looked.lock().get(collection).map(|looked| looked.at)
    }
}

impl<B: DocumentDatabase> JournalEngine<B> {
    async fn reconcile_now(&self, collection: &CollectionName) -> Result<Reconciled, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        if shared.database.refuses_collection(collection).is_some() {
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
            self.core.writer.special(SetAdopted(collection.clone())).await?;
        }
        let catalogue = shared.fresh_catalogue().await?;
        if let Some(entry) = catalogue.entry(collection) {
            let stored = shared.stored_keys();
            let keys = |found: &NativeDocument| keys_of(found.indexed(), &entry.indexes, stored);
            shared.database.sweep(collection, &keys).await?;
        }
        Ok(found)
    }
}
