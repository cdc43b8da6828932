//! Bounds of the engine's memory.

use std::time::Duration;

/// Bounds of the engine's memory besides its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Changes kept for the change feed. Default 1,000,000 (about 150 MiB when full).
    pub changes_max: usize,
    /// How long an idempotency key is remembered. Default 24 hours.
    pub idempotency_retention: Duration,
    /// Most idempotency keys remembered. Default 100,000.
    pub idempotency_keys_max: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            changes_max: 1_000_000,
            idempotency_retention: Duration::from_secs(24 * 60 * 60),
            idempotency_keys_max: 100_000,
        }
    }
}
