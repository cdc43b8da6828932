//! The table of what servers of tests get wrong names a test for each line.

use std::{collections::BTreeSet, fs, path::Path};

use crate::workspace::root;

/// Where each engine's own tests are, by the heading of its table.
const FOLDERS: [(&str, &str); 3] = [
    ("### DynamoDB", "crates/isobase-engine-dynamodb/tests/dynamodb"),
    ("### CouchDB", "crates/isobase-engine-couchdb/tests/couchdb"),
    ("### Firestore", "crates/isobase-engine-firestore/tests/firestore"),
];

/// `module::test` of all that is between backticks.
fn tests_in(cell: &str) -> Vec<(&str, &str)> {
    cell.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect()
}

fn has_test(folder: &Path, module: &str, test: &str) -> bool {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    if !read("main.rs").lines().any(|line| line == format!("mod {module};")) {
        return false;
    }
    let source = read(&format!("{module}.rs"));
    let lines: Vec<_> = source.lines().collect();
    let is_it = |line: &str| line.contains(&format!("fn {test}()"));
    let Some(at) = lines.iter().position(|line| is_it(line)) else { return false };
    let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    let attributes: Vec<_> = attributes.collect();
    let has = |word: &str| attributes.iter().any(|line| line.contains(word));
    has("test") && !has("ignore") && !has("cfg")
}

#[test]
fn every_fault_of_a_test_server_has_its_tests() {
    let page = fs::read_to_string(root().join("tests/emulators/README.md")).unwrap();
    let (mut folder, mut found, mut lines) = (None, BTreeSet::new(), 0);
    for line in page.lines() {
        if line.starts_with('#') {
            folder = FOLDERS.iter().find(|(heading, _)| line.starts_with(heading));
        }
        let Some((heading, folder)) = folder else { continue };
        if !line.starts_with("| ") || line.starts_with("| what ") {
            continue;
        }
        let cell = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let tests = tests_in(cell);
        assert!(!tests.is_empty(), "no test in {line}");
        for (module, test) in tests {
            let is_there = has_test(&root().join(folder), module, test);
            assert!(is_there, "{folder}/{module}.rs has no test {test}");
        }
        found.insert(heading);
        lines += 1;
    }
    assert_eq!(found.len(), FOLDERS.len());
    assert!(lines > 20, "{lines}");
}
