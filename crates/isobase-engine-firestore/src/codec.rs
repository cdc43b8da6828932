//! Values of Firestore and JSON.
//!
//! Our writes are native: integers within 64 bits as `integerValue`, other numbers as the
//! nearest `doubleValue`. What other programs wrote may have types that JSON lacks; they are read
//! as text: timestamps in RFC 3339, bytes in base64, references as the path of the document,
//! points as `{"latitude", "longitude"}`, and what is no finite number as `"NaN"`, `"Infinity"`
//! or `"-Infinity"`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_journal::{After, IndexKey, IndexNumber, META_FIELD, NativeDocument, Tag, Tree};
use isobase_types::{DocumentId, Sequence, Timestamp};
use proto::value::ValueType;

use crate::{fields::Fields, limits::REPLACED_BYTES_MIN, names, size};

/// The field of our bookkeeping that holds the keys of the document in the indexes.
const KEYS_FIELD: &str = "keys";

/// The field of our bookkeeping that holds the revision ([`isobase_journal::Meta::to_fields`]).
const REVISION_FIELD: &str = "revision";

/// The path of the key in an index, for queries.
pub(crate) fn key_path(index: IndexNumber) -> String {
    format!("{META_FIELD}.{KEYS_FIELD}.{}", key_name(index))
}

fn key_name(index: IndexNumber) -> String {
    format!("k{index}")
}

/// The field of our bookkeeping that holds the id where the name does not say it.
const ID_FIELD: &str = "id";

/// A whole document as it is stored.
pub(crate) fn fields(id: &DocumentId, after: &After) -> Fields {
    let mut fields: Fields =
        after.fields.iter().map(|(name, tree)| (name.clone(), value(tree))).collect();
    fields.insert(META_FIELD.to_owned(), meta(id, after));
    fields
}

/// The bookkeeping of a document, with its keys.
pub(crate) fn meta(id: &DocumentId, after: &After) -> proto::Value {
    let mut fields: Fields =
        after.meta.to_fields().iter().map(|(name, tree)| (name.clone(), value(tree))).collect();
    if let Some(kept) = names::IDS.kept(id) {
        fields.insert(ID_FIELD.to_owned(), string(kept));
    }
    let key = |key: &IndexKey| (key_name(key.index), bytes(key.key.clone()));
    fields.insert(KEYS_FIELD.to_owned(), map(after.keys.iter().map(key).collect()));
    map(fields)
}

/// A document of Firestore; `None` when its id is one we cannot have.
pub(crate) fn document(native: proto::Document) -> Option<NativeDocument> {
    let replaced = size::replaced(&native);
    let proto::Document { name, mut fields, create_time, update_time } = native;
    let kept = fields.get(META_FIELD).and_then(|meta| string_of(map_of(meta)?.get(ID_FIELD)?));
    let id = names::id_of(&name, kept)?;
    if let Some(ValueType::MapValue(meta)) =
        fields.get_mut(META_FIELD).and_then(|value| value.value_type.as_mut())
    {
        meta.fields.remove(KEYS_FIELD);
    }
    let tag = update_time.as_ref().map(|time| tag(time, replaced)).unwrap_or_default();
    let times = create_time.as_ref().zip(update_time.as_ref());
    let times = times.map(|(created, updated)| (timestamp(created), timestamp(updated)));
    let fields = fields.into_iter().map(|(name, value)| (name, tree(value))).collect();
    Some(NativeDocument::from_fields(id, fields, tag, times))
}

/// The key of a document in an index, if it has one.
pub(crate) fn key_of(native: &proto::Document, index: IndexNumber) -> Option<Vec<u8>> {
    let meta = map_of(native.fields.get(META_FIELD)?)?;
    let keys = map_of(meta.get(KEYS_FIELD)?)?;
    match keys.get(&key_name(index))?.value_type.as_ref()? {
        ValueType::BytesValue(key) => Some(key.clone()),
        _ => None,
    }
}

