//! Bounds the store puts on requests.

/// Bounds on what one request may ask for. Every bound has a default that suits a small machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Most documents or index entries a listing or count may examine. Default 1,000,000.
    pub scan_max: u64,
    /// Most bytes of documents in one page; a page with more ends early and has a next one.
    /// Default 16 MiB.
    pub page_bytes_max: usize,
    /// Most operations in one batch. Default 10,000.
    pub batch_operations_max: usize,
    /// Most changes in one page of the change feed. Default 1,000.
    pub changes_page_max: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            scan_max: 1_000_000,
            page_bytes_max: 16 << 20,
            batch_operations_max: 10_000,
            changes_page_max: 1_000,
        }
    }
}
