//! Deleting what other programs' writes left in the journal.

use aws_sdk_dynamodb::{
    error::BuildError,
    types::{ConditionCheck, Delete, TransactWriteItem, Update},
};
use isobase_engine::EngineError;
use isobase_journal::{
    Before, DocumentKey, DocumentWrite, IndexKey, IndexNumber, KeysOf, NativeDocument,
};
use isobase_types::{CollectionName, DocumentId};

use crate::{
    catalogue::Catalogued,
    codec::integer,
    database::DynamoDbDatabase,
    guarded::Guarded,
    journal::{self, CATALOGUE, DOCUMENTS, HEAD},
    range::Range,
    transact::{Transacted, malformed},
};

/// Entries looked at together.
const ENTRIES: usize = 500;
/// How often counting anew is tried beside others that write.
const COUNTS_MAX: usize = 5;

impl DynamoDbDatabase {
    /// Deletes entries whose document is gone or has another key, and counts anew.
    pub(crate) async fn sweep_collection(
        &self,
        collection: &CollectionName,
        keys_of: KeysOf<'_>,
    ) -> Result<(), EngineError> {
        let Some(known) = self.catalogued_one(collection).await? else { return Ok(()) };
        if known.entry.deleting.is_some() {
            return Ok(());
        }
        let declared = known.entry.indexes.iter().map(|index| index.number);
        for index in [0].into_iter().chain(declared) {
            self.sweep_index(collection, index, keys_of).await?;
        }
        self.count_anew(collection).await
    }

    async fn sweep_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        keys_of: KeysOf<'_>,
    ) -> Result<(), EngineError> {
        let mut lower = Vec::new();
        loop {
            let range = Range { collection, index, lower: &lower, upper: None };
            let part = self.entries(&range, false, ENTRIES).await?;
            let Some((last, _)) = part.entries.last() else { return Ok(()) };
            lower = [last.as_slice(), &[0]].concat();
            let of_id =
                |id: &DocumentId| DocumentKey { collection: collection.clone(), id: id.clone() };
            let keys: Vec<DocumentKey> = part.entries.iter().map(|(_, id)| of_id(id)).collect();
            let documents = self.read_documents(&keys).await?;
            let mut stale = Vec::new();
            for ((key, document), (entry, _)) in keys.into_iter().zip(documents).zip(&part.entries)
            {
                let has_key = |document: &NativeDocument| {
                    let entry = IndexKey { index, key: entry.clone() };
                    keys_of(document).contains(&entry)
                };
                if !document.as_ref().is_some_and(has_key) {
                    stale.push(self.stale(key, document, index, entry).map_err(malformed)?);
                }
            }
            self.carry_out(stale).await?;
            if part.exhausted {
                return Ok(());
            }
        }
    }

    /// Deletes an entry while its document is as it was read.
    fn stale(
        &self,
        key: DocumentKey,
        document: Option<NativeDocument>,
        index: IndexNumber,
        entry: &[u8],
    ) -> Result<Guarded, BuildError> {
        let effect = if index == 0 {
            self.unlisting(&key.collection, entry)?
        } else {
            let entry = journal::key(journal::keys(&key.collection, index), entry);
            let delete =
                Delete::builder().table_name(&self.journal).set_key(Some(entry)).build()?;
            TransactWriteItem::builder().delete(delete).build()
        };
        let before = document.map(|it| Before { tag: it.tag, stamp: None, keys: Vec::new() });
        let write = DocumentWrite { key, before, after: None };
        let check = self.check_item(&write)?;
        Ok(Guarded { document: write.key, check, effects: vec![effect] })
    }

    /// Sets the count to what there is. When others write all the time it stays as it was.
    async fn count_anew(&self, collection: &CollectionName) -> Result<(), EngineError> {
        for _ in 0..COUNTS_MAX {
            let head = self.read_head().await?;
            let range = Range { collection, index: 0, lower: &[], upper: None };
            let documents = match self.runs_of(collection) {
                0 => self.count_entries(&range).await?,
                generation => self.count_over_runs(&range, generation).await?,
            };
            // A caller that only reads need not be allowed to write.
            let is_true = |known: Catalogued| known.documents == documents && !known.is_miscounted;
            let known = self.catalogued_one(collection).await?;
            if known.is_some_and(is_true) && self.read_head().await?.commit == head.commit {
                return Ok(());
            }
            let items = [
                ConditionCheck::builder()
                    .table_name(&self.journal)
                    .set_key(Some(journal::alone(HEAD)))
                    .condition_expression("#commit = :commit")
                    .expression_attribute_names("#commit", "commit")
                    .expression_attribute_values(":commit", integer(head.commit))
                    .build()
                    .map(|check| TransactWriteItem::builder().condition_check(check).build()),
                Update::builder()
                    .table_name(&self.journal)
                    .set_key(Some(journal::key(CATALOGUE, collection.as_str())))
                    .update_expression("SET #documents = :documents")
                    .expression_attribute_names("#documents", DOCUMENTS)
                    .expression_attribute_values(":documents", integer(documents))
                    .build()
                    .map(|update| TransactWriteItem::builder().update(update).build()),
            ];
            let items: Result<Vec<_>, BuildError> = items.into_iter().collect();
            if let Transacted::Done = self.transact(items.map_err(malformed)?).await? {
                return Ok(());
            }
        }
        tracing::debug!("{collection} was written to all the time and not counted anew");
        Ok(())
    }
}
