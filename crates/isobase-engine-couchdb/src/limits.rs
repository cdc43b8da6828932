//! The limits of CouchDB.

use isobase_engine::{Limit, Limits};
use isobase_journal::NativeRules;

/// Largest native document, our bookkeeping included. CouchDB takes 8,000,000 bytes unless its
/// `max_document_size` says otherwise; the rest is for what stands around the document in the
/// record of its commit, which is a document too.
pub(crate) const NATIVE_BYTES_MAX: u64 = 7_900_000;

/// Documents of one commit: one request each way.
const COMMIT_DOCUMENTS_MAX: u64 = 1_000;
/// With the answer to an idempotency key, and the entry of a new collection.
pub(crate) const COMMIT_ITEMS_MAX: u64 = COMMIT_DOCUMENTS_MAX + 2;

/// The addition of a write to the record of its commit beside the document: its place, its change.
pub(crate) const WRITE_OVERHEAD_BYTES: u64 = 700;

pub(crate) const LIMITS: Limits = Limits {
    document_bytes: Limit {
        max: 7_500_000,
        unit: "bytes",
        source: "CouchDB 3.5 configuration, couchdb/max_document_size: 8,000,000 bytes by default; \
                 measured (2026-11); less what our bookkeeping takes",
    },
    document_levels: Limit { max: 128, unit: "levels", source: "ours: the JSON parser (2026-11)" },
    batch_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
    atomic_operations: Limit {
        max: COMMIT_DOCUMENTS_MAX,
        unit: "operations",
        source: "ours: such a batch is one record of the journal (2026-11)",
    },
};

/// CouchDB 3.5: only top-level names that begin with `_` are refused (measured, 2026-11).
pub(crate) const RULES: NativeRules = NativeRules {
    nested_arrays: true,
    empty_names: true,
    dunder_names: true,
    top_level_underscore: false,
    name_bytes_max: usize::MAX,
    levels_max: usize::MAX,
    index_key_bytes_max: usize::MAX,
};

/// Largest body that lies apart from its change. Ours: a record holds it beside the document until
/// both are written, and a page of the feed may have many.
pub(crate) const KEPT_BODY_BYTES_MAX: usize = 1 << 20;
