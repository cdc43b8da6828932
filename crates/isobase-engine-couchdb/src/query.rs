//! Reading documents: by id, by the order of an index, all.

use std::{borrow::Cow, collections::HashMap, sync::atomic::Ordering};

use isobase_engine::EngineError;
use isobase_journal::{
    DocumentKey, IndexNumber, KeyFetch, KeyFetched, KeyedDocument, NativeDocument, ScanPage, Tree,
    WrittenPage,
};
use isobase_types::CollectionName;
use tokio::time::Instant;

use crate::{
    client::{Call, Intent, Reply, at_once, segment},
    codec::{Found, index_field, index_name, is_internal, quoted, quoted_list},
    databases::design_path,
    error::{Complaint, corrupted, in_doubt, strange},
    names::{IDS, ORDER, hex, unhex},
    shared::{PARALLEL, Shared},
};

/// Documents of one question by ids.
const KEYS_MAX: usize = 500;
/// Documents of one answer to a scan or to a listing.
const ROWS_MAX: usize = 2_000;
/// About what an answer with documents should have.
const ANSWER_BYTES: usize = 4 << 20;
/// Above this, an answer is asked for again in smaller parts. More than one largest document.
const ANSWER_BYTES_HIGH: usize = 24 << 20;
/// Keys of one answer when they are counted one by one.
const COUNTED_MAX: usize = 5_000;

