//! The references of a schema: which are allowed, and that none goes in a circle.
//!
//! A subschema with an `$id` is a resource of its own: references in it are relative to that, and
//! others reach it by it. Bundlers write such schemas.

use std::collections::{HashMap, HashSet};

use fluent_uri::{Uri, UriRef};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::{InvalidSchema, budget};

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

/// The name of a schema without `$id`. The library has the same.
const NAMELESS: &str = "json-schema:///";

/// The metaschemas, which the library brings along. With a `/` at the end: also what begins so.
const METASCHEMAS: [&str; 7] = [
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "https://json-schema.org/draft/2019-09/meta/",
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2020-12/meta/",
];

/// Checks the references of a schema and puts the counting keyword before each of them.
///
/// Only references within the schema are allowed (`#`, `#/$defs/name`, `#anchor`, the `$id` of a
/// subschema) and to the metaschemas of the drafts: nothing is fetched from anywhere.
pub(crate) fn prepare(schema: &mut Value) -> Result<(), InvalidSchema> {
    let draft = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let (old, id) = (ignores_siblings(draft), id_keyword(draft));
    let found = Walk::over(schema, id, old)?;
    found.refuse_circles()?;
    for pointer in &found.references {
        if let Some(Value::Object(node)) = schema.pointer_mut(pointer) {
            count_before_reference(node, old, pointer.is_empty());
        }
    }
    Ok(())
}

/// Up to draft 7 what stands beside `$ref` is ignored.
fn ignores_siblings(draft: &str) -> bool {
    draft.contains("draft-07") || draft.contains("draft-06") || draft.contains("draft-04")
}

/// The keywords that name a resource.
fn id_keyword(draft: &str) -> &'static str {
    if draft.contains("draft-04") { "id" } else { "$id" }
}

/// Moves `$ref` to the end of `allOf`, after the counting keyword: no other place is moved.
fn count_before_reference(node: &mut Map<String, Value>, ignores_siblings: bool, is_top: bool) {
    let Some(reference) = node.remove("$ref") else { return };
    if ignores_siblings {
        // Beside a reference `$id` names nothing either; that of the whole was read already.
        node.retain(|key, _| match key.as_str() {
            "$schema" | "definitions" => true,
            "$id" | "id" => is_top,
            _ => false,
        });
    }
    let all = node.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.push(json!({ (budget::KEYWORD): true }));
        all.push(json!({ "$ref": reference }));
    }
}

/// The findings on a walk over all subschemas.
#[derive(Default)]
struct Walk {
    /// Pointers of the subschemas seen.
    seen: HashSet<String>,
    /// From a subschema to those that look at the same value.
    in_place: Vec<(String, String)>,
    /// Subschemas with a reference.
    references: Vec<String>,
    /// Where anchors are, by the resource they are of.
    anchors: HashMap<(String, String), String>,
    /// What resources are called, by the pointers of their tops.
    bases: HashMap<String, String>,
    /// Where the tops of resources are.
    resources: HashMap<String, String>,
    /// The keyword that names a resource.
    id: &'static str,
    /// What stands beside a reference says nothing.
    ignores_siblings: bool,
    /// The schema refers to a metaschema.
    uses_metaschema: bool,
    /// The first `$dynamicAnchor`.
    dynamic_anchor: Option<String>,
}

