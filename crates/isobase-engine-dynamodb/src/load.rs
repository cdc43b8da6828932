//! Writing and deleting much at once, past the journal.

use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{DeleteRequest, PutRequest, WriteRequest},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::{Counters, EngineError, Identity};
use isobase_journal::{CatalogueEntry, DocumentWrite, Head, IndexNumber};
use isobase_types::{CollectionName, Sequence, Timestamp};

use crate::{
    catalogue,
    codec::{self, ID, Item, integer, text},
    cost::key_changes,
    database::DynamoDbDatabase,
    error::{Class, Failure},
    head,
    journal::{self, ANSWERS, BODIES, CATALOGUE, DOCUMENTS, LOG, RUNS},
    limits::WRITE_ITEMS_MAX,
    log,
    pages::{PartitionPage, Wanted},
    transact::malformed,
};

const ACTION: &str = "BatchWriteItem";
/// Requests of one load that are under way at a time.
const WRITE_PARALLEL: usize = 8;
/// How often in the time that answers are kept those are looked for that are older, at most.
const ANSWERS_LOOKS: i64 = 24;
/// The smallest and the largest sort key.
pub(crate) const FIRST: &[u8] = &[0];
pub(crate) const LAST: &[u8] = &[0xff; 1024];

/// An item to be written, and its table.
type Writing = (String, WriteRequest);

impl DynamoDbDatabase {
    pub(crate) async fn load_documents(
        &self,
        writes: Vec<DocumentWrite>,
    ) -> Result<(), EngineError> {
        let mut requests = Vec::with_capacity(writes.len() * 2);
        for write in &writes {
            self.push_load(write, &mut requests).map_err(malformed)?;
        }
        self.push_runs(&writes, &mut requests)?;
        drop(writes);
        self.write_all(requests).await
    }

    fn push_load(
        &self,
        write: &DocumentWrite,
        requests: &mut Vec<Writing>,
    ) -> Result<(), BuildError> {
        let collection = &write.key.collection;
        let table = self.names.table(collection);
        requests.push(match &write.after {
            Some(after) => (table, put(codec::item(&write.key.id, after))?),
            None => (table, delete(Item::from([(ID.to_owned(), text(write.key.id.to_string()))]))?),
        });
        let (gone, new) = key_changes(write);
        // Ids are written in runs.
        for key in gone.into_iter().filter(|key| key.index != 0) {
            let key = journal::key(journal::keys(collection, key.index), key.key.as_slice());
            requests.push((self.journal.clone(), delete(key)?));
        }
        for key in new.into_iter().filter(|key| key.index != 0) {
            let entry = journal::entry(collection, key.index, &key.key, &write.key.id);
            requests.push((self.journal.clone(), put(entry)?));
        }
        Ok(())
    }

    /// Writes everything, in any order.
    async fn write_all(&self, requests: Vec<Writing>) -> Result<(), EngineError> {
        let mut requests = requests.into_iter().peekable();
        let parts = std::iter::from_fn(move || {
            requests.peek()?;
            Some(requests.by_ref().take(WRITE_ITEMS_MAX).collect::<Vec<_>>())
        });
        stream::iter(parts)
            .map(|part| self.write_part(part))
            .buffer_unordered(WRITE_PARALLEL)
            .try_collect()
            .await
    }

    /// Items that stay unprocessed are sent again: it is never dropped.
    async fn write_part(&self, part: Vec<Writing>) -> Result<(), EngineError> {
        let mut retry = self.client.retry();
        let mut left = std::collections::HashMap::<String, Vec<WriteRequest>>::new();
        let mut asked = part.len();
        for (table, request) in part {
            left.entry(table).or_default().push(request);
        }
        loop {
            let tables = left.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let request = self.client.sdk.batch_write_item().set_request_items(Some(left));
            let answer =
                self.client.call_within(&mut retry, || Box::pin(request.clone().send())).await;
            let answer = answer
                .map_err(|ended| ended.failure(ACTION, &tables, self.client.deadline))
                .map_err(Failure::engine_error)?;
            left = answer.unprocessed_items.unwrap_or_default();
            let unprocessed = left.values().map(Vec::len).sum();
            if unprocessed == 0 {
                return Ok(());
            }
            if unprocessed < asked {
                retry.renew(&self.client);
            }
            asked = unprocessed;
            if !retry.pause().await {
                let message = format!("{unprocessed} items stayed unprocessed");
                let failure = Failure::new(ACTION, &tables, Class::Throttled, message);
                return Err(failure.engine_error());
            }
        }
    }

    /// Deletes items of the journal by their keys.
    pub(crate) async fn delete_keys(&self, keys: Vec<Item>) -> Result<(), EngineError> {
        let requests: Result<Vec<Writing>, _> =
            keys.into_iter().map(|key| Ok((self.journal.clone(), delete(key)?))).collect();
        self.write_all(requests.map_err(malformed)?).await
    }

