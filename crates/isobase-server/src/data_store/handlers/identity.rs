//! The ids of records.

use base64::{Engine as _, prelude::BASE64_URL_SAFE};
use isobase_types::{
    Comparison, DocumentId, FieldPath, Filter, InvalidDocumentId, Literal, Operator,
};

/// The namespace of records that name none.
pub(super) const DEFAULT: &str = "default";

/// The ids that a record may have.
pub(super) struct RecordIds {
    /// `user:namespace:key`, the key in URL-safe base64 with padding: what other programs know.
    plain: DocumentId,
    /// The same with user and namespace written as in a URL (`%3A`), for a record whose plain id
    /// is that of another one: `a:b` and `c` are `a:b:c`, and so are `a` and `b:c`.
    apart: Option<DocumentId>,
}

impl RecordIds {
    /// # Errors
    /// When the plain id is too long.
    pub(super) fn of(user: &str, namespace: &str, key: &str) -> Result<Self, InvalidDocumentId> {
        let with_key = |mut id: String| {
            BASE64_URL_SAFE.encode_string(key, &mut id);
            DocumentId::parse(&id)
        };
        let plain = with_key(plain_prefix(user, Some(namespace)))?;
        let apart = with_key(escaped_prefix(user, Some(namespace))).ok();
        Ok(Self { apart: apart.filter(|apart| *apart != plain), plain })
    }

    /// The plain one.
    pub(super) fn plain(&self) -> &DocumentId {
        &self.plain
    }

    /// All, in the order in which a record takes them.
    pub(super) fn all(&self) -> impl Iterator<Item = &DocumentId> {
        std::iter::once(&self.plain).chain(&self.apart)
    }
}

/// The records of a user, or of one of its namespaces: ranges of ids.
pub(super) fn filter(user: &str, namespace: Option<&str>) -> Filter {
    let (plain, escaped) = (plain_prefix(user, namespace), escaped_prefix(user, namespace));
    let range = match plain == escaped {
        true => beginning_with(plain),
        false => Filter::Or(vec![beginning_with(plain), beginning_with(escaped)]),
    };
    let mut filters =
        vec![range, compare("userId", Operator::In(vec![Literal::Text(user.to_owned())]))];
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

/// Ids that begin with a text whose last byte is a colon.
fn beginning_with(from: String) -> Filter {
    // The byte after ':' ends the range.
    let mut to = from.clone();
    to.pop();
    to.push(';');
    Filter::And(vec![
        compare("id", Operator::GreaterOrEqual(Literal::Text(from))),
        compare("id", Operator::Less(Literal::Text(to))),
    ])
}

fn plain_prefix(user: &str, namespace: Option<&str>) -> String {
    let parts = std::iter::once(user).chain(namespace);
    // No id has NUL.
    parts.map(|part| format!("{}:", part.replace('\0', "%00"))).collect()
}

fn escaped_prefix(user: &str, namespace: Option<&str>) -> String {
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

    fn ids(user: &str, namespace: &str, key: &str) -> Vec<String> {
        let ids = RecordIds::of(user, namespace, key).unwrap();
        ids.all().map(DocumentId::to_string).collect()
    }

    #[test]
    fn ids_have_the_documented_form() {
        assert_eq!(ids("user-1", "default", "src/main.py"), ["user-1:default:c3JjL21haW4ucHk="]);
        assert_eq!(ids("u", "n", "?>~"), ["u:n:Pz5-"]);
        assert_eq!(ids("u", "_cache", "k"), ["u:_cache:aw=="]);
        assert_eq!(
            ids("user", "files:repo-x", "k"),
            ["user:files:repo-x:aw==", "user:files%3Arepo-x:aw=="]
        );
        assert_eq!(ids("_a", "b/c", "k"), ["_a:b/c:aw==", "%5Fa:b%2Fc:aw=="]);
        assert!(RecordIds::of("u", "n", &"k".repeat(1_200)).is_err());
    }

    #[test]
    fn records_of_one_plain_id_have_another() {
        for (one, other) in [(("a:b", "c"), ("a", "b:c")), (("a%3Ab", "c"), ("a:b", "c"))] {
            let (one, other) = (ids(one.0, one.1, "k"), ids(other.0, other.1, "k"));
            assert!(one.iter().chain(&other).collect::<std::collections::HashSet<_>>().len() > 2);
            assert_ne!(one.last(), other.last());
        }
    }

    #[test]
    fn ranges_hold_exactly_their_records() {
        let matches = |filter: &Filter, user: &str, namespace: &str| {
            let ids = RecordIds::of(user, namespace, "k").unwrap();
            let body = format!(r#"{{"userId":"{user}","namespace":"{namespace}"}}"#);
            let matching = ids.all().filter(|id| filter.matches(&body, id)).count();
            assert!(matching == 0 || matching == ids.all().count(), "{user} {namespace}");
            matching > 0
        };
        let user = filter("u", None);
        assert!(matches(&user, "u", "n") && matches(&user, "u", "zz"));
        assert!(matches(&user, "u", "a:b") && matches(&user, "u", "a/b"));
        assert!(!matches(&user, "u2", "n") && !matches(&user, "t", "n"));
        assert!(!matches(&user, "u:n", "m"));
        let led = filter("_u", Some("_n"));
        assert!(matches(&led, "_u", "_n") && !matches(&led, "u", "_n"));
        let namespace = filter("u", Some("n"));
        assert!(matches(&namespace, "u", "n"));
        assert!(!matches(&namespace, "u", "n2") && !matches(&namespace, "u", "m"));
        assert!(!matches(&namespace, "u", "n:m") && !matches(&namespace, "u:n", "m"));
    }
}