impl Walk {
    fn over(
        schema: &Value,
        id: &'static str,
        ignores_siblings: bool,
    ) -> Result<Self, InvalidSchema> {
        let mut walk = Self { id, ignores_siblings, ..Self::default() };
        walk.name("", NAMELESS);
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
                    if let Some(to) = walk.resolve(schema, &from, &reference)? {
                        pending.push(to.clone());
                        walk.in_place.push((from.clone(), to));
                    }
                    walk.references.push(from);
                }
                if walk.references.len() > REFERENCES_MAX {
                    return Err(invalid("", format!("more than {REFERENCES_MAX} references")));
                }
            }
        }
        match walk.dynamic_anchor.take() {
            // A metaschema would be continued there.
            Some(pointer) if walk.uses_metaschema => {
                Err(invalid(&pointer, "$dynamicAnchor is not supported beside a metaschema"))
            }
            _ => Ok(walk),
        }
    }

    /// Notes what the resource with this top is called.
    fn name(&mut self, pointer: &str, name: &str) {
        self.bases.insert(pointer.to_owned(), name.to_owned());
        self.resources.insert(name.to_owned(), pointer.to_owned());
    }

    /// What the resource is called in which a place lies.
    fn base(&self, pointer: &str) -> &str {
        let mut at = pointer;
        loop {
            if let Some(base) = self.bases.get(at) {
                return base;
            }
            match at.rsplit_once('/') {
                Some((before, _)) => at = before,
                None => return NAMELESS,
            }
        }
    }

    /// Reads the `$id` of a subschema. One that is only a fragment is an anchor, up to draft 7.
    fn look_at_id(
        &mut self,
        pointer: &str,
        node: &Map<String, Value>,
    ) -> Result<(), InvalidSchema> {
        if self.ignores_siblings && node.contains_key("$ref") && !pointer.is_empty() {
            return Ok(());
        }
        let Some(Value::String(id)) = node.get(self.id) else { return Ok(()) };
        if let Some(anchor) = id.strip_prefix('#') {
            let place = (self.base(pointer).to_owned(), anchor.to_owned());
            self.anchors.insert(place, pointer.to_owned());
            return Ok(());
        }
        let (name, fragment) = absolute(self.base(pointer), id)
            .ok_or_else(|| invalid(pointer, format!("{} {id:?} is no URI", self.id)))?;
        if !fragment.is_empty() {
            return Err(invalid(pointer, format!("{} {id:?} has a fragment", self.id)));
        }
        if is_metaschema(&name) {
            return Err(invalid(pointer, format!("{} {id:?} is that of a draft", self.id)));
        }
        if self.resources.get(&name).is_some_and(|other| other != pointer) {
            return Err(invalid(pointer, format!("{} {id:?} is there twice", self.id)));
        }
        self.name(pointer, &name);
        Ok(())
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
        self.look_at_id(pointer, node)?;
        match node.get("$ref") {
            Some(Value::String(reference)) => {
                targets.push((pointer.to_owned(), reference.clone()));
            }
            Some(_) => return Err(invalid(pointer, "$ref must be a string")),
            None => {}
        }
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(Value::String(anchor)) = node.get(keyword) {
                let place = (self.base(pointer).to_owned(), anchor.clone());
                self.anchors.insert(place, pointer.to_owned());
            }
        }
        if node.contains_key("$dynamicAnchor") {
            self.dynamic_anchor.get_or_insert_with(|| pointer.to_owned());
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

    /// Where a reference leads; none to a metaschema.
    fn resolve(
        &mut self,
        schema: &Value,
        from: &str,
        reference: &str,
    ) -> Result<Option<String>, InvalidSchema> {
        let nowhere = || invalid(from, format!("the reference {reference:?} leads nowhere"));
        let (name, fragment) = absolute(self.base(from), reference).ok_or_else(nowhere)?;
        if is_metaschema(&name) {
            self.uses_metaschema = true;
            return Ok(None);
        }
        let Some(top) = self.resources.get(&name) else {
            let reason = "leads out of the schema; only # and #/… and #anchor, the $id of a \
                          subschema and the metaschemas are followed";
            return Err(invalid(from, format!("the reference {reference:?} {reason}")));
        };
        let fragment = percent_decode_str(&fragment).decode_utf8_lossy();
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            let target = format!("{top}{fragment}");
            schema.pointer(&target).map(|_| target)
        } else {
            self.anchors.get(&(name, fragment.into_owned())).cloned()
        };
        target.map(Some).ok_or_else(nowhere)
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

fn is_metaschema(name: &str) -> bool {
    METASCHEMAS.iter().any(|known| match known.ends_with('/') {
        true => name.starts_with(known),
        false => name == *known,
    })
}

/// A reference from a resource, without its fragment, and that.
fn absolute(base: &str, reference: &str) -> Option<(String, String)> {
    let (reference, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let base = Uri::parse(base).ok()?;
    let whole = UriRef::parse(reference).ok()?.resolve_against(&base).ok()?;
    Some((whole.into_string(), fragment.to_owned()))
}

fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn invalid(pointer: &str, message: impl Into<String>) -> InvalidSchema {
    InvalidSchema { pointer: pointer.to_owned(), message: message.into() }
}
