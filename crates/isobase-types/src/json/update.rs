//! Changes of single values that do not need to know them: increments, and elements of arrays.

use std::borrow::Cow;

use super::{
    InvalidPatch, Kind, PatchRefused, Raw, decimal,
    equal::equal,
    merge_patch,
    node::{Node, fits_depth},
    patch_rules::{PATCH_OPERATIONS_MAX, check_first},
    quoted,
};
use crate::FieldPath;

/// An update: an object with the members `merge`, `increment`, `remove` and `append`, carried out
/// in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// A merge patch (RFC 7396).
    merge: Option<String>,
    /// Numbers to add.
    increment: Vec<(FieldPath, String)>,
    /// Elements to take out of arrays, wherever they stand.
    remove: Vec<(FieldPath, Vec<String>)>,
    /// Elements to put at the end of arrays.
    append: Vec<(FieldPath, Vec<String>)>,
}

impl Update {
    /// The values that it brings.
    pub(super) fn texts(&self) -> Vec<&str> {
        let appended = self.append.iter().flat_map(|(_, elements)| elements);
        self.merge.iter().chain(appended).map(String::as_str).collect()
    }

    /// Reads an update of canonical text.
    ///
    /// # Errors
    /// [`InvalidPatch`] names the member that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidPatch> {
        let text = Raw::new(text);
        if text.kind() != Kind::Object {
            return Err(InvalidPatch::new("", "expected an object"));
        }
        let mut update = Self::default();
        for (key, value) in text.members() {
            let name = key.as_str_decoded().unwrap_or_default();
            let pointer = format!("/{name}");
            if value.kind() != Kind::Object {
                return Err(InvalidPatch::new(pointer, "expected an object"));
            }
            match &*name {
                "merge" => update.merge = Some(without_id(value)),
                "increment" => update.increment = each(&pointer, value, amount)?,
                "remove" => update.remove = each(&pointer, value, elements)?,
                "append" => update.append = each(&pointer, value, elements)?,
                _ => {
                    let message = "expected one of merge, increment, remove, append";
                    return Err(InvalidPatch::new(pointer, message));
                }
            }
        }
        Ok(update)
    }

    pub(super) fn bytes(&self) -> usize {
        let elements = self.remove.iter().chain(&self.append).flat_map(|(_, values)| values);
        let amounts = self.increment.iter().map(|(_, amount)| amount);
        elements.chain(amounts).chain(&self.merge).map(String::len).sum()
    }

    /// Carries out the update on a body without a field `id`.
    pub(super) fn apply(&self, body: &str) -> Result<String, PatchRefused> {
        let merged = self.merge.as_ref().map(|patch| merge_patch(body, patch));
        let mut root = Node::new(merged.as_deref().unwrap_or(body));
        for (path, amount) in &self.increment {
            increment(place(&mut root, path)?, amount)
                .map_err(|message| PatchRefused::conflict(pointer(path), message))?;
        }
        for (path, values) in &self.remove {
            if let Some(place) = find(&mut root, path) {
                remove(place, values)
                    .map_err(|message| PatchRefused::conflict(pointer(path), message))?;
            }
        }
        for (path, values) in &self.append {
            append(place(&mut root, path)?, values, path.steps().len())
                .map_err(|message| PatchRefused::conflict(pointer(path), message))?;
        }
        Ok(root.to_text().into_owned())
    }
}

