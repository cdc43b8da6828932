//! Files of one crate do not import each other in circles: what two need of each other is a third
//! file. Where old code is not there yet, a ratchet keeps it from getting worse.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// How many files of a crate may be in knots: as many as there were. Lower a number when you untie
/// one; a crate without a line has none.
const IN_KNOTS: &[(&str, usize)] =
    &[("isobase-engine", 2), ("isobase-journal", 2), ("isobase-testkit", 4), ("isobase-types", 2)];

#[test]
fn files_do_not_import_each_other_in_circles() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&crates).expect("there are crates") {
        let folder = entry.expect("a crate can be read").path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let knots = knots(&Files::read(&folder.join("src")));
        let found: usize = knots.iter().map(Vec::len).sum();
        let allowed =
            IN_KNOTS.iter().find(|(known, _)| *known == name).map_or(0, |(_, files)| *files);
        if found > allowed {
            wrong.push(format!("{name}: {found} files are in knots, not {allowed}: {knots:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A module: the names that lead to it from the root of its crate.
type Module = Vec<String>;

/// The files of a crate by their modules.
struct Files(BTreeMap<Module, File>);

/// What a file declares and names.
#[derive(Default)]
struct File {
    tokens: Vec<String>,
    /// The items that are declared here.
    declared: BTreeSet<String>,
    /// Each name that a `use` brings in, and what it stands for; `*` for everything of a module.
    uses: Vec<Use>,
    /// The paths that stand in expressions and types.
    paths: Vec<Vec<String>>,
}

struct Use {
    name: String,
    path: Vec<String>,
    /// A re-export: others reach through it, the file itself need not use it.
    public: bool,
}

impl Files {
    fn read(src: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut folders = vec![(src.to_owned(), Module::new())];
        while let Some((folder, module)) = folders.pop() {
            let entries = fs::read_dir(&folder).into_iter().flatten();
            for path in entries.map(|entry| entry.expect("a file can be read").path()) {
                let mut below = module.clone();
                below.push(stem(&path));
                if path.is_dir() {
                    folders.push((path, below));
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let is_root = ["mod", "lib", "main"].contains(&stem(&path).as_str());
                    let module = if is_root { module.clone() } else { below };
                    let text = fs::read_to_string(&path).expect("a source is UTF-8");
                    // `main.rs` beside `lib.rs` is a crate of its own.
                    files.entry(module).or_insert_with(|| File::read(&text));
                }
            }
        }
        Self(files)
    }

    /// The files that a file imports.
    fn imports(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.0[module];
        let private = file.uses.iter().filter(|import| !import.public).map(|import| &import.path);
        let found = private.chain(&file.paths).flat_map(|path| self.resolve(module, path, 0));
        found.filter(|target| target != module).collect()
    }

    /// The file that declares what a path names, seen from a module.
    fn resolve(&self, from: &Module, path: &[String], depth: u8) -> Option<Module> {
        let (mut module, mut rest) = match path.first()?.as_str() {
            "crate" => (Module::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => (from[..from.len().checked_sub(1)?].to_vec(), &path[1..]),
            _ => (from.clone(), path),
        };
        while rest.first().is_some_and(|name| name == "super") {
            module.pop();
            rest = &rest[1..];
        }
        let begun = module.clone();
        while let Some(name) = rest.first() {
            let mut below = module.clone();
            below.push(name.clone());
            if !self.0.contains_key(&below) {
                break;
            }
            (module, rest) = (below, &rest[1..]);
        }
        let relative = !["crate", "self", "super"].contains(&path[0].as_str());
        if relative && module == begun {
            // A crate from outside, or a name of the file itself.
            return None;
        }
        let file = self.0.get(&module)?;
        let Some(name) = rest.first() else { return Some(module) };
        if file.declared.contains(name) || depth > 8 {
            return Some(module);
        }
        let named = file.uses.iter().find(|import| import.name == *name);
        let found = named.and_then(|import| self.resolve(&module, &import.path, depth + 1));
        found
            .or_else(|| {
                let globs = file.uses.iter().filter(|import| import.name == "*");
                globs
                    .filter_map(|import| {
                        let path: Vec<String> = import.path.iter().chain([name]).cloned().collect();
                        let target = self.resolve(&module, &path, depth + 1)?;
                        self.0[&target].declared.contains(name).then_some(target)
                    })
                    .next()
            })
            // What comes from another crate through this file.
            .or_else(|| named.is_none().then_some(module))
    }
}

impl File {
    fn read(text: &str) -> Self {
        let mut tokens = tokens(text);
        // Tests stand at the end, and may use everything.
        const TESTS: [&[&str]; 2] = [
            &["#", "[", "cfg", "(", "test", ")", "]", "mod"],
            &["#", "[", "cfg", "(", "all", "(", "test", ","],
        ];
        for tests in TESTS {
            if let Some(end) = tokens.windows(tests.len()).position(|window| window == tests) {
                tokens.truncate(end);
            }
        }
        let declared = Self::declared(&tokens);
        let mut file = Self { tokens, declared, ..Self::default() };
        file.read_names();
        file
    }

    fn read_names(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            if self.tokens[at] == "use" {
                let before = at.checked_sub(1).map_or("", |before| self.tokens[before].as_str());
                let public = before == "pub" || before == ")";
                at = self.read_use(at + 1, &mut Vec::new(), public);
            } else if self.tokens[at] == "in" && at > 0 && self.tokens[at - 1] == "(" {
                // `pub(in crate::records)` imports nothing.
                at += self.path_at(at + 1).len() * 2;
            } else {
                let path = self.path_at(at);
                at += (path.len() * 2).saturating_sub(1).max(1);
                if path.len() > 1 {
                    self.paths.push(path);
                }
            }
        }
    }

    /// The names from a place on that `::` joins.
    fn path_at(&self, from: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = from;
        while self.tokens.get(at).is_some_and(|token| is_name(token)) {
            path.push(self.tokens[at].clone());
            if self.tokens.get(at + 1).map(String::as_str) != Some("::") {
                break;
            }
            at += 2;
        }
        path
    }

    /// Reads a tree of a `use`; says where it ends.
    fn read_use(&mut self, from: usize, prefix: &mut Vec<String>, public: bool) -> usize {
        let mut at = from;
        let depth = prefix.len();
        loop {
            let Some(token) = self.tokens.get(at).cloned() else { return at };
            match token.as_str() {
                "{" => {
                    at += 1;
                    while self.tokens.get(at).is_some_and(|token| token != "}") {
                        at = self.read_use(at, prefix, public);
                        if self.tokens.get(at).is_some_and(|token| token == ",") {
                            at += 1;
                        }
                    }
                    at += 1;
                    break;
                }
                "::" => at += 1,
                "as" => {
                    let alias = self.tokens.get(at + 1).cloned().unwrap_or_default();
                    self.uses.push(Use { name: alias, path: prefix.clone(), public });
                    prefix.truncate(depth);
                    return at + 2;
                }
                "*" => {
                    self.uses.push(Use { name: token, path: prefix.clone(), public });
                    at += 1;
                    break;
                }
                name if is_name(name) => {
                    if name != "self" || prefix.is_empty() {
                        prefix.push(token);
                    }
                    at += 1;
                }
                _ => {
                    let name = prefix.last().cloned().unwrap_or_default();
                    self.uses.push(Use { name, path: prefix.clone(), public });
                    break;
                }
            }
        }
        prefix.truncate(depth);
        at
    }

    /// The names behind the words that declare, and those that a macro may declare (`NAME = …`).
    fn declared(tokens: &[String]) -> BTreeSet<String> {
        const ITEMS: [&str; 8] =
            ["struct", "enum", "union", "trait", "type", "fn", "const", "static"];
        let pairs = tokens.windows(2).filter_map(|pair| match (pair[0].as_str(), &*pair[1]) {
            (item, name) if ITEMS.contains(&item) => Some(name),
            (name, "=") if is_name(name) => Some(name),
            _ => None,
        });
        pairs.map(str::to_owned).collect()
    }
}

/// Names, `::` and single characters; without comments and texts.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            1 + end_of_text(&rest[1..])
        } else if let Some(marks) = raw_text(rest) {
            let end = format!("\"{}", "#".repeat(marks));
            let begin = marks + 2;
            begin + rest[begin..].find(&end).map_or(rest.len() - begin, |at| at + end.len())
        } else if let Some(length) = character(rest) {
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = if name > 0 { name } else { first.len_utf8() };
            if !first.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// Where a text ends, after its first quotation mark.
fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    text.len()
}

/// How many `#` a raw text has that begins here.
fn raw_text(text: &str) -> Option<usize> {
    let marks = text.strip_prefix('r')?;
    let rest = marks.trim_start_matches('#');
    rest.starts_with('"').then(|| marks.len() - rest.len())
}

/// How long a character literal is that begins here; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('\'')?;
    let body = match inner.strip_prefix('\\') {
        Some(escaped) => 1 + escaped.chars().next()?.len_utf8(),
        None => inner.chars().next()?.len_utf8(),
    };
    // `'\u{1f600}'` is the longest.
    let end = inner.as_bytes().iter().skip(body).take(9).position(|byte| *byte == b'\'')?;
    (end == 0 || inner.starts_with('\\')).then_some(1 + body + end + 1)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Groups of files that all reach each other.
fn knots(files: &Files) -> Vec<Vec<PathBuf>> {
    let imports: BTreeMap<&Module, BTreeSet<Module>> =
        files.0.keys().map(|module| (module, files.imports(module))).collect();
    let reach: BTreeMap<&Module, BTreeSet<&Module>> =
        imports.keys().map(|module| (*module, reachable(module, &imports))).collect();
    let mut seen = BTreeSet::new();
    let mut knots = Vec::new();
    for (module, reached) in &reach {
        if !reached.contains(module) || !seen.insert(*module) {
            continue;
        }
        let others = reached.iter().filter(|other| reach[**other].contains(module));
        let knot: Vec<&Module> = others.copied().collect();
        seen.extend(&knot);
        knots.push(knot.iter().map(|module| module.iter().collect()).collect());
    }
    knots
}

fn reachable<'a>(
    from: &Module,
    imports: &'a BTreeMap<&'a Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Module> = imports[from].iter().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(&imports[module]);
        }
    }
    reached
}

#[test]
fn knots_are_found() {
    let file = |text: &str| File::read(text);
    let module =
        |path: &str| path.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let files: BTreeMap<Module, File> = [
        ("", "mod a; mod b; mod c; mod d; pub use a::A; pub use d::*;"),
        ("a", "use crate::{b::{self, B as Other}, c}; struct A; // use crate::d::D;"),
        ("b", "fn b() -> super::A { \"crate::c::C\"; 'x'; } struct B;"),
        ("c", "mod e; struct C;"),
        ("c/e", "use super::super::D; #[cfg(test)] mod tests { use crate::a::A; }"),
        ("d", "struct D;"),
    ]
    .map(|(path, text)| (module(path), file(text)))
    .into();
    let files = Files(files);
    assert_eq!(knots(&files), [[PathBuf::from("a"), PathBuf::from("b")]]);
    assert_eq!(files.imports(&module("c/e")), BTreeSet::from([module("d")]));
}
