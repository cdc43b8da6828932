//! Reading documents: by their ids, and all of a collection.

use isobase_engine::{CollectionInfo, EngineError};
use isobase_journal::{DocumentKey, NativeDocument, ScanPage};
use isobase_types::CollectionName;

use crate::{codec, database::FirestoreDatabase, limits, names, writes};

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
