//! A whole database, read without a mark in it: not by the order of keys, which only documents of
//! ours have, but natively and then sorted.

use std::sync::Arc;

use isobase_engine::{
    CollectionInfo, Counters, EngineError, Pending, Snapshot, UNREADABLE_NAMED_MAX, Unreadable,
    listing::SORT_BYTES_MAX,
};
use isobase_types::{CollectionName, Document, DocumentId};

use crate::{
    Backend, DocumentKey, NativeDocument,
    catalogue::Catalogue,
    shared::{Shared, is_gone},
};

/// Documents looked at together.
const SCAN_DOCUMENTS: u32 = 1_000;

/// Documents read by their ids together.
const READ_DOCUMENTS: usize = 100;

/// Everything there is, as it is when it is read.
pub(crate) struct Whole<B> {
    shared: Arc<Shared<B>>,
    catalogue: Arc<Catalogue>,
    counters: Counters,
    /// The collection that is being read.
    held: Option<Held>,
}

/// A collection in the order of its ids.
struct Held {
    collection: CollectionName,
    content: Content,
    unreadable: Unreadable,
}

enum Content {
    /// So few bytes that they are kept.
    Documents(Vec<Document>),
    /// What there was when it was looked at; about a hundred bytes of memory each.
    Ids(Vec<DocumentId>),
}

impl<B: Backend> Whole<B> {
    pub(crate) fn new(
        shared: Arc<Shared<B>>,
        catalogue: Arc<Catalogue>,
        counters: Counters,
    ) -> Self {
        Self { shared, catalogue, counters, held: None }
    }

    /// Looks at a collection, unless it is the one that is held.
    async fn hold(&mut self, collection: &CollectionName) -> Result<&Held, EngineError> {
        let is_held = self.held.as_ref().is_some_and(|held| held.collection == *collection);
        let held = match self.held.take().filter(|_| is_held) {
            Some(held) => held,
            None => self.look_at(collection).await?,
        };
        Ok(self.held.insert(held))
    }

    async fn look_at(&self, collection: &CollectionName) -> Result<Held, EngineError> {
        let deleting = self.catalogue.deleting(collection);
        let mut unreadable = Unreadable::default();
        let (mut documents, mut ids) = (Some(Vec::new()), Vec::new());
        let (mut bytes, mut after) = (0, None::<String>);
        loop {
            self.shared.check_open()?;
            let backend = &self.shared.backend;
            let page = backend.scan(collection, after.as_deref(), SCAN_DOCUMENTS).await?;
            unreadable.documents += page.unreadable.len() as u64;
            let room = UNREADABLE_NAMED_MAX.saturating_sub(unreadable.ids.len());
            unreadable.ids.extend(page.unreadable.into_iter().take(room));
            for found in page.documents.into_iter().filter(|found| !is_gone(found, deleting)) {
                bytes += found.body.len();
                ids.push(found.id.clone());
                if bytes > SORT_BYTES_MAX {
                    documents = None;
                }
                if let Some(documents) = &mut documents {
                    documents.push(found.into_document());
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let content = match documents {
            Some(mut documents) => {
                documents.sort_unstable_by(|a, b| a.id.cmp(&b.id));
                Content::Documents(documents)
            }
            None => {
                ids.sort_unstable();
                Content::Ids(ids)
            }
        };
        Ok(Held { collection: collection.clone(), content, unreadable })
    }

    async fn part(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        let (shared, deleting) = (Arc::clone(&self.shared), self.catalogue.deleting(collection));
        if shared.backend.refuses_collection(collection).is_some() {
            return Ok(Vec::new());
        }
        let is_after = |id: &DocumentId| after.is_none_or(|after| id > after);
        let (mut part, mut bytes) = (Vec::new(), 0);
        match &self.hold(collection).await?.content {
            Content::Documents(all) => {
                let start = all.partition_point(|document| !is_after(&document.id));
                for document in &all[start..] {
                    if bytes >= bytes_max && !part.is_empty() {
                        break;
                    }
                    bytes += document.body.len();
                    part.push(document.clone());
                }
            }
            Content::Ids(ids) => {
                let start = ids.partition_point(|id| !is_after(id));
                for ids in ids[start..].chunks(READ_DOCUMENTS) {
                    if bytes >= bytes_max && !part.is_empty() {
                        break;
                    }
                    let key = |id: &DocumentId| DocumentKey {
                        collection: collection.clone(),
                        id: id.clone(),
                    };
                    let keys: Vec<_> = ids.iter().map(key).collect();
                    let found = shared.backend.read(&keys).await?.into_iter().flatten();
                    let found = found.filter(|found| !is_gone(found, deleting));
                    part.extend(found.map(NativeDocument::into_document).inspect(|document| {
                        bytes += document.body.len();
                    }));
                }
            }
        }
        Ok(part)
    }
}

impl<B: Backend> Snapshot for Whole<B> {
    fn is_of_one_moment(&self) -> bool {
        false
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn collections(&mut self) -> Pending<'_, Vec<CollectionInfo>> {
        Box::pin(self.shared.collections())
    }

    fn read<'a>(
        &'a mut self,
        collection: &'a CollectionName,
        after: Option<&'a DocumentId>,
        bytes_max: usize,
    ) -> Pending<'a, Vec<Document>> {
        Box::pin(self.part(collection, after, bytes_max))
    }

    fn unreadable<'a>(&'a mut self, collection: &'a CollectionName) -> Pending<'a, Unreadable> {
        Box::pin(async move { Ok(self.hold(collection).await?.unreadable.clone()) })
    }
}
