//! A document comes back as it was, whatever a database does to its native form.

use isobase_journal::{META_FIELD, Meta, NativeDocument, NativeRules, Tag, Tree};
use isobase_types::{Sequence, Timestamp, json};
use proptest::prelude::*;

/// What a database does to numbers.
#[derive(Clone, Copy, Debug)]
enum Numbers {
    /// Keeps their text.
    Text,
    /// Reads and writes them as 64-bit floats.
    Floats,
    /// Keeps integers of 64 bits, and others as floats with a fraction.
    IntegersAndFloats,
    /// Writes floats with an exponent.
    Exponents,
}

/// What a database does to the order of fields.
#[derive(Clone, Copy, Debug)]
enum Fields {
    Kept,
    Sorted,
    Reversed,
}

fn native_number(text: &str, numbers: Numbers) -> String {
    let float: f64 = text.parse().unwrap();
    match numbers {
        Numbers::Text => text.to_owned(),
        Numbers::Floats => float.to_string(),
        Numbers::IntegersAndFloats => match text.parse::<i64>() {
            Ok(integer) => integer.to_string(),
            Err(_) => format!("{float:?}"),
        },
        Numbers::Exponents => format!("{float:E}"),
    }
}

fn native(tree: Tree, numbers: Numbers, order: Fields) -> Tree {
    match tree {
        Tree::Number(text) => Tree::Number(native_number(&text, numbers).into()),
        Tree::Array(elements) => {
            Tree::Array(elements.into_iter().map(|e| native(e, numbers, order)).collect())
        }
        Tree::Object(fields) => Tree::Object(native_fields(fields, numbers, order)),
        scalar => scalar,
    }
}

fn native_fields(
    fields: Vec<(String, Tree)>,
    numbers: Numbers,
    order: Fields,
) -> Vec<(String, Tree)> {
    let mut fields: Vec<_> =
        fields.into_iter().map(|(name, value)| (name, native(value, numbers, order))).collect();
    match order {
        Fields::Kept => {}
        Fields::Sorted => fields.sort_by(|a, b| a.0.cmp(&b.0)),
        Fields::Reversed => fields.reverse(),
    }
    fields
}

const LENIENT: NativeRules = NativeRules {
    nested_arrays: true,
    empty_names: true,
    dunder_names: true,
    top_level_underscore: true,
    name_bytes_max: usize::MAX,
    levels_max: usize::MAX,
    index_key_bytes_max: usize::MAX,
};

const STRICT: NativeRules = NativeRules {
    nested_arrays: false,
    empty_names: false,
    dunder_names: false,
    top_level_underscore: false,
    name_bytes_max: 2,
    levels_max: 2,
    index_key_bytes_max: 100,
};

fn stored(body: &str) -> Vec<(String, Tree)> {
    stored_by(&LENIENT, body)
}

fn stored_by(rules: &NativeRules, body: &str) -> Vec<(String, Tree)> {
    let at = Timestamp { unix_us: 1_795_183_740_123_456 };
    let (mut fields, meta) = Meta::of_body(body, rules, Sequence(7), at, at);
    fields.push((META_FIELD.to_owned(), Tree::Object(meta.to_fields())));
    fields
}

fn read(fields: Vec<(String, Tree)>) -> NativeDocument {
    NativeDocument::from_fields(7.into(), fields, Tag::default(), None)
}

fn check(body: &str, numbers: Numbers, order: Fields) {
    for rules in [LENIENT, STRICT] {
        let document = read(native_fields(stored_by(&rules, body), numbers, order));
        assert_eq!(document.body, body, "{numbers:?} {order:?} {rules:?}");
        assert_eq!(document.revision.number(), Some(7));
        assert!(!document.is_foreign());
    }
}

const NUMBERS: [Numbers; 4] =
    [Numbers::Text, Numbers::Floats, Numbers::IntegersAndFloats, Numbers::Exponents];
const FIELDS: [Fields; 3] = [Fields::Kept, Fields::Sorted, Fields::Reversed];

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        (-1000..1000_i32).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        (-1e6..1e6_f64).prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?",
        Just("9007199254740993".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just("-0.0".to_owned()),
        Just("1e-320".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        number(),
        any::<String>().prop_map(|text| Tree::String(text).to_text()),
    ];
    scalar.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|elements| format!("[{}]", elements.join(","))),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    prop::collection::hash_map("[a-zé_\"]{0,3}|_id|_rev|__x__|isobase_(json|meta)", value, 0..6)
        .prop_map(|fields| {
            let fields: Vec<_> = fields
                .into_iter()
                .map(|(name, value)| format!("{}:{value}", Tree::String(name).to_text()))
                .collect();
            format!("{{{}}}", fields.join(","))
        })
}