/// Reads the members of an object whose keys are field paths.
fn each<T>(
    pointer: &str,
    object: Raw<'_>,
    read: impl Fn(Raw<'_>) -> Result<T, &'static str>,
) -> Result<Vec<(FieldPath, T)>, InvalidPatch> {
    let mut all = Vec::new();
    for (key, value) in object.members() {
        let name = key.as_str_decoded().unwrap_or_default();
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        if all.len() == PATCH_OPERATIONS_MAX {
            let message = format!("more than {PATCH_OPERATIONS_MAX} fields");
            return Err(InvalidPatch::new(pointer, message));
        }
        let path = FieldPath::parse(&name)
            .map_err(|error| InvalidPatch::new(pointer.clone(), error.to_string()))?;
        check_first(path.steps().first().map(|step| &**step), &pointer)?;
        let value = read(value).map_err(|expected| InvalidPatch::new(pointer, expected))?;
        all.push((path, value));
    }
    Ok(all)
}

fn amount(value: Raw<'_>) -> Result<String, &'static str> {
    match value.kind() {
        Kind::Number => Ok(value.as_text().to_owned()),
        _ => Err("expected a number"),
    }
}

fn elements(value: Raw<'_>) -> Result<Vec<String>, &'static str> {
    match value.kind() {
        Kind::Array => Ok(value.elements().map(|element| element.as_text().to_owned()).collect()),
        _ => Err("expected an array of elements"),
    }
}

/// A merge patch does not reach the id either.
fn without_id(patch: Raw<'_>) -> String {
    let mut out = String::from("{");
    for (key, value) in patch.members().filter(|(key, _)| key.as_text() != "\"id\"") {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(key.as_text());
        out.push(':');
        out.push_str(value.as_text());
    }
    out.push('}');
    out
}

/// The JSON pointer of a path.
fn pointer(path: &FieldPath) -> String {
    path.steps()
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect()
}

fn find<'r, 'a>(root: &'r mut Node<'a>, path: &FieldPath) -> Option<&'r mut Node<'a>> {
    path.steps().iter().try_fold(root, |node, step| node.child(step))
}

/// The place of a path; objects and a null are made on the way where nothing is.
fn place<'r, 'a>(
    root: &'r mut Node<'a>,
    path: &FieldPath,
) -> Result<&'r mut Node<'a>, PatchRefused> {
    let mut node = root;
    for step in path.steps() {
        node = child_or_new(node, step).ok_or_else(|| {
            let message = format!("'{step}' is no element of an array, nor a field of an object");
            PatchRefused::conflict(pointer(path), message)
        })?;
    }
    Ok(node)
}

fn child_or_new<'r, 'a>(node: &'r mut Node<'a>, step: &str) -> Option<&'r mut Node<'a>> {
    if node.kind() == Kind::Null {
        *node = Node::new("{}");
    }
    if node.kind() != Kind::Object {
        return node.child(step);
    }
    let (key, members) = (quoted(step), node.members()?);
    let known = members.iter().position(|(known, _)| *known == key);
    let at = known.unwrap_or_else(|| {
        members.push((Cow::Owned(key), Node::new("null")));
        members.len() - 1
    });
    members.get_mut(at).map(|(_, value)| value)
}

fn increment(place: &mut Node<'_>, amount: &str) -> Result<(), String> {
    let sum = match place.kind() {
        Kind::Null => amount.to_owned(),
        Kind::Number => decimal::sum(&place.to_text(), amount)
            .ok_or_else(|| "the sum is beyond the range of 64-bit floats".to_owned())?,
        _ => return Err("what is incremented must be a number, null or missing".to_owned()),
    };
    *place = Node::Text(Cow::Owned(sum));
    Ok(())
}

fn remove(place: &mut Node<'_>, values: &[String]) -> Result<(), String> {
    if place.kind() == Kind::Null {
        return Ok(());
    }
    let Some(elements) = place.elements() else { return Err(not_an_array()) };
    elements.retain(|element| {
        let element = element.to_text();
        !values.iter().any(|value| equal(Raw::new(&element), Raw::new(value)))
    });
    Ok(())
}

fn append(place: &mut Node<'_>, values: &[String], steps: usize) -> Result<(), String> {
    if place.kind() == Kind::Null {
        *place = Node::new("[]");
    }
    if !values.iter().all(|value| fits_depth(steps + 1, value)) {
        return Err("it would be nested too deep".to_owned());
    }
    let Some(elements) = place.elements() else { return Err(not_an_array()) };
    elements.extend(values.iter().map(|value| Node::Text(Cow::Owned(value.clone()))));
    Ok(())
}

fn not_an_array() -> String {
    "only an array has elements; it must be one, null or missing".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(body: &str, update: &str) -> Result<String, PatchRefused> {
        Update::parse(update).unwrap().apply(body)
    }

    #[test]
    fn values_are_changed_where_they_stand() {
        let body = r#"{"n":1.0,"big":123456789012345678901234567890,"o":{"a":[1,2,1.0],"z":null}}"#;
        for (update, expected) in [
            ("{}", body),
            (
                r#"{"increment":{"n":1,"big":-1}}"#,
                r#"{"n":2.0,"big":123456789012345678901234567889,"o":{"a":[1,2,1.0],"z":null}}"#,
            ),
            (
                r#"{"increment":{"new":5,"o.z":0.5,"o.p.q":-1}}"#,
                r#"{"n":1.0,"big":123456789012345678901234567890,"o":{"a":[1,2,1.0],"z":0.5,"p":{"q":-1}},"new":5}"#,
            ),
            (
                r#"{"remove":{"o.a":[1],"none":[1],"o.z":[1]}}"#,
                r#"{"n":1.0,"big":123456789012345678901234567890,"o":{"a":[2],"z":null}}"#,
            ),
            (
                r#"{"append":{"o.a":[[],{"id":1}],"tags":["x"],"o.z":[]}}"#,
                r#"{"n":1.0,"big":123456789012345678901234567890,"o":{"a":[1,2,1.0,[],{"id":1}],"z":[]},"tags":["x"]}"#,
            ),
            (
                r#"{"increment":{"o.a.1":3},"append":{"o.a":[2]},"remove":{"o.a":[5]},"merge":{"n":null,"id":7}}"#,
                r#"{"big":123456789012345678901234567890,"o":{"a":[1,1.0,2],"z":null}}"#,
            ),
        ] {
            assert_eq!(apply(body, update).as_deref(), Ok(expected), "{update}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        let body = r#"{"t":"x","n":1.7e308,"a":[1],"o":{}}"#;
        for (update, place) in [
            (r#"{"increment":{"t":1}}"#, "/t"),
            (r#"{"increment":{"n":1.7e308}}"#, "/n"),
            (r#"{"increment":{"a.1":1}}"#, "/a/1"),
            (r#"{"increment":{"a.x":1}}"#, "/a/x"),
            (r#"{"increment":{"t.u":1}}"#, "/t/u"),
            (r#"{"append":{"o":[1]}}"#, "/o"),
            (r#"{"remove":{"t":["x"]}}"#, "/t"),
        ] {
            let refused = apply(body, update).unwrap_err();
            assert_eq!(
                (refused.pointer.as_str(), refused.is_conflict()),
                (place, true),
                "{update}"
            );
        }
        let deep = format!(r#"{{"append":{{"a":[{}1{}]}}}}"#, "[".repeat(127), "]".repeat(127));
        assert!(apply(body, &deep).unwrap_err().message.contains("too deep"));
    }

    #[test]
    fn wrong_updates_name_the_member() {
        for (update, place) in [
            ("[]", ""),
            (r#"{"set":{}}"#, "/set"),
            (r#"{"increment":1}"#, "/increment"),
            (r#"{"increment":{"n":"1"}}"#, "/increment/n"),
            (r#"{"increment":{"a..b":1}}"#, "/increment/a..b"),
            (r#"{"increment":{"id":1}}"#, "/increment/id"),
            (r#"{"append":{"id.x":[1]}}"#, "/append/id.x"),
            (r#"{"append":{"tags":"x"}}"#, "/append/tags"),
        ] {
            assert_eq!(Update::parse(update).unwrap_err().pointer, place, "{update}");
        }
    }
}
