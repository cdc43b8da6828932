//! Canonical text, finding, merging and splitting against `serde_json`.

use isobase_types::{
    FieldPath,
    json::{
        Kind, Raw, SplitError, ValueSplitter, canonicalise_document, canonicalise_value, find,
        merge_patch, project,
    },
};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value};

use crate::values::{object, text, value, write_loosely};

/// The value written loosely, driven by some random bytes over and over.
fn loosely(value: &Value, choices: &[u8]) -> String {
    let mut choices = choices.iter().copied().cycle();
    let mut out = String::new();
    write_loosely(value, &mut || choices.next().unwrap_or(0), &mut out);
    out
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn canonical(value: &Value) -> String {
    canonicalise_value(value.to_string().as_bytes()).unwrap()
}

fn path_of(steps: &[String]) -> FieldPath {
    let quoted: Vec<_> = steps.iter().map(|step| Value::from(step.as_str()).to_string()).collect();
    FieldPath::parse(&quoted.join(".")).unwrap()
}

/// RFC 7396, section 2, word for word.
fn naive_merge(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut target = match target {
        Value::Object(target) => target,
        _ => Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            let old = target.remove(key).unwrap_or(Value::Null);
            target.insert(key.clone(), naive_merge(old, value));
        }
    }
    Value::Object(target)
}

fn naive_find<'a>(value: &'a Value, steps: &[String]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Object(members) => members.get(step),
        Value::Array(elements) => {
            let index: usize = step.parse().ok()?;
            elements.get(index).filter(|_| index.to_string() == *step)
        }
        _ => None,
    })
}

/// Some paths that lead somewhere, and some that do not.
fn all_paths(value: &Value, before: &[String], paths: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (step, child) in children {
        let path = [before, &[step]].concat();
        all_paths(child, &path, paths);
        paths.push([&path[..], &["a".to_owned()]].concat());
        paths.push(path);
    }
}

