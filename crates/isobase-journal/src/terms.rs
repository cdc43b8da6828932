//! Collections whose documents expire, and collections without changes.

use async_trait::async_trait;
use isobase_engine::{
    CollectionTerms, Cutoff, EngineError, IndexDefinition, Indexes, Terms, settle_age_index,
};
use isobase_types::{CollectionName, Document};

use crate::{DocumentDatabase, JournalEngine, error::within};

#[async_trait]
impl<B: DocumentDatabase> CollectionTerms for JournalEngine<B> {
    async fn set_terms(
        &self,
        collection: &CollectionName,
        terms: Terms,
    ) -> Result<(), EngineError> {
        let shared = &self.core.shared;
        settle_age_index(self, collection, terms).await?;
        shared.terms.set(collection, terms);
        Ok(())
    }

    fn expiring(&self) -> Vec<CollectionName> {
        self.core.shared.terms.expiring()
    }

    async fn expired(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        self.expired_documents(collection, limit).await
    }
}

impl<B: DocumentDatabase> JournalEngine<B> {
    async fn expired_documents(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        let Some(span) = shared.terms.of(collection).expires else { return Ok(Vec::new()) };
        shared.time.now();
        let cutoff = Cutoff(shared.time.oldest(span));
        within(shared.deadline(), "looking for expired documents", async {
            let Some(reading) = self.core.reading(collection).await? else {
                return Ok(Vec::new());
            };
            if let Some(expired) = reading.expired(cutoff, limit).await? {
                return Ok(expired);
            }
            drop(reading);
            // A process that was started with other terms has dropped it. The next sweep uses it.
            self.create_index(collection, &IndexDefinition::age()).await?;
            Ok(Vec::new())
        })
        .await
    }
}
