//! Deleting a collection while newer documents are written to it.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::{delete_item::DeleteItemError, update_item::UpdateItemError},
    types::{ConditionCheck, Delete, Put, TransactWriteItem},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::EngineError;
use isobase_journal::{BEYOND_SEQUENCES, DocumentKey, IndexEntry, META_FIELD, is_purged};
use isobase_types::{CollectionName, DocumentId, Sequence};

use crate::{
    codec::{self, ID, Item, REVISION, as_text, integer, text},
    database::DynamoDbDatabase,
    guarded::Guarded,
    journal::{self, CATALOGUE, DOCUMENT, RUNS},
    load::{FIRST, LAST},
    pages::PartitionPage,
    transact::malformed,
};

/// Deletions that are under way at a time.
const DELETE_PARALLEL: usize = 16;
/// Ids and entries that are looked at together: a page of them may have tens of thousands.
const LOOK_MAX: usize = 500;

impl DynamoDbDatabase {
    /// Deletes the documents of a collection that belong to its deletion, then the entries that
    /// are left without a document. The other way round, a document could lose its place in the
    /// listings.
    pub(crate) async fn purge_collection(
        &self,
        collection: &CollectionName,
        to: Sequence,
    ) -> Result<(), EngineError> {
        self.purge_documents(&self.names.table(collection), to).await?;
        let known = self.catalogued_one(collection).await?;
        if let Some(known) = known.as_ref().filter(|known| known.runs > 0) {
            self.purge_runs(collection, known.runs).await?;
        }
        let indexes = known.map(|known| known.entry.indexes).unwrap_or_default();
        for index in [0].into_iter().chain(indexes.iter().flat_map(IndexEntry::numbers)) {
            self.purge_entries(collection, index).await?;
        }
        Ok(())
    }

