//! Entries of indexes, and the documents that they lead to.

use aws_sdk_dynamodb::types::Select;
use isobase_engine::EngineError;
use isobase_types::DocumentId;

use crate::{
    codec::{Item, as_bytes, bytes, text},
    database::DynamoDbDatabase,
    error::Failure,
    journal::{self, DOCUMENT, PK, SK, corrupted},
    limits::key_bounds,
    pages::PartitionPage,
    range::Range,
};

/// Entries of a range.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<(Vec<u8>, DocumentId)>,
    /// There are no more.
    pub(crate) exhausted: bool,
}

impl DynamoDbDatabase {
    /// At most `limit` entries of a range, at least one if there is one.
    pub(crate) async fn entries(
        &self,
        range: &Range<'_>,
        reverse: bool,
        limit: usize,
    ) -> Result<Entries, EngineError> {
        let generation = self.runs_of(range.collection);
        if range.index == 0 && generation > 0 {
            return self.entries_over_runs(range, generation, reverse, limit).await;
        }
        let Some((first, last)) = key_bounds(range.lower, range.upper) else {
            return Ok(Entries { entries: Vec::new(), exhausted: true });
        };
        let pk = journal::keys(range.collection, range.index);
        let mut page = PartitionPage {
            pk: &pk,
            first: &first,
            last: &last,
            reverse,
            limit: Some(limit.max(1)),
            ..PartitionPage::default()
        };
        loop {
            let (items, next) = self.read_partition(&page).await?;
            let exhausted = next.is_none();
            // What took a key away from runs that are no more says nothing.
            let entries = items.iter().filter(|item| !journal::is_taken_away(item)).map(read_entry);
            let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
            // An empty page is not the end.
            if !entries.is_empty() || exhausted {
                return Ok(Entries { entries, exhausted });
            }
            page.start = next;
        }
    }

    /// How many entries a range has.
    pub(crate) async fn count_entries(&self, range: &Range<'_>) -> Result<u64, EngineError> {
        let Some((first, last)) = key_bounds(range.lower, range.upper) else { return Ok(0) };
        let mut start = None;
        let mut entries = 0;
        loop {
            let request = self
                .client
                .sdk
                .query()
                .table_name(&self.journal)
                .consistent_read(true)
                .select(Select::Count)
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
                .filter_expression("attribute_exists(#document)")
                .expression_attribute_names("#document", DOCUMENT)
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(
                    ":pk",
                    text(journal::keys(range.collection, range.index)),
                )
                .expression_attribute_values(":first", bytes(first.as_slice()))
                .expression_attribute_values(":last", bytes(last.as_slice()))
                .set_exclusive_start_key(start);
            let page = self
                .client
                .call("Query", &self.journal, || Box::pin(request.clone().send()))
                .await
                .map_err(Failure::engine_error)?;
            entries += u64::try_from(page.count()).unwrap_or_default();
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
        }
    }
}

fn read_entry(item: &Item) -> Result<(Vec<u8>, DocumentId), EngineError> {
    let key = as_bytes(item, SK).ok_or_else(|| corrupted("an entry of an index"))?;
    Ok((key.to_vec(), journal::entry_id(item)?))
}
