//! Reading documents in the order of an index, and counting them.

use std::sync::atomic::Ordering;

use isobase_engine::EngineError;
use isobase_journal::{IndexNumber, KeyFetch, KeyFetched, KeyedDocument, Tree};
use isobase_types::{CollectionName, hex};
use tokio::time::Instant;

use crate::{
    client::segment,
    codec::{Found, index_field, index_name},
    databases::design_path,
    error::{Complaint, corrupted, strange},
    names::{ORDER, unhex},
    rows::rows_of,
    shared::Shared,
};

/// Documents of one answer to a scan or to a listing.
const ROWS_MAX: usize = 2_000;

/// Above this, an answer is asked for again in smaller parts. More than one largest document.
const ANSWER_BYTES_HIGH: usize = 24 << 20;

/// Keys of one answer when they are counted one by one.
const COUNTED_MAX: usize = 5_000;

/// About what an answer with documents should have.
const ANSWER_BYTES: usize = 4 << 20;

impl Shared {
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
    /// tree. `None` if the index is not there or the server does not show the view.
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
