//! Reading documents, always what is newest.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::{CollectionInfo, EngineError};
use isobase_journal::{DocumentKey, KeyFetch, KeyFetched, KeyedDocument, NativeDocument, ScanPage};
use isobase_types::{CollectionName, DocumentId};

use crate::{
    catalogue::Catalogued,
    codec::{self, ID, Item, as_text, text},
    database::DynamoDbDatabase,
    error::{Class, Failure},
    journal::{PK, SK},
    limits::READ_KEYS_MAX,
    names::Named,
    pages::{PartitionPage, Wanted},
    range::Range,
    tables::TableKind,
};

/// Requests of one reading that are under way at a time.
const READ_PARALLEL: usize = 4;
/// How often entries may be looked at for one part of an index without finding a document, so
/// that a call ends although all of them are left over from documents that are gone.
const FETCH_ROUNDS_MAX: usize = 10;
/// Bytes of documents that a round of a listing is to read, and most documents whatever their size
/// was so far: 400 KiB each at worst.
const FETCH_BYTES: usize = 4 << 20;
const FETCH_KEYS_MAX: usize = 200;

impl DynamoDbDatabase {
    /// Documents in the order of the keys.
    pub(crate) async fn read_documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        if let [key] = keys {
            return Ok(vec![self.read_document(key).await?]);
        }
        let mut wanted: HashMap<String, Vec<Item>> = HashMap::new();
        let mut known = HashSet::new();
        for key in keys.iter().filter(|key| known.insert(*key)) {
            let id = Item::from([(ID.to_owned(), text(key.id.to_string()))]);
            wanted.entry(self.names.table(&key.collection)).or_default().push(id);
        }
        let mut found: HashMap<(String, String), Item> = HashMap::new();
        for (table, item) in self.read_items(wanted, None).await? {
            if let Some(id) = as_text(&item, ID).map(str::to_owned) {
                found.insert((table, id), item);
            }
        }
        let mut documents = Vec::with_capacity(keys.len());
        let mut again: HashMap<&DocumentKey, usize> = HashMap::new();
        for key in keys {
            let place = (self.names.table(&key.collection), key.id.to_string());
            let document = match found.remove(&place) {
                Some(item) => codec::document(item),
                // A key that was given twice.
                None => again.get(key).and_then(|at| documents.get(*at).cloned().flatten()),
            };
            again.entry(key).or_insert(documents.len());
            documents.push(document);
        }
        Ok(documents)
    }

    async fn read_document(
        &self,
        key: &DocumentKey,
    ) -> Result<Option<NativeDocument>, EngineError> {
        let table = self.names.table(&key.collection);
        let id = Item::from([(ID.to_owned(), text(key.id.to_string()))]);
        Ok(self.read_item(&table, id).await?.and_then(codec::document))
    }

    /// One item; none also when there is no such table.
    pub(crate) async fn read_item(
        &self,
        table: &str,
        key: Item,
    ) -> Result<Option<Item>, EngineError> {
        let request =
            self.client.sdk.get_item().table_name(table).set_key(Some(key)).consistent_read(true);
        let answer = self.client.call("GetItem", table, || Box::pin(request.clone().send())).await;
        match answer {
            Ok(answer) => Ok(answer.item),
            Err(failure) if failure.is_no_table() => Ok(None),
            Err(failure) => Err(failure.engine_error()),
        }
    }

    /// Items of several tables by their keys, in any order; each key once. With `only` there is no
    /// more of them than that attribute.
    pub(crate) async fn read_items(
        &self,
        wanted: HashMap<String, Vec<Item>>,
        only: Option<&'static str>,
    ) -> Result<Vec<(String, Item)>, EngineError> {
        // A missing table fails a whole request: each table has its own.
        let requests: Vec<(String, Vec<Item>)> = wanted
            .into_iter()
            .flat_map(|(table, keys)| {
                let parts: Vec<_> = keys.chunks(READ_KEYS_MAX).map(<[Item]>::to_vec).collect();
                parts.into_iter().map(move |keys| (table.clone(), keys))
            })
            .collect();
        let parts: Vec<Vec<(String, Item)>> = stream::iter(requests)
            .map(|(table, keys)| self.read_part(table, keys, only))
            .buffer_unordered(READ_PARALLEL)
            .try_collect()
            .await?;
        Ok(parts.into_iter().flatten().collect())
    }

    async fn read_part(
        &self,
        table: String,
        keys: Vec<Item>,
        only: Option<&'static str>,
    ) -> Result<Vec<(String, Item)>, EngineError> {
        const ACTION: &str = "BatchGetItem";
        let mut items = Vec::with_capacity(keys.len());
        let mut left = keys;
        let mut retry = self.client.retry();
        loop {
            let asked = left.len();
            let mut wanted =
                KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true);
            if let Some(only) = only {
                wanted =
                    wanted.projection_expression("#only").expression_attribute_names("#only", only);
            }
            let wanted = wanted
                .build()
                .map_err(|error| Failure::new(ACTION, &table, Class::Refused, error.to_string()))
                .map_err(Failure::engine_error)?;
            let request = self.client.sdk.batch_get_item().request_items(&table, wanted);
            let answer =
                self.client.call_within(&mut retry, || Box::pin(request.clone().send())).await;
            let answer = match answer.map_err(|e| e.failure(ACTION, &table, self.client.deadline)) {
                Ok(answer) => answer,
                Err(failure) if failure.is_no_table() => return Ok(items),
                Err(failure) => return Err(failure.engine_error()),
            };
            for (table, found) in answer.responses.unwrap_or_default() {
                items.extend(found.into_iter().map(|item| (table.clone(), item)));
            }
            left = answer
                .unprocessed_keys
                .unwrap_or_default()
                .into_values()
                .flat_map(|keys| keys.keys)
                .collect();
            if left.is_empty() {
                return Ok(items);
            }
            if left.len() < asked {
                retry.renew(&self.client);
            }
            if !retry.pause().await {
                let message = format!("{} of {asked} keys stayed unprocessed", left.len());
                let failure = Failure::new(ACTION, &table, Class::Throttled, message);
                return Err(failure.engine_error());
            }
        }
    }

    /// Documents in the order of an index.
    pub(crate) async fn fetch_documents(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError> {
        let mut fetched = KeyFetched::default();
        let (mut lower, mut upper) = (fetch.lower.clone(), fetch.upper.clone());
        let (mut bytes, limit) = (0, fetch.limit as usize);
        let mut fruitless = 0;
        while fruitless < FETCH_ROUNDS_MAX {
            let left = fetch.bytes_max.saturating_sub(bytes).min(FETCH_BYTES);
            // As many as documents of the size so far fill it; none is known at first.
            let fitting = left * fetched.documents.len() / bytes.max(1);
            let wanted = fitting.clamp(READ_KEYS_MAX, FETCH_KEYS_MAX);
            let wanted = wanted.min(limit - fetched.documents.len());
            let range =
                Range { collection, index: fetch.index, lower: &lower, upper: upper.as_deref() };
            let part = self.entries(&range, fetch.reverse, wanted).await?;
            let key = |(_, id): &(Vec<u8>, DocumentId)| DocumentKey {
                collection: collection.clone(),
                id: id.clone(),
            };
            let keys: Vec<DocumentKey> = part.entries.iter().map(key).collect();
            let documents =
                if keys.is_empty() { Vec::new() } else { self.read_documents(&keys).await? };
            let before = fetched.documents.len();
            let mut last = None;
            let mut cut = false;
            for ((key, _), document) in part.entries.into_iter().zip(documents) {
                cut = !fetched.documents.is_empty() && bytes >= fetch.bytes_max;
                if cut {
                    break;
                }
                last = Some(key.clone());
                if let Some(document) = document {
                    bytes += document.body.len();
                    fetched.documents.push(KeyedDocument { key, document });
                }
            }
            fetched.exhausted = part.exhausted && !cut;
            let is_full = fetched.documents.len() >= limit || bytes >= fetch.bytes_max;
            if fetched.exhausted || cut || (is_full && !fetched.documents.is_empty()) {
                break;
            }
            fruitless = if fetched.documents.len() > before { 0 } else { fruitless + 1 };
            let Some(last) = last else { break };
            if fetch.reverse {
                upper = Some(last.clone());
            } else {
                lower.clone_from(&last);
                lower.push(0);
            }
            fetched.passed = Some(last);
        }
        if fetched.exhausted || !fetched.documents.is_empty() {
            fetched.passed = None;
        }
        Ok(fetched)
    }

    /// Every document of a table in any order, in pages.
    pub(crate) async fn scan_table(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        let table = self.names.table(collection);
        let start = after.map(|id| Item::from([(ID.to_owned(), text(id))]));
        let request = self
            .client
            .sdk
            .scan()
            .table_name(&table)
            .consistent_read(true)
            .limit(i32::try_from(limit.max(1)).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        let answer = self.client.call("Scan", &table, || Box::pin(request.clone().send())).await;
        let page = match answer {
            Ok(page) => page,
            Err(failure) if failure.is_no_table() => return Ok(ScanPage::default()),
            Err(failure) => return Err(failure.engine_error()),
        };
        let next = page.last_evaluated_key.as_ref().and_then(|key| as_text(key, ID));
        let next = next.map(str::to_owned);
        let items = page.items.unwrap_or_default();
        let mut scanned = ScanPage { next, ..ScanPage::default() };
        for item in items {
            let id = as_text(&item, ID).unwrap_or_default().to_owned();
            match codec::document(item) {
                Some(document) => scanned.documents.push(document),
                None => scanned.unreadable.push(id),
            }
        }
        Ok(scanned)
    }

    /// How many documents a collection has: what we counted, or what there is where other
    /// programs wrote alone.
    pub(crate) async fn count_documents(
        &self,
        collection: &CollectionName,
    ) -> Result<u64, EngineError> {
        match self.catalogued_one(collection).await? {
            Some(known) if known.entry.adopted || known.entry.deleting.is_some() => {
                Ok(known.documents)
            }
            _ => {
                let table = self.names.table(collection);
                Ok(self.count_table(&table).await?.unwrap_or_default())
            }
        }
    }

    /// Collections that have a document, those of other programs among them.
    pub(crate) async fn all_collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let mut collections = Vec::new();
        let mut known = HashSet::new();
        for Catalogued { entry, documents, .. } in self.catalogued().await? {
            if !entry.adopted && entry.deleting.is_none() {
                continue;
            }
            known.insert(entry.collection.clone());
            collections.push(CollectionInfo { name: entry.collection, documents });
        }
        let others = self.tables().await?;
        let others = others.into_iter().filter_map(|(table, named)| match named {
            Named::Collection(name) if !known.contains(&name) => Some((table, name)),
            _ => None,
        });
        let counted: Vec<Option<CollectionInfo>> = stream::iter(others)
            .map(|(table, name)| async move {
                if self.kind_of(&table).await? != TableKind::Collection {
                    return Ok(None);
                }
                // Counting again what a load has just written would read all of it.
                let documents = match self.count_loading(&name).await? {
                    Some(documents) => documents,
                    None => self.count_table(&table).await?.unwrap_or_default(),
                };
                Ok::<_, EngineError>(Some(CollectionInfo { name, documents }))
            })
            .buffer_unordered(READ_PARALLEL)
            .try_collect()
            .await?;
        collections.extend(counted.into_iter().flatten());
        collections.retain(|collection| collection.documents > 0);
        collections.sort_unstable_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        Ok(collections)
    }

    /// A page of a partition of the journal: sort keys from the first to the last, both included.
    pub(crate) async fn read_partition(
        &self,
        page: &PartitionPage<'_>,
    ) -> Result<(Vec<Item>, Option<Item>), EngineError> {
        let mut request = self
            .client
            .sdk
            .query()
            .table_name(&self.journal)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(page.pk))
            .expression_attribute_values(":first", codec::bytes(page.first))
            .expression_attribute_values(":last", codec::bytes(page.last))
            .scan_index_forward(!page.reverse)
            .set_limit(page.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(page.start.clone());
        request = match page.only {
            Wanted::All => request,
            Wanted::Keys => request.projection_expression("#pk, #sk"),
            Wanted::And(name) => request
                .projection_expression("#pk, #sk, #only")
                .expression_attribute_names("#only", name),
        };
        let answer =
            self.client.call("Query", &self.journal, || Box::pin(request.clone().send())).await;
        let answer = match answer {
            Ok(answer) => answer,
            // There is no journal; who needs one asks for the head first.
            Err(failure) if failure.is_no_table() => return Ok((Vec::new(), None)),
            Err(failure) => return Err(failure.engine_error()),
        };
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }
}
