//! JSON Patch (RFC 6902).

use std::borrow::Cow;

use super::{
    InvalidPatch, Kind, PatchRefused, Raw,
    equal::equal,
    node::{Node, fits_depth, index},
    patch_rules::{PATCH_BYTES_MAX, PATCH_OPERATIONS_MAX, check_first},
    quoted,
};

/// A JSON Patch: operations that are carried out in their order, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPatch(Vec<Operation>);

/// One operation; values are canonical text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Add { path: Pointer, value: String },
    Remove { path: Pointer },
    Replace { path: Pointer, value: String },
    Move { from: Pointer, path: Pointer },
    Copy { from: Pointer, path: Pointer },
    Test { path: Pointer, value: String },
}

/// A JSON pointer (RFC 6901): its text, and its decoded steps.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pointer {
    text: String,
    steps: Vec<String>,
}

impl JsonPatch {
    /// The values that it brings.
    pub(super) fn texts(&self) -> Vec<&str> {
        let texts = self.0.iter().filter_map(|operation| match operation {
            Operation::Add { value, .. } | Operation::Replace { value, .. } => Some(&**value),
            _ => None,
        });
        texts.collect()
    }

    /// Reads a patch of canonical text.
    ///
    /// # Errors
    /// [`InvalidPatch`] names the operation and the member that is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidPatch> {
        let patch = Raw::new(text);
        if patch.kind() != Kind::Array {
            return Err(InvalidPatch::new("", "expected an array of operations"));
        }
        let mut operations = Vec::new();
        for (place, operation) in patch.elements().enumerate() {
            if place == PATCH_OPERATIONS_MAX {
                let message = format!("more than {PATCH_OPERATIONS_MAX} operations");
                return Err(InvalidPatch::new("", message));
            }
            let operation = Operation::parse(operation).map_err(|(member, message)| {
                let member = if member.is_empty() { String::new() } else { format!("/{member}") };
                InvalidPatch::new(format!("/{place}{member}"), message)
            })?;
            operations.push(operation);
        }
        Ok(Self(operations))
    }

    pub(super) fn bytes(&self) -> usize {
        let value = |operation: &Operation| match operation {
            Operation::Add { value, .. }
            | Operation::Replace { value, .. }
            | Operation::Test { value, .. } => value.len(),
            Operation::Remove { .. } | Operation::Move { .. } | Operation::Copy { .. } => 0,
        };
        self.0.iter().map(|operation| operation.path().len() + value(operation)).sum()
    }

    /// The places whose values the patch compares or copies, as their decoded steps: who sends it
    /// may come to know of them.
    pub fn places_read(&self) -> impl Iterator<Item = &[String]> {
        self.0.iter().filter_map(|operation| match operation {
            Operation::Test { path, .. } => Some(path.steps.as_slice()),
            Operation::Move { from, .. } | Operation::Copy { from, .. } => {
                Some(from.steps.as_slice())
            }
            Operation::Add { .. } | Operation::Remove { .. } | Operation::Replace { .. } => None,
        })
    }

    /// Refuses what may not be done to a document: its id is no part of its body, and a body is
    /// an object.
    pub(super) fn check_document(&self) -> Result<(), InvalidPatch> {
        for (place, operation) in self.0.iter().enumerate() {
            let (from, path, value) = match operation {
                Operation::Add { path, value } | Operation::Replace { path, value } => {
                    (None, path, Some(value))
                }
                Operation::Remove { path } | Operation::Test { path, .. } => (None, path, None),
                Operation::Move { from, path } | Operation::Copy { from, path } => {
                    (Some(from), path, None)
                }
            };
            for (member, pointer) in
                from.map(|from| ("from", from)).into_iter().chain([("path", path)])
            {
                let first = pointer.steps.first().map(|step| &**step);
                check_first(first, &format!("/{place}/{member}"))?;
            }
            let is_whole = path.steps.is_empty();
            if is_whole && value.is_some_and(|value| Raw::new(value).kind() != Kind::Object) {
                return Err(InvalidPatch::new(
                    format!("/{place}/value"),
                    "a document is an object",
                ));
            }
        }
        Ok(())
    }

    /// Carries out all operations on a canonical value of any type.
    ///
    /// Text that no operation changes is copied; keys keep their places, and new ones are the
    /// last.
    ///
    /// # Errors
    /// [`PatchRefused`]; nothing of the patch counts then.
    pub fn apply(&self, value: &str) -> Result<String, PatchRefused> {
        let mut root = Node::new(value);
        let mut bytes = 0_usize;
        for (place, operation) in self.0.iter().enumerate() {
            let made = operation.apply(&mut root).map_err(|(pointer, message)| {
                let name = operation.name();
                PatchRefused::conflict(pointer, format!("operation {place} ({name}): {message}"))
            })?;
            // A few copies of copies would otherwise fill the memory.
            bytes = bytes.saturating_add(made);
            if bytes > PATCH_BYTES_MAX {
                return Err(PatchRefused::too_large(operation.path()));
            }
        }
        Ok(root.to_text().into_owned())
    }
}

