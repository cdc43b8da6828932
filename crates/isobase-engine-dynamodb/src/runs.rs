//! Ids in runs: what a load writes instead of one entry for each document.
//!
//! While a load lasts, each call leaves items in the partition `loading/NAME`: sorted ids that
//! came or went. Its end merges them, and what runs there were, into the partition
//! `ids/NAME/GENERATION`: runs without overlap, each thousands of ids in one item. From then on
//! the index of the ids is the runs and, over them, the entries: an entry without a document
//! takes its id away.

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
    codec::{Item, as_bytes, as_integer, bytes, integer},
    database::DynamoDbDatabase,
    entries::Entries,
    journal::{self, SK, corrupted},
    limits::key_bounds,
    load::{self, FIRST, LAST},
    pages::{PartitionPage, Wanted},
    range::Range,
    transact::malformed,
};

/// Ids of one run: a page of a listing reads one or two of them.
const RUN_IDS_MAX: usize = 2_000;
const RUN_BYTES_MAX: usize = 48 << 10;
/// Items that are written together while runs are merged.
const MERGED_ITEMS: usize = 100;
/// Runs read at a time.
const RUNS_PAGE: usize = 4;
/// Entries read at a time while all are read.
const ENTRIES_PAGE: usize = 5_000;

const KEYS: &str = "keys";
const COUNT: &str = "count";
const GONE: &str = "gone";

/// A key of the index of the ids, and whose it is.
type Id = (Vec<u8>, String);

/// Which runs a collection has; 0 is none.
pub(crate) type Generation = u64;

fn loading(collection: &CollectionName) -> String {
    format!("loading/{collection}")
}

fn ids(collection: &CollectionName, generation: Generation) -> String {
    format!("ids/{collection}/{generation}")
}

impl DynamoDbDatabase {
    /// What a load leaves of the ids of its documents.
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

    /// Entries of the index of the ids where it has runs.
    pub(crate) async fn entries_over_runs(
        &self,
        range: &Range<'_>,
        generation: Generation,
        reverse: bool,
        limit: usize,
    ) -> Result<Entries, EngineError> {
        let (mut lower, mut upper) = (range.lower.to_vec(), range.upper.map(<[u8]>::to_vec));
        loop {
            let Some((first, last)) = key_bounds(&lower, upper.as_deref()) else {
                return Ok(Entries { entries: Vec::new(), exhausted: true });
            };
            let bounds = Bounds { first: &first, last: &last, reverse, limit };
            let (entries, runs) = tokio::try_join!(
                self.bounded_entries(range.collection, &bounds),
                self.bounded_runs(range.collection, generation, &bounds),
            )?;
            let (found, horizon) = merge(entries, runs, reverse);
            let exhausted = horizon.is_none() && found.len() <= limit;
            if !found.is_empty() || exhausted {
                let found = found.into_iter().take(limit);
                let read = |(key, id): Id| Some((key, DocumentId::parse(&id).ok()?));
                return Ok(Entries { entries: found.filter_map(read).collect(), exhausted });
            }
            // All of them were taken away: what comes after the horizon.
            match horizon {
                Some(horizon) if reverse => upper = Some(horizon),
                Some(horizon) => {
                    lower = horizon;
                    lower.push(0);
                }
                None => return Ok(Entries { entries: Vec::new(), exhausted: true }),
            }
        }
    }

    /// How many of a range there are where it has runs.
    pub(crate) async fn count_over_runs(
        &self,
        range: &Range<'_>,
        generation: Generation,
    ) -> Result<u64, EngineError> {
        let mut lower = range.lower.to_vec();
        let mut count = 0;
        loop {
            let rest = Range { lower: &lower, ..*range };
            let part = self.entries_over_runs(&rest, generation, false, ENTRIES_PAGE).await?;
            count += part.entries.len() as u64;
            match part.entries.last() {
                Some((last, _)) if !part.exhausted => {
                    lower.clone_from(last);
                    lower.push(0);
                }
                _ => return Ok(count),
            }
        }
    }

    async fn bounded_entries(
        &self,
        collection: &CollectionName,
        bounds: &Bounds<'_>,
    ) -> Result<Part, EngineError> {
        let pk = journal::keys(collection, 0);
        let mut part = Part::default();
        let mut start = None;
        loop {
            let page = PartitionPage {
                pk: &pk,
                first: bounds.first,
                last: bounds.last,
                reverse: bounds.reverse,
                limit: Some(bounds.limit.saturating_sub(part.places.len()).max(1)),
                start,
                ..PartitionPage::default()
            };
            let (items, next) = self.read_partition(&page).await?;
            for item in &items {
                part.places.extend(places(item)?);
            }
            part.more = next.is_some();
            start = next;
            if start.is_none() || part.places.len() >= bounds.limit {
                return Ok(part);
            }
        }
    }

