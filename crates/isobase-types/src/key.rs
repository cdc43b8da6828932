//! Bytes whose order, as `memcmp` compares, is the order of values.
//!
//! The order of values: null and missing, false, true, numbers, strings, arrays, objects. Numbers
//! follow their value (integers within 64 bits exactly, others as the nearest 64-bit float).
//! Strings follow their UTF-8 bytes, but only the first [`KEY_STRING_BYTES_MAX`] count: a longer
//! string comes after the string of just these bytes, and two longer strings that begin with the
//! same bytes are equal. All arrays are equal, and all objects. What is equal follows the id.
//!
//! # Layout
//! A value is one *component*: a tag byte and, for two types, a body that ends itself, so that
//! components can stand one after the other.
//!
//! | value | tag | body |
//! |---|---|---|
//! | null, missing | `10` | |
//! | false, true | `20`, `21` | |
//! | number | `30` | 8 bytes: the nearest float, sign bit turned, negative ones complemented; 2 bytes: exact value minus that float, plus 8000 |
//! | string | `40` | the bytes, `00` as `00 FF`; then `00 00`, or `00 01` after a string that was cut |
//! | array, object | `50`, `60` | |
//!
//! A descending component has every byte complemented. The id is not a component: it stands last
//! and has its own layout, see [`encode_id`]. These bytes are stored: a change of the layout is a
//! change of every index.

use std::ops::Range;

use crate::{
    Direction, DocumentId, Literal, Order,
    json::{self, Exact, Kind, Number, Raw},
};

/// How many bytes of a string count for its place in an order.
///
/// Keeps a key of three strings below what every engine takes as an index key.
pub const KEY_STRING_BYTES_MAX: usize = 256;

const TAG_NULL: u8 = 0x10;
const TAG_FALSE: u8 = 0x20;
const TAG_TRUE: u8 = 0x21;
const TAG_NUMBER: u8 = 0x30;
/// A number with more digits than a float and an integer of 64 bits tell. Of whole components only.
const TAG_EXACT: u8 = 0x31;
const TAG_STRING: u8 = 0x40;
const TAG_ARRAY: u8 = 0x50;
const TAG_OBJECT: u8 = 0x60;

/// Ends the elements of an array and the members of an object: smaller than every tag.
const END: u8 = 0;

const ID_INTEGER: u8 = 1;
const ID_TEXT: u8 = 2;

/// Appends the component of a value; `None` is a missing value.
pub fn encode(value: Option<Raw<'_>>, direction: Direction, out: &mut Vec<u8>) {
    directed(direction, out, |out| match value {
        None => out.push(TAG_NULL),
        Some(value) => match value.kind() {
            Kind::Null => out.push(TAG_NULL),
            Kind::Bool => push_bool(value.as_bool() == Some(true), out),
            Kind::Number => push_number(value.number(), out),
            Kind::String => push_string(&value.as_str_decoded().unwrap_or_default(), out),
            Kind::Array => out.push(TAG_ARRAY),
            Kind::Object => out.push(TAG_OBJECT),
        },
    });
}

/// Appends the *whole component* of a value, which tells it from every other: all bytes of a
/// string, the elements of an array, the members of an object in the order of their keys. Numbers
/// are equal by their exact value, of whatever length. Says whether there is a value: null has none.
pub fn encode_whole(value: Raw<'_>, out: &mut Vec<u8>) -> bool {
    match value.kind() {
        Kind::Null => out.push(TAG_NULL),
        Kind::Bool => push_bool(value.as_bool() == Some(true), out),
        Kind::Number => push_whole_number(value.as_text(), out),
        Kind::String => push_whole_string(&value.as_str_decoded().unwrap_or_default(), out),
        Kind::Array => {
            out.push(TAG_ARRAY);
            for element in value.elements() {
                encode_whole(element, out);
            }
            out.push(END);
        }
        Kind::Object => {
            let mut members: Vec<_> = value
                .members()
                .map(|(key, value)| (key.as_str_decoded().unwrap_or_default(), value))
                .collect();
            members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            out.push(TAG_OBJECT);
            for (key, value) in members {
                push_whole_string(&key, out);
                encode_whole(value, out);
            }
            out.push(END);
        }
    }
    value.kind() != Kind::Null
}

