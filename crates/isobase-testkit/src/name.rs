//! Names that no other test has.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A name that starts with `prefix` and was never given before: for collections,
/// databases and keys of tests that share one engine.
///
/// Only lower-case letters, digits and `_` are added, so the result is valid
/// wherever `prefix` is. It adds at most 27 bytes.
pub fn unique_name(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // Process ids come back; the time of the call keeps two runs apart.
    let millis =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis());
    format!("{prefix}_{:x}_{:x}_{number:x}", millis & 0xff_ffff_ffff, std::process::id())
}
