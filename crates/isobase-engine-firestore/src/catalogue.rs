//! The catalogue: every collection known to the journal, and its indexes.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::{EngineError, IndexDefinition, IndexState};
use isobase_journal::{CatalogueEntry, IndexEntry};
use isobase_types::{CollectionName, Sequence};

use crate::{
    codec, database::FirestoreDatabase, fields::Fields, journal::corrupted, limits, writes,
};

impl FirestoreDatabase {
    /// All entries.
    pub(crate) async fn entries(&self) -> Result<Vec<CatalogueEntry>, EngineError> {
        let native = self.requests.names.catalogue();
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            const PAGE: u32 = 1_000;
            let query = self.by_name(&native, after.as_deref()).at_most(PAGE).build();
            let found = self.requests.query(&query, limits::SCAN_BYTES_MAX).await?;
            let is_last = !found.cut && found.documents.len() < PAGE as usize;
            after = writes::last_id(&found.documents);
            for document in found.documents {
                entries.push(entry_of(&document.fields)?);
            }
            if is_last {
                return Ok(entries);
            }
        }
    }
}

pub(crate) fn entry_fields(entry: &CatalogueEntry) -> Fields {
    let deleting = match entry.deleting {
        Some(sequence) => codec::unsigned(sequence.0),
        None => codec::value(&isobase_journal::Tree::Null),
    };
    Fields::from([
        ("collection".to_owned(), codec::string(entry.collection.as_str())),
        ("indexes".to_owned(), codec::array(entry.indexes.iter().map(index_value).collect())),
        ("adopted".to_owned(), codec::boolean(entry.adopted)),
        ("deleting".to_owned(), deleting),
    ])
}

fn index_value(index: &IndexEntry) -> proto::Value {
    let state = match index.state {
        IndexState::Building => "building",
        IndexState::Ready => "ready",
    };
    codec::map(Fields::from([
        ("number".to_owned(), codec::integer(i64::from(index.number))),
        ("fields".to_owned(), codec::string(index.definition.to_string())),
        ("state".to_owned(), codec::string(state)),
    ]))
}

pub(crate) fn entry_of(fields: &Fields) -> Result<CatalogueEntry, EngineError> {
    let read = || {
        let name = codec::string_of(fields.get("collection")?)?;
        let indexes = codec::array_of(fields.get("indexes")?)?.iter().map(index_of);
        let deleting = codec::integer_of(fields.get("deleting")?);
        Some(CatalogueEntry {
            collection: CollectionName::new(name).ok()?,
            indexes: indexes.collect::<Option<_>>()?,
            adopted: codec::boolean_of(fields.get("adopted")?)?,
            deleting: deleting.map(u64::try_from).transpose().ok()?.map(Sequence),
        })
    };
    read().ok_or_else(|| corrupted("an entry of isobase_collections"))
}

fn index_of(value: &proto::Value) -> Option<IndexEntry> {
    let fields = codec::map_of(value)?;
    let definition = codec::string_of(fields.get("fields")?)?;
    let state = match codec::string_of(fields.get("state")?)? {
        "ready" => IndexState::Ready,
        "building" => IndexState::Building,
        _ => return None,
    };
    Some(IndexEntry {
        number: u32::try_from(codec::integer_of(fields.get("number")?)?).ok()?,
        definition: IndexDefinition::parse(definition).ok()?,
        state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let definition = IndexDefinition::parse("unique(status,-a.b)").unwrap();
        let index = IndexEntry { number: 3, definition, state: IndexState::Building };
        for deleting in [None, Some(Sequence(5))] {
            let collection = CollectionName::new("agents").unwrap();
            let entry = CatalogueEntry {
                collection,
                indexes: vec![index.clone()],
                adopted: true,
                deleting,
            };
            assert_eq!(entry_of(&entry_fields(&entry)).unwrap(), entry);
        }
    }
}