    async fn bounded_runs(
        &self,
        collection: &CollectionName,
        generation: Generation,
        bounds: &Bounds<'_>,
    ) -> Result<Part, EngineError> {
        let pk = ids(collection, generation);
        // The run in which the first key would be began before it.
        let mut from = bounds.first.to_vec();
        if !bounds.reverse {
            let before = PartitionPage {
                pk: &pk,
                first: FIRST,
                last: bounds.first,
                reverse: true,
                limit: Some(1),
                only: Wanted::Keys,
                ..PartitionPage::default()
            };
            let (items, _) = self.read_partition(&before).await?;
            if let Some(run) = items.first().and_then(|run| as_bytes(run, SK)) {
                from = run.to_vec();
            }
        } else {
            from = FIRST.to_vec();
        }
        let mut part = Part::default();
        let mut start = None;
        loop {
            let page = PartitionPage {
                pk: &pk,
                first: &from,
                last: bounds.last,
                reverse: bounds.reverse,
                limit: Some(1 + bounds.limit / RUN_IDS_MAX),
                start,
                ..PartitionPage::default()
            };
            let (items, next) = self.read_partition(&page).await?;
            let mut is_before = false;
            for item in &items {
                let begins = as_bytes(item, SK).ok_or_else(|| corrupted("a run of ids"))?;
                is_before |= begins <= bounds.first;
                let mut run = places(item)?;
                if bounds.reverse {
                    run.reverse();
                }
                let is_in = |place: &Place| {
                    place.0.as_slice() >= bounds.first && place.0.as_slice() <= bounds.last
                };
                part.places.extend(run.into_iter().filter(is_in));
            }
            part.more = next.is_some() && !(bounds.reverse && is_before);
            start = next;
            if !part.more || part.places.len() >= bounds.limit {
                return Ok(part);
            }
        }
    }

    /// Ids of a run, page by page: for a deletion of the collection.
    pub(crate) async fn runs_page(
        &self,
        collection: &CollectionName,
        generation: Generation,
        start: Option<Item>,
    ) -> Result<(Vec<Id>, Option<Item>), EngineError> {
        let pk = ids(collection, generation);
        let page = PartitionPage {
            pk: &pk,
            first: FIRST,
            last: LAST,
            limit: Some(1),
            start,
            ..PartitionPage::default()
        };
        let (items, next) = self.read_partition(&page).await?;
        let mut found = Vec::new();
        for item in &items {
            found.extend(places(item)?.into_iter().filter_map(|(key, id)| Some((key, id?))));
        }
        Ok((found, next))
    }

    pub(crate) async fn delete_runs(
        &self,
        collection: &CollectionName,
        generation: Generation,
    ) -> Result<(), EngineError> {
        self.delete_partition(&ids(collection, generation), LAST).await
    }
}

/// What a merge came to.
#[derive(Debug)]
pub(crate) struct Merged {
    pub(crate) generation: Generation,
    pub(crate) documents: u64,
    /// The largest integer id that was loaded.
    pub(crate) last_id: i64,
    /// Keys of entries that say nothing any more.
    useless: Vec<Vec<u8>>,
}

/// A key, and whose it is; nobody's where an entry takes it away.
type Place = (Vec<u8>, Option<String>);

struct Bounds<'a> {
    first: &'a [u8],
    last: &'a [u8],
    reverse: bool,
    /// About as many.
    limit: usize,
}

/// Places in order, and whether there are more after them.
#[derive(Debug, Default)]
struct Part {
    places: Vec<Place>,
    more: bool,
}

