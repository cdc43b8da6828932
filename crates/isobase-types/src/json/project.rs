//! Leaving fields out.

use super::{Kind, Raw, raw::find_steps};
use crate::{FieldPath, PathStep};

/// Only these fields of a canonical object, nested as they were, in the order of the document.
///
/// `address.city` leaves `{"address":{"city":…}}`. A field that is not there leaves nothing, not
/// even the objects around it. A path that reaches into an array, `tags.0`, keeps the whole array
/// if it has that element. The path `id` names nothing here: a body has no `id`.
#[must_use]
pub fn project(body: &str, fields: &[FieldPath]) -> String {
    let paths: Vec<&[PathStep]> = fields.iter().map(FieldPath::steps).collect();
    let mut out = String::new();
    if !project_object(Raw::new(body), &paths, &mut out) {
        out.push_str("{}");
    }
    out
}

/// Appends the object with the members that the paths name; nothing and false if there is none.
/// Recurses as deep as paths are long.
fn project_object(object: Raw<'_>, paths: &[&[PathStep]], out: &mut String) -> bool {
    let start = out.len();
    for (key, value) in object.members() {
        let Some(name) = key.as_str_decoded() else { continue };
        let mut inner = Vec::new();
        let mut whole = false;
        for path in paths {
            match path {
                [step] if **step == *name => whole = true,
                [step, rest @ ..] if **step == *name => inner.push(rest),
                _ => {}
            }
        }
        if whole || !inner.is_empty() {
            project_member(start, key, value, if whole { &[] } else { &inner }, out);
        }
    }
    let any = out.len() > start;
    if any {
        out.push('}');
    }
    any
}

/// Appends one member of the object that begins at `start`; no paths means its whole value.
fn project_member(
    start: usize,
    key: Raw<'_>,
    value: Raw<'_>,
    paths: &[&[PathStep]],
    out: &mut String,
) {
    let before = out.len();
    out.push(if before == start { '{' } else { ',' });
    out.push_str(key.as_text());
    out.push(':');
    let kept = match value.kind() {
        Kind::Object if !paths.is_empty() => project_object(value, paths, out),
        _ => {
            let keeps = |path: &&[PathStep]| find_steps(value.as_text(), path).is_some();
            let keep = paths.is_empty() || paths.iter().any(keeps);
            if keep {
                out.push_str(value.as_text());
            }
            keep
        }
    };
    if !kept {
        out.truncate(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_the_named_fields() {
        let body = r#"{"a":1,"b":{"c":2,"d":{"e":3,"f":4}},"t":[1,{"x":2}],"n\n":5,"s":"x"}"#;
        let cases: [(&[&str], &str); 13] = [
            (&["a"], r#"{"a":1}"#),
            (&["s", "a"], r#"{"a":1,"s":"x"}"#),
            (&["b.c"], r#"{"b":{"c":2}}"#),
            (&["b.d.f", "b.c"], r#"{"b":{"c":2,"d":{"f":4}}}"#),
            (&["b", "b.c"], r#"{"b":{"c":2,"d":{"e":3,"f":4}}}"#),
            (&["missing"], "{}"),
            (&["b.missing", "b.d.missing", "a"], r#"{"a":1}"#),
            (&["t.0"], r#"{"t":[1,{"x":2}]}"#),
            (&["t.1.x"], r#"{"t":[1,{"x":2}]}"#),
            (&["t.2", "t.x"], "{}"),
            (&[r#""n\n""#], r#"{"n\n":5}"#),
            (&["s.0", "a.b"], "{}"),
            (&["id"], "{}"),
        ];
        for (fields, projected) in cases {
            let fields: Vec<_> = fields.iter().map(|f| FieldPath::parse(f).unwrap()).collect();
            assert_eq!(project(body, &fields), projected, "{fields:?}");
        }
    }
}
