//! The references of a schema: which are allowed, and that none goes in a circle.

use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{InvalidSchema, budget};

/// Most subschemas of one schema. Ours: far beyond any that people write.
const SUBSCHEMAS_MAX: usize = 5_000;
/// Most references of one schema. Ours.
const REFERENCES_MAX: usize = 1_000;
/// Deepest nesting of a schema. Ours.
const LEVELS_MAX: usize = 64;

/// Keywords with one subschema, and whether it looks at the same value.
const SINGLE: [(&str, bool); 13] = [
    ("additionalItems", false),
    ("additionalProperties", false),
    ("contains", false),
    ("contentSchema", false),
    ("else", true),
    ("if", true),
    ("items", false),
    ("not", true),
    ("propertyNames", false),
    ("then", true),
    ("unevaluatedItems", false),
    ("unevaluatedProperties", false),
    ("extends", true),
];

/// Keywords with a list of subschemas.
const LISTS: [(&str, bool); 5] =
    [("allOf", true), ("anyOf", true), ("items", false), ("oneOf", true), ("prefixItems", false)];

/// Keywords with named subschemas.
const NAMED: [(&str, bool); 6] = [
    ("$defs", false),
    ("definitions", false),
    ("dependencies", true),
    ("dependentSchemas", true),
    ("patternProperties", false),
    ("properties", false),
];

/// Checks the references of a schema and puts the counting keyword before each of them.
///
/// Only references within the schema are allowed (`#`, `#/$defs/name`, `#anchor`): nothing is
/// fetched from anywhere.
pub(super) fn prepare(schema: &mut Value) -> Result<(), InvalidSchema> {
    let found = Walk::over(schema)?;
    found.refuse_circles()?;
    let old = schema.get("$schema").and_then(Value::as_str).is_some_and(ignores_siblings);
    for (pointer, _) in &found.references {
        if let Some(Value::Object(node)) = schema.pointer_mut(pointer) {
            count_before_reference(node, old);
        }
    }
    Ok(())
}

/// Up to draft 7 what stands beside `$ref` is ignored.
fn ignores_siblings(draft: &str) -> bool {
    draft.contains("draft-07") || draft.contains("draft-06") || draft.contains("draft-04")
}

/// Moves `$ref` to the end of `allOf`, after the counting keyword: no other place is moved.
fn count_before_reference(node: &mut Map<String, Value>, ignores_siblings: bool) {
    let Some(reference) = node.remove("$ref") else { return };
    if ignores_siblings {
        node.retain(|key, _| matches!(key.as_str(), "$schema" | "$id" | "id" | "definitions"));
    }
    let all = node.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.push(json!({ (budget::KEYWORD): true }));
        all.push(json!({ "$ref": reference }));
    }
}

/// What was found on a walk over all subschemas.
#[derive(Default)]
struct Walk {
    /// Pointers of the subschemas seen.
    seen: HashSet<String>,
    /// From a subschema to those that look at the same value.
    in_place: Vec<(String, String)>,
    /// Subschemas with a reference, and the pointer it leads to.
    references: Vec<(String, String)>,
    /// Where anchors are.
    anchors: HashMap<String, String>,
}

impl Walk {
    fn over(schema: &Value) -> Result<Self, InvalidSchema> {
        let mut walk = Self::default();
        let mut pending = vec![String::new()];
        let mut targets: Vec<(String, String)> = Vec::new();
        while let Some(pointer) = pending.pop() {
            if walk.seen.contains(&pointer) {
                continue;
            }
            if walk.seen.len() >= SUBSCHEMAS_MAX {
                return Err(invalid(&pointer, format!("more than {SUBSCHEMAS_MAX} subschemas")));
            }
            if pointer.matches('/').count() > LEVELS_MAX {
                return Err(invalid(&pointer, format!("more than {LEVELS_MAX} levels")));
            }
            walk.seen.insert(pointer.clone());
            let Some(Value::Object(node)) = schema.pointer(&pointer) else { continue };
            walk.look_at(&pointer, node, &mut pending, &mut targets)?;
            if pending.is_empty() {
                // Every anchor is known only now; a target may be a place not yet walked.
                for (from, reference) in targets.drain(..) {
                    let to = walk.resolve(schema, &from, &reference)?;
                    pending.push(to.clone());
                    walk.in_place.push((from.clone(), to.clone()));
                    walk.references.push((from, to));
                }
                if walk.references.len() > REFERENCES_MAX {
                    return Err(invalid("", format!("more than {REFERENCES_MAX} references")));
                }
            }
        }
        Ok(walk)
    }

