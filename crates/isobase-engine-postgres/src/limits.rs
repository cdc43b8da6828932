//! The limits of PostgreSQL.

use isobase_engine::{Limit, Limits};

pub(crate) const LIMITS: Limits = Limits {
    document_bytes: Limit {
        max: 256 << 20,
        unit: "bytes",
        source: "ours: what every SQL engine holds in one value; PostgreSQL itself allows 1 GB \
                 in a field and in a message (2026-11)",
    },
    document_levels: Limit { max: 128, unit: "levels", source: "ours: the JSON parser (2026-11)" },
    batch_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
    atomic_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
};
