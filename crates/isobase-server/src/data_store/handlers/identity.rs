//! The ids of records.

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use isobase_types::{
    Comparison, DocumentId, FieldPath, Filter, InvalidDocumentId, Literal, Operator,
};

/// The namespace of records that name none.
pub(super) const DEFAULT: &str = "default";

/// The id of a record: `user:namespace:key`, the key in URL-safe base64 with padding.
///
/// User and namespace stand as they are, unless they hold what would make two records one (`:`)
/// or what no id may have; that is written as in a URL (`%3A`). No id begins with `_`, so a user
/// does not either; a namespace may.
///
/// # Errors
/// When the id is too long.
pub(super) fn document_id(
    user: &str,
    namespace: &str,
    key: &str,
) -> Result<DocumentId, InvalidDocumentId> {
    let mut id = prefix(user, Some(namespace));
    BASE64_URL_SAFE.encode_string(key, &mut id);
    DocumentId::parse(&id)
}

/// The records of a user, or of one of its namespaces: a range of ids.
pub(super) fn filter(user: &str, namespace: Option<&str>) -> Filter {
    let from = prefix(user, namespace);
    // The byte after ':' ends the range.
    let mut to = from.clone();
    to.pop();
    to.push(';');
    let mut filters = vec![
        compare("id", Operator::GreaterOrEqual(Literal::Text(from))),
        compare("id", Operator::Less(Literal::Text(to))),
        compare("userId", Operator::In(vec![Literal::Text(user.to_owned())])),
    ];
    if let Some(namespace) = namespace {
        let named = compare("namespace", Operator::In(vec![Literal::Text(namespace.to_owned())]));
        filters.push(match namespace {
            DEFAULT => Filter::Or(vec![named, compare("namespace", Operator::Null)]),
            _ => named,
        });
    }
    Filter::And(filters)
}

fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("the names above are valid, as the tests show");
    Filter::Compare(Comparison { path, operator })
}

fn prefix(user: &str, namespace: Option<&str>) -> String {
    let mut prefix = String::new();
    let user = match user.strip_prefix('_') {
        Some(rest) => {
            prefix.push_str("%5F");
            rest
        }
        None => user,
    };
    for part in std::iter::once(user).chain(namespace) {
        escape(part, &mut prefix);
        prefix.push(':');
    }
    prefix
}

fn escape(part: &str, out: &mut String) {
    for character in part.chars() {
        match character {
            ':' => out.push_str("%3A"),
            '/' => out.push_str("%2F"),
            '%' => out.push_str("%25"),
            '\0' => out.push_str("%00"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(user: &str, namespace: &str, key: &str) -> String {
        document_id(user, namespace, key).unwrap().to_string()
    }

    #[test]
    fn ids_have_the_documented_form() {
        assert_eq!(id("user-1", "default", "src/main.py"), "user-1:default:c3JjL21haW4ucHk=");
        assert_eq!(id("u", "n", "?>~"), "u:n:Pz5-");
        assert_eq!(id("u", "_cache", "k"), "u:_cache:aw==");
        assert!(document_id("u", "n", &"k".repeat(400)).is_err());
    }

    #[test]
    fn different_records_have_different_ids() {
        assert_ne!(id("a:b", "c", "k"), id("a", "b:c", "k"));
        assert_ne!(id("a%3Ab", "c", "k"), id("a:b", "c", "k"));
        assert_eq!(id("_a", "b/c", "k"), "%5Fa:b%2Fc:aw==");
        assert_ne!(id("_a", "_b", "k"), id("%5Fa", "_b", "k"));
    }

    #[test]
    fn ranges_hold_exactly_their_records() {
        let matches = |filter: &Filter, user: &str, namespace: &str| {
            let id = document_id(user, namespace, "k").unwrap();
            filter.matches(&format!(r#"{{"userId":"{user}","namespace":"{namespace}"}}"#), &id)
        };
        let user = filter("u", None);
        assert!(matches(&user, "u", "n") && matches(&user, "u", "zz"));
        assert!(!matches(&user, "u2", "n") && !matches(&user, "t", "n"));
        let led = filter("_u", Some("_n"));
        assert!(matches(&led, "_u", "_n") && !matches(&led, "u", "_n"));
        let namespace = filter("u", Some("n"));
        assert!(matches(&namespace, "u", "n"));
        assert!(!matches(&namespace, "u", "n2") && !matches(&namespace, "u", "m"));
    }
}
