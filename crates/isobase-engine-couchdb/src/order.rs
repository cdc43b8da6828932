//! The order of ids without an index.
//!
//! `_all_docs` has a database in the order of the bytes of its ids (CouchDB 3.5 documentation, views
//! collation: raw). That is the order of string ids that stand as they are. Integers have another
//! one there, `10` before `9`, and escaped ids too. An index of CouchDB is a design document, which
//! other programs meet in `_all_docs`: so a database gets the one of ids with the first id that needs
//! it, and none before.

use isobase_engine::{EngineError, listing::id_key};
use isobase_journal::{KeyFetch, KeyFetched, KeyedDocument};
use isobase_types::DocumentId;
use tokio::time::Instant;

use crate::{
    client::segment,
    codec::quoted,
    databases::design_path,
    names::{IDS, ORDER},
    scan::Part,
    shared::Shared,
};

/// The prefix of the key of a string id.
const TEXT: u8 = 2;

/// Whether an id has another place in `_all_docs` than in the order of ids.
pub(crate) fn needs_index(native: &str) -> bool {
    !matches!(IDS.read(native, None), Some(DocumentId::Text(text)) if *text == *native)
}

impl Shared {
    /// Makes the index of ids of a database, if one of these native ids needs it.
    pub(crate) async fn prepare_order<'a>(
        &self,
        database: &str,
        mut ids: impl Iterator<Item = &'a str>,
        deadline: Instant,
    ) -> Result<(), EngineError> {
        if self.ordered.lock().contains(database) || !ids.any(needs_index) {
            return Ok(());
        }
        self.make_order(database, deadline).await
    }

    async fn make_order(&self, database: &str, deadline: Instant) -> Result<(), EngineError> {
        self.prepare_index(database, ORDER, deadline).await?;
        self.ordered.lock().insert(database.to_owned());
        Ok(())
    }

    /// Whether a database has the index of ids. Another process may make it at any time.
    async fn has_order(&self, database: &str, deadline: Instant) -> Result<bool, EngineError> {
        const WHAT: &str = "looking for the index of ids";
        let call = self.client.get(design_path(database, ORDER), WHAT, deadline);
        let reply = self.client.send(&call).await?;
        match reply.status {
            200 => {
                self.ordered.lock().insert(database.to_owned());
                Ok(true)
            }
            404 => Ok(false),
            _ => Err(self.client.refused(WHAT, &reply)),
        }
    }

    /// Documents by the order of ids where the database has no index of them; `None` if it has one.
    pub(crate) async fn fetch_unindexed(
        &self,
        database: &str,
        fetch: &KeyFetch,
        deadline: Instant,
    ) -> Result<Option<KeyFetched>, EngineError> {
        if self.ordered.lock().contains(database) {
            return Ok(None);
        }
        let has_order = self.has_order(database, deadline);
        let (has_order, fetched) =
            tokio::try_join!(has_order, self.fetch_in_order(database, fetch, deadline))?;
        if has_order {
            return Ok(None);
        }
        if fetched.is_none() {
            // Somebody deleted the index.
            self.make_order(database, deadline).await?;
        }
        Ok(fetched)
    }

    /// `None` if an id of ours is met that needs the index.
    async fn fetch_in_order(
        &self,
        database: &str,
        fetch: &KeyFetch,
        deadline: Instant,
    ) -> Result<Option<KeyFetched>, EngineError> {
        let mut fetched = KeyFetched { exhausted: true, ..KeyFetched::default() };
        let Some(range) = range_of(fetch) else { return Ok(Some(fetched)) };
        let limit = usize::try_from(fetch.limit).unwrap_or(usize::MAX).max(1);
        let part = Part {
            range,
            limit: limit.saturating_add(usize::from(fetch.reverse)),
            // The first one may be the end of the range, which is not in it.
            rows_min: 1 + usize::from(fetch.reverse),
            bytes_max: fetch.bytes_max,
        };
        let page = self.read_range(database, &part, deadline).await?;
        for found in page.found {
            if needs_index(&found.id) {
                if found.stamp().is_some() {
                    return Ok(None);
                }
                // Another program's, which is yet to be taken in.
                continue;
            }
            let Some(document) = found.into_document() else { continue };
            let key = id_key(&document.id);
            let is_in = key >= fetch.lower && fetch.upper.as_ref().is_none_or(|upper| key < *upper);
            if is_in {
                fetched.documents.push(KeyedDocument { key, document });
            }
        }
        fetched.exhausted = page.next.is_none();
        if fetched.documents.is_empty() {
            fetched.passed = page.next.map(|last| text_key(&last));
        }
        Ok(Some(fetched))
    }

    /// Counts keys of the index of ids where there is none; `None` if there is one.
    pub(crate) async fn count_unindexed(
        &self,
        database: &str,
        range: &KeyFetch,
        deadline: Instant,
    ) -> Result<Option<u64>, EngineError> {
        let mut part = KeyFetch { limit: u32::MAX, bytes_max: usize::MAX, ..range.clone() };
        part.reverse = false;
        let mut count = 0;
        loop {
            let Some(fetched) = self.fetch_unindexed(database, &part, deadline).await? else {
                return Ok(None);
            };
            count += fetched.documents.len() as u64;
            let last = fetched.documents.last().map(|found| found.key.clone()).or(fetched.passed);
            match last {
                Some(mut last) if !fetched.exhausted => {
                    last.push(0);
                    part.lower = last;
                }
                _ => return Ok(Some(count)),
            }
        }
    }
}