/// The path of the revision in our bookkeeping, for queries.
pub(crate) fn revision_path() -> String {
    format!("{META_FIELD}.{REVISION_FIELD}")
}

/// The revision in the bookkeeping of a document, if it has one.
pub(crate) fn stamp_of(native: &proto::Document) -> Option<Sequence> {
    let meta = map_of(native.fields.get(META_FIELD)?)?;
    let revision = integer_of(meta.get(REVISION_FIELD)?)?;
    u64::try_from(revision).ok().map(Sequence)
}

/// A value as Firestore stores it.
pub(crate) fn value(tree: &Tree) -> proto::Value {
    let value = match tree {
        Tree::Null => ValueType::NullValue(0),
        Tree::Bool(value) => ValueType::BooleanValue(*value),
        Tree::Number(text) => number(text),
        Tree::String(text) => ValueType::StringValue(text.clone()),
        Tree::Array(elements) => ValueType::ArrayValue(proto::ArrayValue {
            values: elements.iter().map(value).collect(),
        }),
        Tree::Object(fields) => {
            return map(fields.iter().map(|(name, tree)| (name.clone(), value(tree))).collect());
        }
    };
    proto::Value { value_type: Some(value) }
}

/// The nearest number Firestore has. A minus before zero is kept by the float.
fn number(text: &str) -> ValueType {
    match text.parse::<i64>() {
        Ok(integer) if text != "-0" => ValueType::IntegerValue(integer),
        _ => ValueType::DoubleValue(text.parse().unwrap_or(0.0)),
    }
}

/// A stored value as JSON.
pub(crate) fn tree(value: proto::Value) -> Tree {
    match value.value_type {
        None | Some(ValueType::NullValue(_)) => Tree::Null,
        Some(ValueType::BooleanValue(value)) => Tree::Bool(value),
        Some(ValueType::IntegerValue(integer)) => Tree::Number(integer.to_string().into()),
        Some(ValueType::DoubleValue(double)) => double_tree(double),
        Some(ValueType::TimestampValue(time)) => Tree::String(rfc_3339(&time)),
        Some(ValueType::StringValue(text)) => Tree::String(text),
        Some(ValueType::BytesValue(bytes)) => Tree::String(STANDARD.encode(bytes)),
        Some(ValueType::ReferenceValue(name)) => {
            Tree::String(name.split_once("/documents/").map_or(&*name, |(_, path)| path).to_owned())
        }
        Some(ValueType::GeoPointValue(point)) => Tree::Object(vec![
            ("latitude".to_owned(), double_tree(point.latitude)),
            ("longitude".to_owned(), double_tree(point.longitude)),
        ]),
        Some(ValueType::ArrayValue(array)) => {
            Tree::Array(array.values.into_iter().map(tree).collect())
        }
        Some(ValueType::MapValue(map)) => {
            Tree::Object(map.fields.into_iter().map(|(name, value)| (name, tree(value))).collect())
        }
        // These stand in pipelines and are never stored.
        Some(
            ValueType::FieldReferenceValue(_)
            | ValueType::VariableReferenceValue(_)
            | ValueType::FunctionValue(_)
            | ValueType::PipelineValue(_),
        ) => Tree::Null,
    }
}

fn double_tree(double: f64) -> Tree {
    if double.is_nan() {
        return Tree::String("NaN".to_owned());
    }
    if double.is_infinite() {
        let text = if double > 0.0 { "Infinity" } else { "-Infinity" };
        return Tree::String(text.to_owned());
    }
    Tree::Number(format!("{double:e}").into())
}

/// Text in RFC 3339, with as many digits after the second as the time has.
fn rfc_3339(time: &prost_types::Timestamp) -> String {
    // Firestore's times begin with the year 1, and ours in 1970: the text is made by prost.
    time.to_string()
}

