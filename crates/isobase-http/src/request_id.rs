//! Names of requests, for logs and problem reports.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries a request's id.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a request: enough for a UUID or a trace id with a span id.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// Makes ids: a random mark of this run, then a counter.
#[derive(Debug)]
pub(crate) struct RequestIds {
    run: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self { run: rand::random(), next: AtomicU64::new(1) }
    }

    /// The id the request brings, when it is short visible ASCII, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(X_REQUEST_ID) {
            Some(id) if is_usable(id.as_bytes()) => id.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = [b'-'; 8 + 1 + 16];
        write_hexadecimal(u64::from(self.run), &mut text[..8]);
        // Eight digits are enough for most runs; more appear when they are needed.
        let digits = if number > u64::from(u32::MAX) { 16 } else { 8 };
        write_hexadecimal(number, &mut text[9..9 + digits]);
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text[..9 + digits]))
            .expect("hexadecimal digits are visible ASCII")
    }
}

fn is_usable(id: &[u8]) -> bool {
    !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.iter().all(u8::is_ascii_graphic)
}

/// Fills `out` with the lowest digits of a number.
fn write_hexadecimal(mut number: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ids_differ_and_are_usable() {
        let ids = RequestIds::new();
        let (a, b) = (ids.make(), ids.make());
        assert_ne!(a, b);
        assert!(is_usable(a.as_bytes()) && a.len() == 17, "{a:?}");
        ids.next.store(u64::from(u32::MAX) + 1, Ordering::Relaxed);
        assert_eq!(ids.make().len(), 25);
    }

    #[test]
    fn only_short_visible_ids_are_taken_over() {
        let ids = RequestIds::new();
        let mut headers = HeaderMap::new();
        for (sent, taken) in [("abc-1", true), ("a b", false), (&"x".repeat(65)[..], false)] {
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(sent).unwrap());
            assert_eq!(ids.of(&headers) == sent, taken, "{sent}");
        }
    }
}
