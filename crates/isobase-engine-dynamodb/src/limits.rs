//! The limits of DynamoDB.

use isobase_engine::{Limit, Limits};
use isobase_journal::{Budget, NativeRules};

/// Source: Amazon DynamoDB Developer Guide, "Quotas" (2026-11).
pub(crate) const ITEM_BYTES_MAX: usize = 400 * 1024;
/// A key of an index is a sort key. Source: as above.
const SORT_KEY_BYTES_MAX: usize = 1024;
/// Source: as above.
const TRANSACTION_ITEMS_MAX: u64 = 100;
const TRANSACTION_BYTES_MAX: u64 = 4 << 20;
/// Keys of one `BatchGetItem`. Source: as above.
pub(crate) const READ_KEYS_MAX: usize = 100;
/// Items of one `BatchWriteItem`. Source: as above.
pub(crate) const WRITE_ITEMS_MAX: usize = 25;

/// The head and the log record, which every commit has.
const FIXED_ITEMS: u64 = 2;
/// Head and counts; the log is charged to the writes.
const FIXED_BYTES: u64 = 256 << 10;

pub(crate) const LIMITS: Limits = Limits {
    document_bytes: Limit {
        max: ITEM_BYTES_MAX as u64,
        unit: "bytes",
        source: "Amazon DynamoDB Developer Guide, Quotas: 400 KB for an item with names and \
                 bookkeeping (2026-11)",
    },
    document_levels: Limit { max: 128, unit: "levels", source: "ours: the JSON parser (2026-11)" },
    batch_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
    atomic_operations: Limit {
        max: 32,
        unit: "operations",
        source: "Amazon DynamoDB Developer Guide, Quotas: 100 items in a transaction; a created \
                 document needs two, and one more for each index of its collection (2026-11)",
    },
};

pub(crate) const RULES: NativeRules = NativeRules {
    nested_arrays: true,
    empty_names: false,
    dunder_names: true,
    top_level_underscore: true,
    // Source: as ITEM_BYTES_MAX, "Naming rules".
    name_bytes_max: 65_535,
    // 32 with the item itself. Source: as ITEM_BYTES_MAX.
    levels_max: 31,
    index_key_bytes_max: SORT_KEY_BYTES_MAX,
};

/// Largest body that lies apart from its change: an item of it alone, and its names.
pub(crate) const KEPT_BODY_BYTES_MAX: usize = 390_000;

pub(crate) const BUDGET: Budget = Budget {
    items: TRANSACTION_ITEMS_MAX - FIXED_ITEMS,
    bytes: TRANSACTION_BYTES_MAX - FIXED_BYTES,
    items_per_collection: 1,
};

/// The smallest and the largest sort key of a range whose end is excluded; `None` when no key can
/// be in it. Both are included, as a key condition wants it.
pub(crate) fn key_bounds(lower: &[u8], upper: Option<&[u8]>) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut first = lower.to_vec();
    if first.len() > SORT_KEY_BYTES_MAX {
        // No key is as long: the range begins after what is kept of it.
        first = after(&first[..SORT_KEY_BYTES_MAX])?;
    }
    if first.is_empty() {
        // A key is never empty.
        first.push(0);
    }
    let last = match upper {
        None => vec![0xff; SORT_KEY_BYTES_MAX],
        Some(upper) => before(upper)?,
    };
    (first <= last).then_some((first, last))
}

/// The smallest key that is larger than one of full length.
fn after(full: &[u8]) -> Option<Vec<u8>> {
    let end = full.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = full[..=end].to_vec();
    next[end] += 1;
    Some(next)
}

/// The largest key that is smaller.
fn before(upper: &[u8]) -> Option<Vec<u8>> {
    if upper.len() > SORT_KEY_BYTES_MAX {
        return Some(upper[..SORT_KEY_BYTES_MAX].to_vec());
    }
    let (last, stem) = upper.split_last()?;
    let mut key = stem.to_vec();
    if let Some(smaller) = last.checked_sub(1) {
        key.push(smaller);
        key.resize(SORT_KEY_BYTES_MAX, 0xff);
    }
    (!key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_without_their_end_become_ranges_with_it() {
        let bounds = |lower: &[u8], upper: &[u8]| key_bounds(lower, Some(upper));
        assert_eq!(bounds(b"a", b"b\0"), Some((b"a".to_vec(), b"b".to_vec())));
        let (first, last) = bounds(b"", b"b").unwrap();
        assert_eq!(
            (first.as_slice(), last.len(), last[0], last[1]),
            (&b"\0"[..], 1024, b'a', 0xff)
        );
        assert!(bounds(b"a", b"a").is_none());
        assert!(bounds(b"b", b"a").is_none());
        assert!(bounds(b"", b"").is_none());
        assert!(bounds(b"", b"\0").is_none());
        let long = [b'x'; 1025];
        let (first, _) = key_bounds(&long, None).unwrap();
        assert!(first.as_slice() > &long[..1024] && first.len() == 1024);
        assert_eq!(bounds(b"a", &long).unwrap().1, &long[..1024]);
        assert_eq!(key_bounds(b"a", None).unwrap().1, vec![0xff; 1024]);
    }
}