/// Where an operation failed, and why.
type Failure = (String, Cow<'static, str>);

impl Operation {
    fn parse(operation: Raw<'_>) -> Result<Self, (&'static str, String)> {
        if operation.kind() != Kind::Object {
            return Err(("", "expected an object".to_owned()));
        }
        let member = |name: &str| {
            let key = quoted(name);
            operation.members().find(|(known, _)| known.as_text() == key).map(|(_, value)| value)
        };
        let pointer = |name: &'static str| {
            let text = member(name).and_then(Raw::as_str_decoded);
            let text = text.ok_or_else(|| (name, "expected a JSON pointer".to_owned()))?;
            Pointer::parse(&text).ok_or_else(|| {
                (name, "expected a JSON pointer, empty or beginning with '/'".to_owned())
            })
        };
        let value = || {
            let value = member("value").ok_or_else(|| ("value", "expected a value".to_owned()))?;
            Ok(value.as_text().to_owned())
        };
        let op = member("op").and_then(Raw::as_str_decoded);
        Ok(match op.as_deref() {
            Some("add") => Self::Add { path: pointer("path")?, value: value()? },
            Some("remove") => Self::Remove { path: pointer("path")? },
            Some("replace") => Self::Replace { path: pointer("path")?, value: value()? },
            Some("move") => {
                let (from, path) = (pointer("from")?, pointer("path")?);
                if path.steps.len() > from.steps.len() && path.steps.starts_with(&from.steps) {
                    return Err(("path", "a value cannot be moved into itself".to_owned()));
                }
                Self::Move { from, path }
            }
            Some("copy") => Self::Copy { from: pointer("from")?, path: pointer("path")? },
            Some("test") => Self::Test { path: pointer("path")?, value: value()? },
            _ => {
                let expected = "expected one of add, remove, replace, move, copy, test";
                return Err(("op", expected.to_owned()));
            }
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Replace { .. } => "replace",
            Self::Move { .. } => "move",
            Self::Copy { .. } => "copy",
            Self::Test { .. } => "test",
        }
    }

    fn path(&self) -> &str {
        match self {
            Self::Add { path, .. }
            | Self::Remove { path }
            | Self::Replace { path, .. }
            | Self::Move { path, .. }
            | Self::Copy { path, .. }
            | Self::Test { path, .. } => &path.text,
        }
    }

    /// Carries it out; says how many bytes it has made.
    fn apply(&self, root: &mut Node<'_>) -> Result<usize, Failure> {
        match self {
            Self::Add { path, value } => path.add(root, Cow::Owned(value.clone())),
            Self::Remove { path } => path.remove(root).map(|_| 0),
            Self::Replace { path, value } => {
                let place = path.find(root)?;
                path.check_depth(value)?;
                *place = Node::Text(Cow::Owned(value.clone()));
                Ok(value.len())
            }
            Self::Move { from, path } if from == path => from.find(root).map(|_| 0),
            Self::Move { from, path } => {
                let value = from.remove(root)?;
                path.add(root, Cow::Owned(value.to_text().into_owned()))
            }
            Self::Copy { from, path } => {
                let value = from.find(root)?.to_text().into_owned();
                path.add(root, Cow::Owned(value))
            }
            Self::Test { path, value } => {
                let found = path.find(root)?.to_text();
                match equal(Raw::new(&found), Raw::new(value)) {
                    true => Ok(0),
                    false => Err((path.text.clone(), "the value there is another".into())),
                }
            }
        }
    }
}

impl Pointer {
    fn parse(text: &str) -> Option<Self> {
        let steps = match text.strip_prefix('/') {
            Some(rest) => rest.split('/').map(decode_step).collect::<Option<_>>()?,
            None if text.is_empty() => Vec::new(),
            None => return None,
        };
        Some(Self { text: text.to_owned(), steps })
    }

    fn missing(&self) -> Failure {
        (self.text.clone(), "there is no such place".into())
    }

    fn check_depth(&self, value: &str) -> Result<(), Failure> {
        match fits_depth(self.steps.len(), value) {
            true => Ok(()),
            false => Err((self.text.clone(), "it would be nested too deep".into())),
        }
    }

    fn find<'r, 'a>(&self, root: &'r mut Node<'a>) -> Result<&'r mut Node<'a>, Failure> {
        let mut node = root;
        for step in &self.steps {
            node = node.child(step).ok_or_else(|| self.missing())?;
        }
        Ok(node)
    }

    /// What holds the place, and the last step to it.
    fn parent<'r, 'a>(
        &self,
        root: &'r mut Node<'a>,
    ) -> Result<Option<(&'r mut Node<'a>, &str)>, Failure> {
        let Some((last, steps)) = self.steps.split_last() else { return Ok(None) };
        let mut node = root;
        for step in steps {
            node = node.child(step).ok_or_else(|| self.missing())?;
        }
        Ok(Some((node, last)))
    }

    fn add<'a>(&self, root: &mut Node<'a>, value: Cow<'a, str>) -> Result<usize, Failure> {
        self.check_depth(&value)?;
        let bytes = value.len();
        let value = Node::Text(value);
        let Some((parent, last)) = self.parent(root)? else {
            *root = value;
            return Ok(bytes);
        };
        match parent.kind() {
            Kind::Array => {
                let elements = parent.elements().ok_or_else(|| self.missing())?;
                let place = if last == "-" { Some(elements.len()) } else { index(last) };
                match place {
                    Some(place) if place <= elements.len() => elements.insert(place, value),
                    _ => return Err(self.missing()),
                }
            }
            _ => {
                let members = parent.members().ok_or_else(|| self.missing())?;
                let key = quoted(last);
                match members.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => *known = value,
                    None => members.push((Cow::Owned(key), value)),
                }
            }
        }
        Ok(bytes)
    }

    fn remove<'a>(&self, root: &mut Node<'a>) -> Result<Node<'a>, Failure> {
        let Some((parent, last)) = self.parent(root)? else {
            return Err((self.text.clone(), "the whole cannot be removed".into()));
        };
        match parent.kind() {
            Kind::Array => {
                let elements = parent.elements().ok_or_else(|| self.missing())?;
                let place = index(last).filter(|place| *place < elements.len());
                place.map(|place| elements.remove(place)).ok_or_else(|| self.missing())
            }
            _ => {
                let members = parent.members().ok_or_else(|| self.missing())?;
                let key = quoted(last);
                let place = members.iter().position(|(known, _)| *known == key);
                place.map(|place| members.remove(place).1).ok_or_else(|| self.missing())
            }
        }
    }
}

