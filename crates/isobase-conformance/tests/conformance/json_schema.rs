//! The public suite of JSON Schema, as the source distribution of the PyPI package `jsonschema`
//! has it: its cases with objects, which are what documents are.

use std::{collections::BTreeMap, fs, path::Path};

use isobase_store::Schema;
use isobase_types::json::canonicalise_value;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Value,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    description: String,
    data: Value,
    valid: bool,
}

/// The folders of the drafts, what names them, and how many groups and cases are there at least.
const DRAFTS: [(&str, &str, usize, usize); 5] = [
    ("draft4", "http://json-schema.org/draft-04/schema#", 70, 190),
    ("draft6", "http://json-schema.org/draft-06/schema#", 105, 270),
    ("draft7", "http://json-schema.org/draft-07/schema#", 110, 280),
    ("draft2019-09", "https://json-schema.org/draft/2019-09/schema", 170, 440),
    ("draft2020-12", "https://json-schema.org/draft/2020-12/schema", 170, 430),
];

/// Why a schema may be refused: a part of the message, and of how many groups at most. All is
/// documented: nothing is fetched, what grows with the reader is not followed, patterns
/// search in linear time.
const REFUSALS: [(&str, usize); 6] = [
    ("leads out of the schema", 80),
    ("leads nowhere", 20),
    ("is not supported", 40),
    ("refers to itself", 10),
    ("look-around", 0),
    // One of the suite's own, which would have to be fetched.
    ("Unknown meta-schema", 2),
];

/// The outcome of the groups of a draft.
#[derive(Debug, Default)]
struct Tally {
    groups: usize,
    cases: usize,
    wrong: Vec<String>,
    /// The messages, by the group.
    refused: BTreeMap<String, String>,
}

impl Tally {
    fn look_at(&mut self, file: &str, draft: &str, group: Group) {
        let Value::Object(mut schema) = group.schema else { return };
        let objects: Vec<Case> =
            group.tests.into_iter().filter(|case| case.data.is_object()).collect();
        if objects.is_empty() {
            return;
        }
        schema.entry("$schema").or_insert_with(|| draft.into());
        self.groups += 1;
        let name = format!("{file}: {}", group.description);
        let schema = match Schema::parse(Value::Object(schema).to_string().as_bytes()) {
            Ok(schema) => schema,
            Err(error) => {
                self.refused.insert(name, error.to_string());
                return;
            }
        };
        for case in objects {
            self.cases += 1;
            let body = canonicalise_value(case.data.to_string().as_bytes()).unwrap();
            if schema.check(&body).is_ok() != case.valid {
                self.wrong.push(format!("{name}: {}", case.description));
            }
        }
    }
}

fn tally(suite: &Path, folder: &str, draft: &str) -> Tally {
    let mut tally = Tally::default();
    let folder = suite.join("tests").join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for file in files {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let groups: Vec<Group> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        groups.into_iter().for_each(|group| tally.look_at(&name, draft, group));
    }
    tally
}

#[test]
fn every_object_of_the_public_suite_is_judged_right_or_its_schema_refused() {
    let Some(suite) = isobase_testkit::schema_suite() else { return };
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (folder, draft, groups, cases) in DRAFTS {
        let tally = tally(&suite, folder, draft);
        assert!(tally.wrong.is_empty(), "{folder}: {:#?}", tally.wrong);
        for (group, message) in &tally.refused {
            let known = REFUSALS.iter().find(|(part, _)| message.contains(part));
            let (reason, _) = known.unwrap_or_else(|| panic!("{folder}: {group}: {message}"));
            *reasons.entry(reason).or_default() += 1;
        }
        let judged = tally.groups - tally.refused.len();
        assert!(tally.groups >= groups, "{folder}: {} groups", tally.groups);
        assert!(tally.cases * 10 >= cases * 8, "{folder}: {judged} groups, {} cases", tally.cases);
    }
    for (reason, most) in REFUSALS {
        let found = reasons.get(reason).copied().unwrap_or_default();
        assert!(found <= most, "{reason}: {found} groups are refused");
    }
}
