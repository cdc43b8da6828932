//! Sizes and counts.

use isobase_types::json;

use crate::Rejection;

/// A number an engine cannot exceed, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The largest allowed number.
    pub max: u64,
    /// `bytes`, `levels`, `operations`, …
    pub unit: &'static str,
    /// The document or measurement that says so, with its date.
    pub source: &'static str,
}

/// The limits of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of a document's canonical text.
    pub document_bytes: Limit,
    /// Nesting of a document.
    pub document_levels: Limit,
    /// Operations in one batch.
    pub batch_operations: Limit,
    /// Operations in one batch that is atomic or has an idempotency key: it is written in one
    /// piece.
    pub atomic_operations: Limit,
}

impl Limits {
    /// Refuses a body that is too large or too deep.
    ///
    /// # Errors
    /// [`Rejection::Unholdable`] with the limit and the measured value.
    pub fn check_body(&self, body: &str) -> Result<(), Rejection> {
        let bytes = body.len() as u64;
        if bytes > self.document_bytes.max {
            let max = self.document_bytes.max;
            let reason = format!("it has {bytes} bytes, at most {max} are allowed");
            return Err(Rejection::Unholdable { path: String::new(), reason });
        }
        let levels_max = self.document_levels.max;
        // A merge of two documents of allowed depth is never deeper than the deeper of them,
        // and the parser refuses more than its own maximum.
        if levels_max < json::DEPTH_MAX as u64 && depth(body) > levels_max {
            let reason = format!("it is nested deeper than {levels_max} levels");
            return Err(Rejection::Unholdable { path: String::new(), reason });
        }
        Ok(())
    }
}

/// Nesting of canonical text: the most brackets open at once.
fn depth(body: &str) -> u64 {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_u64, 0, false, false);
    for byte in body.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
    }
    deepest
}