/// `~1` is a slash and `~0` a tilde; `None` for another `~`.
fn decode_step(step: &str) -> Option<String> {
    let mut out = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(value: &str, patch: &str) -> Result<String, PatchRefused> {
        JsonPatch::parse(patch).unwrap().apply(value)
    }

    #[test]
    fn text_that_is_not_named_stays() {
        let value = r#"{"z":1.0,"y":{"b":1e5,"a":[123456789012345678901234567890,2]},"x":3}"#;
        let patch = r#"[{"op":"replace","path":"/z","value":1.50},{"op":"add","path":"/y/a/1","value":{"n":0.0}},{"op":"add","path":"/a~1b~0","value":null},{"op":"remove","path":"/x"},{"op":"copy","from":"/y/b","path":"/y/c"},{"op":"move","from":"/y/a/0","path":"/w"}]"#;
        let expected = r#"{"z":1.50,"y":{"b":1e5,"a":[{"n":0.0},2],"c":1e5},"a/b~":null,"w":123456789012345678901234567890}"#;
        assert_eq!(apply(value, patch).unwrap(), expected);
    }

    #[test]
    fn refusals_name_the_place() {
        for (patch, pointer, message) in [
            (r#"[{"op":"test","path":"/a","value":2}]"#, "/a", "operation 0 (test): "),
            (
                r#"[{"op":"add","path":"/b","value":1},{"op":"remove","path":"/b/c"}]"#,
                "/b/c",
                "operation 1 (remove): there is no such place",
            ),
            (r#"[{"op":"remove","path":""}]"#, "", "operation 0 (remove): "),
            (r#"[{"op":"copy","from":"/x","path":"/y"}]"#, "/x", "operation 0 (copy): "),
        ] {
            let refused = apply(r#"{"a":1}"#, patch).unwrap_err();
            assert_eq!(refused.pointer, pointer);
            assert!(refused.message.starts_with(message), "{refused}");
        }
    }

    #[test]
    fn wrong_patches_name_the_member() {
        for (patch, pointer) in [
            ("{}", ""),
            ("[1]", "/0"),
            (r#"[{"op":"spam","path":""}]"#, "/0/op"),
            (r#"[{"op":"add","path":"/a"}]"#, "/0/value"),
            (r#"[{"op":"add","path":"a","value":1}]"#, "/0/path"),
            (r#"[{"op":"test","path":"/~2","value":1}]"#, "/0/path"),
            (r#"[{"op":"test","path":"","value":1},{"op":"move","path":"/a"}]"#, "/1/from"),
            (r#"[{"op":"move","from":"/a","path":"/a/b"}]"#, "/0/path"),
        ] {
            assert_eq!(JsonPatch::parse(patch).unwrap_err().pointer, pointer, "{patch}");
        }
        let many = format!("[{}]", vec![r#"{"op":"remove","path":"/a"}"#; 1_001].join(","));
        assert!(JsonPatch::parse(&many).is_err());
    }

    #[test]
    fn copies_of_copies_end() {
        let double = r#"{"op":"copy","from":"/a","path":"/a/-"}"#;
        let large = format!(r#"{{"a":["{}"]}}"#, "x".repeat(1000));
        let patch = format!("[{}]", vec![double; 40].join(","));
        let refused = apply(&large, &patch).unwrap_err();
        assert!(!refused.is_conflict(), "{refused}");
        let nest = r#"[{"op":"copy","from":"/a","path":"/b/a"},{"op":"move","from":"/b","path":"/a"},{"op":"add","path":"/b","value":{}}]"#;
        let nested = format!(r#"{{"a":{}1{},"b":{{}}}}"#, "[".repeat(126), "]".repeat(126));
        let deeper = apply(&nested, nest).unwrap();
        assert!(apply(&deeper, nest).unwrap_err().message.contains("too deep"));
    }
}
