//! `isobase.toml`: read into pairs of key and value, each with its line.

use std::{borrow::Cow, fs, io, path::Path, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use isobase::store::Rules;

use super::{
    api::{self, ApiSettings},
    fields,
    kinds::Shape,
    mentions::{self, Mention},
    providers::{self, DeclaredProvider},
    rules,
    setting::{AnySetting, Reading},
    similar::most_similar,
    table,
    units::parse_duration,
};
use crate::failure::Problem;

/// Variables and tables of the file that are not in the table of settings.
const COLLECTIONS: &str = "collections";
const PROVIDERS: &str = "providers";

/// The keys of the table of a collection, beside [`api::KEYS`].
const KEYS: [&str; 8] =
    ["indexes", "unique", "schema", "fields", "only_fields", "rules", "expires", "changes"];

/// The contents of a settings file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Settings with their values and lines.
    pub(super) values: Vec<(&'static dyn AnySetting, Reading, usize)>,
    /// Declared indexes: collection, fields, line.
    pub(super) indexes: Vec<(String, String, usize)>,
    /// Files of schemas: collection, path as it is written, line.
    pub(super) schemas: Vec<(String, String, usize)>,
    /// Terms of collections: collection, what is said, line.
    pub(super) terms: Vec<(String, Term, usize)>,
    /// Declared collections: name, how it is shown, line.
    pub(super) collections: Vec<(String, ApiSettings, usize)>,
    /// Schemas that are written here as fields: collection, their text, line.
    pub(super) fields: Vec<(String, String, usize)>,
    /// Declared collections: name, rules, line.
    pub(super) rules: Vec<(String, Rules, usize)>,
    /// Fields and collections that are named beside their declarations: what, line.
    pub(super) mentions: Vec<(Mention, usize)>,
    /// Services whose accounts sign in here, in the order of their names.
    pub(super) providers: Vec<(DeclaredProvider, usize)>,
    /// Everything that is wrong.
    pub(super) problems: Vec<Problem>,
}

/// A term on which a collection keeps its documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    /// `expires = "30d"`
    Expires(Duration),
    /// `changes = false`
    Changes(bool),
}

/// The shortest time after which documents may expire: the clocks of machines differ by less.
const EXPIRES_MIN: Duration = Duration::from_secs(1);

/// Reads a settings file; `None` if there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Contents>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(parse(path, &text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(path: &Path, text: &str) -> Contents {
    let mut reader = Reader { path, text, contents: Contents::default() };
    match DeTable::parse(text) {
        Ok(table) => reader.table("", table.get_ref()),
        Err(error) => {
            let place = reader.place(error.span().map_or(0, |span| span.start));
            let message = error.message().lines().next().unwrap_or_default();
            reader.problem(format!("{place}: {message}"), None);
        }
    }
    reader.contents.values.sort_by_key(|(_, _, line)| *line);
    reader.contents
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    contents: Contents,
}