/// Appends the whole component of an id: that of the number or string it is.
pub fn encode_id_whole(id: &DocumentId, out: &mut Vec<u8>) {
    match id {
        DocumentId::Integer(value) => push_number(Some(Number::Integer(*value)), out),
        DocumentId::Text(value) => push_whole_string(value, out),
    }
}

/// Appends the component of a literal: the same as of a value equal to it.
pub fn encode_literal(literal: &Literal, direction: Direction, out: &mut Vec<u8>) {
    directed(direction, out, |out| match literal {
        Literal::Bool(value) => push_bool(*value, out),
        Literal::Integer(value) => push_number(Some(Number::Integer(*value)), out),
        Literal::Float(value) => push_number(Some(Number::Float(*value)), out),
        Literal::Text(value) => push_string(value, out),
    });
}

/// Appends the component of a string.
pub fn encode_text(text: &str, direction: Direction, out: &mut Vec<u8>) {
    directed(direction, out, |out| push_string(text, out));
}

/// Appends the components of all fields of an order, most significant first.
///
/// The path `id` is the document's id: an integer as a number, a string as a string.
pub fn document_key(body: &str, id: &DocumentId, order: &Order, out: &mut Vec<u8>) {
    for field in &order.0 {
        if field.path.is_id() {
            directed(field.direction, out, |out| match id {
                DocumentId::Integer(value) => push_number(Some(Number::Integer(*value)), out),
                DocumentId::Text(value) => push_string(value, out),
            });
        } else {
            encode(json::find(body, &field.path), field.direction, out);
        }
    }
}