    /// Deletes the items of a partition up to a sort key.
    pub(crate) async fn delete_partition(&self, pk: &str, last: &[u8]) -> Result<(), EngineError> {
        let mut start = None;
        loop {
            let only = Wanted::Keys;
            let page =
                PartitionPage { pk, first: FIRST, last, only, start, ..PartitionPage::default() };
            let (items, next) = self.read_partition(&page).await?;
            self.delete_keys(items.into_iter().map(journal::key_of).collect()).await?;
            start = next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    pub(crate) async fn delete_keys_of(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError> {
        self.delete_partition(&journal::keys(collection, index), LAST).await
    }

    /// Deletes log records whose changes are all at or before a place.
    pub(crate) async fn trim(&self, floor: Sequence) -> Result<(), EngineError> {
        self.delete_partition(BODIES, &log::log_place(floor)).await?;
        self.delete_partition(LOG, &log::log_place(floor)).await
    }

    /// Deletes answers given before a time, once there are some for long enough: to find them all
    /// have to be read.
    pub(crate) async fn delete_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        if before.unix_us < self.answers_due_us.load(Ordering::Relaxed) {
            return Ok(());
        }
        let retention = i64::try_from(self.idempotency_retention.as_micros()).unwrap_or(i64::MAX);
        // Answers that come are as old as now, give or take the clocks of other processes.
        let mut oldest = before.unix_us.saturating_add(retention / 2);
        let mut start = None;
        loop {
            let only = Wanted::And("at");
            let page = PartitionPage {
                pk: ANSWERS,
                first: FIRST,
                last: LAST,
                only,
                start,
                ..PartitionPage::default()
            };
            let (items, next) = self.read_partition(&page).await?;
            let mut old = Vec::new();
            for item in items {
                let Some(given) = log::time_of_log(&item) else { continue };
                match given < before {
                    true => old.push(journal::key_of(item)),
                    false => oldest = oldest.min(given.unix_us),
                }
            }
            self.delete_keys(old).await?;
            start = next;
            if start.is_none() {
                break;
            }
        }
        let due = oldest.saturating_add(retention / ANSWERS_LOOKS);
        self.answers_due_us.store(due, Ordering::Relaxed);
        Ok(())
    }

    /// Replaces head and catalogue, and empties the log.
    pub(crate) async fn reset_journal(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        let was = self.read_head().await?;
        self.delete_partition(BODIES, LAST).await?;
        self.delete_partition(LOG, LAST).await?;
        let gone = self.catalogued().await?.into_iter().map(|known| known.entry.collection);
        let gone = gone.filter(|name| catalogue.iter().all(|entry| entry.collection != *name));
        let gone = gone.map(|name| journal::key(CATALOGUE, name.as_str())).collect::<Vec<_>>();
        let mut merged = Vec::with_capacity(catalogue.len());
        let mut last_id = counters.last_id;
        let mut items = Vec::with_capacity(catalogue.len());
        for entry in catalogue {
            let collection = &entry.collection;
            let was = self.catalogued_one(collection).await?.map_or(0, |known| known.runs);
            let runs = self.merge_runs(collection, was).await?;
            let mut item = journal::key(CATALOGUE, collection.as_str());
            let values = catalogue::entry_values(entry);
            item.extend(values.map(|(name, value)| (name.to_owned(), value)));
            item.insert(DOCUMENTS.to_owned(), integer(runs.documents));
            item.insert(RUNS.to_owned(), integer(runs.generation));
            items.push(item);
            last_id = last_id.max(runs.last_id);
            merged.push((collection, was, runs));
        }
        self.put_items(items).await?;
        // Only now: a process that is killed before has lost no index.
        self.delete_keys(gone).await?;
        for (collection, was, runs) in &merged {
            self.remember_runs(collection, runs.generation);
            self.forget_loading(collection, *was, runs).await?;
        }
        let head = Head {
            commit: was.commit + 1,
            sequence: counters.sequence,
            last_id,
            floor: counters.sequence,
            catalogue: was.catalogue + 1,
            identity: Some(Identity::renewed(was.identity)),
            author: None,
        };
        self.put_item(head::head_item(&head)).await?;
        Ok(head)
    }

    /// Puts items into the journal, whatever is there, in any order.
    pub(crate) async fn put_items(&self, items: Vec<Item>) -> Result<(), EngineError> {
        let requests: Result<Vec<Writing>, _> =
            items.into_iter().map(|item| Ok((self.journal.clone(), put(item)?))).collect();
        self.write_all(requests.map_err(malformed)?).await
    }

    /// Puts an item into the journal, whatever is there.
    pub(crate) async fn put_item(&self, item: Item) -> Result<(), EngineError> {
        let request = self.client.sdk.put_item().table_name(&self.journal).set_item(Some(item));
        self.client
            .call("PutItem", &self.journal, || Box::pin(request.clone().send()))
            .await
            .map_err(Failure::engine_error)?;
        Ok(())
    }

    /// Deletes an item of the journal, if it is there.
    pub(crate) async fn delete_item(&self, key: Item) -> Result<(), EngineError> {
        let request = self.client.sdk.delete_item().table_name(&self.journal).set_key(Some(key));
        self.client
            .call("DeleteItem", &self.journal, || Box::pin(request.clone().send()))
            .await
            .map_err(Failure::engine_error)?;
        Ok(())
    }
}

pub(crate) fn put(item: Item) -> Result<WriteRequest, BuildError> {
    let put = PutRequest::builder().set_item(Some(item)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn delete(key: Item) -> Result<WriteRequest, BuildError> {
    let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}
