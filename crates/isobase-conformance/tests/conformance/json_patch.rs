//! The public suite of JSON Patch: the npm package `json-patch-test-suite`.

use std::path::Path;

use isobase_types::json::{JsonPatch, canonicalise_value};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    comment: String,
    doc: Box<RawValue>,
    patch: Box<RawValue>,
    expected: Option<Box<RawValue>>,
    error: Option<String>,
    #[serde(default)]
    disabled: bool,
}

fn canonical(text: &RawValue) -> Result<String, String> {
    canonicalise_value(text.get().as_bytes()).map_err(|error| error.to_string())
}

fn apply(case: &Case) -> Result<String, String> {
    let patch = JsonPatch::parse(&canonical(&case.patch)?).map_err(|error| error.to_string())?;
    patch.apply(&canonical(&case.doc)?).map_err(|error| error.to_string())
}

/// Whether two values are equal, by the operation that asks for it.
fn same(a: &str, b: &str) -> bool {
    let test = format!(r#"[{{"op":"test","path":"","value":{b}}}]"#);
    JsonPatch::parse(&test).is_ok_and(|test| test.apply(a).is_ok())
}

fn check(folder: &Path, file: &str, at_least: usize) {
    let text = std::fs::read_to_string(folder.join(file)).expect("the package has the file");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("a list of cases");
    let enabled: Vec<&Case> = cases.iter().filter(|case| !case.disabled).collect();
    assert!(enabled.len() >= at_least, "{file}: {}", enabled.len());
    for Case { comment, doc, patch, expected, error, .. } in &enabled {
        let case = Case {
            comment: String::new(),
            doc: doc.clone(),
            patch: patch.clone(),
            expected: None,
            error: None,
            disabled: false,
        };
        let what = format!("{file}: {comment}: {} on {}", patch.get(), doc.get());
        match (apply(&case), expected, error) {
            (Ok(found), _, Some(error)) => panic!("{what} is {found}, not refused for: {error}"),
            (Err(_), _, Some(_)) | (Ok(_), None, None) => {}
            (Ok(found), Some(expected), None) => {
                assert!(same(&found, &canonical(expected).expect("a value")), "{what} is {found}");
            }
            (Err(error), _, None) => panic!("{what} is refused: {error}"),
        }
    }
}

#[test]
fn every_case_of_the_public_suite_holds() {
    let Some(packages) = isobase_testkit::npm_packages() else { return };
    let folder = packages.join("json-patch-test-suite");
    check(&folder, "tests.json", 70);
    check(&folder, "spec_tests.json", 16);
}