    fn look_at(
        &mut self,
        pointer: &str,
        node: &Map<String, Value>,
        pending: &mut Vec<String>,
        targets: &mut Vec<(String, String)>,
    ) -> Result<(), InvalidSchema> {
        for keyword in ["$dynamicRef", "$recursiveRef", budget::KEYWORD] {
            if node.contains_key(keyword) {
                return Err(invalid(pointer, format!("{keyword} is not supported; use $ref")));
            }
        }
        if !pointer.is_empty() && (node.contains_key("$id") || node.contains_key("id")) {
            // `id` is also the keyword of draft 4; as a name of a property it stands elsewhere.
            return Err(invalid(pointer, "$id is allowed only at the top"));
        }
        match node.get("$ref") {
            Some(Value::String(reference)) => {
                targets.push((pointer.to_owned(), reference.clone()));
            }
            Some(_) => return Err(invalid(pointer, "$ref must be a string")),
            None => {}
        }
        if let Some(Value::String(anchor)) = node.get("$anchor") {
            self.anchors.insert(anchor.clone(), pointer.to_owned());
        }
        let mut found = |keyword: &str, part: Option<&str>, in_place: bool| {
            let mut child = format!("{pointer}/{}", escape(keyword));
            if let Some(part) = part {
                child.push('/');
                child.push_str(&escape(part));
            }
            if in_place {
                self.in_place.push((pointer.to_owned(), child.clone()));
            }
            pending.push(child);
        };
        for (keyword, in_place) in SINGLE {
            if let Some(Value::Object(_)) = node.get(keyword) {
                found(keyword, None, in_place);
            }
        }
        for (keyword, in_place) in LISTS {
            if let Some(Value::Array(list)) = node.get(keyword) {
                (0..list.len()).for_each(|n| found(keyword, Some(&n.to_string()), in_place));
            }
        }
        for (keyword, in_place) in NAMED {
            if let Some(Value::Object(named)) = node.get(keyword) {
                let schemas = named.iter().filter(|(_, value)| value.is_object());
                schemas.for_each(|(name, _)| found(keyword, Some(name), in_place));
            }
        }
        Ok(())
    }

    fn resolve(
        &self,
        schema: &Value,
        from: &str,
        reference: &str,
    ) -> Result<String, InvalidSchema> {
        let Some(fragment) = reference.strip_prefix('#') else {
            let reason = "leads out of the schema; only # and #/… and #anchor are followed";
            return Err(invalid(from, format!("the reference {reference:?} {reason}")));
        };
        let fragment = percent_decode_str(fragment).decode_utf8_lossy();
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            schema.pointer(&fragment).map(|_| fragment.into_owned())
        } else {
            self.anchors.get(&*fragment).cloned()
        };
        target.ok_or_else(|| invalid(from, format!("the reference {reference:?} leads nowhere")))
    }

    /// Refuses a subschema that comes back to itself without going into the document: a check
    /// would never end.
    fn refuse_circles(&self) -> Result<(), InvalidSchema> {
        let mut waiting: HashMap<&str, usize> = HashMap::new();
        let mut next: HashMap<&str, Vec<&str>> = HashMap::new();
        for (from, to) in &self.in_place {
            waiting.entry(from).or_default();
            *waiting.entry(to).or_default() += 1;
            next.entry(from).or_default().push(to);
        }
        let mut free: Vec<&str> =
            waiting.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
        while let Some(name) = free.pop() {
            waiting.remove(name);
            for to in next.get(name).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(to) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(to);
                    }
                }
            }
        }
        match waiting.keys().min() {
            Some(pointer) => {
                Err(invalid(pointer, "refers to itself without going deeper into the document"))
            }
            None => Ok(()),
        }
    }
}

fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn invalid(pointer: &str, message: impl Into<String>) -> InvalidSchema {
    InvalidSchema { pointer: pointer.to_owned(), message: message.into() }
}
