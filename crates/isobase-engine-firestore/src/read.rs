//! Reading documents: by their ids, and all of a collection.

use std::future::ready;

use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::{CollectionInfo, EngineError, ErrorKind, NotRead};
use isobase_journal::{DocumentKey, NativeDocument, ScanPage};
use isobase_types::CollectionName;

use crate::{
    codec,
    database::FirestoreDatabase,
    limits::{self, PARALLEL_REQUESTS},
    names,
    query::Query,
    writes,
};

impl FirestoreDatabase {
    /// Documents by their keys, in the order of these.
    pub(crate) async fn read_documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        let names = &self.requests.names;
        let of_key = |key: &DocumentKey| names.document(&key.collection, &key.id);
        let names: Vec<_> = keys.iter().map(of_key).collect();
        let found = self.requests.documents(&names).await?;
        Ok(found.into_iter().map(|native| native.and_then(codec::document)).collect())
    }

    /// Collections that have a document, those of other programs among them.
    pub(crate) async fn all_collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let native = self.requests.collections().await?;
        let names = &self.requests.names;
        let mut collections: Vec<_> =
            native.iter().filter_map(|native| names.of_native(native)).collect();
        collections.sort_unstable();
        let counts = self.counts(collections).await?;
        let infos = counts.into_iter().filter(|(_, documents)| *documents > 0);
        Ok(infos.map(|(name, documents)| CollectionInfo { name, documents }).collect())
    }

    /// What is no collection: top-level collections of names that none can have, and those within
    /// documents.
    pub(crate) async fn collections_not_read(&self) -> Result<Vec<NotRead>, EngineError> {
        const WITHIN: &str = "collections within documents";
        let native = self.requests.collections().await?;
        let names = &self.requests.names;
        let strange = native.iter().filter(|native| names.is_strange(native));
        let mut not_read: Vec<_> = strange
            .map(|native| NotRead::new(native, "no collection can have this name"))
            .collect();
        let mut count = self.count_within_documents(&native).await;
        if count.as_ref().is_ok_and(|count| *count > 0) {
            // They are counted one after the other, and what is deleted meanwhile is in one number only.
            let again = self.count_within_documents(&native).await;
            count = again.and_then(|again| count.map(|count| count.min(again)));
        }
        match count {
            Ok(0) => {}
            Ok(count) => not_read.push(NotRead::new(WITHIN, format!("{count} documents"))),
            Err(error) if error.kind == ErrorKind::Unavailable => return Err(error),
            Err(error) => {
                let reason = format!("whether there are any could not be found out: {error}");
                not_read.push(NotRead::new(WITHIN, reason));
            }
        }
        Ok(not_read)
    }

    /// Documents of the database that are in none of its top-level collections, which are named.
    async fn count_within_documents(&self, native: &[String]) -> Result<u64, EngineError> {
        let all = self.requests.count(&Query::of_everything().build()).await?;
        let count = async |native: &String| self.requests.count(&Query::of(native).build()).await;
        let top = stream::iter(native).map(count).buffered(PARALLEL_REQUESTS);
        let top = top.try_fold(0, |sum, count| ready(Ok(sum + count))).await?;
        Ok(all.saturating_sub(top))
    }

    /// A part of a collection in the order of its native ids.
    pub(crate) async fn scan_documents(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        let native = self.requests.names.collection(collection);
        let query = self.by_name(&native, after).at_most(limit).build();
        let found = self.requests.query(&query, limits::SCAN_BYTES_MAX).await?;
        let is_last = !found.cut && found.documents.len() < limit as usize;
        let next = writes::last_id(&found.documents).filter(|_| !is_last);
        let mut page = ScanPage { next, ..ScanPage::default() };
        for native in found.documents {
            let id = names::native_id_of(&native.name).to_owned();
            match codec::document(native) {
                Some(document) => page.documents.push(document),
                None => page.unreadable.push(id),
            }
        }
        Ok(page)
    }
}
