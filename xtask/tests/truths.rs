//! What the documents say of the code as a whole, held by reading the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who reads the environment: the command line, what is for development, and these files.
const READERS: [(&str, &str); 3] = [
    ("isobase/src/environment.rs", "`open_from_env` does what its name says"),
    ("isobase-engine-dynamodb/src/client.rs", "AWS's own variables, as every program of AWS"),
    ("isobase-engine-firestore/src/environment.rs", "Google's own variables, as every program"),
];
const MAY_READ: [&str; 3] = ["isobase-cli", "isobase-testkit", "isobase-conformance"];

/// Crates above the engines, which ask what an engine can do and never which one it is.
const ABOVE: [&str; 12] = [
    "isobase-types",
    "isobase-engine",
    "isobase-store",
    "isobase-auth",
    "isobase-live",
    "isobase-files",
    "isobase-licences",
    "isobase-requests",
    "isobase-webhooks",
    "isobase-jobs",
    "isobase-ops",
    "isobase-server",
];
const ENGINES: [&str; 6] = ["memory", "sqlite", "postgres", "couchdb", "dynamodb", "firestore"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files of a folder, each with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The lines of a file that are neither comments nor below its unit tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//"))
}

fn crates() -> Vec<String> {
    let entries = fs::read_dir(root().join("crates")).unwrap().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn only_the_command_line_reads_the_environment() {
    let mut readers = BTreeSet::new();
    for name in crates().into_iter().filter(|name| !MAY_READ.contains(&name.as_str())) {
        let folder = root().join("crates").join(&name).join("src");
        for (path, text) in sources(&folder) {
            if code(&text).any(|line| line.contains("env::var")) {
                let path = path.strip_prefix(root().join("crates")).unwrap();
                readers.insert(path.to_str().unwrap().to_owned());
            }
        }
    }
    let named: BTreeSet<_> = READERS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(readers, named, "give a setting instead, or name the file here with its reason");
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for (path, _) in READERS {
        let name = path.split('/').next().unwrap();
        assert!(architecture.contains(name), "ARCHITECTURE.md does not name {name}");
    }
}

#[test]
fn no_code_asks_for_the_name_of_an_engine() {
    for name in ABOVE {
        for (path, text) in sources(&root().join("crates").join(name).join("src")) {
            for line in code(&text) {
                // A name in an example is shown, not asked for.
                let names_one =
                    ENGINES.iter().any(|engine| line.contains(&format!("\"{engine}\"")));
                let asks = line.contains("==") || line.contains("=>") || line.contains("matches!");
                assert!(!(names_one && asks), "{}: {line}", path.display());
            }
        }
    }
}

/// What cargo-machete looks for, without the program: a dependency whose name stands nowhere in the
/// code of its crate.
/// A location answers what it is (`isobase::Location`): whether it is a file, is kept, is on a server.
#[test]
fn the_command_line_does_not_ask_which_engine_a_location_is() {
    let mut wrong = Vec::new();
    for (path, text) in sources(&root().join("crates/isobase-cli/src")) {
        for line in code(&text).filter(|line| line.contains("Location::")) {
            // A scratch database is made as a file.
            let makes =
                line.contains("= Location::Sqlite(") || line.contains("| Location::Sqlite(");
            let variants = ["Memory", "Sqlite", "Postgres", "Couchdb", "Dynamodb", "Firestore"];
            let asks = variants.iter().any(|it| line.contains(&format!("Location::{it}")));
            let makes = makes && !line.contains("if let") && !line.contains("=>");
            if asks && !makes {
                wrong.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_changelog_begins_with_the_version_of_the_sources() {
    let read = |name: &str| fs::read_to_string(root().join(name)).expect("it is there");
    let (manifest, changelog) = (read("Cargo.toml"), read("CHANGELOG.md"));
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = "));
    let version = version.expect("the workspace has a version").trim_matches('"');
    let first = changelog.lines().find_map(|line| line.strip_prefix("## "));
    let first = first.and_then(|heading| heading.split(' ').next());
    assert_eq!(first, Some(version));
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    let folders = crates().into_iter().map(|name| root().join("crates").join(name));
    for folder in folders.chain([root().join("xtask"), root().join("python")]) {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let parts = ["src", "tests", "examples", "benches"];
        let code: String = parts
            .iter()
            .flat_map(|part| sources(&folder.join(part)))
            .map(|(_, text)| text)
            .collect();
        let words: BTreeSet<&str> =
            code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        for name in dependencies(&manifest) {
            if !words.contains(&*name.replace('-', "_")) {
                unused.push(format!("{}: {name}", folder.display()));
            }
        }
    }
    assert!(unused.is_empty(), "unused: {unused:#?}");
}

/// The names that a manifest depends on, for tests and for one system too.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let headings = manifest.lines().filter(|line| {
        line.starts_with('[') && line.trim_end_matches(']').ends_with("dependencies")
    });
    headings.flat_map(|heading| section(manifest, heading)).collect()
}

/// The keys of a section of a manifest.
fn section<'a>(manifest: &'a str, heading: &'a str) -> impl Iterator<Item = String> {
    let lines = manifest.lines().skip_while(move |line| *line != heading).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let keys = lines.filter_map(|line| line.split_once('=').map(|(key, _)| key));
    keys.filter(|key| !key.starts_with([' ', '#'])).map(|key| {
        let key = key.trim();
        key.split('.').next().unwrap_or(key).to_owned()
    })
}
