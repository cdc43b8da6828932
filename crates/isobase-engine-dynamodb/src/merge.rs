//! Merging what a load left into runs.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::types::{AttributeValue, WriteRequest};
use isobase_engine::EngineError;
use isobase_journal::DocumentWrite;
use isobase_types::{CollectionName, DocumentId};

use crate::{
    codec::{Item, as_integer, bytes, integer},
    database::DynamoDbDatabase,
    journal,
    load::{self, FIRST, LAST},
    pages::{PartitionPage, Wanted},
    range::Range,
    run::{
        COUNT, GONE, Generation, Id, KEYS, Place, RUN_BYTES_MAX, RUN_IDS_MAX, id_bytes, ids,
        loading, packed, parts, places, read_loaded, sortable,
    },
    transact::malformed,
};

/// Items that are written together while runs are merged.
const MERGED_ITEMS: usize = 100;

/// Runs read at a time.
const RUNS_PAGE: usize = 4;

impl DynamoDbDatabase {
    /// The trace that a load leaves of the ids of its documents.
    pub(crate) fn push_runs(
        &self,
        writes: &[DocumentWrite],
        requests: &mut Vec<(String, WriteRequest)>,
    ) -> Result<(), EngineError> {
        let mut sorted: BTreeMap<(&CollectionName, bool), Vec<Id>> = BTreeMap::new();
        for write in writes {
            let keys = match (&write.after, &write.before) {
                (Some(after), _) => &after.keys,
                (None, Some(before)) => &before.keys,
                (None, None) => continue,
            };
            if let Some(key) = keys.iter().find(|key| key.index == 0) {
                let place = (&write.key.collection, write.after.is_none());
                let id = (key.key.clone(), write.key.id.to_string());
                sorted.entry(place).or_default().push(id);
            }
        }
        for ((collection, gone), mut all) in sorted {
            all.sort_unstable();
            for run in parts(all) {
                let mut sk = sortable(&run[0].0);
                sk.extend_from_slice(&self.next_generation().to_be_bytes());
                let mut item = journal::key(loading(collection), sk);
                item.insert(KEYS.to_owned(), bytes(packed(&run)));
                item.insert(COUNT.to_owned(), integer(run.len()));
                if gone {
                    item.insert(GONE.to_owned(), AttributeValue::Bool(true));
                }
                let put = load::put(item).map_err(malformed)?;
                requests.push((self.journal.clone(), put));
            }
        }
        Ok(())
    }

    /// Grows with every call, also over processes that follow each other.
    fn next_generation(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let next = |last: u64| Some(now.max(last + 1));
        match self.loaded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(last) | Err(last) => now.max(last + 1),
        }
    }

    /// How many documents a load has left in a collection, about; none without a load.
    pub(crate) async fn count_loading(
        &self,
        collection: &CollectionName,
    ) -> Result<Option<u64>, EngineError> {
        let pk = loading(collection);
        let only = Wanted::And(COUNT);
        let page = PartitionPage {
            pk: &pk,
            first: FIRST,
            last: LAST,
            only,
            limit: Some(1),
            ..PartitionPage::default()
        };
        let (items, _) = self.read_partition(&page).await?;
        Ok(items.first().map(|item| as_integer(item, COUNT).unwrap_or(1)))
    }

    /// Merges what a load left into runs.
    ///
    /// Doing it again after it was cut off comes to the same: what the load left is deleted last,
    /// by [`Self::forget_loading`].
    pub(crate) async fn merge_runs(
        &self,
        collection: &CollectionName,
        was: Generation,
    ) -> Result<Merged, EngineError> {
        let mut loaded = Loaded::new(self, collection);
        if loaded.peek().await?.is_none() {
            let range = Range { collection, index: 0, lower: &[], upper: None };
            let documents = match was {
                0 => self.count_entries(&range).await?,
                _ => self.count_over_runs(&range, was).await?,
            };
            return Ok(Merged { generation: was, documents, last_id: 0, useless: Vec::new() });
        }
        let generation = was + 1;
        self.delete_partition(&ids(collection, generation), LAST).await?;
        let mut runs = Stream::new(self, ids(collection, was));
        let mut entries = Stream::new(self, journal::keys(collection, 0));
        let mut out = Output::new(self, ids(collection, generation));
        let mut merged = Merged { generation, documents: 0, last_id: 0, useless: Vec::new() };
        loop {
            let heads = [loaded.peek().await?, entries.peek().await?, runs.peek().await?];
            let Some(key) = heads.into_iter().flatten().min() else {
                return out.finish(merged).await;
            };
            match (loaded.take(&key), entries.take(&key), runs.take(&key)) {
                (Some(Some(id)), entry, _) => {
                    if entry == Some(None) {
                        merged.useless.push(key.clone());
                    }
                    if let Ok(DocumentId::Integer(number)) = DocumentId::parse(&id) {
                        merged.last_id = merged.last_id.max(number);
                    }
                    merged.documents += 1;
                    out.push((key, id)).await?;
                }
                // The load took the document away, or it was deleted before.
                (Some(None), Some(_), _) | (None, Some(None), _) => merged.useless.push(key),
                (Some(None), None, _) => {}
                (None, Some(Some(_)), _) => merged.documents += 1,
                (None, None, Some(Some(id))) => {
                    merged.documents += 1;
                    out.push((key, id)).await?;
                }
                (None, None, _) => {}
            }
        }
    }

    /// Deletes what a merge has made useless, once its generation counts.
    pub(crate) async fn forget_loading(
        &self,
        collection: &CollectionName,
        was: Generation,
        merged: &Merged,
    ) -> Result<(), EngineError> {
        let keys = merged.useless.iter();
        let keys = keys.map(|key| journal::key(journal::keys(collection, 0), key.as_slice()));
        self.delete_keys(keys.collect()).await?;
        if was != merged.generation {
            self.delete_partition(&ids(collection, was), LAST).await?;
        }
        self.delete_partition(&loading(collection), LAST).await
    }
}