impl Reader<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = key.get_ref();
            let whole =
                if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
            match (table::find(&whole), value.get_ref()) {
                (Some(setting), _) => self.setting(setting, value),
                (None, DeValue::Table(collections)) if whole == COLLECTIONS => {
                    self.collections(collections);
                }
                (None, DeValue::Table(providers)) if whole == PROVIDERS => {
                    self.providers(providers);
                }
                (None, DeValue::Table(inner)) if is_section(&whole) => self.table(&whole, inner),
                (None, _) => self.unknown_setting(&whole, key.span().start),
            }
        }
    }

    fn setting(&mut self, setting: &'static dyn AnySetting, value: &Spanned<DeValue<'_>>) {
        let start = value.span().start;
        match read_value(setting, value.get_ref()) {
            Ok(value) => {
                let line = self.line(start);
                self.contents.values.push((setting, value, line));
            }
            Err((found, expected)) => {
                let place = self.place(start);
                let key = setting.declared().key;
                let message = format!("{place}: setting {key} is {found}, expected {expected}");
                self.problem(message, None);
            }
        }
    }

    fn unknown_setting(&mut self, key: &str, offset: usize) {
        let place = self.place(offset);
        let known = table::all().map(|setting| setting.declared().key);
        let sections = known.clone().filter_map(|key| key.split_once('.')).map(|(name, _)| name);
        let meant = most_similar(key, known.chain(sections).chain([COLLECTIONS, PROVIDERS]));
        let hint = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "isobase config print lists every setting".to_owned(),
        };
        self.problem(format!("{place}: unknown setting {key}"), Some(hint));
    }

    /// `[providers.google] issuer = "https://accounts.google.com"`, `client_id = "…"`
    fn providers(&mut self, providers: &DeTable<'_>) {
        for (name, value) in providers {
            let Some(table) = value.get_ref().as_table() else {
                let place = self.place(value.span().start);
                let name = name.get_ref();
                let message = format!("{place}: providers.{name} is not a table");
                let hint = format!("write [providers.{name}] and below it issuer = \"https://…\"");
                self.problem(message, Some(hint));
                continue;
            };
            match providers::read(name, table) {
                Ok(provider) => {
                    let line = self.line(name.span().start);
                    self.contents.providers.push((provider, line));
                }
                Err(mistakes) => {
                    for providers::Mistake { offset, message, hint } in mistakes {
                        let (place, name) = (self.place(offset), name.get_ref());
                        let message = format!("{place}: providers.{name}: {message}");
                        self.problem(message, Some(hint));
                    }
                }
            }
        }
        self.contents.providers.sort_by(|(a, _), (b, _)| a.provider.id.cmp(&b.provider.id));
    }

    /// `[collections.orders] indexes = ["status", "customer.id"]`, `unique = ["number"]`,
    /// `schema = "orders.json"`, `fields.done = { type = "boolean" }`, `expires = "30d"`,
    /// `changes = false`
    fn collections(&mut self, collections: &DeTable<'_>) {
        for (name, value) in collections {
            let Some(collection) = value.get_ref().as_table() else {
                let place = self.place(value.span().start);
                let name = name.get_ref();
                self.problem(
                    format!("{place}: collections.{name} is not a table"),
                    Some(format!("write [collections.{name}] and below it indexes = [\"status\"]")),
                );
                continue;
            };
            self.collection(name, collection);
        }
        self.contents.collections.sort_by_key(|(_, _, line)| *line);
    }

    fn collection(&mut self, name: &Spanned<Cow<'_, str>>, collection: &DeTable<'_>) {
        let (line, name) = (self.line(name.span().start), &**name.get_ref());
        let (mut shown, mut rules) = (ApiSettings::default(), Rules::default());
        for (key, value) in collection {
            match &**key.get_ref() {
                "indexes" => self.indexes(name, "indexes", value, str::to_owned),
                "unique" => self.indexes(name, "unique", value, |it| format!("unique({it})")),
                "schema" => self.schema(name, value),
                "fields" => self.fields(name, collection, value),
                // Read with the fields.
                "only_fields" if collection.contains_key("fields") => {}
                "rules" => rules = self.rules(name, value),
                "expires" => self.expires(name, value),
                "changes" => self.changes(name, value),
                known if api::KEYS.contains(&known) => {
                    if let Err((offset, expected)) = shown.read(known, value) {
                        let place = self.place(offset);
                        let message = format!("{place}: collections.{name}.{known} is wrong");
                        self.problem(message, Some(format!("expected {expected}")));
                    }
                }
                other => self.unknown_in_collection(name, other, key.span().start),
            }
        }
        let mentions = mentions::read(name, collection).into_iter();
        let mentions = mentions.map(|(it, offset)| (it, self.line(offset))).collect::<Vec<_>>();
        self.contents.mentions.extend(mentions);
        self.contents.collections.push((name.to_owned(), shown, line));
        self.contents.rules.push((name.to_owned(), rules, line));
    }

    fn unknown_in_collection(&mut self, collection: &str, key: &str, offset: usize) {
        let place = self.place(offset);
        let meant = most_similar(key, KEYS.into_iter().chain(api::KEYS)).unwrap_or("indexes");
        self.problem(
            format!("{place}: unknown setting collections.{collection}.{key}"),
            Some(format!("did you mean collections.{collection}.{meant}?")),
        );
    }

    /// A list of indexes. `definition` makes their text of their fields.
    fn indexes(
        &mut self,
        collection: &str,
        setting: &str,
        value: &Spanned<DeValue<'_>>,
        definition: fn(&str) -> String,
    ) {
        let list = value.get_ref().as_array();
        let items = list.map(|items| items.iter().map(|item| item.get_ref().as_str()));
        let texts = items.and_then(|items| items.collect::<Option<Vec<_>>>());
        let Some(texts) = texts else {
            let place = self.place(value.span().start);
            self.problem(
                format!("{place}: collections.{collection}.{setting} is not a list of texts"),
                Some(format!("write {setting} = [\"status\", \"customer.id,-created_at\"]")),
            );
            return;
        };
        let line = self.line(value.span().start);
        let indexes = texts.into_iter().map(|text| (collection.to_owned(), definition(text), line));
        self.contents.indexes.extend(indexes);
    }

    fn schema(&mut self, collection: &str, value: &Spanned<DeValue<'_>>) {
        let start = value.span().start;
        match value.get_ref().as_str().filter(|path| !path.is_empty()) {
            Some(path) => {
                let line = self.line(start);
                self.contents.schemas.push((collection.to_owned(), path.to_owned(), line));
            }
            None => {
                let place = self.place(start);
                self.problem(
                    format!("{place}: collections.{collection}.schema is not the path of a file"),
                    Some("write schema = \"schemas/orders.json\"".to_owned()),
                );
            }
        }
    }

    fn rules(&mut self, collection: &str, value: &Spanned<DeValue<'_>>) -> Rules {
        let read = rules::read(value);
        read.unwrap_or_else(|mistakes| {
            for rules::Mistake { offset, message, hint } in mistakes {
                let place = self.place(offset);
                self.problem(format!("{place}: collections.{collection}.{message}"), Some(hint));
            }
            Rules::default()
        })
    }

    fn expires(&mut self, collection: &str, value: &Spanned<DeValue<'_>>) {
        let start = value.span().start;
        let span = value.get_ref().as_str().and_then(parse_duration);
        match span.filter(|span| *span >= EXPIRES_MIN) {
            Some(span) => {
                let line = self.line(start);
                self.contents.terms.push((collection.to_owned(), Term::Expires(span), line));
            }
            None => {
                let place = self.place(start);
                self.problem(
                    format!(
                        "{place}: collections.{collection}.expires is no duration of a second or \
                         more"
                    ),
                    Some("write expires = \"30d\"; without it documents stay".to_owned()),
                );
            }
        }
    }

    fn changes(&mut self, collection: &str, value: &Spanned<DeValue<'_>>) {
        let start = value.span().start;
        match value.get_ref().as_bool() {
            Some(told) => {
                let line = self.line(start);
                self.contents.terms.push((collection.to_owned(), Term::Changes(told), line));
            }
            None => {
                let place = self.place(start);
                self.problem(
                    format!("{place}: collections.{collection}.changes is neither true nor false"),
                    Some("write changes = false to keep it out of the change feed".to_owned()),
                );
            }
        }
    }

    /// Compiles `fields`, and `only_fields` beside it.
    fn fields(&mut self, collection: &str, table: &DeTable<'_>, value: &Spanned<DeValue<'_>>) {
        let offset = value.span().start;
        let mut wrong = |offset: usize, message: String, hint: String| {
            let place = self.place(offset);
            self.problem(format!("{place}: collections.{collection}.{message}"), Some(hint));
        };
        let Some(fields) = value.get_ref().as_table() else {
            let hint = "write fields.name = { type = \"string\" }".to_owned();
            return wrong(offset, "fields is not a table".to_owned(), hint);
        };
        if table.contains_key("schema") {
            let hint = "say it with one of them".to_owned();
            return wrong(offset, "fields stands beside schema".to_owned(), hint);
        }
        let only_these = match table.get("only_fields") {
            None => false,
            Some(only) => match only.get_ref().as_bool() {
                Some(only_these) => only_these,
                None => {
                    let hint = "write only_fields = true, or leave it out".to_owned();
                    let message = "only_fields is neither true nor false".to_owned();
                    return wrong(only.span().start, message, hint);
                }
            },
        };
        match fields::compile(fields, only_these) {
            Ok(schema) => {
                let line = self.line(offset);
                self.contents.fields.push((collection.to_owned(), schema, line));
            }
            Err(mistakes) => {
                for fields::Mistake { offset, message, hint } in mistakes {
                    wrong(offset, message, hint);
                }
            }
        }
    }

    fn problem(&mut self, message: String, hint: Option<String>) {
        self.contents.problems.push(Problem { message, hint });
    }

    fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(offset))
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }
}