/// Ids in order as far as both parts reach, and where that is; none at the end of both.
fn merge(entries: Part, runs: Part, reverse: bool) -> (Vec<Id>, Option<Vec<u8>>) {
    let end = |part: &Part| part.more.then(|| part.places.last().map(|it| it.0.clone())).flatten();
    let ends = [end(&entries), end(&runs)].into_iter().flatten();
    let horizon = if reverse { ends.max() } else { ends.min() };
    let mut all: BTreeMap<Vec<u8>, Option<String>> = BTreeMap::new();
    // Entries are over the runs.
    for (key, id) in runs.places.into_iter().chain(entries.places) {
        let is_known = horizon
            .as_ref()
            .is_none_or(|horizon| if reverse { key >= *horizon } else { key <= *horizon });
        if is_known {
            all.insert(key, id);
        }
    }
    let found = all.into_iter().filter_map(|(key, id)| Some((key, id?)));
    let mut found: Vec<Id> = found.collect();
    if reverse {
        found.reverse();
    }
    (found, horizon)
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

/// What the calls of a load left, in the order of the keys; of several for one key the last.
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

/// What an item of an index says: a run, or an entry.
fn places(item: &Item) -> Result<Vec<Place>, EngineError> {
    if let Some(packed) = as_bytes(item, KEYS) {
        let all = unpacked(packed).ok_or_else(|| corrupted("a run of ids"))?;
        return Ok(all.into_iter().map(|(key, id)| (key, Some(id))).collect());
    }
    let key = as_bytes(item, SK).ok_or_else(|| corrupted("an entry of an index"))?.to_vec();
    let id = match journal::is_taken_away(item) {
        true => None,
        false => Some(journal::entry_id(item)?.to_string()),
    };
    Ok(vec![(key, id)])
}

/// What one call of a load left, and when.
fn read_loaded(item: &Item) -> Result<(u64, Vec<Place>), EngineError> {
    let read = || {
        let generation = as_bytes(item, SK)?.last_chunk::<8>()?;
        let gone = item.contains_key(GONE);
        let all = unpacked(as_bytes(item, KEYS)?)?;
        let all = all.into_iter().map(|(key, id)| (key, (!gone).then_some(id)));
        Some((u64::from_be_bytes(*generation), all.collect()))
    };
    read().ok_or_else(|| corrupted("what a load left"))
}

/// Sorted ids in parts that fit a run.
fn parts(all: Vec<Id>) -> Vec<Vec<Id>> {
    let mut parts: Vec<Vec<Id>> = Vec::new();
    let mut bytes = RUN_BYTES_MAX;
    for id in all {
        let more = id_bytes(&id);
        let is_full = parts.last().is_none_or(|part| part.len() == RUN_IDS_MAX);
        if is_full || bytes + more > RUN_BYTES_MAX {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(part) = parts.last_mut() {
            part.push(id);
        }
    }
    parts
}

fn id_bytes((key, id): &Id) -> usize {
    4 + key.len() + id.len()
}

/// Each key and id after its length in two bytes.
fn packed(run: &[Id]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(run.iter().map(id_bytes).sum());
    for (key, id) in run {
        for part in [key.as_slice(), id.as_bytes()] {
            // Keys have at most 1,024 bytes, ids 1,500.
            packed.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            packed.extend_from_slice(part);
        }
    }
    packed
}

fn unpacked(mut rest: &[u8]) -> Option<Vec<Id>> {
    let mut take = || -> Option<Option<Vec<u8>>> {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return rest.is_empty().then_some(None);
        };
        let (part, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        Some(Some(part.to_vec()))
    };
    let mut run = Vec::new();
    while let Some(key) = take()? {
        run.push((key, String::from_utf8(take()??).ok()?));
    }
    Some(run)
}

/// Bytes that sort as the key does, whatever follows them.
fn sortable(key: &[u8]) -> Vec<u8> {
    let mut sortable = Vec::with_capacity(key.len() + 12);
    for byte in key {
        sortable.push(*byte);
        if *byte == 0 {
            sortable.push(0xff);
        }
    }
    sortable.extend_from_slice(&[0, 0]);
    sortable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        (text.as_bytes().to_vec(), text.to_owned())
    }

    fn part(ids: &[&str], more: bool) -> Part {
        let place = |text: &&str| match text.strip_prefix('-') {
            Some(gone) => (gone.as_bytes().to_vec(), None),
            None => (text.as_bytes().to_vec(), Some((*text).to_owned())),
        };
        Part { places: ids.iter().map(place).collect(), more }
    }

    #[test]
    fn runs_are_unpacked_as_they_were() {
        let run = vec![id(""), id("a"), (vec![0, 255], "10".to_owned()), id(&"x".repeat(512))];
        assert_eq!(unpacked(&packed(&run)), Some(run.clone()));
        assert_eq!(unpacked(&[]), Some(vec![]));
        for cut in [&[0][..], &[0, 1], &[0, 1, 65], &[0, 1, 65, 0, 1, 0xff]] {
            assert_eq!(unpacked(cut), None, "{cut:?}");
        }
        let many: Vec<Id> = (0..5_000).map(|at| id(&format!("{at:04}"))).collect();
        let parts = parts(many.clone());
        assert_eq!(parts.concat(), many);
        assert!(parts.iter().all(|part| part.len() <= RUN_IDS_MAX));
    }

    #[test]
    fn entries_are_over_runs_as_far_as_both_are_known() {
        let names = |ids: &[Id]| ids.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
        let (found, horizon) =
            merge(part(&["-b", "c", "x"], false), part(&["a", "b", "d"], false), false);
        assert_eq!(
            (names(&found), horizon),
            (["a", "c", "d", "x"].map(String::from).to_vec(), None)
        );
        let (found, horizon) = merge(part(&["-b", "c"], true), part(&["a", "b", "d"], true), false);
        assert_eq!(names(&found), ["a", "c"]);
        assert_eq!(horizon.as_deref(), Some(&b"c"[..]));
        let (found, horizon) = merge(part(&["x", "-d"], true), part(&["d", "b"], true), true);
        assert_eq!(names(&found), ["x"]);
        assert_eq!(horizon.as_deref(), Some(&b"d"[..]));
    }

    #[test]
    fn sortable_keys_sort_as_keys() {
        let mut keys: Vec<&[u8]> =
            vec![b"", b"\0", b"\0a", b"a", b"a\0", b"a\0\xff", b"ab", b"\xff"];
        let mut other = keys.clone();
        keys.sort_unstable();
        other.sort_unstable_by_key(|key| [sortable(key), vec![0xee; 8]].concat());
        assert_eq!(keys, other);
    }
}
