//! Walking over canonical text without reading it.

/// Offset after the value that begins at `at`; at most the length.
pub(super) fn value_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => string_end(bytes, at),
        Some(b'{' | b'[') => container_end(bytes, at),
        _ => scalar_end(bytes, at),
    }
}

/// Offset after the string whose opening quote is at `at`.
#[inline]
pub(super) fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(word) = word_at(bytes, at) {
        // Canonical text has no control characters to look for.
        let found = has_zero(word ^ repeat(b'"')) | has_zero(word ^ repeat(b'\\'));
        if found == 0 {
            at += 8;
            continue;
        }
        at += (found.trailing_zeros() / 8) as usize;
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            _ => return at + 1,
        }
    }
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn container_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn scalar_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b',' | b']' | b'}') {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// The eight bytes from `at`, the first in the lowest place.
#[inline]
pub(super) fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

/// A byte in all eight places.
#[inline]
pub(super) const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Marks zero bytes. Places above the lowest mark may be marked in error.
#[inline]
pub(super) const fn has_zero(word: u64) -> u64 {
    has_less(word, 1)
}

/// Marks bytes below a bound of at most 128. Places above the lowest mark may be marked in error.
#[inline]
pub(super) const fn has_less(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(repeat(bound)) & !word & repeat(0x80)
}