fn is_section(name: &str) -> bool {
    let in_it = |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    table::all().any(|setting| in_it(setting.declared().key))
}

/// The value, or what was found and what was expected.
fn read_value(setting: &dyn AnySetting, value: &DeValue<'_>) -> Result<Reading, (String, String)> {
    let parse = |text: &str, found: &dyn Fn() -> String| {
        setting.parse(text).map_err(|expected| (found(), expected))
    };
    match (value, setting.shape()) {
        (DeValue::Boolean(on), Shape::Bool) => {
            let text = on.to_string();
            parse(&text, &|| text.clone())
        }
        (DeValue::Integer(number), Shape::Number) => {
            parse(number.as_str(), &|| number.as_str().to_owned())
        }
        (DeValue::Array(items), Shape::List) => {
            let texts = read_list(setting, items)?;
            parse(&texts.join(","), &|| "a list".to_owned())
        }
        (DeValue::String(text), Shape::Text | Shape::Bool | Shape::Number) => {
            parse(text, &|| format!("{:?}", setting.shown(text)))
        }
        (other, _) => Err((format!("of type {}", other.type_str()), setting.expected())),
    }
}

/// The texts of a list. A comma in one of them is no separator.
fn read_list<'a>(
    setting: &dyn AnySetting,
    items: &'a [Spanned<DeValue<'_>>],
) -> Result<Vec<&'a str>, (String, String)> {
    let wrong = |found: String| (found, setting.expected());
    let texts = items.iter().map(|item| {
        let text = item.get_ref().as_str();
        let text = text.ok_or_else(|| wrong("a list with other values".to_owned()))?;
        let is_one = !text.is_empty() && !text.contains(',') && text.trim() == text;
        match is_one && setting.parse(text).is_ok() {
            true => Ok(text),
            false => Err(wrong(format!("a list with {text:?}"))),
        }
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Contents {
        parse(Path::new("isobase.toml"), text)
    }

    fn first_problem(text: &str) -> String {
        let Problem { message, hint } = check(text).problems.swap_remove(0);
        format!("{message} | {}", hint.unwrap_or_default())
    }

    #[test]
    fn reads_values_with_their_lines() {
        let contents = check(
            "port = 9000\n\n[limits]\nbody_bytes = \"1MiB\"\n[changes]\nkeep_for = \"1h\"\n\
             [collections.orders]\nindexes = [\"status\",\n \"customer.id\"]\n",
        );
        assert!(contents.problems.is_empty(), "{:?}", contents.problems);
        let values: Vec<_> = contents
            .values
            .iter()
            .map(|(setting, reading, line)| (setting.declared().key, reading.shown.clone(), *line))
            .collect();
        let expected = [
            ("port", "9000".to_owned(), 1),
            ("limits.body_bytes", "1MiB".to_owned(), 4),
            ("changes.keep_for", "1h".to_owned(), 6),
        ];
        assert_eq!(values, expected);
        let terms = check("[collections.log]\nexpires = \"30d\"\nchanges = false\n").terms;
        let expires = Term::Expires(Duration::from_secs(30 * 86_400));
        let found: Vec<_> = terms.into_iter().map(|(_, term, line)| (term, line)).collect();
        assert!(found.contains(&(expires, 2)) && found.contains(&(Term::Changes(false), 3)));
        assert_eq!(contents.indexes[1], ("orders".to_owned(), "customer.id".to_owned(), 8));
    }

    #[test]
    fn says_what_is_wrong_where() {
        let cases = [
            ("\nprot = 1", "isobase.toml:2: unknown setting prot | did you mean port?"),
            (
                "[limits]\nbody-bytes = 1",
                "isobase.toml:2: unknown setting limits.body-bytes | did you mean \
                 limits.body_bytes?",
            ),
            (
                "[limit]\nscan_max = 1",
                "isobase.toml:1: unknown setting limit | did you mean limits?",
            ),
            (
                "zebra = 1",
                "isobase.toml:1: unknown setting zebra | isobase config print lists every setting",
            ),
            (
                "port = 70000",
                "isobase.toml:1: setting port is 70000, expected a whole number from 0 to 65535 | ",
            ),
            (
                "port = true",
                "isobase.toml:1: setting port is of type boolean, expected a whole number from 0 \
                 to 65535 | ",
            ),
            (
                "[collections.a]\nindices = []",
                "isobase.toml:2: unknown setting collections.a.indices | did you mean \
                 collections.a.indexes?",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(first_problem(text), message);
        }
        for (text, message) in [
            ("expires = \"soon\"", "collections.a.expires is no duration"),
            ("expires = \"999ms\"", "collections.a.expires is no duration"),
            ("expires = 30", "collections.a.expires is no duration"),
            ("changes = \"no\"", "collections.a.changes is neither true nor false"),
        ] {
            let found = first_problem(&format!("[collections.a]\n{text}"));
            assert!(found.starts_with(&format!("isobase.toml:2: {message}")), "{found}");
        }
        assert!(first_problem("port = \n").starts_with("isobase.toml:1: "));
        let secret = first_problem("internal_api_key = \"\"");
        assert!(secret.contains("expected a text"), "{secret}");
    }
}
