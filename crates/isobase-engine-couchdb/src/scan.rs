//! Reading all documents of a database, and those written since a place.

use isobase_engine::EngineError;
use isobase_journal::{ScanPage, Tree, WrittenPage};
use isobase_types::CollectionName;
use tokio::time::Instant;

use crate::{
    client::segment,
    codec::{Found, is_internal, quoted},
    error::strange,
    rows::{Row, rows_of},
    shared::Shared,
};

/// Documents of one answer to a scan or to a listing.
const ROWS_MAX: usize = 2_000;

/// Above this, an answer is asked for again in smaller parts. More than one largest document.
const ANSWER_BYTES_HIGH: usize = 24 << 20;

/// About what an answer with documents should have.
const ANSWER_BYTES: usize = 4 << 20;

/// The work of [`Shared::written_since`] in its errors.
const WRITTEN: &str = "reading what was written";

impl Shared {
    /// Every document of a collection in the order of its native ids.
    pub(crate) async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
        deadline: Instant,
    ) -> Result<ScanPage, EngineError> {
        let database = self.names.database(collection);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let page = self.scan_found(&database, after, limit, deadline).await?;
        let mut scanned = ScanPage { next: page.next, ..ScanPage::default() };
        for found in page.found {
            let id = found.id.clone();
            match found.into_document() {
                Some(document) => scanned.documents.push(document),
                None => scanned.unreadable.push(id),
            }
        }
        Ok(scanned)
    }

    /// A page without rows that ends at the present place of a database.
    async fn present_place(
        &self,
        database: &str,
        deadline: Instant,
    ) -> Result<Option<WrittenPage>, EngineError> {
        let call = self.client.get(format!("/{}", segment(database)), WRITTEN, deadline);
        let reply = self.client.send(&call).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        let place = self.success(&call, reply)?.get("update_seq").map(place_text);
        let page = |place| WrittenPage { place, is_last: true, ..WrittenPage::default() };
        place.map(|place| Some(page(place))).ok_or_else(|| strange(WRITTEN))
    }

    /// The documents written into a collection after a place in its `_changes`; without a place, the
    /// present one. `None` if there is no such database (any more).
    pub(crate) async fn written_since(
        &self,
        collection: &CollectionName,
        place: Option<&str>,
        limit: u32,
        deadline: Instant,
    ) -> Result<Option<WrittenPage>, EngineError> {
        let database = self.names.database(collection);
        let Some(place) = place else { return self.present_place(&database, deadline).await };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = self.rows_for(ANSWER_BYTES, limit.clamp(1, ROWS_MAX));
        loop {
            let path = format!(
                "/{}/_changes?include_docs=true&limit={rows}&since={}",
                segment(&database),
                segment(place)
            );
            let mut call = self.client.get(path, WRITTEN, deadline);
            if rows > 1 {
                call.answer_bytes_max = ANSWER_BYTES_HIGH;
            }
            let reply = match self.client.send_bounded(&call).await? {
                Some(reply) => reply,
                None if rows > 1 => {
                    rows = (rows / 4).max(1);
                    continue;
                }
                None => self.client.send(&call).await?,
            };
            if reply.status == 404 {
                return Ok(None);
            }
            let Tree::Object(fields) = self.success(&call, reply)? else {
                return Err(strange(WRITTEN));
            };
            let mut page = WrittenPage::default();
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("last_seq", value) => page.place = place_text(&value),
                    ("results", Tree::Array(results)) => {
                        page.is_last = results.len() < rows;
                        for row in results {
                            take_written(row, &mut page);
                        }
                    }
                    _ => {}
                }
            }
            return if page.place.is_empty() { Err(strange(WRITTEN)) } else { Ok(Some(page)) };
        }
    }

    /// A page of all documents of a database, but for those that belong to the database itself.
    pub(crate) async fn scan_found(
        &self,
        database: &str,
        after: Option<&str>,
        limit: usize,
        deadline: Instant,
    ) -> Result<FoundPage, EngineError> {
        // The next larger id is one byte longer at most.
        let range = match after {
            Some(after) => format!("startkey={}", segment(&quoted(&format!("{after}\0")))),
            None => String::new(),
        };
        let part = Part { range, limit, rows_min: 1, bytes_max: ANSWER_BYTES };
        self.read_range(database, &part, deadline).await
    }

    /// A part of all documents of a database, but for those that belong to the database itself.
    pub(crate) async fn read_range(
        &self,
        database: &str,
        part: &Part,
        deadline: Instant,
    ) -> Result<FoundPage, EngineError> {
        const WHAT: &str = "reading documents in the order of their ids";
        let bytes_max = part.bytes_max.min(ANSWER_BYTES);
        let rows = self.rows_for(bytes_max, part.limit.clamp(1, ROWS_MAX));
        let mut rows = rows.max(part.rows_min);
        loop {
            let mut path =
                format!("/{}/_all_docs?include_docs=true&limit={rows}", segment(database));
            if !part.range.is_empty() {
                path.push('&');
                path.push_str(&part.range);
            }
            let mut call = self.client.get(path, WHAT, deadline);
            if rows > part.rows_min {
                call.answer_bytes_max = ANSWER_BYTES_HIGH;
            }
            let reply = match self.client.send_bounded(&call).await? {
                Some(reply) => reply,
                None if rows > part.rows_min => {
                    rows = (rows / 4).max(part.rows_min);
                    continue;
                }
                None => self.client.send(&call).await?,
            };
            if reply.status == 404 {
                return Ok(FoundPage::default());
            }
            let bytes = reply.body.len();
            let trees = rows_of(self.success(&call, reply)?, WHAT)?;
            self.learn_size(trees.len(), bytes);
            let is_last = trees.len() < rows;
            let mut page = FoundPage::default();
            for tree in trees {
                let id = tree.get("id").and_then(Tree::as_str).ok_or_else(|| strange(WHAT))?;
                page.next = Some(id.to_owned());
                if is_internal(id) {
                    continue;
                }
                // A row without a document was deleted while the answer was made.
                if let Row::Live { document: Some(found), .. } = Row::of(tree, WHAT)? {
                    page.found.push(found);
                }
            }
            if is_last {
                page.next = None;
            }
            return Ok(page);
        }
    }
}