/// A moment as Firestore tells it, to the microsecond; what was before 1970 becomes 1970.
pub(crate) fn timestamp(time: &prost_types::Timestamp) -> Timestamp {
    let unix_us = time.seconds.saturating_mul(1_000_000) + i64::from(time.nanos) / 1_000;
    Timestamp { unix_us: unix_us.max(0) }
}

/// A moment as Firestore stores it.
pub(crate) fn native_time(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.unix_us.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp {
        seconds: time.unix_us.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

/// The version of a document: the time of its last change. Of large ones it also tells what goes
/// when it is replaced or deleted, which counts in a commit.
pub(crate) fn tag(time: &prost_types::Timestamp, replaced: u64) -> Tag {
    let time = format!("{}.{:09}", time.seconds, time.nanos);
    Tag(if replaced < REPLACED_BYTES_MIN { time } else { format!("{time}+{replaced}") })
}

/// The time in a version; `None` when it is not one of ours.
pub(crate) fn tag_time(tag: &Tag) -> Option<prost_types::Timestamp> {
    let time = tag.0.split('+').next()?;
    let (seconds, nanos) = time.split_once('.')?;
    Some(prost_types::Timestamp { seconds: seconds.parse().ok()?, nanos: nanos.parse().ok()? })
}

pub(crate) fn map(fields: Fields) -> proto::Value {
    proto::Value { value_type: Some(ValueType::MapValue(proto::MapValue { fields })) }
}

pub(crate) fn array(values: Vec<proto::Value>) -> proto::Value {
    proto::Value { value_type: Some(ValueType::ArrayValue(proto::ArrayValue { values })) }
}

pub(crate) fn integer(integer: i64) -> proto::Value {
    proto::Value { value_type: Some(ValueType::IntegerValue(integer)) }
}

/// A count or a sequence. Counting one a nanosecond, 63 bits last for 292 years.
pub(crate) fn unsigned(number: u64) -> proto::Value {
    integer(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(crate) fn string(text: impl Into<String>) -> proto::Value {
    proto::Value { value_type: Some(ValueType::StringValue(text.into())) }
}

pub(crate) fn bytes(bytes: Vec<u8>) -> proto::Value {
    proto::Value { value_type: Some(ValueType::BytesValue(bytes)) }
}

pub(crate) fn boolean(value: bool) -> proto::Value {
    proto::Value { value_type: Some(ValueType::BooleanValue(value)) }
}

pub(crate) fn time(time: Timestamp) -> proto::Value {
    proto::Value { value_type: Some(ValueType::TimestampValue(native_time(time))) }
}

pub(crate) fn reference(name: String) -> proto::Value {
    proto::Value { value_type: Some(ValueType::ReferenceValue(name)) }
}

pub(crate) fn map_of(value: &proto::Value) -> Option<&Fields> {
    match value.value_type.as_ref()? {
        ValueType::MapValue(map) => Some(&map.fields),
        _ => None,
    }
}

pub(crate) fn integer_of(value: &proto::Value) -> Option<i64> {
    match value.value_type.as_ref()? {
        ValueType::IntegerValue(integer) => Some(*integer),
        _ => None,
    }
}

pub(crate) fn string_of(value: &proto::Value) -> Option<&str> {
    match value.value_type.as_ref()? {
        ValueType::StringValue(text) => Some(text),
        _ => None,
    }
}

pub(crate) fn bytes_of(value: &proto::Value) -> Option<&[u8]> {
    match value.value_type.as_ref()? {
        ValueType::BytesValue(bytes) => Some(bytes),
        _ => None,
    }
}

pub(crate) fn boolean_of(value: &proto::Value) -> Option<bool> {
    match value.value_type.as_ref()? {
        ValueType::BooleanValue(value) => Some(*value),
        _ => None,
    }
}

pub(crate) fn time_of(value: &proto::Value) -> Option<Timestamp> {
    match value.value_type.as_ref()? {
        ValueType::TimestampValue(time) => Some(timestamp(time)),
        _ => None,
    }
}

pub(crate) fn array_of(value: &proto::Value) -> Option<&[proto::Value]> {
    match value.value_type.as_ref()? {
        ValueType::ArrayValue(array) => Some(&array.values),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use googleapis_tonic_google_firestore_v1::google::r#type::LatLng;

    use super::*;
    use crate::fields::tag_replaced;

    fn typed(value_type: ValueType) -> proto::Value {
        proto::Value { value_type: Some(value_type) }
    }

    #[test]
    fn numbers_are_integers_where_they_can_be() {
        let cases = [
            ("0", ValueType::IntegerValue(0)),
            ("-7", ValueType::IntegerValue(-7)),
            ("9223372036854775807", ValueType::IntegerValue(i64::MAX)),
            ("-9223372036854775808", ValueType::IntegerValue(i64::MIN)),
            ("9223372036854775808", ValueType::DoubleValue(9_223_372_036_854_775_808.0)),
            ("1.5", ValueType::DoubleValue(1.5)),
            ("1.0", ValueType::DoubleValue(1.0)),
            ("1e3", ValueType::DoubleValue(1000.0)),
            ("-0", ValueType::DoubleValue(-0.0)),
        ];
        for (text, native) in cases {
            assert_eq!(number(text), native, "{text}");
        }
        let ValueType::DoubleValue(zero) = number("-0") else { panic!("an integer") };
        assert!(zero.is_sign_negative());
    }

    #[test]
    fn what_we_write_is_read_as_it_was() {
        let text = r#"{"a":null,"b":[true,{"c":"\u0000é😀"}],"d":{"e":-1,"f":{}},"g":[]}"#;
        let given = Tree::parse(text).unwrap();
        assert_eq!(tree(value(&given)), given);
    }

    #[test]
    fn types_that_json_lacks_are_read_as_text() {
        let cases = [
            (
                ValueType::TimestampValue(prost_types::Timestamp { seconds: 1, nanos: 5_000 }),
                r#""1970-01-01T00:00:01.000005Z""#,
            ),
            (
                ValueType::TimestampValue(prost_types::Timestamp {
                    seconds: -62_135_596_800,
                    nanos: 0,
                }),
                r#""0001-01-01T00:00:00Z""#,
            ),
            (ValueType::BytesValue(vec![0, 255]), r#""AP8=""#),
            (
                ValueType::ReferenceValue("projects/p/databases/d/documents/a/1/b/2".to_owned()),
                r#""a/1/b/2""#,
            ),
            (
                ValueType::GeoPointValue(LatLng { latitude: 52.5, longitude: -13.25 }),
                r#"{"latitude":5.25e1,"longitude":-1.325e1}"#,
            ),
            (ValueType::DoubleValue(f64::NAN), r#""NaN""#),
            (ValueType::DoubleValue(f64::INFINITY), r#""Infinity""#),
            (ValueType::DoubleValue(f64::NEG_INFINITY), r#""-Infinity""#),
        ];
        for (native, text) in cases {
            assert_eq!(tree(typed(native)).to_text(), text);
        }
    }

    #[test]
    fn versions_are_times_to_the_nanosecond() {
        let time = prost_types::Timestamp { seconds: 1_795_183_740, nanos: 7 };
        assert_eq!(tag(&time, 100), Tag("1795183740.000000007".to_owned()));
        for (replaced, told) in [(0, 0), (100, 0), (900_000, 900_000)] {
            assert_eq!(tag_time(&tag(&time, replaced)), Some(time));
            assert_eq!(tag_replaced(&tag(&time, replaced)), told);
        }
        assert_eq!(tag_time(&Tag("x".to_owned())), None);
        let moment = Timestamp { unix_us: 1_795_183_740_123_456 };
        assert_eq!(timestamp(&native_time(moment)), moment);
    }
}