fn body() -> impl Strategy<Value = String> {
    object(value()).prop_filter_map("a document we store", |text| {
        json::canonicalise_document(text.as_bytes()).ok()
    })
}

proptest! {
    #[test]
    fn documents_come_back_as_they_were(body in body()) {
        for numbers in NUMBERS {
            for order in FIELDS {
                check(&body, numbers, order);
            }
        }
    }

    #[test]
    fn foreign_documents_are_canonical_and_stable(body in body(), times in 0..3_usize) {
        let mut fields = Tree::parse_fields(&body).unwrap();
        let first = read(fields.clone());
        prop_assert!(first.is_foreign());
        for _ in 0..times {
            fields = native_fields(fields, Numbers::Text, Fields::Reversed);
        }
        prop_assert_eq!(&first, &read(fields));
        let again = json::canonicalise_document(first.body.as_bytes()).unwrap();
        prop_assert_eq!(again, first.body);
    }

    #[test]
    fn changes_of_other_programs_are_seen(body in body(), other in value()) {
        let mut fields = stored(&body);
        let meta = fields.pop().unwrap();
        fields.push(("zz added".to_owned(), Tree::parse(&other).unwrap()));
        fields.push(meta);
        let document = read(fields);
        prop_assert!(document.is_foreign());
        prop_assert!(json::canonicalise_document(document.body.as_bytes()).is_ok());
        for (name, _) in Tree::parse_fields(&body).unwrap() {
            prop_assert!(Tree::parse_fields(&document.body).unwrap().iter().any(|f| f.0 == name));
        }
    }

    #[test]
    fn altered_shapes_never_break_a_document(body in body(), shape in "[{}\\[\\]:=,+!.0-9Ab-]{0,12}") {
        let mut fields = Tree::parse_fields(&body).unwrap();
        let at = Timestamp::default();
        let (_, mut meta) = Meta::of_body(&body, &LENIENT, Sequence(1), at, at);
        meta.shape = Some(shape);
        fields.push((META_FIELD.to_owned(), Tree::Object(meta.to_fields())));
        let document = read(fields);
        prop_assert!(json::canonicalise_document(document.body.as_bytes()).is_ok());
    }
}

#[test]
fn large_objects_and_arrays_come_back() {
    let names: Vec<_> = (0..500).rev().map(|n| format!("\"f{n}\":{n}.50")).collect();
    let rows = vec!["{\"y\":1.0,\"x\":[2.0,3]}"; 300].join(",");
    let body = format!("{{\"rows\":[{rows}],{}}}", names.join(","));
    for order in FIELDS {
        check(&body, Numbers::Floats, order);
    }
    let (_, meta) =
        Meta::of_body(&body, &LENIENT, Sequence(1), Timestamp::default(), Timestamp::default());
    let shape = meta.shape.unwrap();
    assert!(shape.contains("[+300{10:[=2.0],=1.0}]"), "{shape}");
}

#[test]
fn what_is_not_of_the_body_is_left_out() {
    let fields = Tree::parse_fields(
        "{\"_id\":\"7\",\"_rev\":\"1-a\",\"id\":7,\"isobase_meta\":{\"x\":1},\"b\":1,\"a\":2.50}",
    );
    let document = read(fields.unwrap());
    // The field `id` is another program's.
    assert_eq!(document.body, "{\"id\":7,\"a\":2.5,\"b\":1}");
    assert!(document.meta.is_none());
    assert!(document.revision.to_string().starts_with("foreign-"));
}

#[test]
fn what_was_taken_in_without_its_field_id_is_still_ours() {
    // As the first format wrote it: the hash of `{"b":1.5,"a":2}`, and of the id 7.
    let fields = Tree::parse_fields(
        "{\"a\":2,\"b\":1.5,\"id\":\"ext-77\",\"isobase_meta\":{\"revision\":4,\
         \"created_at\":\"2026-11-20T14:09:00.000000Z\",\
         \"updated_at\":\"2026-11-20T14:09:00.000000Z\",\
         \"hash\":\"HASH\",\"shape\":\"{10}\"}}"
            .replace("HASH", "3af25a8f7e8bef238d3ea57235f92565-7902699b")
            .as_str(),
    );
    let document = read(fields.unwrap());
    assert_eq!(document.body, "{\"id\":\"ext-77\",\"b\":1.5,\"a\":2}");
    assert_eq!((document.revision.number(), document.is_foreign()), (Some(4), false));
}

#[test]
fn a_changed_number_leaves_the_others_as_they_were() {
    let mut fields = stored("{\"b\":1.50,\"a\":2.50,\"c\":{\"y\":1,\"x\":2}}");
    fields[0].1 = Tree::Number("3".into());
    let document = read(fields);
    assert!(document.is_foreign());
    assert_eq!(document.body, "{\"b\":3,\"a\":2.50,\"c\":{\"y\":1,\"x\":2}}");
}
