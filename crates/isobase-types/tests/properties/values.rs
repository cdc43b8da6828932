//! Arbitrary JSON.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Number, Value};

/// Any value, a few levels deep, with keys that meet often.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((text(), inner), 0..4).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// An object: a deep one, or one with many keys.
pub(crate) fn object() -> impl Strategy<Value = Value> {
    prop_oneof![vec((text(), value()), 0..4), vec((text(), scalar()), 0..24)]
        .prop_map(|members| Value::Object(Map::from_iter(members)))
}

pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integer().prop_map(Value::from),
        float().prop_map(|float| Number::from_f64(float).map_or(Value::Null, Value::Number)),
        text().prop_map(Value::String),
    ]
}

/// Integers, often near the places where floats stop being exact.
pub(crate) fn integer() -> impl Strategy<Value = i64> {
    let near = select(vec![0, 1 << 53, -(1 << 53), 1 << 62, i64::MAX, i64::MIN]);
    prop_oneof![
        any::<i64>(),
        -10_i64..10,
        (near, -3_i64..3).prop_map(|(near, by)| near.saturating_add(by)),
    ]
}

pub(crate) fn float() -> impl Strategy<Value = f64> {
    let special = select(vec![0.0, -0.0, 0.5, 5e-324, f64::MAX, f64::MIN, 9_007_199_254_740_992.0]);
    prop_oneof![proptest::num::f64::NORMAL, special, -10.0..10.0]
}

/// Strings with everything that needs care, and short ones that are often equal.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let special = vec!['"', '\\', '/', '\0', '\n', '\u{1f}', '\u{7f}', 'a', 'é', '🦀', '\u{2028}'];
    prop_oneof![
        vec(any::<char>(), 0..8).prop_map(String::from_iter),
        vec(select(special), 0..8).prop_map(String::from_iter),
        select(vec!["", "a", "b", "id", "0", "1", "a.b"]).prop_map(str::to_owned),
    ]
}

/// Writes a value in one of the many ways JSON allows: blank space and escapes by `choices`.
pub(crate) fn write_loosely(value: &Value, choices: &mut impl FnMut() -> u8, out: &mut String) {
    blank(choices, out);
    match value {
        Value::String(text) => write_text(text, choices, out),
        Value::Array(elements) => {
            out.push('[');
            for (place, element) in elements.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                write_loosely(element, choices, out);
            }
            blank(choices, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (place, (key, member)) in members.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                blank(choices, out);
                write_text(key, choices, out);
                blank(choices, out);
                out.push(':');
                write_loosely(member, choices, out);
            }
            blank(choices, out);
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
    blank(choices, out);
}

fn blank(choices: &mut impl FnMut() -> u8, out: &mut String) {
    out.push_str(["", "", "", " ", "\n", "\t\r ", ""][usize::from(choices() % 7)]);
}

fn write_text(text: &str, choices: &mut impl FnMut() -> u8, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for c in text.chars() {
        match choices() % 4 {
            0 => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04X}");
            }),
            1 if c == '/' => out.push_str("\\/"),
            _ => {
                let json = Value::from(c.to_string()).to_string();
                out.push_str(&json[1..json.len() - 1]);
            }
        }
    }
    out.push('"');
}