/// The outcome of a merge.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) generation: Generation,
    pub(crate) documents: u64,
    /// The largest integer id that was loaded.
    pub(crate) last_id: i64,
    /// Keys of entries that say nothing any more.
    useless: Vec<Vec<u8>>,
}

/// A partition of runs or of entries from its beginning to its end.
struct Stream<'a> {
    database: &'a DynamoDbDatabase,
    pk: String,
    places: VecDeque<Place>,
    start: Option<Item>,
    ended: bool,
}

impl<'a> Stream<'a> {
    fn new(database: &'a DynamoDbDatabase, pk: String) -> Self {
        Self { database, pk, places: VecDeque::new(), start: None, ended: false }
    }

    /// The next key.
    async fn peek(&mut self) -> Result<Option<Vec<u8>>, EngineError> {
        while self.places.is_empty() && !self.ended {
            let page = PartitionPage {
                pk: &self.pk,
                first: FIRST,
                last: LAST,
                start: self.start.take(),
                ..PartitionPage::default()
            };
            let (items, next) = self.database.read_partition(&page).await?;
            for item in &items {
                self.places.extend(places(item)?);
            }
            self.ended = next.is_none();
            self.start = next;
        }
        Ok(self.places.front().map(|(key, _)| key.clone()))
    }

    /// What the key says, if it is the next one.
    fn take(&mut self, key: &[u8]) -> Option<Option<String>> {
        let is_next = self.places.front().is_some_and(|(next, _)| next == key);
        is_next.then(|| self.places.pop_front().and_then(|(_, id)| id))
    }
}

/// The traces of the calls of a load, in the order of the keys; of several for one key the last.
struct Loaded<'a> {
    database: &'a DynamoDbDatabase,
    pk: String,
    /// Read, but not yet absorbed.
    items: VecDeque<Item>,
    start: Option<Item>,
    ended: bool,
    /// Keys, when they were loaded, and whose they are.
    pending: BTreeMap<Vec<u8>, (u64, Option<String>)>,
}

impl<'a> Loaded<'a> {
    fn new(database: &'a DynamoDbDatabase, collection: &CollectionName) -> Self {
        Self {
            database,
            pk: loading(collection),
            items: VecDeque::new(),
            start: None,
            ended: false,
            pending: BTreeMap::new(),
        }
    }

    async fn peek(&mut self) -> Result<Option<Vec<u8>>, EngineError> {
        loop {
            if self.items.is_empty() && !self.ended {
                self.read().await?;
                continue;
            }
            let Some(item) = self.items.front() else { break };
            let (generation, all) = read_loaded(item)?;
            // Later items begin later: what is smaller than this one is complete.
            let begins = all.first().map(|(key, _)| key);
            if self.pending.keys().next().is_some_and(|key| Some(key) < begins) {
                break;
            }
            self.items.pop_front();
            for (key, id) in all {
                let known = self.pending.entry(key).or_insert((generation, None));
                if known.0 <= generation {
                    *known = (generation, id);
                }
            }
        }
        Ok(self.pending.keys().next().cloned())
    }

    async fn read(&mut self) -> Result<(), EngineError> {
        let page = PartitionPage {
            pk: &self.pk,
            first: FIRST,
            last: LAST,
            limit: Some(RUNS_PAGE),
            start: self.start.take(),
            ..PartitionPage::default()
        };
        let (items, next) = self.database.read_partition(&page).await?;
        self.items.extend(items);
        self.ended = next.is_none();
        self.start = next;
        Ok(())
    }

    fn take(&mut self, key: &[u8]) -> Option<Option<String>> {
        self.pending.remove(key).map(|(_, id)| id)
    }
}

/// The runs that a merge writes.
struct Output<'a> {
    database: &'a DynamoDbDatabase,
    pk: String,
    run: Vec<Id>,
    bytes: usize,
    items: Vec<Item>,
}

impl<'a> Output<'a> {
    fn new(database: &'a DynamoDbDatabase, pk: String) -> Self {
        Self { database, pk, run: Vec::new(), bytes: 0, items: Vec::new() }
    }

    async fn push(&mut self, id: Id) -> Result<(), EngineError> {
        let more = id_bytes(&id);
        if self.run.len() == RUN_IDS_MAX || self.bytes + more > RUN_BYTES_MAX {
            self.end_run();
            if self.items.len() >= MERGED_ITEMS {
                self.write().await?;
            }
        }
        self.bytes += more;
        self.run.push(id);
        Ok(())
    }

    fn end_run(&mut self) {
        let Some((first, _)) = self.run.first() else { return };
        let mut item = journal::key(self.pk.as_str(), first.as_slice());
        item.insert(KEYS.to_owned(), bytes(packed(&self.run)));
        item.insert(COUNT.to_owned(), integer(self.run.len()));
        self.items.push(item);
        self.run.clear();
        self.bytes = 0;
    }

    async fn write(&mut self) -> Result<(), EngineError> {
        self.database.put_items(std::mem::take(&mut self.items)).await
    }

    async fn finish(mut self, merged: Merged) -> Result<Merged, EngineError> {
        self.end_run();
        self.write().await?;
        Ok(merged)
    }
}
