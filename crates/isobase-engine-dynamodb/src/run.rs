//! A run: sorted ids in one item.

use isobase_engine::EngineError;
use isobase_types::CollectionName;

use crate::{
    codec::{Item, as_bytes},
    journal::{self, SK, corrupted},
};

/// Ids of one run: a page of a listing reads one or two of them.
pub(crate) const RUN_IDS_MAX: usize = 2_000;

pub(crate) const RUN_BYTES_MAX: usize = 48 << 10;

pub(crate) const KEYS: &str = "keys";

pub(crate) const COUNT: &str = "count";

pub(crate) const GONE: &str = "gone";

/// A key of the index of the ids, and whose it is.
pub(crate) type Id = (Vec<u8>, String);

/// Which runs a collection has; 0 is none.
pub(crate) type Generation = u64;

pub(crate) fn loading(collection: &CollectionName) -> String {
    format!("loading/{collection}")
}

pub(crate) fn ids(collection: &CollectionName, generation: Generation) -> String {
    format!("ids/{collection}/{generation}")
}

/// A key, and whose it is; no one's where an entry takes it away.
pub(crate) type Place = (Vec<u8>, Option<String>);

/// The content of an item of an index: a run, or an entry.
pub(crate) fn places(item: &Item) -> Result<Vec<Place>, EngineError> {
    if let Some(packed) = as_bytes(item, KEYS) {
        let all = unpacked(packed).ok_or_else(|| corrupted("a run of ids"))?;
        return Ok(all.into_iter().map(|(key, id)| (key, Some(id))).collect());
    }
    let key = as_bytes(item, SK).ok_or_else(|| corrupted("an entry of an index"))?.to_vec();
    let id = match journal::is_taken_away(item) {
        true => None,
        false => Some(journal::entry_id(item)?.to_string()),
    };
    Ok(vec![(key, id)])
}

/// The trace of one call of a load, and when.
pub(crate) fn read_loaded(item: &Item) -> Result<(u64, Vec<Place>), EngineError> {
    let read = || {
        let generation = as_bytes(item, SK)?.last_chunk::<8>()?;
        let gone = item.contains_key(GONE);
        let all = unpacked(as_bytes(item, KEYS)?)?;
        let all = all.into_iter().map(|(key, id)| (key, (!gone).then_some(id)));
        Some((u64::from_be_bytes(*generation), all.collect()))
    };
    read().ok_or_else(|| corrupted("what a load left"))
}

/// Sorted ids in parts that fit a run.
pub(crate) fn parts(all: Vec<Id>) -> Vec<Vec<Id>> {
    let mut parts: Vec<Vec<Id>> = Vec::new();
    let mut bytes = RUN_BYTES_MAX;
    for id in all {
        let more = id_bytes(&id);
        let is_full = parts.last().is_none_or(|part| part.len() == RUN_IDS_MAX);
        if is_full || bytes + more > RUN_BYTES_MAX {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += more;
        if let Some(part) = parts.last_mut() {
            part.push(id);
        }
    }
    parts
}

pub(crate) fn id_bytes((key, id): &Id) -> usize {
    4 + key.len() + id.len()
}

/// Each key and id after its length in two bytes.
pub(crate) fn packed(run: &[Id]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(run.iter().map(id_bytes).sum());
    for (key, id) in run {
        for part in [key.as_slice(), id.as_bytes()] {
            // Keys have at most 1,024 bytes, ids 1,500.
            packed.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            packed.extend_from_slice(part);
        }
    }
    packed
}

fn unpacked(mut rest: &[u8]) -> Option<Vec<Id>> {
    let mut take = || -> Option<Option<Vec<u8>>> {
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            return rest.is_empty().then_some(None);
        };
        let (part, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        Some(Some(part.to_vec()))
    };
    let mut run = Vec::new();
    while let Some(key) = take()? {
        run.push((key, String::from_utf8(take()??).ok()?));
    }
    Some(run)
}

/// Bytes that sort as the key does, whatever follows them.
pub(crate) fn sortable(key: &[u8]) -> Vec<u8> {
    let mut sortable = Vec::with_capacity(key.len() + 12);
    for byte in key {
        sortable.push(*byte);
        if *byte == 0 {
            sortable.push(0xff);
        }
    }
    sortable.extend_from_slice(&[0, 0]);
    sortable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        (text.as_bytes().to_vec(), text.to_owned())
    }

    #[test]
    fn runs_are_unpacked_as_they_were() {
        let run = vec![id(""), id("a"), (vec![0, 255], "10".to_owned()), id(&"x".repeat(512))];
        assert_eq!(unpacked(&packed(&run)), Some(run.clone()));
        assert_eq!(unpacked(&[]), Some(vec![]));
        for cut in [&[0][..], &[0, 1], &[0, 1, 65], &[0, 1, 65, 0, 1, 0xff]] {
            assert_eq!(unpacked(cut), None, "{cut:?}");
        }
        let many: Vec<Id> = (0..5_000).map(|at| id(&format!("{at:04}"))).collect();
        let parts = parts(many.clone());
        assert_eq!(parts.concat(), many);
        assert!(parts.iter().all(|part| part.len() <= RUN_IDS_MAX));
    }

    #[test]
    fn sortable_keys_sort_as_keys() {
        let mut keys: Vec<&[u8]> =
            vec![b"", b"\0", b"\0a", b"a", b"a\0", b"a\0\xff", b"ab", b"\xff"];
        let mut other = keys.clone();
        keys.sort_unstable();
        other.sort_unstable_by_key(|key| [sortable(key), vec![0xee; 8]].concat());
        assert_eq!(keys, other);
    }
}
