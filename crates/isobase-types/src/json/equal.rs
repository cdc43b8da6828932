//! Equality of values.

use std::collections::HashMap;

use super::{Kind, Raw, decimal};

/// Whether two canonical values are the same, as RFC 6902 (4.6) says: numbers by their value,
/// arrays element by element, objects whatever the order of their members.
///
/// Recurses as deep as both are nested: at most [`super::DEPTH_MAX`].
pub(crate) fn equal(a: Raw<'_>, b: Raw<'_>) -> bool {
    if a.as_text() == b.as_text() {
        return true;
    }
    match (a.kind(), b.kind()) {
        (Kind::Number, Kind::Number) => decimal::equal(a.as_text(), b.as_text()),
        (Kind::Array, Kind::Array) => {
            let (mut a, mut b) = (a.elements(), b.elements());
            loop {
                match (a.next(), b.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if equal(a, b) => {}
                    _ => return false,
                }
            }
        }
        (Kind::Object, Kind::Object) => {
            // Canonical keys are equal when their text is.
            let ours: HashMap<&str, Raw<'_>> =
                a.members().map(|(key, value)| (key.as_text(), value)).collect();
            let mut theirs = 0;
            for (key, value) in b.members() {
                theirs += 1;
                if !ours.get(key.as_text()).is_some_and(|own| equal(*own, value)) {
                    return false;
                }
            }
            theirs == ours.len()
        }
        // Strings are written in one way.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_equal_whatever_their_spelling() {
        let same = |a, b| equal(Raw::new(a), Raw::new(b));
        for (a, b) in [
            (r#"{"a":1,"b":[1.0,{"c":null}]}"#, r#"{"b":[1,{"c":null}],"a":1e0}"#),
            ("[]", "[]"),
            ("{}", "{}"),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,1]"),
            ("[]", "{}"),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            ("1", "\"1\""),
            ("null", "false"),
        ] {
            assert!(!same(a, b) && !same(b, a), "{a} {b}");
        }
    }
}