impl Shared {
    /// Documents by their ids, in the order of the keys.
    pub(crate) async fn read(
        &self,
        keys: &[DocumentKey],
        deadline: Instant,
    ) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        if let [key] = keys
            && let Some(path) =
                document_path(&self.names.database(&key.collection), &IDS.of(&key.id))
        {
            return Ok(vec![self.read_one(path, deadline).await?]);
        }
        let mut places: HashMap<&CollectionName, Vec<usize>> = HashMap::new();
        for (place, key) in keys.iter().enumerate() {
            places.entry(&key.collection).or_default().push(place);
        }
        let rows = self.rows_for(ANSWER_BYTES, KEYS_MAX);
        let mut parts = Vec::new();
        for (collection, places) in &places {
            let database = self.names.database(collection);
            for part in places.chunks(rows) {
                parts.push(self.read_part(database.clone(), keys, part.to_vec(), deadline));
            }
        }
        let mut documents: Vec<Option<NativeDocument>> = keys.iter().map(|_| None).collect();
        for (place, document) in at_once(PARALLEL, parts).await?.into_iter().flatten() {
            documents[place] = document;
        }
        Ok(documents)
    }

    async fn read_one(
        &self,
        path: String,
        deadline: Instant,
    ) -> Result<Option<NativeDocument>, EngineError> {
        const WHAT: &str = "reading a document";
        let reply = self.client.send(&self.client.get(path, WHAT, deadline)).await?;
        match reply.status {
            404 => Ok(None),
            200 => {
                self.learn_size(1, reply.body.len());
                let found = Found::of(reply.tree(WHAT)?).ok_or_else(|| strange(WHAT))?;
                Ok(found.into_document())
            }
            _ => Err(self.client.refused(WHAT, &reply)),
        }
    }

    async fn read_part(
        &self,
        database: String,
        keys: &[DocumentKey],
        places: Vec<usize>,
        deadline: Instant,
    ) -> Result<Vec<(usize, Option<NativeDocument>)>, EngineError> {
        let mut documents = Vec::with_capacity(places.len());
        let mut waiting = vec![places];
        while let Some(places) = waiting.pop() {
            let ids: Vec<String> = places.iter().map(|place| IDS.of(&keys[*place].id)).collect();
            let bytes_max = if ids.len() > 1 { Some(ANSWER_BYTES_HIGH) } else { None };
            let Some(rows) = self.read_rows(&database, &ids, true, bytes_max, deadline).await?
            else {
                let (first, second) = places.split_at(places.len() / 2);
                waiting.extend([first.to_vec(), second.to_vec()]);
                continue;
            };
            let found = rows.into_iter().map(|row| match row {
                Row::Live { document: Some(found), .. } => found.into_document(),
                _ => None,
            });
            documents.extend(places.into_iter().zip(found));
        }
        Ok(documents)
    }

    /// What a database has under ids, in their order; none when the answer would be larger than
    /// allowed.
    pub(crate) async fn read_rows(
        &self,
        database: &str,
        ids: &[String],
        with_documents: bool,
        bytes_max: Option<usize>,
        deadline: Instant,
    ) -> Result<Option<Vec<Row>>, EngineError> {
        const WHAT: &str = "reading documents by their ids";
        let mut body = b"{\"keys\":".to_vec();
        body.extend(quoted_list(ids.iter().map(|id| Cow::Borrowed(id.as_str()))));
        body.push(b'}');
        let path = format!("/{}/_all_docs?include_docs={with_documents}", segment(database));
        let mut call = self.client.ask(path, body, WHAT, deadline);
        call.answer_bytes_max = bytes_max.unwrap_or(call.answer_bytes_max);
        let reply = match bytes_max {
            Some(_) => match self.client.send_bounded(&call).await? {
                Some(reply) => reply,
                None => return Ok(None),
            },
            None => self.client.send(&call).await?,
        };
        if reply.status == 404 {
            return Ok(Some(ids.iter().map(|_| Row::Missing).collect()));
        }
        let rows = rows_of(self.success(&call, reply)?, WHAT)?;
        if rows.len() != ids.len() {
            return Err(strange(WHAT));
        }
        rows.into_iter().map(|row| Row::of(row, WHAT)).collect::<Result<_, _>>().map(Some)
    }

    /// Documents by the order of an index.
    pub(crate) async fn fetch(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
        deadline: Instant,
    ) -> Result<KeyFetched, EngineError> {
        const WHAT: &str = "listing documents by an index";
        let database = self.names.database(collection);
        if fetch.index == ORDER
            && let Some(fetched) = self.fetch_unindexed(&database, fetch, deadline).await?
        {
            return Ok(fetched);
        }
        let limit = usize::try_from(fetch.limit).unwrap_or(usize::MAX).clamp(1, ROWS_MAX);
        let mut rows = self.rows_for(fetch.bytes_max, limit);
        let mut is_mended = false;
        loop {
            let path = format!("/{}/_find", segment(&database));
            let mut call = self.client.ask(path, find_body(fetch, rows), WHAT, deadline);
            if rows > 1 {
                call.answer_bytes_max = fetch.bytes_max.max(ANSWER_BYTES) + ANSWER_BYTES_HIGH;
            }
            let reply = match self.client.send_bounded(&call).await? {
                Some(reply) => reply,
                None if rows > 1 => {
                    rows = (rows / 4).max(1);
                    continue;
                }
                None => self.client.send(&call).await?,
            };
            match reply.status {
                404 => return Ok(KeyFetched { exhausted: true, ..KeyFetched::default() }),
                400 if !is_mended && names_index(&reply.complaint()) => {
                    is_mended = true;
                    if !self.mend_index(&database, fetch.index, deadline).await? {
                        return Ok(KeyFetched { exhausted: true, ..KeyFetched::default() });
                    }
                }
                _ => {
                    let bytes = reply.body.len();
                    let fetched = fetched(self.success(&call, reply)?, fetch.index, rows, WHAT)?;
                    self.learn_size(fetched.documents.len(), bytes);
                    return Ok(fetched);
                }
            }
        }
    }

    /// Makes an index again that somebody deleted, also with its database; false for a database
    /// that we never wrote to: reading makes nothing, and it has no keys.
    async fn mend_index(
        &self,
        database: &str,
        index: IndexNumber,
        deadline: Instant,
    ) -> Result<bool, EngineError> {
        let is_ours = self.prepared.lock().contains(database)
            || self.is_in_catalogue(database, deadline).await?;
        if is_ours {
            self.prepare_index(database, index, deadline).await?;
        }
        Ok(is_ours)
    }

    /// How many keys of an index lie in a range.
    pub(crate) async fn count_keys(
        &self,
        collection: &CollectionName,
        range: &KeyFetch,
        deadline: Instant,
    ) -> Result<u64, EngineError> {
        let database = self.names.database(collection);
        if range.index == ORDER
            && let Some(count) = self.count_unindexed(&database, range, deadline).await?
        {
            return Ok(count);
        }
        if !self.counts_one_by_one.load(Ordering::Relaxed)
            && let Some(count) = self.count_by_view(&database, range, deadline).await?
        {
            return Ok(count);
        }
        self.count_one_by_one(&database, range, deadline).await
    }

    /// A Mango index is a view with the reduction `_count`, so that CouchDB counts a range in its
    /// tree. None where the index is not there or the server does not show the view.
    async fn count_by_view(
        &self,
        database: &str,
        range: &KeyFetch,
        deadline: Instant,
    ) -> Result<Option<u64>, EngineError> {
        const WHAT: &str = "counting the keys of an index";
        let key = |key: &[u8]| segment(&format!("[\"{}\"]", hex(key)));
        let mut path = format!(
            "{}/_view/{}?reduce=true&inclusive_end=false&startkey={}",
            design_path(database, range.index),
            index_name(range.index),
            key(&range.lower)
        );
        if let Some(upper) = &range.upper {
            path.push_str("&endkey=");
            path.push_str(&key(upper));
        }
        let mut call = self.client.get(path, WHAT, deadline);
        call.has_another_way = true;
        let reply = self.client.send(&call).await?;
        if reply.status != 200 {
            // That the database or the design document is not there says nothing about views.
            let is_shown = reply.status == 404 && !reply.complaint().reason.contains("view");
            self.counts_one_by_one.fetch_or(!is_shown, Ordering::Relaxed);
            return Ok(None);
        }
        let rows = rows_of(reply.tree(WHAT)?, WHAT)?;
        match rows.first() {
            None => Ok(Some(0)),
            Some(row) => Ok(row.get("value").and_then(Tree::as_u64)),
        }
    }

    async fn count_one_by_one(
        &self,
        database: &str,
        range: &KeyFetch,
        deadline: Instant,
    ) -> Result<u64, EngineError> {
        const WHAT: &str = "counting the keys of an index";
        let mut part = KeyFetch { limit: 0, ..range.clone() };
        let (mut count, mut is_mended) = (0, false);
        loop {
            let mut body = find_body(&part, COUNTED_MAX);
            // Only the keys.
            body.pop();
            let field = index_field(range.index);
            body.extend(format!(",\"fields\":[\"{field}\"]}}").into_bytes());
            let path = format!("/{}/_find", segment(database));
            let call = self.client.ask(path, body, WHAT, deadline);
            let reply = self.client.send(&call).await?;
            if reply.status == 404 {
                return Ok(count);
            }
            if reply.status == 400 && !is_mended && names_index(&reply.complaint()) {
                is_mended = true;
                if !self.mend_index(database, range.index, deadline).await? {
                    return Ok(0);
                }
                continue;
            }
            let tree = self.success(&call, reply)?;
            let found = tree.get("docs").and_then(Tree::as_array).ok_or_else(|| strange(WHAT))?;
            count += found.len() as u64;
            let last = found.last().and_then(|last| key_of(last, range.index));
            match last {
                Some(mut last) if found.len() == COUNTED_MAX => {
                    // The next larger key is one byte longer at most.
                    last.push(0);
                    part.lower = last;
                }
                _ => return Ok(count),
            }
        }
    }

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

    /// What was written into a collection after a place in its `_changes`; without a place, the
    /// present one. None when there is no such database (any more).
    pub(crate) async fn written_since(
        &self,
        collection: &CollectionName,
        place: Option<&str>,
        limit: u32,
        deadline: Instant,
    ) -> Result<Option<WrittenPage>, EngineError> {
        const WHAT: &str = "reading what was written";
        let database = self.names.database(collection);
        let Some(place) = place else {
            let call = self.client.get(format!("/{}", segment(&database)), WHAT, deadline);
            let reply = self.client.send(&call).await?;
            if reply.status == 404 {
                return Ok(None);
            }
            let place = self.success(&call, reply)?.get("update_seq").map(place_text);
            let page = |place| WrittenPage { place, is_last: true, ..WrittenPage::default() };
            return place.map(|place| Some(page(place))).ok_or_else(|| strange(WHAT));
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut rows = self.rows_for(ANSWER_BYTES, limit.clamp(1, ROWS_MAX));
        loop {
            let path = format!(
                "/{}/_changes?include_docs=true&limit={rows}&since={}",
                segment(&database),
                segment(place)
            );
            let mut call = self.client.get(path, WHAT, deadline);
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
                return Err(strange(WHAT));
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
            return if page.place.is_empty() { Err(strange(WHAT)) } else { Ok(Some(page)) };
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

    /// The JSON of an answer that must be a success.
    pub(crate) fn success(&self, call: &Call<'_>, reply: Reply) -> Result<Tree, EngineError> {
        if reply.is_success() {
            return reply.tree(call.what).map_err(|error| match call.intent {
                Intent::Read => error,
                Intent::Write => in_doubt(error),
            });
        }
        Err(self.client.refused(call.what, &reply))
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

/// What a database has under an id.
pub(crate) enum Row {
    /// There was never a document.
    Missing,
    /// There is a tombstone.
    Deleted {
        /// Its version.
        revision: String,
    },
    /// There is a document.
    Live {
        /// Its version.
        revision: String,
        /// The document, if it was asked for.
        document: Option<Found>,
    },
}

impl Row {
    fn of(tree: Tree, what: &str) -> Result<Self, EngineError> {
        match tree.get("error").and_then(Tree::as_str) {
            None => {}
            Some("not_found") => return Ok(Self::Missing),
            // A part of a cluster did not answer: nobody knows what is there.
            Some(_) => {
                let complaint = Complaint::of_tree(&tree);
                let message = format!("CouchDB answered {} to {what}", complaint.error);
                return Err(EngineError::new(isobase_engine::ErrorKind::Unavailable, message));
            }
        }
        let Tree::Object(fields) = tree else { return Err(strange(what)) };
        let (mut revision, mut is_deleted, mut document) = (None, false, None);
        for (name, value) in fields {
            match name.as_str() {
                "value" => {
                    is_deleted = value.get("deleted") == Some(&Tree::Bool(true));
                    revision = value.get("rev").and_then(Tree::as_str).map(str::to_owned);
                }
                "doc" if value != Tree::Null => document = Found::of(value),
                _ => {}
            }
        }
        let revision = revision.ok_or_else(|| strange(what))?;
        Ok(match is_deleted {
            true => Self::Deleted { revision },
            false => Self::Live { revision, document },
        })
    }
}

/// The rows of an answer.
pub(crate) fn rows_of(tree: Tree, what: &str) -> Result<Vec<Tree>, EngineError> {
    match tree {
        Tree::Object(fields) => fields
            .into_iter()
            .find_map(|(name, value)| match value {
                Tree::Array(rows) if name == "rows" => Some(rows),
                _ => None,
            })
            .ok_or_else(|| strange(what)),
        _ => Err(strange(what)),
    }
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

/// The path of a document; none of `.` and `..`, which steps of a path are, whatever their
/// spelling (WHATWG URL, 4.4): they are asked for by their ids.
pub(crate) fn document_path(database: &str, id: &str) -> Option<String> {
    (!matches!(id, "." | "..")).then(|| journal_path(database, id))
}

/// The path of a document of the journal, or of another whose id is no step.
pub(crate) fn journal_path(database: &str, id: &str) -> String {
    format!("/{}/{}", segment(database), segment(id))
}

fn find_body(fetch: &KeyFetch, rows: usize) -> Vec<u8> {
    let (name, field) = (index_name(fetch.index), index_field(fetch.index));
    let upper = match &fetch.upper {
        Some(upper) => format!(",\"$lt\":\"{}\"", hex(upper)),
        None => String::new(),
    };
    let direction = if fetch.reverse { "desc" } else { "asc" };
    format!(
        "{{\"selector\":{{\"{field}\":{{\"$gte\":\"{}\"{upper}}}}},\
         \"sort\":[{{\"{field}\":\"{direction}\"}}],\
         \"use_index\":[\"isobase_{name}\",\"{name}\"],\"limit\":{rows}}}",
        hex(&fetch.lower)
    )
    .into_bytes()
}

/// Whether a refused question names a missing index. CouchDB 3.5: `no_usable_index` (measured,
/// 2026-11).
fn names_index(complaint: &Complaint) -> bool {
    complaint.error == "no_usable_index" || complaint.reason.contains("index")
}

fn key_of(document: &Tree, index: IndexNumber) -> Option<Vec<u8>> {
    let meta = document.get(isobase_journal::META_FIELD)?;
    unhex(meta.get("keys")?.get(&index_name(index))?.as_str()?)
}

fn fetched(
    tree: Tree,
    index: IndexNumber,
    rows: usize,
    what: &str,
) -> Result<KeyFetched, EngineError> {
    let Tree::Object(fields) = tree else { return Err(strange(what)) };
    let found = fields.into_iter().find(|(name, _)| name == "docs");
    let Some((_, Tree::Array(found))) = found else { return Err(strange(what)) };
    let mut fetched = KeyFetched { exhausted: found.len() < rows, ..KeyFetched::default() };
    for tree in found {
        let found = Found::of(tree).ok_or_else(|| strange(what))?;
        let key = found.key(index).ok_or_else(|| corrupted(format!("a key of {}", found.id)))?;
        fetched.passed = Some(key.clone());
        if let Some(document) = found.into_document() {
            fetched.documents.push(KeyedDocument { key, document });
        }
    }
    if !fetched.documents.is_empty() || fetched.exhausted {
        fetched.passed = None;
    }
    Ok(fetched)
}