proptest! {
    #[test]
    fn canonicalising_keeps_the_value(value in value(), choices in vec(any::<u8>(), 1..50)) {
        let text = canonicalise_value(loosely(&value, &choices).as_bytes()).unwrap();
        prop_assert_eq!(parse(&text), value.clone());
        prop_assert_eq!(&text, &value.to_string().replace("\\u007f", "\u{7f}"));
        prop_assert_eq!(&canonicalise_value(text.as_bytes()).unwrap(), &text);
    }

    #[test]
    fn a_document_loses_its_id_only(value in object(), choices in vec(any::<u8>(), 1..50)) {
        let text = canonicalise_document(loosely(&value, &choices).as_bytes()).unwrap();
        let mut expected = value.clone();
        expected.as_object_mut().unwrap().remove("id");
        prop_assert_eq!(parse(&text), expected.clone());
        prop_assert_eq!(text, canonical(&expected));
    }

    #[test]
    fn accepts_what_serde_json_accepts(bytes in vec(proptest::sample::select(
        br#"{}[]",:\u0019aetrufls.-+E nul"#.to_vec()), 0..12))
    {
        let ours = canonicalise_value(&bytes);
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(_) => if let Err(error) = ours {
                prop_assert!(error.to_string().contains("twice"), "{}", error);
            },
            Err(_) => prop_assert!(ours.is_err()),
        }
    }

    #[test]
    fn refuses_any_bytes_without_panic(bytes in vec(any::<u8>(), 0..64)) {
        let ours = canonicalise_value(&bytes);
        prop_assert_eq!(ours.is_ok(), serde_json::from_slice::<Value>(&bytes).is_ok());
    }

    #[test]
    fn cut_documents_are_refused(value in object(), choices in vec(any::<u8>(), 1..50), cut: usize) {
        let text = loosely(&value, &choices);
        let text = text.trim_end();
        let start = text.len() - text.trim_start().len();
        let end = start + cut % (text.len() - start);
        let error = canonicalise_document(&text.as_bytes()[..end]).unwrap_err();
        prop_assert!(error.offset <= end);
    }

    #[test]
    fn finds_what_a_reader_finds(value in value(), odd in vec(text(), 1..3)) {
        let body = canonical(&value);
        let mut paths = vec![odd];
        all_paths(&value, &[], &mut paths);
        for steps in paths.into_iter().filter(|steps| steps.len() <= 16) {
            let found = find(&body, &path_of(&steps)).map(|raw| parse(raw.as_text()));
            prop_assert_eq!(found.as_ref(), naive_find(&value, &steps), "{:?}", steps);
        }
    }

    #[test]
    fn walks_over_all_members(value in value()) {
        let body = canonical(&value);
        let raw = Raw::new(&body);
        match &value {
            Value::Null => prop_assert_eq!(raw.kind(), Kind::Null),
            Value::Bool(value) => prop_assert_eq!(raw.as_bool(), Some(*value)),
            Value::Number(_) => prop_assert!(raw.number().is_some()),
            Value::String(text) => prop_assert_eq!(&*raw.as_str_decoded().unwrap(), text.as_str()),
            Value::Array(elements) => {
                let found: Vec<_> = raw.elements().map(|raw| parse(raw.as_text())).collect();
                prop_assert_eq!(&found, elements);
            }
            Value::Object(members) => {
                let found: Map<_, _> = raw
                    .members()
                    .map(|(key, value)| {
                        (key.as_str_decoded().unwrap().into_owned(), parse(value.as_text()))
                    })
                    .collect();
                prop_assert_eq!(&found, members);
            }
        }
    }

    #[test]
    fn merges_like_the_rfc(body in object(), patch in object()) {
        let merged = merge_patch(&canonical(&body), &canonical(&patch));
        prop_assert_eq!(parse(&merged), naive_merge(body, &patch));
        prop_assert_eq!(&canonicalise_value(merged.as_bytes()).unwrap(), &merged);
    }

    #[test]
    fn projected_fields_are_all_that_is_left(body in object(), chosen in vec(any::<usize>(), 1..4)) {
        let mut paths = Vec::new();
        all_paths(&body, &[], &mut paths);
        prop_assume!(!paths.is_empty());
        let paths: Vec<_> = chosen.iter().map(|n| paths[n % paths.len()].clone()).collect();
        let fields: Vec<_> = paths.iter().map(|path| path_of(path)).collect();
        let projected = project(&canonical(&body), &fields);
        prop_assert_eq!(&canonicalise_value(projected.as_bytes()).unwrap(), &projected);
        let projected = parse(&projected);
        for path in &paths {
            prop_assert_eq!(naive_find(&projected, path), naive_find(&body, path));
        }
        for key in projected.as_object().unwrap().keys() {
            prop_assert!(paths.iter().any(|path| path[0] == *key));
        }
    }

    #[test]
    fn splits_any_chunking(
        values in vec(value(), 0..6),
        choices in vec(any::<u8>(), 1..50),
        sizes in vec(1_usize..20, 1..10),
        lines: bool,
    ) {
        let mut stream = String::new();
        if lines {
            for value in &values {
                let text = loosely(value, &choices).replace(['\n', '\r'], " ");
                stream.push_str(&format!("{text}\n\n"));
            }
            // A stream of lines that begins with an array cannot be told from an array.
            prop_assume!(!stream.trim_start().starts_with('['));
        } else {
            stream = loosely(&Value::Array(values.clone()), &choices);
        }
        let items = split(stream.as_bytes(), &sizes).unwrap();
        prop_assert_eq!(items, values);
    }
}

fn split(stream: &[u8], sizes: &[usize]) -> Result<Vec<Value>, SplitError> {
    let mut splitter = ValueSplitter::new(1 << 20);
    let mut items = Vec::new();
    let mut sizes = sizes.iter().cycle();
    let mut rest = stream;
    loop {
        while let Some(item) = splitter.next_value()? {
            items.push(serde_json::from_slice(item).unwrap());
        }
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        splitter.push(chunk);
        rest = after;
    }
    splitter.finish();
    while let Some(item) = splitter.next_value()? {
        items.push(serde_json::from_slice(item).unwrap());
    }
    Ok(items)
}
