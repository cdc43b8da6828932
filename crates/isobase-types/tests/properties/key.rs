//! The order of keys against the documented order of values.

use std::cmp::Ordering;

use isobase_types::{
    Direction, DocumentId, Literal, Order,
    json::{Raw, canonicalise_value},
    key::{KEY_STRING_BYTES_MAX, decode_id, document_key, encode, encode_id, encode_literal},
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use crate::values::{float, integer, scalar, text, value};

/// The place of a type, and of the booleans, in the order.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(value) => 1 + u8::from(*value),
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

/// Compares an integer with a float without rounding either.
fn compare_integer_float(integer: i64, float: f64) -> Ordering {
    if float >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    if float < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    let whole = float.floor();
    let rest = if float > whole { Ordering::Less } else { Ordering::Equal };
    integer.cmp(&(whole as i64)).then(rest)
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(a), None) => compare_integer_float(a, b.as_f64().unwrap()),
            (None, Some(b)) => compare_integer_float(b, a.as_f64().unwrap()).reverse(),
            (None, None) => a.as_f64().unwrap().partial_cmp(&b.as_f64().unwrap()).unwrap(),
        },
        (Value::String(a), Value::String(b)) => {
            let cut = |text: &str| {
                let counted = text.len().min(KEY_STRING_BYTES_MAX);
                (text.as_bytes()[..counted].to_vec(), text.len() > counted)
            };
            cut(a).cmp(&cut(b))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn component(value: &Value, direction: Direction) -> Vec<u8> {
    let json = canonicalise_value(value.to_string().as_bytes()).unwrap();
    let mut out = Vec::new();
    encode(Some(Raw::new(&json)), direction, &mut out);
    out
}

/// Values of which many pairs have the same type, and long strings with a common beginning.
fn sortable() -> impl Strategy<Value = Value> {
    let long = (250_usize..260, text()).prop_map(|(n, tail)| Value::from("a".repeat(n) + &tail));
    prop_oneof![
        2 => value(),
        2 => scalar(),
        2 => integer().prop_map(Value::from),
        2 => float().prop_map(Value::from),
        1 => text().prop_map(Value::from),
        1 => long,
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::Bool),
        integer().prop_map(Literal::Integer),
        float().prop_map(Literal::Float),
        text().prop_map(Literal::Text),
        (200_usize..300).prop_map(|n| Literal::Text("é".repeat(n))),
    ]
}

fn id() -> impl Strategy<Value = DocumentId> {
    prop_oneof![
        (0..=i64::MAX).prop_map(DocumentId::Integer),
        (0_i64..1000).prop_map(DocumentId::Integer),
        "[a-c!é]{1,4}".prop_map(|text| DocumentId::Text(text.into())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn bytes_have_the_order_of_values(a in sortable(), b in sortable()) {
        let order = compare(&a, &b);
        let up = |value| component(value, Direction::Ascending);
        let down = |value| component(value, Direction::Descending);
        prop_assert_eq!(up(&a).cmp(&up(&b)), order);
        prop_assert_eq!(down(&a).cmp(&down(&b)), order.reverse());
    }

    #[test]
    fn composites_compare_field_by_field(
        a in vec(sortable(), 2), b in vec(sortable(), 2), descending: bool)
    {
        let order = Order::parse(if descending { "-x,y" } else { "x,y" }).unwrap();
        let key = |values: &[Value]| {
            let body = serde_json::json!({"x": values[0], "y": values[1]}).to_string();
            let body = canonicalise_value(body.as_bytes()).unwrap();
            let mut out = Vec::new();
            document_key(&body, &DocumentId::from(1), &order, &mut out);
            out
        };
        let first = compare(&a[0], &b[0]);
        let first = if descending { first.reverse() } else { first };
        prop_assert_eq!(key(&a).cmp(&key(&b)), first.then(compare(&a[1], &b[1])));
    }

    #[test]
    fn no_component_begins_another(a in sortable(), b in sortable()) {
        let (a, b) = (component(&a, Direction::Ascending), component(&b, Direction::Ascending));
        prop_assert!(a == b || !b.starts_with(&a));
    }

    #[test]
    fn literals_have_the_key_of_their_json(literal in literal()) {
        let json = match &literal {
            Literal::Bool(value) => Value::from(*value),
            Literal::Integer(value) => Value::from(*value),
            Literal::Float(value) => Value::from(*value),
            Literal::Text(value) => Value::from(value.as_str()),
        };
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut out = Vec::new();
            encode_literal(&literal, direction, &mut out);
            prop_assert_eq!(out, component(&json, direction));
        }
    }

    #[test]
    fn ids_keep_their_order(a in id(), b in id()) {
        let key = |id: &DocumentId| {
            let mut out = Vec::new();
            encode_id(id, &mut out);
            out
        };
        prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
        prop_assert_eq!(decode_id(&key(&a)), Some(a));
    }
}
