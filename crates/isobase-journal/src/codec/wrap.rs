//! Values that the native form cannot hold, as text in it.
//!
//! An array inside an array where there is no such thing, an object with a name that is not
//! allowed, and what is nested too deep stand as an object with the one field [`WRAPPED_FIELD`],
//! whose value is their JSON text. Top-level fields whose names are not allowed stand together,
//! as the text of an object, in the bookkeeping. So every document can be stored; only sizes are
//! refused.

use super::{NativeRules, Tree};

/// The only field of an object that stands for a wrapped value.
pub const WRAPPED_FIELD: &str = "isobase_json";

/// The native form of fields, and the text of those that cannot stand among them.
pub(super) fn wrap_fields(
    fields: Vec<(String, Tree)>,
    rules: &NativeRules,
) -> (Vec<(String, Tree)>, Option<String>) {
    let (native, held): (Vec<_>, Vec<_>) =
        fields.into_iter().partition(|(name, _)| rules.holds_top_level_name(name));
    let wrapped = native.into_iter().map(|(name, value)| (name, wrap(value, rules, 1)));
    let held = (!held.is_empty()).then(|| Tree::Object(held).to_text());
    (wrapped.collect(), held)
}

/// The fields that [`wrap_fields`] took.
pub(super) fn unwrap_fields(
    fields: Vec<(String, Tree)>,
    held: Option<&str>,
) -> Vec<(String, Tree)> {
    let mut fields: Vec<_> =
        fields.into_iter().map(|(name, value)| (name, unwrap(value))).collect();
    // Text that another program has broken holds nothing.
    let held = held.and_then(|text| Tree::parse_fields(text).ok()).unwrap_or_default();
    for (name, value) in held {
        if fields.iter().all(|(other, _)| *other != name) {
            fields.push((name, value));
        }
    }
    fields
}

/// `level` is how many arrays and objects are open once `tree` is.
fn wrap(tree: Tree, rules: &NativeRules, level: usize) -> Tree {
    if !is_held(&tree, rules, level) {
        return wrapped(&tree);
    }
    match tree {
        Tree::Array(elements) => {
            let wrap_element = |element| match element {
                Tree::Array(_) if !rules.nested_arrays => wrapped(&element),
                element => wrap(element, rules, level + 1),
            };
            Tree::Array(elements.into_iter().map(wrap_element).collect())
        }
        Tree::Object(fields) => {
            let wrap_field = |(name, value)| (name, wrap(value, rules, level + 1));
            Tree::Object(fields.into_iter().map(wrap_field).collect())
        }
        scalar => scalar,
    }
}

fn is_held(tree: &Tree, rules: &NativeRules, level: usize) -> bool {
    let is_container = |tree: &Tree| matches!(tree, Tree::Array(_) | Tree::Object(_));
    // On the last level there is room for a wrapper, but for nothing inside it.
    let is_last = level >= rules.levels_max;
    match tree {
        Tree::Array(elements) => !(is_last && elements.iter().any(is_container)),
        Tree::Object(fields) => {
            !is_wrapper(fields)
                && fields.iter().all(|(name, _)| rules.holds_name(name))
                && !(is_last && fields.iter().any(|(_, value)| is_container(value)))
        }
        _ => true,
    }
}

fn is_wrapper(fields: &[(String, Tree)]) -> bool {
    matches!(fields, [(name, _)] if name == WRAPPED_FIELD)
}

fn wrapped(tree: &Tree) -> Tree {
    Tree::Object(vec![(WRAPPED_FIELD.to_owned(), Tree::String(tree.to_text()))])
}

fn unwrap(tree: Tree) -> Tree {
    match tree {
        Tree::Array(elements) => Tree::Array(elements.into_iter().map(unwrap).collect()),
        Tree::Object(fields) => {
            let text = match fields.as_slice() {
                [(name, Tree::String(text))] if name == WRAPPED_FIELD => Tree::parse(text).ok(),
                _ => None,
            };
            text.unwrap_or_else(|| {
                let unwrap_field = |(name, value)| (name, unwrap(value));
                Tree::Object(fields.into_iter().map(unwrap_field).collect())
            })
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: NativeRules = NativeRules {
        nested_arrays: false,
        empty_names: false,
        dunder_names: false,
        top_level_underscore: false,
        name_bytes_max: 20,
        levels_max: 3,
        index_key_bytes_max: 1_500,
    };

    fn native(body: &str) -> (String, Option<String>) {
        let (fields, held) = wrap_fields(Tree::parse_fields(body).unwrap(), &STRICT);
        let unwrapped = unwrap_fields(fields.clone(), held.as_deref());
        let mut sorted = Tree::parse_fields(body).unwrap();
        sorted.sort_by_key(|(name, _)| !STRICT.holds_top_level_name(name));
        assert_eq!(unwrapped, sorted, "{body}");
        (Tree::Object(fields).to_text(), held)
    }

    #[test]
    fn what_can_be_held_stays() {
        for body in [
            r#"{"a":[1,{"b":{"c":1,"d":"isobase_json"}}],"e":{},"f":[]}"#,
            r#"{"a":{"_id":1,"isobase_json":1,"b":2}}"#,
            r#"{"a":{"b":{"c":{"d":1}}}}"#,
        ] {
            assert_eq!(native(body), (body.to_owned(), None));
        }
    }

    #[test]
    fn the_rest_is_wrapped_where_it_stands() {
        let cases = [
            (r#"{"a":[1,[2,[3]]]}"#, r#"{"a":[1,{"isobase_json":"[2,[3]]"}]}"#),
            (r#"{"a":[{"":1.50}]}"#, r#"{"a":[{"isobase_json":"{\"\":1.50}"}]}"#),
            (r#"{"a":{"__x__":1}}"#, r#"{"a":{"isobase_json":"{\"__x__\":1}"}}"#),
            (r#"{"a":{"b":{"c":{"d":{}}}}}"#, r#"{"a":{"b":{"c":{"isobase_json":"{\"d\":{}}"}}}}"#),
            (
                r#"{"a":{"isobase_json":"[1]"}}"#,
                r#"{"a":{"isobase_json":"{\"isobase_json\":\"[1]\"}"}}"#,
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(native(body), (expected.to_owned(), None));
        }
    }

    #[test]
    fn reserved_names_are_held_apart() {
        let (found, held) =
            native(r#"{"_id":"x","a":1,"_rev":[1.0],"isobase_meta":{},"":2,"_b":3}"#);
        assert_eq!(found, r#"{"a":1}"#);
        let expected = r#"{"_id":"x","_rev":[1.0],"isobase_meta":{},"":2,"_b":3}"#;
        assert_eq!(held.as_deref(), Some(expected));
    }

    #[test]
    fn text_that_another_program_broke_does_no_harm() {
        let fields = vec![(
            "a".to_owned(),
            Tree::Object(vec![(WRAPPED_FIELD.to_owned(), Tree::String("{".to_owned()))]),
        )];
        assert_eq!(unwrap_fields(fields.clone(), Some("[")), fields);
    }
}
