//! Setting one field and taking one away.

use super::{Kind, Raw, merge::push_member, raw::find_steps, string::quoted};
use crate::{FieldPath, PathStep};

/// A canonical object in which a field has this value (canonical text). A field that was there
/// keeps its place; a new one is the last of its object, and objects around it that are missing
/// are made. Where something else stands on the way to it, nothing changes.
#[must_use]
pub fn with_field(body: &str, path: &FieldPath, value: &str) -> String {
    set(body, path, Some(value))
}

/// The same with a field that is not there, if the object to which it belongs is.
#[must_use]
pub fn with_missing_field(body: &str, path: &FieldPath, value: &str) -> Option<String> {
    let (last, around) = path.steps().split_last()?;
    let object = match around {
        [] => Raw::new(body),
        around => find_steps(body, around)?,
    };
    let is_missing = object.kind() == Kind::Object
        && !object.members().any(|(key, _)| key.as_str_decoded().as_deref() == Some(&**last));
    is_missing.then(|| with_field(body, path, value))
}

/// A canonical object without a field, if it has it.
#[must_use]
pub fn without_field(body: &str, path: &FieldPath) -> String {
    set(body, path, None)
}

fn set(body: &str, path: &FieldPath, value: Option<&str>) -> String {
    let mut out = String::with_capacity(body.len() + value.map_or(0, str::len) + 32);
    write(Raw::new(body), path.steps(), value, &mut out);
    out
}

/// Recurses as deep as the path is long.
fn write(object: Raw<'_>, path: &[PathStep], value: Option<&str>, out: &mut String) {
    let Some((step, rest)) = path.split_first() else { return };
    let mut found = false;
    out.push('{');
    for (key, old) in object.members() {
        let is_it = !found && key.as_str_decoded().as_deref() == Some(&**step);
        found |= is_it;
        match (is_it, rest, value) {
            (true, [], None) => {}
            (true, [], Some(new)) => push_member(key, out, |out| out.push_str(new)),
            (true, rest, _) if old.kind() == Kind::Object => {
                push_member(key, out, |out| write(old, rest, value, out));
            }
            _ => push_member(key, out, |out| out.push_str(old.as_text())),
        }
    }
    if let (false, Some(new)) = (found, value) {
        push_member(Raw::new(&quoted(step)), out, |out| match rest {
            [] => out.push_str(new),
            rest => write(Raw::new("{}"), rest, value, out),
        });
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    #[test]
    fn fields_keep_their_places() {
        let body = r#"{"a":1.0,"o":{"b":2,"c":[3]},"q\"":4}"#;
        for (at, with) in [
            ("a", r#"{"a":null,"o":{"b":2,"c":[3]},"q\"":4}"#),
            ("o.b", r#"{"a":1.0,"o":{"b":null,"c":[3]},"q\"":4}"#),
            ("o", r#"{"a":1.0,"o":null,"q\"":4}"#),
            (r#""q\"""#, r#"{"a":1.0,"o":{"b":2,"c":[3]},"q\"":null}"#),
            ("new", r#"{"a":1.0,"o":{"b":2,"c":[3]},"q\"":4,"new":null}"#),
            ("o.n.\"é\n\"", r#"{"a":1.0,"o":{"b":2,"c":[3],"n":{"é\n":null}},"q\"":4}"#),
            ("a.x", body),
            ("o.c.0", body),
        ] {
            let at = at.replace('\n', "\\n");
            assert_eq!(with_field(body, &path(&at), "null"), with, "{at}");
        }
        assert_eq!(with_field("{}", &path("a.b"), "1"), r#"{"a":{"b":1}}"#);
    }

    #[test]
    fn fields_are_taken_away_where_they_are() {
        let body = r#"{"a":1,"o":{"b":2}}"#;
        for (at, without) in [
            ("a", r#"{"o":{"b":2}}"#),
            ("o.b", r#"{"a":1,"o":{}}"#),
            ("o.x", body),
            ("x.y", body),
            ("a.b", body),
        ] {
            assert_eq!(without_field(body, &path(at)), without, "{at}");
        }
    }

    #[test]
    fn missing_fields_are_set_where_their_object_is() {
        let body = r#"{"a":null,"o":{}}"#;
        let set = |at: &str| with_missing_field(body, &path(at), "1");
        assert_eq!(set("a"), None);
        assert_eq!(set("b").as_deref(), Some(r#"{"a":null,"o":{},"b":1}"#));
        assert_eq!(set("o.x").as_deref(), Some(r#"{"a":null,"o":{"x":1}}"#));
        assert_eq!(set("p.x"), None);
        assert_eq!(set("a.x"), None);
    }
}
