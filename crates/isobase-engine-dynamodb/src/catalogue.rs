//! The catalogue: every collection known to the journal, its indexes and its count.

use aws_sdk_dynamodb::types::AttributeValue;
use isobase_engine::{EngineError, IndexDefinition, IndexState};
use isobase_journal::{CatalogueEntry, IndexEntry};
use isobase_types::{CollectionName, Sequence};

use crate::{
    codec::{Item, as_integer, as_text, integer, text},
    database::DynamoDbDatabase,
    journal::{CATALOGUE, DOCUMENTS, PK, RUNS, corrupted, key},
};

impl DynamoDbDatabase {
    /// Every collection in the catalogue, with its count.
    pub(crate) async fn catalogued(&self) -> Result<Vec<Catalogued>, EngineError> {
        let mut all = Vec::new();
        let mut start = None;
        loop {
            let request = self
                .client
                .sdk
                .query()
                .table_name(&self.journal)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":pk", text(CATALOGUE))
                .set_exclusive_start_key(start);
            let page =
                self.client.call("Query", &self.journal, || Box::pin(request.clone().send())).await;
            let page = match page {
                Ok(page) => page,
                // There is no journal.
                Err(failure) if failure.is_no_table() => return Ok(all),
                Err(failure) => return Err(failure.engine_error()),
            };
            for item in page.items() {
                let known = read_entry(item)?;
                self.remember_runs(&known.entry.collection, known.runs);
                all.push(known);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(all);
            }
        }
    }

    /// One collection in the catalogue.
    pub(crate) async fn catalogued_one(
        &self,
        collection: &CollectionName,
    ) -> Result<Option<Catalogued>, EngineError> {
        let place = key(CATALOGUE, collection.as_str());
        let item = self.read_item(&self.journal, place).await?;
        let known = item.as_ref().map(read_entry).transpose()?;
        if let Some(known) = &known {
            self.remember_runs(collection, known.runs);
        }
        Ok(known)
    }
}

/// The attributes of a catalogue entry beside its key and its count.
pub(crate) fn entry_values(entry: &CatalogueEntry) -> [(&'static str, AttributeValue); 4] {
    let indexes = entry.indexes.iter().map(|index| {
        AttributeValue::M(Item::from([
            ("number".to_owned(), integer(index.number)),
            ("fields".to_owned(), text(index.definition.to_string())),
            ("ready".to_owned(), AttributeValue::Bool(index.state == IndexState::Ready)),
        ]))
    });
    let deleting = match entry.deleting {
        Some(sequence) => integer(sequence.0),
        None => AttributeValue::Null(true),
    };
    [
        ("collection", text(entry.collection.as_str())),
        ("indexes", AttributeValue::L(indexes.collect())),
        ("adopted", AttributeValue::Bool(entry.adopted)),
        ("deleting", deleting),
    ]
}

/// A collection in the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Catalogued {
    pub(crate) entry: CatalogueEntry,
    pub(crate) documents: u64,
    /// The count went below zero, by a mistake of ours.
    pub(crate) is_miscounted: bool,
    /// The generation of its runs of ids; 0 when it has none.
    pub(crate) runs: u64,
}

fn read_entry(item: &Item) -> Result<Catalogued, EngineError> {
    let read = || {
        let indexes = item.get("indexes")?.as_l().ok()?;
        let indexes = indexes.iter().map(|index| read_index(index.as_m().ok()?));
        let entry = CatalogueEntry {
            collection: CollectionName::new(as_text(item, "collection")?).ok()?,
            indexes: indexes.collect::<Option<_>>()?,
            adopted: *item.get("adopted")?.as_bool().ok()?,
            deleting: as_integer(item, "deleting").map(Sequence),
        };
        // A count below zero would be a mistake of ours; no one should fail for it.
        let counted = as_integer::<i64>(item, DOCUMENTS).unwrap_or_default();
        let documents = u64::try_from(counted).unwrap_or_default();
        let runs = as_integer(item, RUNS).unwrap_or_default();
        Some(Catalogued { entry, documents, is_miscounted: counted < 0, runs })
    };
    read().ok_or_else(|| corrupted("an entry of the catalogue"))
}

fn read_index(item: &Item) -> Option<IndexEntry> {
    let state = match item.get("ready")?.as_bool().ok()? {
        true => IndexState::Ready,
        false => IndexState::Building,
    };
    let definition = IndexDefinition::parse(as_text(item, "fields")?).ok()?;
    Some(IndexEntry { number: as_integer(item, "number")?, definition, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::alone;

    #[test]
    fn entries_are_read_back_as_written() {
        let definition = IndexDefinition::parse("unique(status,-at)").unwrap();
        let index = IndexEntry { number: 4, definition, state: IndexState::Building };
        let entry = CatalogueEntry {
            collection: CollectionName::new("users").unwrap(),
            indexes: vec![index],
            adopted: true,
            deleting: Some(Sequence(3)),
        };
        let mut item = key(CATALOGUE, "users");
        item.extend(entry_values(&entry).map(|(name, value)| (name.to_owned(), value)));
        item.insert(DOCUMENTS.to_owned(), integer(12));
        let read = read_entry(&item).unwrap();
        assert_eq!((read.entry, read.documents), (entry, 12));
        assert!(read_entry(&alone(CATALOGUE)).is_err());
    }
}