/// Which part of a database is read by `_all_docs`.
pub(crate) struct Part {
    /// Parameters that bound the ids; none for all of it.
    pub(crate) range: String,
    /// Most documents.
    pub(crate) limit: usize,
    /// Rows that are asked for however large documents are.
    pub(crate) rows_min: usize,
    /// About what the answer should have in bytes.
    pub(crate) bytes_max: usize,
}

/// A part of a database.
#[derive(Default)]
pub(crate) struct FoundPage {
    pub(crate) found: Vec<Found>,
    /// The last id, when there may be more.
    pub(crate) next: Option<String>,
}

/// Adds a row of `_changes` to what was written.
fn take_written(row: Tree, page: &mut WrittenPage) {
    let Tree::Object(fields) = row else { return };
    let is_deleted =
        fields.iter().any(|(name, value)| name == "deleted" && *value == Tree::Bool(true));
    let document = fields.into_iter().find(|(name, _)| name == "doc");
    let Some(found) = document.and_then(|(_, document)| Found::of(document)) else { return };
    if is_deleted || is_internal(&found.id) {
        return;
    }
    let id = found.id.clone();
    match found.into_document() {
        Some(document) => page.documents.push(document),
        None => page.unreadable.push(id),
    }
}

/// A place in `_changes`. CouchDB 2 and later make it a string, others a number.
fn place_text(place: &Tree) -> String {
    place.as_str().map_or_else(|| place.to_text(), str::to_owned)
}
