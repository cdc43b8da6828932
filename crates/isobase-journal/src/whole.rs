//! A whole database, read without a mark in it: not by the order of keys, which only documents of
//! ours have, but natively and then sorted.

use std::{ops::Bound, sync::Arc};

use async_trait::async_trait;
use isobase_engine::{
    CollectionInfo, Counters, EngineError, ErrorKind, NotRead, Snapshot, UNREADABLE_NAMED_MAX,
    Unreadable,
    listing::{FETCH_BYTES_MAX, Fetch, Fetched, IdRange, Range, Row, SORT_BYTES_MAX},
};
use isobase_types::{CollectionName, Document, DocumentId};

use crate::{
    DocumentDatabase, DocumentKey, NativeDocument,
    attached::Attached,
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
    attached: Attached,
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

impl<B: DocumentDatabase> Whole<B> {
    pub(crate) fn new(
        shared: Arc<Shared<B>>,
        catalogue: Arc<Catalogue>,
        counters: Counters,
    ) -> Self {
        Self { shared, catalogue, counters, held: None, attached: Attached::default() }
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

    async fn look_at(&mut self, collection: &CollectionName) -> Result<Held, EngineError> {
        self.attached.forget(collection);
        let deleting = self.catalogue.deleting(collection);
        let mut unreadable = Unreadable::default();
        if self.shared.database.refuses_collection(collection).is_some() {
            let content = Content::Documents(Vec::new());
            return Ok(Held { collection: collection.clone(), content, unreadable });
        }
        let (mut documents, mut ids) = (Some(Vec::new()), Vec::new());
        let (mut bytes, mut after) = (0, None::<String>);
        loop {
            self.shared.check_open()?;
            let database = &self.shared.database;
            let page = database.scan(collection, after.as_deref(), SCAN_DOCUMENTS).await?;
            unreadable.documents += page.unreadable.len() as u64;
            let room = UNREADABLE_NAMED_MAX.saturating_sub(unreadable.ids.len());
            unreadable.ids.extend(page.unreadable.into_iter().take(room));
            for found in page.documents.into_iter().filter(|found| !is_gone(found, deleting)) {
                self.attached.see(collection, &found);
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

    /// How many documents a collection has.
    pub(crate) async fn count(&mut self, collection: &CollectionName) -> Result<u64, EngineError> {
        Ok(match &self.hold(collection).await?.content {
            Content::Documents(all) => all.len() as u64,
            Content::Ids(ids) => ids.len() as u64,
        })
    }

    /// The parameters of a listing.
    pub(crate) async fn fetch(
        &mut self,
        collection: &CollectionName,
        part: &Fetch,
    ) -> Result<Fetched, EngineError> {
        let Range::Ids(range) = &part.range else {
            let message = "a database that is only read has no indexes";
            return Err(EngineError::new(ErrorKind::Unexpected, message));
        };
        let wanted = Wanted {
            reverse: part.reverse,
            limit: part.limit as usize,
            bytes_max: FETCH_BYTES_MAX,
        };
        let (documents, exhausted) = self.part(collection, range, wanted).await?;
        let row = |document| Row { key: Vec::new(), document };
        Ok(Fetched { rows: documents.into_iter().map(row).collect(), exhausted })
    }

    /// Documents in a range of ids, in their order or the opposite, and whether there are no more.
    async fn part(
        &mut self,
        collection: &CollectionName,
        range: &IdRange,
        Wanted { reverse, limit, bytes_max }: Wanted,
    ) -> Result<(Vec<Document>, bool), EngineError> {
        let (shared, deleting) = (Arc::clone(&self.shared), self.catalogue.deleting(collection));
        let (mut part, mut bytes) = (Vec::new(), 0);
        let is_full = |part: &Vec<Document>, bytes: usize| {
            part.len() >= limit || bytes >= bytes_max && !part.is_empty()
        };
        match &self.hold(collection).await?.content {
            Content::Documents(all) => {
                for document in in_order(within(all, range, |document| &document.id), reverse) {
                    if is_full(&part, bytes) {
                        return Ok((part, false));
                    }
                    bytes += document.body.len();
                    part.push(document.clone());
                }
            }
            Content::Ids(ids) => {
                let mut ids = in_order(within(ids, range, |id| id), reverse);
                loop {
                    if is_full(&part, bytes) {
                        return Ok((part, false));
                    }
                    let room = READ_DOCUMENTS.min(limit - part.len());
                    let key = |id: &DocumentId| DocumentKey {
                        collection: collection.clone(),
                        id: id.clone(),
                    };
                    let keys: Vec<_> = ids.by_ref().take(room).map(key).collect();
                    if keys.is_empty() {
                        break;
                    }
                    let found = shared.database.read(&keys).await?.into_iter().flatten();
                    let found = found.filter(|found| !is_gone(found, deleting));
                    part.extend(found.map(NativeDocument::into_document).inspect(|document| {
                        bytes += document.body.len();
                    }));
                }
            }
        }
        Ok((part, true))
    }
}

/// How much of a range.
struct Wanted {
    reverse: bool,
    limit: usize,
    bytes_max: usize,
}

/// The part of a sorted slice whose ids are in a range.
fn within<'s, T>(all: &'s [T], range: &IdRange, id: impl Fn(&T) -> &DocumentId) -> &'s [T] {
    let start = all.partition_point(|it| match &range.lower {
        Bound::Unbounded => false,
        Bound::Included(bound) => id(it) < bound,
        Bound::Excluded(bound) => id(it) <= bound,
    });
    let end = all.partition_point(|it| match &range.upper {
        Bound::Unbounded => true,
        Bound::Included(bound) => id(it) <= bound,
        Bound::Excluded(bound) => id(it) < bound,
    });
    all.get(start..end).unwrap_or_default()
}

fn in_order<T>(slice: &[T], reverse: bool) -> impl Iterator<Item = &T> {
    let (forward, backward) = match reverse {
        false => (slice, &slice[..0]),
        true => (&slice[..0], slice),
    };
    forward.iter().chain(backward.iter().rev())
}

#[async_trait]
impl<B: DocumentDatabase> Snapshot for Whole<B> {
    fn is_of_one_moment(&self) -> bool {
        false
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.shared.stored_collections().await
    }

    async fn not_read(&mut self) -> Result<Vec<NotRead>, EngineError> {
        let mut not_read = self.shared.database.not_read().await?;
        not_read.extend(self.attached.not_read());
        Ok(not_read)
    }

    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        let lower = after.cloned().map_or(Bound::Unbounded, Bound::Excluded);
        let range = IdRange { lower, upper: Bound::Unbounded };
        let wanted = Wanted { reverse: false, limit: usize::MAX, bytes_max };
        Ok(self.part(collection, &range, wanted).await?.0)
    }

    async fn unreadable(&mut self, collection: &CollectionName) -> Result<Unreadable, EngineError> {
        Ok(self.hold(collection).await?.unreadable.clone())
    }
}