    async fn purge_documents(&self, table: &str, to: Sequence) -> Result<(), EngineError> {
        let mut start = None;
        loop {
            let request = self
                .client
                .sdk
                .scan()
                .table_name(table)
                .consistent_read(true)
                .projection_expression("#id, #meta.#revision")
                .expression_attribute_names("#id", ID)
                .expression_attribute_names("#meta", META_FIELD)
                .expression_attribute_names("#revision", REVISION)
                .set_exclusive_start_key(start);
            let answer = self.client.call("Scan", table, || Box::pin(request.clone().send())).await;
            let page = match answer {
                Ok(page) => page,
                Err(failure) if failure.is_no_table() => return Ok(()),
                Err(failure) => return Err(failure.engine_error()),
            };
            let stamp = |item: &Item| codec::stamp(item).and_then(|it| it.parse().ok());
            let gone = page.items.unwrap_or_default().into_iter();
            let gone = gone.filter(|item| is_purged(stamp(item).map(Sequence), to));
            stream::iter(gone.filter_map(|item| as_text(&item, ID).map(str::to_owned)))
                .map(|id| self.purge_document(table, id, to))
                .buffer_unordered(DELETE_PARALLEL)
                .try_collect::<()>()
                .await?;
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    async fn purge_document(
        &self,
        table: &str,
        id: String,
        to: Sequence,
    ) -> Result<(), EngineError> {
        let request = self
            .client
            .sdk
            .delete_item()
            .table_name(table)
            .key(ID, text(id))
            .condition_expression(
                "attribute_not_exists(#meta.#revision) OR #meta.#revision <= :to OR \
                 #meta.#revision >= :beyond",
            )
            .expression_attribute_names("#meta", META_FIELD)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":to", integer(to.0))
            .expression_attribute_values(":beyond", integer(BEYOND_SEQUENCES.0));
        let answer = self
            .client
            .call::<_, DeleteItemError>("DeleteItem", table, || Box::pin(request.clone().send()))
            .await;
        match answer {
            Ok(_) => Ok(()),
            // It was written anew meanwhile, and stays.
            Err(failure) if failure.is_condition() => Ok(()),
            Err(failure) => Err(failure.engine_error()),
        }
    }

    /// Gives the documents that stay entries of their own, and deletes the runs.
    async fn purge_runs(
        &self,
        collection: &CollectionName,
        generation: u64,
    ) -> Result<(), EngineError> {
        let mut start = None;
        loop {
            let (run, next) = self.runs_page(collection, generation, start).await?;
            for part in run.chunks(LOOK_MAX) {
                self.list_anew(collection, part).await?;
            }
            start = next;
            if start.is_none() {
                break;
            }
        }
        self.delete_runs(collection, generation).await?;
        let request = self
            .client
            .sdk
            .update_item()
            .table_name(&self.journal)
            .set_key(Some(journal::key(CATALOGUE, collection.as_str())))
            .update_expression("REMOVE #runs")
            .condition_expression("attribute_exists(#runs)")
            .expression_attribute_names("#runs", RUNS);
        let answer = self
            .client
            .call::<_, UpdateItemError>("UpdateItem", &self.journal, || {
                Box::pin(request.clone().send())
            })
            .await;
        match answer {
            Ok(_) => {}
            // Another process was faster.
            Err(failure) if failure.is_condition() => {}
            Err(failure) => return Err(failure.engine_error()),
        }
        self.remember_runs(collection, 0);
        Ok(())
    }

    /// Gives those of some ids entries of their own that have a document.
    async fn list_anew(
        &self,
        collection: &CollectionName,
        ids: &[(Vec<u8>, String)],
    ) -> Result<(), EngineError> {
        let of_id = |(key, id): &(Vec<u8>, String)| {
            let id = DocumentId::parse(id).ok()?;
            Some((key.clone(), DocumentKey { collection: collection.clone(), id }))
        };
        let (keys, documents): (Vec<Vec<u8>>, Vec<DocumentKey>) =
            ids.iter().filter_map(of_id).unzip();
        let there = self.which_exist(&documents).await?;
        let stay = keys.iter().zip(documents).zip(there).filter(|(_, is_there)| *is_there);
        let guarded: Result<Vec<Guarded>, BuildError> = stay
            .map(|((key, document), _)| {
                let check = self.exists(collection, &document.id)?;
                let entry = journal::entry(collection, 0, key, &document.id);
                let put = Put::builder().table_name(&self.journal).set_item(Some(entry));
                let effect = TransactWriteItem::builder().put(put.build()?).build();
                Ok(Guarded { document, check, effects: vec![effect] })
            })
            .collect();
        self.carry_out(guarded.map_err(malformed)?).await?;
        Ok(())
    }

    /// Deletes the entries of an index that have no document.
    async fn purge_entries(
        &self,
        collection: &CollectionName,
        index: u32,
    ) -> Result<(), EngineError> {
        let pk = journal::keys(collection, index);
        let mut start = None;
        loop {
            let page = PartitionPage {
                pk: &pk,
                first: FIRST,
                last: LAST,
                start,
                ..PartitionPage::default()
            };
            let (items, next) = self.read_partition(&page).await?;
            let mut entries = Vec::with_capacity(items.len());
            for item in items {
                if journal::is_taken_away(&item) {
                    self.purge_taken_away(item).await?;
                    continue;
                }
                let id = journal::entry_id(&item)?;
                entries.push((DocumentKey { collection: collection.clone(), id }, item));
            }
            for part in entries.chunks(LOOK_MAX) {
                self.purge_alone(part).await?;
            }
            start = next;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// Deletes those of some entries that have no document.
    async fn purge_alone(&self, entries: &[(DocumentKey, Item)]) -> Result<(), EngineError> {
        let keys: Vec<DocumentKey> = entries.iter().map(|(key, _)| key.clone()).collect();
        let there = self.which_exist(&keys).await?;
        let alone = entries.iter().zip(there).filter(|(_, is_there)| !is_there);
        let guarded: Result<Vec<Guarded>, BuildError> = alone
            .map(|((key, item), _)| {
                let check = self.missing(&key.collection, &key.id)?;
                let delete = Delete::builder()
                    .table_name(&self.journal)
                    .set_key(Some(journal::key_of(item.clone())))
                    .build()?;
                let effect = TransactWriteItem::builder().delete(delete).build();
                Ok(Guarded { document: key.clone(), check, effects: vec![effect] })
            })
            .collect();
        self.carry_out(guarded.map_err(malformed)?).await?;
        Ok(())
    }

    /// Deletes an entry that took a key away from runs that are no more.
    async fn purge_taken_away(&self, item: Item) -> Result<(), EngineError> {
        let request = self
            .client
            .sdk
            .delete_item()
            .table_name(&self.journal)
            .set_key(Some(journal::key_of(item)))
            .condition_expression("attribute_not_exists(#document)")
            .expression_attribute_names("#document", DOCUMENT);
        let answer = self
            .client
            .call::<_, DeleteItemError>("DeleteItem", &self.journal, || {
                Box::pin(request.clone().send())
            })
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_condition() => Ok(()),
            Err(failure) => Err(failure.engine_error()),
        }
    }

    /// That there is a document.
    fn exists(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<TransactWriteItem, BuildError> {
        self.presence(collection, id, "attribute_exists(#id)")
    }

    /// That there is no document.
    fn missing(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<TransactWriteItem, BuildError> {
        self.presence(collection, id, "attribute_not_exists(#id)")
    }

    fn presence(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
        condition: &str,
    ) -> Result<TransactWriteItem, BuildError> {
        let check = ConditionCheck::builder()
            .table_name(self.names.table(collection))
            .key(ID, text(id.to_string()))
            .condition_expression(condition)
            .expression_attribute_names("#id", ID)
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Which documents there are. Of each only its id is read, however large it is.
    async fn which_exist(&self, keys: &[DocumentKey]) -> Result<Vec<bool>, EngineError> {
        let place = |key: &DocumentKey| (self.names.table(&key.collection), key.id.to_string());
        let mut wanted: HashMap<String, Vec<Item>> = HashMap::new();
        for (table, id) in keys.iter().map(place).collect::<HashSet<_>>() {
            wanted.entry(table).or_default().push(Item::from([(ID.to_owned(), text(id))]));
        }
        let found = self.read_items(wanted, Some(ID)).await?;
        let found = found
            .iter()
            .filter_map(|(table, item)| as_text(item, ID).map(|id| (table.clone(), id.to_owned())));
        let found: HashSet<_> = found.collect();
        Ok(keys.iter().map(|key| found.contains(&place(key))).collect())
    }
}
