//! Writing past the journal: whole loads, and documents with other keys.

use std::collections::{BTreeMap, HashMap, HashSet};

use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::{DocumentWrite, is_purged};
use isobase_types::{CollectionName, Sequence};
use tokio::time::Instant;

use crate::{
    bulk::{BulkAnswer, BulkRow, Edits},
    client::at_once,
    codec::{Found, document_text, tag_parts, tombstone_text},
    names::IDS,
    rows::Row,
    shared::{PARALLEL, Shared},
};

/// Documents of one request.
const ROWS_MAX: usize = 1_000;
/// Bytes of one request, unless one document has more.
const BYTES_MAX: usize = 2 << 20;
/// How often rows are looked at again that were there already.
const ROUNDS_MAX: usize = 8;

/// One document that is to be stored or deleted.
struct LoadRow {
    id: String,
    revision: Option<String>,
    attachments: Option<String>,
    document: Vec<u8>,
    is_deletion: bool,
}

impl LoadRow {
    fn of(write: &DocumentWrite) -> Self {
        let (revision, attachments) = match &write.before {
            Some(before) => {
                let (revision, attachments) = tag_parts(&before.tag);
                (Some(revision.to_owned()), attachments.map(str::to_owned))
            }
            None => (None, None),
        };
        Self {
            id: IDS.of(&write.key.id),
            revision,
            attachments,
            document: match &write.after {
                Some(after) => document_text(after),
                None => b"{\"_deleted\":true}".to_vec(),
            },
            is_deletion: write.after.is_none(),
        }
    }

    fn bulk_row(&self) -> BulkRow<'_> {
        BulkRow {
            id: &self.id,
            revision: self.revision.as_deref(),
            attachments: self.attachments.as_deref().filter(|_| !self.is_deletion),
            document: &self.document,
        }
    }
}

impl Shared {
    /// Stores and deletes documents as they are, whatever is there.
    pub(crate) async fn load(
        &self,
        writes: &[DocumentWrite],
        deadline: Instant,
    ) -> Result<(), EngineError> {
        let mut databases: BTreeMap<String, Vec<LoadRow>> = BTreeMap::new();
        for write in writes {
            let database = self.names.database(&write.key.collection);
            databases.entry(database).or_default().push(LoadRow::of(write));
        }
        let mut parts = Vec::new();
        for (database, rows) in databases {
            for part in divide(rows) {
                parts.push(self.load_part(database.clone(), part, deadline));
            }
        }
        at_once(PARALLEL, parts).await?;
        Ok(())
    }

