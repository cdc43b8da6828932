//! Strings: finding their end, decoding and encoding them.

use std::borrow::Cow;

use super::{
    InvalidJsonKind,
    error::Stop,
    skip::{has_less, has_zero, repeat, word_at},
};

/// Appends a text as a canonical JSON string: `\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t`, other
/// control characters as `\u00xx` in lower case, everything else as it is.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    loop {
        let special = find_special(bytes, copied);
        out.extend_from_slice(&bytes[copied..special]);
        let Some(&byte) = bytes.get(special) else { break };
        let (escape, length) = escape_of(byte);
        out.extend_from_slice(&escape[..length]);
        copied = special + 1;
    }
    out.push(b'"');
}

/// Appends a text as a canonical JSON string.
pub(super) fn push_string(text: &str, out: &mut String) {
    out.push('"');
    push_escaped(text, out);
    out.push('"');
}

/// A text as a canonical JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_string(text, &mut out);
    out
}

/// Appends the canonical form of a text inside a string.
pub(super) fn push_escaped(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    loop {
        let special = find_special(bytes, copied);
        out.push_str(&text[copied..special]);
        let Some(&byte) = bytes.get(special) else { break };
        let (escape, length) = escape_of(byte);
        out.extend(escape[..length].iter().map(|byte| char::from(*byte)));
        copied = special + 1;
    }
}

/// Reads the JSON string that begins at `start` (at its quote): the text it stands for, and the
/// offset after its closing quote.
pub(crate) fn read_string(text: &str, start: usize) -> Result<(Cow<'_, str>, usize), Stop> {
    let bytes = text.as_bytes();
    let mut decoded = String::new();
    let mut copied = start + 1;
    loop {
        let special = find_special(bytes, copied);
        match bytes.get(special) {
            Some(b'"') if copied == start + 1 => {
                return Ok((Cow::Borrowed(&text[copied..special]), special + 1));
            }
            Some(b'"') => {
                decoded.push_str(&text[copied..special]);
                return Ok((Cow::Owned(decoded), special + 1));
            }
            Some(b'\\') => {
                decoded.push_str(&text[copied..special]);
                let (found, next) = read_escape(text, special)?;
                decoded.push(found);
                copied = next;
            }
            _ => return Err(unfinished(text, special)),
        }
    }
}

/// The error at a place in a string where neither text nor an escape nor a quote stands.
pub(super) fn unfinished(text: &str, at: usize) -> Stop {
    let expected = match text.as_bytes().get(at) {
        Some(_) => "control characters as escapes",
        None => "'\"' at the end of the string",
    };
    Stop::syntax(text, at, expected)
}

/// Reads the escape whose backslash is at `at`: the character, and the offset after it.
pub(super) fn read_escape(text: &str, at: usize) -> Result<(char, usize), Stop> {
    let bytes = text.as_bytes();
    let short = match bytes.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return read_unicode_escape(text, at),
        _ => return Err(Stop::syntax(text, at + 1, "an escape (one of \"\\/bfnrtu)")),
    };
    Ok((short, at + 2))
}

/// Reads `\uXXXX`, or two of them that are a surrogate pair.
fn read_unicode_escape(text: &str, at: usize) -> Result<(char, usize), Stop> {
    let lone = || Stop::new(InvalidJsonKind::LoneSurrogate, at);
    let first = read_hex4(text, at + 2)?;
    if let Some(found) = char::from_u32(first) {
        return Ok((found, at + 6));
    }
    let high = (0xd800..0xdc00).contains(&first);
    if !high || text.as_bytes().get(at + 6..at + 8) != Some(b"\\u") {
        return Err(lone());
    }
    let second = read_hex4(text, at + 8)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(lone());
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    char::from_u32(code).map(|found| (found, at + 12)).ok_or_else(lone)
}

fn read_hex4(text: &str, at: usize) -> Result<u32, Stop> {
    let mut code = 0;
    for offset in at..at + 4 {
        let digit = text.as_bytes().get(offset).and_then(|b| char::from(*b).to_digit(16));
        let digit = digit.ok_or_else(|| Stop::syntax(text, offset, "four hexadecimal digits"))?;
        code = code * 16 + digit;
    }
    Ok(code)
}

/// The canonical escape of a byte that needs one, and its length.
fn escape_of(byte: u8) -> ([u8; 6], usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            return ([b'\\', b'u', b'0', b'0', high, low], 6);
        }
    };
    ([b'\\', short, 0, 0, 0, 0], 2)
}

/// Offset of the first quote, backslash or control character at or after `at`; else the length.
#[inline]
pub(super) fn find_special(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        let found =
            has_zero(word ^ repeat(b'"')) | has_zero(word ^ repeat(b'\\')) | has_less(word, 0x20);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..0x20) {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_minimal_escapes() {
        let cases = [
            ("", r#""""#),
            ("plain", r#""plain""#),
            ("a\"b\\c/d", r#""a\"b\\c/d""#),
            ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
            ("\0\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""),
            ("Zürich 🦀 \u{2028}", "\"Zürich 🦀 \u{2028}\""),
        ];
        for (text, json) in cases {
            let (mut bytes, mut string) = (Vec::new(), String::new());
            write_string(text, &mut bytes);
            push_string(text, &mut string);
            assert_eq!(String::from_utf8(bytes).unwrap(), json);
            assert_eq!(string, json);
            assert_eq!(read_string(json, 0).ok().unwrap(), (text.into(), json.len()));
        }
    }

    #[test]
    fn finds_the_first_special_byte_anywhere() {
        for length in 0..40 {
            for place in 0..length {
                for special in [b'"', b'\\', 0, 0x1f] {
                    let mut bytes = vec![0xc3; length];
                    bytes[place] = special;
                    bytes[length - 1] = if place + 1 == length { special } else { b'"' };
                    assert_eq!(find_special(&bytes, 0), place);
                }
            }
            assert_eq!(find_special(&vec![b' '; length], 0), length);
        }
    }
}