/// The place of a native id in `_all_docs`, as a key: that of a string.
fn text_key(native: &str) -> Vec<u8> {
    id_key(&DocumentId::Text(native.into()))
}

/// The parameters of `_all_docs` for a range of keys, which may give more; `None` when no string is in
/// the range.
fn range_of(fetch: &KeyFetch) -> Option<String> {
    if fetch.upper.as_ref().is_some_and(|upper| *upper <= fetch.lower) {
        return None;
    }
    let first = match fetch.lower.split_first() {
        Some((&TEXT, rest)) => smallest(rest),
        Some((&tag, _)) if tag > TEXT => return None,
        _ => String::new(),
    };
    let last = match fetch.upper.as_ref().map(|upper| upper.split_first()) {
        None => None,
        Some(Some((&TEXT, rest))) if !rest.is_empty() => text_of(rest).map(str::to_owned),
        Some(Some((&tag, _))) if tag > TEXT => None,
        Some(_) => return None,
    };
    let (first, last) = (segment(&quoted(&first)), last.map(|last| segment(&quoted(&last))));
    Some(match (fetch.reverse, last) {
        (false, Some(last)) => format!("startkey={first}&endkey={last}"),
        (false, None) => format!("startkey={first}"),
        (true, Some(last)) => format!("descending=true&startkey={last}&endkey={first}"),
        (true, None) => format!("descending=true&endkey={first}"),
    })
}

/// The smallest id that can be in a range that begins with these bytes of a string's key.
fn smallest(rest: &[u8]) -> String {
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let text = match std::str::from_utf8(&rest[..end]) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
    };
    // After the end of a key begins what comes after the id: the next larger one is a byte longer.
    let is_after = rest.len() > end + 1;
    format!("{text}{}", if is_after { "\0" } else { "" })
}

/// The string of a key that is whole.
fn text_of(rest: &[u8]) -> Option<&str> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&rest[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(lower: &[u8], upper: Option<&[u8]>, reverse: bool) -> KeyFetch {
        let (lower, upper) = (lower.to_vec(), upper.map(<[u8]>::to_vec));
        KeyFetch { index: ORDER, lower, upper, reverse, limit: 1, bytes_max: 1 }
    }

    #[test]
    fn ids_out_of_order_need_an_index() {
        for native in ["7", "0", "isobase_id:_a"] {
            assert!(needs_index(native), "{native}");
        }
        for native in ["a", "7a", "007", "a/b", "user:files:x", "é", "isobase_id:a", "-", "-7"] {
            assert!(!needs_index(native), "{native}");
        }
    }

    #[test]
    fn ranges_of_keys_are_ranges_of_ids() {
        let key = |id: &str| text_key(id);
        let after = |id: &str| [text_key(id), vec![0]].concat();
        let cases = [
            (fetch(&[], None, false), Some("startkey=%22%22")),
            (fetch(&[], None, true), Some("descending=true&endkey=%22%22")),
            (fetch(&key("a"), None, false), Some("startkey=%22a%22")),
            (
                fetch(&after("a"), Some(&key("b")), false),
                Some("startkey=%22a%5Cu0000%22&endkey=%22b%22"),
            ),
            (
                fetch(&key("a"), Some(&after("b")), true),
                Some("descending=true&startkey=%22b%22&endkey=%22a%22"),
            ),
            (fetch(&[1, 0, 0], Some(&[1, 9]), false), None),
            (fetch(&[], Some(&[TEXT]), false), None),
            (fetch(&[3], None, false), None),
            (fetch(&key("b"), Some(&key("a")), false), None),
        ];
        for (fetch, expected) in cases {
            assert_eq!(range_of(&fetch).as_deref(), expected, "{fetch:?}");
        }
    }
}