    async fn load_part(
        &self,
        database: String,
        mut rows: Vec<LoadRow>,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        if rows.iter().any(|row| row.is_deletion && row.revision.is_none()) {
            self.look_up(&database, &mut rows, deadline).await?;
        }
        self.prepare_order(&database, stored_ids(&rows), deadline).await?;
        for _ in 0..ROUNDS_MAX {
            if rows.is_empty() {
                return Ok(());
            }
            let sent: Vec<BulkRow<'_>> = rows.iter().map(LoadRow::bulk_row).collect();
            match self.bulk(&database, Edits::New, &sent, deadline).await? {
                BulkAnswer::NoDatabase => {
                    self.forget_database(&database);
                    self.prepare_database(&database, deadline).await?;
                    self.prepare_order(&database, stored_ids(&rows), deadline).await?;
                }
                BulkAnswer::Done { conflicts, refused } => {
                    if let Some((id, complaint)) = refused.first() {
                        return Err(refused_error(&database, id, &complaint.reason));
                    }
                    let conflicts: HashSet<&str> = conflicts.iter().map(String::as_str).collect();
                    rows.retain(|row| conflicts.contains(row.id.as_str()));
                    self.look_up(&database, &mut rows, deadline).await?;
                }
            }
        }
        let message =
            format!("other programs write to the database '{database}' while it is loaded");
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    /// Learns the versions that rows replace; what is gone already need not be deleted.
    async fn look_up(
        &self,
        database: &str,
        rows: &mut Vec<LoadRow>,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let found = self.read_rows(database, &ids, true, None, deadline).await?;
        let mut found = found.unwrap_or_default().into_iter();
        rows.retain_mut(|row| match found.next() {
            Some(Row::Live { revision, document }) => {
                row.revision = Some(revision);
                row.attachments = document.and_then(|document| document.attachments);
                true
            }
            Some(Row::Deleted { revision }) => {
                row.revision = Some(revision);
                row.attachments = None;
                !row.is_deletion
            }
            Some(Row::Missing) | None => {
                row.revision = None;
                row.attachments = None;
                !row.is_deletion
            }
        });
        Ok(())
    }

    /// Deletes what a collection held up to a write, page by page, each with its own deadline.
    /// A document that changes meanwhile is looked at again: it may be a newer one, which stays.
    pub(crate) async fn purge(
        &self,
        collection: &CollectionName,
        to: Sequence,
    ) -> Result<(), EngineError> {
        let database = self.names.database(collection);
        let document = tombstone_text(to.0);
        let mut after: Option<String> = None;
        loop {
            let deadline = self.client.deadline();
            let page = self.scan_found(&database, after.as_deref(), ROWS_MAX, deadline).await?;
            let mut old = purged(page.found, to);
            for _ in 0..ROUNDS_MAX {
                if old.is_empty() {
                    break;
                }
                let rows = old.iter().map(|(id, revision)| BulkRow {
                    id,
                    revision: Some(revision),
                    attachments: None,
                    document: &document,
                });
                let rows: Vec<BulkRow<'_>> = rows.collect();
                let BulkAnswer::Done { conflicts, refused } =
                    self.bulk(&database, Edits::New, &rows, deadline).await?
                else {
                    return Ok(());
                };
                if let Some((id, complaint)) = refused.first() {
                    return Err(refused_error(&database, id, &complaint.reason));
                }
                let found = self.read_rows(&database, &conflicts, true, None, deadline).await?;
                let still = found.unwrap_or_default().into_iter().filter_map(|row| match row {
                    Row::Live { document: Some(found), .. } => Some(found),
                    _ => None,
                });
                old = purged(still, to);
            }
            if !old.is_empty() {
                let message = format!(
                    "other programs change documents of the database '{database}' faster than \
                     they can be deleted"
                );
                return Err(EngineError::new(ErrorKind::Unavailable, message));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Writes documents with other keys, each if it is as it was.
    pub(crate) async fn rekey(
        &self,
        writes: &[DocumentWrite],
        deadline: Instant,
    ) -> Result<Vec<bool>, EngineError> {
        let mut databases: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, write) in writes.iter().enumerate() {
            if write.before.is_some() && write.after.is_some() {
                let database = self.names.database(&write.key.collection);
                databases.entry(database).or_default().push(place);
            }
        }
        let mut done = vec![false; writes.len()];
        for (database, places) in databases {
            let rows: Vec<LoadRow> =
                places.iter().map(|place| LoadRow::of(&writes[*place])).collect();
            let place_of: HashMap<String, usize> =
                rows.iter().map(|row| row.id.clone()).zip(places).collect();
            self.prepare_order(&database, stored_ids(&rows), deadline).await?;
            for part in divide(rows) {
                let sent: Vec<BulkRow<'_>> = part.iter().map(LoadRow::bulk_row).collect();
                let BulkAnswer::Done { conflicts, refused } =
                    self.bulk(&database, Edits::New, &sent, deadline).await?
                else {
                    continue;
                };
                let failed: HashSet<&str> = conflicts
                    .iter()
                    .chain(refused.iter().map(|(id, _)| id))
                    .map(String::as_str)
                    .collect();
                for row in part.iter().filter(|row| !failed.contains(row.id.as_str())) {
                    if let Some(place) = place_of.get(&row.id) {
                        done[*place] = true;
                    }
                }
            }
        }
        Ok(done)
    }
}

fn refused_error(database: &str, id: &str, reason: &str) -> EngineError {
    let message = format!(
        "a validation function of the database '{database}' refused the document '{id}': {reason}"
    );
    EngineError::new(ErrorKind::Unexpected, message)
}

/// The ids and revisions of those that a purge deletes.
fn purged(found: impl IntoIterator<Item = Found>, to: Sequence) -> Vec<(String, String)> {
    let found = found.into_iter();
    let old = found.filter(|found| is_purged(found.stamp().map(Sequence), to));
    old.map(|found| (found.id, found.revision)).collect()
}

/// The ids under which rows are stored.
fn stored_ids(rows: &[LoadRow]) -> impl Iterator<Item = &str> {
    rows.iter().filter(|row| !row.is_deletion).map(|row| row.id.as_str())
}

/// Rows as requests.
fn divide(rows: Vec<LoadRow>) -> Vec<Vec<LoadRow>> {
    let mut parts: Vec<Vec<LoadRow>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let size = row.document.len();
        match parts.last_mut() {
            Some(part) if part.len() < ROWS_MAX && bytes + size <= BYTES_MAX => {
                bytes += size;
                part.push(row);
            }
            _ => {
                bytes = size;
                parts.push(vec![row]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_divided_by_number_and_size() {
        let rows = |count: usize, size: usize| -> Vec<LoadRow> {
            let row = |place: usize| LoadRow {
                id: place.to_string(),
                revision: None,
                attachments: None,
                document: vec![b'x'; size],
                is_deletion: false,
            };
            (0..count).map(row).collect()
        };
        let lengths = |rows| divide(rows).iter().map(Vec::len).collect::<Vec<_>>();
        assert!(divide(Vec::new()).is_empty());
        assert_eq!(lengths(rows(2_500, 10)), [1_000, 1_000, 500]);
        assert_eq!(lengths(rows(3, BYTES_MAX / 2)), [2, 1]);
        assert_eq!(lengths(rows(2, BYTES_MAX * 2)), [1, 1]);
    }
}
