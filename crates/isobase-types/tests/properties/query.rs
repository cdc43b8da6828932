//! Parsers on any text, and patterns against a naive matcher.

use isobase_types::{
    Comparison, DocumentId, FieldPath, Filter, Operator, Order, Query, QueryLimits,
    json::canonicalise_document,
};
use proptest::{collection::vec, prelude::*, sample::select};

/// Pieces of the language in any order.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "(", ")", ",", ".", "\"", "[", "]", "a", "id", "eq", "in", "gte", "null", "or", "and",
        "not", "true", "1", "1e999", "-", " ", "é", "\\u0041", "\\", "%", "sort", "limit", "page",
        ".eq.", ".in.(", "a.eq.1", "\"a\"", "and(", "",
    ]);
    vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

fn matches_naively(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|n| matches_naively(&text[n..], rest)),
        ['_', rest @ ..] => !text.is_empty() && matches_naively(&text[1..], rest),
        ['\\', wanted, rest @ ..] | [wanted, rest @ ..] => {
            text.first() == Some(wanted) && matches_naively(&text[1..], rest)
        }
    }
}

fn short(alphabet: &'static [char]) -> impl Strategy<Value = String> {
    vec(select(alphabet), 0..9).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_parameters_are_read_or_refused(
        names in vec(prop_oneof![pieces(), ".*", select(vec!["or", "and", "not", "a[in]"]).prop_map(str::to_owned)], 0..4),
        values in vec(prop_oneof![pieces(), ".*", pieces().prop_map(|p| format!("({p})"))], 4),
        body in ".*",
    ) {
        let parameters: Vec<_> = names.into_iter().zip(values).collect();
        match Query::parse(&parameters, &QueryLimits::default()) {
            Ok(query) => {
                let body = canonicalise_document(body.as_bytes()).unwrap_or("{}".to_owned());
                let _ = query.filter.matches(&body, &DocumentId::from(1));
            }
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }

    #[test]
    fn paths_and_orders_print_what_they_read(text in prop_oneof![pieces(), ".*"]) {
        if let Ok(path) = FieldPath::parse(&text) {
            prop_assert_eq!(FieldPath::parse(&path.to_string()), Ok(path));
        }
        if let Ok(order) = Order::parse(&text) {
            prop_assert_eq!(Order::parse(&order.to_string()), Ok(order));
        }
    }

    #[test]
    fn patterns_match_as_defined(
        text in short(&['a', 'b', '%', '_', '\\', 'é']),
        pattern in short(&['a', 'b', '%', '%', '_', '\\', 'é']),
    ) {
        let body = serde_json::json!({"t": text}).to_string();
        let filter = Filter::Compare(Comparison {
            path: FieldPath::parse("t").unwrap(),
            operator: Operator::Like { pattern: pattern.clone(), ignore_case: false },
        });
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let naive = matches_naively(&chars(&text), &chars(&pattern));
        prop_assert_eq!(filter.matches(&body, &DocumentId::from(1)), naive);
    }
}