/// Appends the key of an id, in the order of [`DocumentId`]: `01` and 8 bytes big-endian, or `02`
/// and the UTF-8 of a string. It has no end mark, because it is the last part of a key.
pub fn encode_id(id: &DocumentId, out: &mut Vec<u8>) {
    match id {
        DocumentId::Integer(value) => {
            out.push(ID_INTEGER);
            out.extend_from_slice(&sign_turned(*value).to_be_bytes());
        }
        DocumentId::Text(text) => {
            out.push(ID_TEXT);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// The id of a key made by [`encode_id`]; `None` for other bytes.
#[must_use]
pub fn decode_id(key: &[u8]) -> Option<DocumentId> {
    match key.split_first()? {
        (&ID_INTEGER, bytes) => {
            let value = u64::from_be_bytes(bytes.try_into().ok()?);
            Some(DocumentId::Integer(sign_turned(value.cast_signed()).cast_signed()))
        }
        (&ID_TEXT, bytes) => Some(DocumentId::Text(std::str::from_utf8(bytes).ok()?.into())),
        _ => None,
    }
}

/// The first bytes of the components of all values that are comparable with the literal.
///
/// `Greater(5)` ascending, for example, is the keys after every one that begins with the
/// component of 5, up to the end of this range.
#[must_use]
pub fn type_range(literal: &Literal, direction: Direction) -> Range<u8> {
    let (first, last) = match literal {
        Literal::Bool(_) => (TAG_FALSE, TAG_TRUE),
        Literal::Integer(_) | Literal::Float(_) => (TAG_NUMBER, TAG_NUMBER),
        Literal::Text(_) => (TAG_STRING, TAG_STRING),
    };
    match direction {
        Direction::Ascending => first..last + 1,
        Direction::Descending => !last..!first + 1,
    }
}

/// Whether the component of the literal stands for other values too, which are neither all equal
/// to it nor all on one side of it: a string longer than [`KEY_STRING_BYTES_MAX`].
#[must_use]
pub fn is_truncating(literal: &Literal) -> bool {
    matches!(literal, Literal::Text(text) if text.len() > KEY_STRING_BYTES_MAX)
}

/// The smallest byte string greater than every one with this prefix; `None` if there is no such.
#[must_use]
pub fn successor(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return Some(prefix);
        }
        prefix.pop();
    }
    None
}

/// Appends what `write` appends, complemented when descending.
#[inline]
fn directed(direction: Direction, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    write(out);
    if direction == Direction::Descending {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

fn push_bool(value: bool, out: &mut Vec<u8>) {
    out.push(if value { TAG_TRUE } else { TAG_FALSE });
}

/// A stored number is always finite; one that is not counts as null.
fn push_number(number: Option<Number>, out: &mut Vec<u8>) {
    const SIGN: u64 = 1 << 63;
    let Some(number) = number else { return out.push(TAG_NULL) };
    let (float, rest) = number.parts();
    // Adding zero makes -0.0 the usual zero.
    let bits = (float + 0.0).to_bits();
    let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    out.push(TAG_NUMBER);
    out.extend_from_slice(&ordered.to_be_bytes());
    out.extend_from_slice(&(rest.cast_unsigned() ^ 0x8000).to_be_bytes());
}

/// As in an order where that tells the number from every other: of integers within 64 bits, and of
/// what is the shortest text of a float. Others follow in decimal digits, under a tag of their own.
fn push_whole_number(text: &str, out: &mut Vec<u8>) {
    let Some(Exact { is_negative, digits, exponent }) = Exact::of(text) else {
        // Nearer to zero than every number that can be written with a usual exponent.
        return push_tagged(TAG_EXACT, text.as_bytes(), out);
    };
    let number = whole_integer(is_negative, &digits, exponent)
        .map(Number::Integer)
        .or_else(|| Number::parse(text).filter(|number| is_shortest(*number, text)));
    if number.is_some() {
        return push_number(number, out);
    }
    let sign = if is_negative { "-" } else { "" };
    let digits: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
    push_tagged(TAG_EXACT, format!("{sign}{digits}e{exponent}").as_bytes(), out);
}

/// The integer of 64 bits that a number is.
fn whole_integer(is_negative: bool, digits: &[u8], exponent: i64) -> Option<i64> {
    // More digits than an integer of 64 bits has.
    let zeros = usize::try_from(exponent).ok().filter(|zeros| digits.len() + zeros <= 19)?;
    let all = digits.iter().copied().chain(std::iter::repeat_n(0, zeros));
    let value = all.fold(0_i128, |value, digit| value * 10 + i128::from(digit));
    i64::try_from(if is_negative { -value } else { value }).ok()
}

/// Whether a float's shortest text is this number.
fn is_shortest(number: Number, text: &str) -> bool {
    let Number::Float(float) = number else { return false };
    Exact::of(&format!("{float:e}")) == Exact::of(text)
}

fn push_string(text: &str, out: &mut Vec<u8>) {
    let cut = text.len() > KEY_STRING_BYTES_MAX;
    push_bytes(&text.as_bytes()[..text.len().min(KEY_STRING_BYTES_MAX)], cut, out);
}

fn push_whole_string(text: &str, out: &mut Vec<u8>) {
    push_bytes(text.as_bytes(), false, out);
}

fn push_tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
    out.push(END);
}

fn push_bytes(bytes: &[u8], cut: bool, out: &mut Vec<u8>) {
    out.push(TAG_STRING);
    if bytes.contains(&0) {
        for byte in bytes {
            out.push(*byte);
            if *byte == 0 {
                out.push(0xff);
            }
        }
    } else {
        out.extend_from_slice(bytes);
    }
    out.extend_from_slice(&[0, u8::from(cut)]);
}

/// The unsigned number whose order is that of the signed one, and back.
fn sign_turned(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str, direction: Direction) -> Vec<u8> {
        let mut out = Vec::new();
        encode(Some(Raw::new(json)), direction, &mut out);
        out
    }

    #[test]
    fn has_the_documented_bytes() {
        let cases: [(&str, &[u8]); 11] = [
            ("null", &[0x10]),
            ("false", &[0x20]),
            ("true", &[0x21]),
            ("0", &[0x30, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80, 0]),
            ("-0.0", &[0x30, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80, 0]),
            ("1", &[0x30, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0, 0x80, 0]),
            ("9007199254740993", &[0x30, 0xc3, 0x40, 0, 0, 0, 0, 0, 0, 0x80, 1]),
            ("\"\"", &[0x40, 0, 0]),
            (r#""a\u0000b""#, &[0x40, b'a', 0, 0xff, b'b', 0, 0]),
            ("[1]", &[0x50]),
            ("{\"a\":1}", &[0x60]),
        ];
        for (json, bytes) in cases {
            assert_eq!(key(json, Direction::Ascending), bytes, "{json}");
            let complement: Vec<_> = bytes.iter().map(|byte| !byte).collect();
            assert_eq!(key(json, Direction::Descending), complement, "{json}");
        }
    }

    #[test]
    fn cut_strings_never_equal_whole_ones() {
        let text = |length: usize, tail: &str| format!("\"{}{tail}\"", "a".repeat(length));
        let whole = key(&text(256, ""), Direction::Ascending);
        let cut = key(&text(256, "a"), Direction::Ascending);
        assert!(key(&text(255, ""), Direction::Ascending) < whole);
        assert!(whole < cut);
        assert_eq!(cut, key(&text(256, "zz"), Direction::Ascending));
        assert!(cut < key(&text(255, "b"), Direction::Ascending));
        assert!(key(&text(255, "\\u0000"), Direction::Ascending) < whole);
        assert!(!is_truncating(&Literal::Text("a".repeat(256))));
        assert!(is_truncating(&Literal::Text("a".repeat(257))));
        assert!(!is_truncating(&Literal::Integer(1)));
    }

    #[test]
    fn ids_keep_their_order_and_come_back() {
        let mut ids: Vec<DocumentId> =
            ["0", "1", "255", "256", "9223372036854775807", "!", "00", "a", "a!", "ab", "é"]
                .map(|text| DocumentId::parse(text).unwrap())
                .to_vec();
        ids.insert(0, DocumentId::Integer(-1));
        let keys: Vec<_> = ids
            .iter()
            .map(|id| {
                let mut out = Vec::new();
                encode_id(id, &mut out);
                assert_eq!(decode_id(&out).as_ref(), Some(id));
                out
            })
            .collect();
        assert!(ids.is_sorted() && keys.is_sorted());
        for bytes in [&[][..], &[0], &[1, 2], &[2, 0xff], &[3, b'a']] {
            assert_eq!(decode_id(bytes), None);
        }
    }

    #[test]
    fn successor_is_the_next_after_a_prefix() {
        assert_eq!(successor(vec![1, 2]), Some(vec![1, 3]));
        assert_eq!(successor(vec![1, 0xff, 0xff]), Some(vec![2]));
        assert_eq!(successor(vec![0xff]), None);
        assert_eq!(successor(Vec::new()), None);
    }

    #[test]
    fn type_ranges_hold_exactly_their_type() {
        let values = ["null", "false", "true", "-1e300", "7", "\"\"", "\"x\"", "[]", "{}"];
        let cases = [
            (Literal::Bool(true), 1..3),
            (Literal::Integer(1), 3..5),
            (Literal::Float(0.5), 3..5),
            (Literal::Text(String::new()), 5..7),
        ];
        for (literal, members) in cases {
            for direction in [Direction::Ascending, Direction::Descending] {
                let range = type_range(&literal, direction);
                for (place, value) in values.iter().enumerate() {
                    let inside = range.contains(&key(value, direction)[0]);
                    assert_eq!(inside, members.contains(&place), "{literal:?} {value}");
                }
            }
        }
    }

    #[test]
    fn composes_the_fields_of_an_order() {
        let order = Order::parse("-a.b,id,missing").unwrap();
        let body = r#"{"a":{"b":"x"}}"#;
        for (id, id_json) in [(DocumentId::from(7), "7"), (DocumentId::Text("k".into()), "\"k\"")] {
            let mut expected = key("\"x\"", Direction::Descending);
            expected.extend(key(id_json, Direction::Ascending));
            expected.extend(key("null", Direction::Ascending));
            let mut out = Vec::new();
            document_key(body, &id, &order, &mut out);
            assert_eq!(out, expected);
        }
    }
}
