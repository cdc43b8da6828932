//! The limits of Firestore.

use std::time::Duration;

use isobase_engine::{Limit, Limits};
use isobase_journal::{Budget, NativeRules};
use isobase_types::json;

/// Bytes of a document by Firestore's own count, its name included (cloud.google.com/firestore/
/// quotas, 2026-11; its emulator 1.19.9 takes exactly this much).
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// Longest name of a collection that counts for the size of a document: prefix, name, escapes.
pub(crate) const COLLECTION_BYTES_MAX: usize = 384;

/// Bytes of one string or one value of bytes: 1 MiB - 89 (the same page).
pub(crate) const VALUE_BYTES_MAX: usize = (1 << 20) - 89;

/// Writes in one request. Firestore names no number for a commit any more; this is the one it
/// had, and the one of `BatchWrite`.
pub(crate) const WRITES_MAX: usize = 500;

/// Bytes of one request. Firestore takes 10 MiB, its emulators 4 MiB (measured); what works must
/// work on both.
pub(crate) const REQUEST_BYTES_MAX: usize = 3_500_000;

/// Bytes that one commit may write, replace and delete, documents and their index entries
/// together. Firestore refuses more than 10 MiB (the quotas page, and
/// github.com/firebase/firebase-tools/issues/1036 for what counts); its emulators do not count. The
/// rest is for what is counted in another way than here.
pub(crate) const TRANSACTION_BYTES_MAX: u64 = 9_500_000;

/// Bytes from which on what a write replaces counts. Below they are within the rest, also of the
/// most writes that a commit has.
pub(crate) const REPLACED_BYTES_MIN: u64 = 16 << 10;

/// Index entries of one document (the quotas page, 2026-11). Firestore's automatic indexes have two
/// for each field that is neither array nor map, in maps too, and one for each element of an array
/// (cloud.google.com/firestore/docs/concepts/index-overview, 2026-11).
pub(crate) const INDEX_ENTRIES_MAX: u64 = 40_000;

/// Bytes of one index entry: 7.5 KiB (the quotas page), counted as
/// cloud.google.com/firestore/docs/storage-size says (2026-11).
pub(crate) const INDEX_ENTRY_BYTES_MAX: u64 = 7_680;

/// Bytes of all index entries of one document: 8 MiB (the quotas page).
pub(crate) const INDEX_BYTES_MAX: u64 = 8 << 20;

/// Bytes of a value that stand in an index (the quotas page).
pub(crate) const INDEXED_BYTES_MAX: usize = 1_500;

/// Bytes of one answer message: a document of 1 MiB with all its framing.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes of documents that one page of a scan holds at most, beside the last document.
pub(crate) const SCAN_BYTES_MAX: usize = 8 << 20;

/// Names in one request for documents.
pub(crate) const READ_NAMES_MAX: usize = 500;

/// Requests of one load, deletion or counting that run at once. Firestore advises to begin with
/// 500 writes a second and to grow by half every five minutes: it slows down who does not.
pub(crate) const PARALLEL_REQUESTS: usize = 8;

/// Bytes of changes in one document of the log.
pub(crate) const LOG_BYTES_MAX: usize = 500_000;

/// Largest body that lies apart from its change: a value of 1 MiB less 89 bytes is the most, and
/// its names are in the document too. Source: as `DOCUMENT_BYTES_MAX`.
pub(crate) const KEPT_BODY_BYTES_MAX: usize = 1_000_000;

/// The head and up to four documents of the log.
const FIXED_WRITES: u64 = 5;

/// Time of one request of a long operation, such as a load.
pub(crate) const LONG_REQUEST: Duration = Duration::from_secs(60);

pub(crate) const BUDGET: Budget = Budget {
    items: WRITES_MAX as u64 - FIXED_WRITES,
    // An entry of the catalogue is one write, of a collection that is new.
    items_per_collection: 1,
    // The rest is for the head, the catalogue and the framing.
    bytes: REQUEST_BYTES_MAX as u64 - 100_000,
};

pub(crate) const RULES: NativeRules = NativeRules {
    nested_arrays: false,
    empty_names: false,
    dunder_names: false,
    top_level_underscore: true,
    // Firestore allows 20 (the quotas page; its emulator takes 20 in the value of a field); one
    // is left for those who count from the document.
    levels_max: 19,
    name_bytes_max: 1_500,
    index_key_bytes_max: 1_500,
};

pub(crate) const LIMITS: Limits = Limits {
    document_bytes: Limit {
        max: DOCUMENT_BYTES_MAX,
        unit: "bytes",
        source: "Firestore: 1 MiB for a document, which it counts with its names and our \
                 bookkeeping (cloud.google.com/firestore/quotas, 2026-11)",
    },
    document_levels: Limit {
        max: json::DEPTH_MAX as u64,
        unit: "levels",
        source: "ours: the JSON parser; beyond Firestore's 20 the value is kept as text (2026-11)",
    },
    atomic_operations: Limit {
        max: 480,
        unit: "operations",
        source: "ours: one commit, which has at most 500 writes (2026-11)",
    },
    batch_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
};
