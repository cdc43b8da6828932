//! Settings as text: for `config print` and for the documentation.

use std::fmt::Write as _;

use isobase::store::RuleAction;

use super::{
    config::Config, file::Term, load::Loaded, origin::Origin, setting::AnySetting, table,
    units::show_duration,
};

/// Shown for a setting that is not set.
const UNSET: &str = "-";

#[derive(Debug)]
pub(super) struct Row {
    pub(super) key: String,
    /// As it would be written.
    pub(super) value: Option<String>,
    /// The same for programs; `None` if the text is the value.
    typed: Option<serde_json::Value>,
    pub(super) origin: Origin,
}

impl Row {
    fn text(key: String, value: String, origin: &Origin) -> Self {
        Self { key, value: Some(value), typed: None, origin: origin.clone() }
    }
}

/// Every setting with its value, secrets masked, and its origin.
pub(super) fn rows(loaded: &Loaded, config: &Config) -> Vec<Row> {
    let mut rows: Vec<Row> = table::all().map(|setting| row(loaded, setting)).collect();
    // The database in use, also when other settings decided on it.
    if let Some(records) = rows.iter_mut().find(|row| row.key == table::RECORDS_URL.key()) {
        records.value = Some(config.records.to_string());
        records.origin = config.records_origin.clone();
    }
    rows.extend(loaded.indexes.iter().map(|(collection, fields, origin)| {
        Row::text(format!("collections.{collection}.indexes"), fields.clone(), origin)
    }));
    rows.extend(loaded.schemas.iter().map(|(collection, path, origin)| {
        Row::text(format!("collections.{collection}.schema"), path.clone(), origin)
    }));
    for (collection, rules, origin) in &loaded.rules {
        let said =
            RuleAction::ALL.into_iter().filter_map(|action| Some((action, rules.own(action)?)));
        rows.extend(said.map(|(action, rule)| {
            let key = format!("collections.{collection}.rules.{action}");
            Row::text(key, rule.as_text().to_owned(), origin)
        }));
    }
    rows.extend(loaded.terms.iter().map(|(collection, term, origin)| {
        let (setting, value, typed) = match term {
            Term::Expires(span) => ("expires", show_duration(*span), None),
            Term::Changes(told) => ("changes", told.to_string(), Some((*told).into())),
        };
        let key = format!("collections.{collection}.{setting}");
        Row { typed, ..Row::text(key, value, origin) }
    }));
    rows.extend(loaded.fields.iter().map(|(collection, _, origin)| {
        let key = format!("collections.{collection}.fields");
        Row::text(key, fields_of(config, collection), origin)
    }));
    rows
}

fn row(loaded: &Loaded, setting: &dyn AnySetting) -> Row {
    let usual = setting.default_reading();
    let reading = loaded.reading(setting).or(usual.as_ref());
    Row {
        key: setting.declared().key.to_owned(),
        value: reading.map(|reading| reading.shown.clone()),
        typed: reading.and_then(|reading| reading.json.clone()),
        origin: loaded.origin(setting).clone(),
    }
}

/// The names of the fields that the schema of a collection declares.
fn fields_of(config: &Config, collection: &str) -> String {
    let schema = config.schemas.iter().find(|(name, _)| name.as_str() == collection);
    let fields = schema.into_iter().flat_map(|(_, schema)| schema.fields());
    fields.filter_map(|field| field.name()).collect::<Vec<_>>().join(",")
}

/// A table for people: setting, value, origin.
pub(crate) fn as_text(loaded: &Loaded, config: &Config) -> String {
    let rows = rows(loaded, config);
    let value = |row: &Row| match row.value.as_deref() {
        None => UNSET.to_owned(),
        Some("") => "\"\"".to_owned(),
        Some(text) => text.to_owned(),
    };
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let keys = width(&mut rows.iter().map(|row| row.key.chars().count()));
    // One long value must not push all origins off the screen.
    let values = width(&mut rows.iter().map(|row| value(row).chars().count())).min(40);
    let mut text = String::new();
    for row in &rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:keys$}  {:values$}  {}", row.key, value(row), row.origin);
    }
    text
}

/// The keys of all settings.
pub(crate) fn setting_keys() -> impl Iterator<Item = &'static str> {
    table::all().map(|setting| setting.declared().key)
}

/// The same as a JSON array for programs: numbers, booleans and lists are such.
pub(crate) fn as_typed_json(loaded: &Loaded, config: &Config) -> serde_json::Result<String> {
    let row = |row: Row| {
        let value = row.typed.or_else(|| row.value.map(Into::into));
        serde_json::json!({ "key": row.key, "value": value, "origin": row.origin })
    };
    let rows: Vec<_> = rows(loaded, config).into_iter().map(row).collect();
    serde_json::to_string_pretty(&rows).map(|text| text + "\n")
}

/// `docs/configuration.md`.
pub(crate) fn documentation() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut section = None;
    for setting in table::all() {
        let current = setting.declared().key.split_once('.').map(|(name, _)| name);
        if section != Some(current) {
            section = Some(current);
            let title = current.map_or("General".to_owned(), |name| format!("`[{name}]`"));
            let _ = write!(text, "\n## {title}\n");
        }
        describe(setting, &mut text);
    }
    text.push_str(COLLECTIONS);
    text
}

fn describe(setting: &dyn AnySetting, text: &mut String) {
    let declared = setting.declared();
    let variables: Vec<_> =
        declared.all_variables().iter().map(|name| format!("`{name}`")).collect();
    let default = match setting.default_reading().map(|reading| reading.shown) {
        None => "unset".to_owned(),
        Some(default) if default.is_empty() => "empty".to_owned(),
        Some(default) => format!("`{default}`"),
    };
    let _ = write!(text, "\n### `{}`\n\n{}\n\n", declared.key, declared.about);
    let _ = writeln!(text, "- value: {}", setting.described());
    let _ = writeln!(text, "- default: {default}");
    let _ = writeln!(text, "- variables: {}", variables.join(", "));
    if let Some(flag) = declared.flag() {
        let _ = writeln!(text, "- flag: `{flag}`");
    }
    if declared.is_changeable {
        let _ = writeln!(text, "- can be changed while the service runs");
    }
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Written by `isobase docs configuration`. Do not edit. -->

Isobase needs no configuration. Settings are read in this order; a later source wins:

1. the defaults below,
2. `isobase.toml` in the app folder (the argument of `serve`, else the current folder), or the
   file given with `--config`,
3. the database, for settings that can be changed while the service runs
   ([by the API](admin.md#settings), which every service on the database follows),
4. the file of variables given with `--env-file` (a `.env` file that is not given is not read),
5. environment variables (an empty one counts as unset),
6. flags: the ones named below, and `--set KEY=VALUE` for every setting.

Of several variables of one setting the first that is named below wins. A file of variables has lines
`NAME=value`, `export NAME=value` and comments; values may be quoted, `\"` with escapes, and `${NAME}`
or `${NAME:-otherwise}` stands for a variable of a line before or of the process, in both kinds of
quotes. That is how python-dotenv reads them, and with it many services in Python. Variables that are
not named here are ignored. Relative paths are those from the current folder.

`isobase config print` shows every setting with its value and its source, but for those of the database, which
the screen *Settings* shows. An unknown setting in
the file or in a flag is an error that names the place; an unknown variable that begins with
`ISOBASE_` is a warning.

```toml
port = 8080
data = \"/var/lib/isobase\"

[limits]
body_bytes = \"16MiB\"

[changes]
keep_for = \"30d\"

[collections.orders]
indexes = [\"status\", \"customer.id\", \"status,-created_at\"]
unique = [\"number\"]
schema = \"schemas/orders.json\"

[collections.requests]
expires = \"30d\"
changes = false

[collections.todos]
fields.title = { type = \"string\", required = true, max_length = 200 }
fields.done = { type = \"boolean\", default = false }
```

Durations are whole numbers with a unit, also several together: `250ms`, `30s`, `1h30m`, `7d`.
Sizes are numbers of bytes, or have a unit: `512KiB`, `8MiB`, `1GB`.
";

const COLLECTIONS: &str = "
## `[collections.NAME]`

### `indexes`

Indexes of the collection, each one to three fields separated by commas, `-` for descending. They
are made in the background when the service starts, if they are not there. An index that is not
in the file is left alone; `isobase index drop` drops it. `isobase index list` shows all.

- value: a list of texts
- default: empty

### `schema`

File with the JSON Schema that documents of the collection must meet, relative to `isobase.toml`.
It is read when the service starts. Every document that is written is checked, and so is what a
patch makes of one; a refusal names the places. Documents that are there already stay, whether they
meet it or not: their next write is checked.

It comes before a schema that was set through the service (`PUT /collections/NAME/schema`), which
is kept in the database and may then not be changed. Draft 2020-12 unless `$schema` names another,
at most 128 KiB, references only into the schema itself.

- value: the path of a file
- default: unset

### `fields`

The schema of the collection, written here: `fields.NAME = { type = \"…\", … }`, or `fields.NAME = \"…\"` with the
type alone. It becomes a JSON Schema with annotations, which `GET /collections/NAME/schema` shows, and unique
indexes; so it holds as a `schema` does, beside which it cannot stand. Formats are checked.
[collections.md](collections.md#fields) tells what defaults, read-only and write-only fields do.

| type | holds | settings of its own |
|---|---|---|
| `string` | a text of one line | `min_length`, `max_length`, `pattern`, `format` (`email`, `uri`, `date`, …), `values` |
| `text` | a text of many lines | `min_length`, `max_length`, `pattern` |
| `integer`, `number` | a number | `min`, `max`, `values` |
| `boolean` | `true` or `false` | |
| `datetime` | a moment, `2026-11-20T14:09:00Z` | |
| `reference` | the id of a document | `to`: its collection; `on_delete`: `refuse`, `set_null`, `cascade` |
| `file` | the name or address of an [uploaded file](uploads.md#files-of-documents) | `many`: a list of them; `private`: only who may see the document may read them |
| `array` | a list | |
| `json` | any value | |

| setting | meaning |
|---|---|
| `required` | a document must have it |
| `nullable` | it may be null |
| `default` | what a new document gets that comes without it: a value, `\"@now\"` (datetime), `\"@uuid\"` (string), `\"@user.id\"` (reference, string, integer) |
| `unique` | only one document of the collection may have its value |
| `read_only` | what callers send for it is ignored |
| `write_only` | it is never shown, and no caller may filter or sort by it |
| `title` | what people are to read |

- value: a table
- default: unset

### `only_fields`

Refuses documents with other members than `fields` names.

- value: `true` or `false`
- default: `false`

### `rules`

Who may do what with the documents of the collection: `list`, `view`, `create`, `update` and `delete`,
each a text in the query language, `true` for everyone or `false` for no one. They hold on every face.
An action without a rule is open to everyone while the service is open on this machine, and closed
otherwise: see [access rules](rules.md).

```toml
[collections.notes.rules]
list = \"or(owner.eq.@user.id, public.eq.true)\"
create = \"owner = @user.id\"
```

- value: a table of texts, `true` or `false`
- default: empty

### `expires`

How long a document is there after its last change. An expired one reads as absent at once and is
deleted soon after: see [collections](collections.md#documents-that-expire-and-collections-without-changes).

- value: a duration of a second or more
- default: unset; documents stay

### `changes`

Whether the change feed tells of what is written into the collection.

- value: `true` or `false`
- default: `true`

## `[providers.NAME]`

A service whose accounts sign in here: [signing in with another service](auth.md#sign-in-with-another-service). `NAME`
has lower case letters, digits and `_`; the address to register there is
`/api/login/with/NAME/callback` behind `public_url`.

| key | is |
|---|---|
| `issuer` | an OpenID Connect provider, letter by letter as it names itself; everything else is read there |
| `authorize_url`, `token_url`, `userinfo_url` | a provider with OAuth 2 alone, in place of `issuer` |
| `subject`, `name`, `email`, `email_verified` | of such a one: members of what `userinfo_url` answers; `id`, `login`, `email`, `email_verified` if left out |
| `secret_in` | of such a one: `header` (HTTP Basic, the default) or `form` |
| `client_id` | what the provider knows this service by |
| `client_secret`, `client_secret_variable` | the secret, or the environment variable that holds it; neither for a public client |
| `label` | what people call the provider; NAME if left out |
| `scopes` | a list of texts; `openid`, `profile`, `email` with `issuer`, else empty |
| `algorithms` | signatures that are taken, of `RS256`, `PS256`, `ES256`, `EdDSA`; all if left out |
| `link_by_email` | `true`: an account with the same address, proved on both sides, is signed in to; `false` if left out |
";

#[cfg(test)]
mod tests {
    use super::{
        super::{
            load::{Given, load},
            providers::KEYS as PROVIDER_KEYS,
        },
        *,
    };

    fn printed(variables: &[(&str, &str)]) -> String {
        let variables: Vec<_> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let given = Given { app: ".".into(), ..Given::default() };
        let loaded = load(&given, &variables).unwrap();
        let config = Config::new(&loaded).unwrap();
        as_text(&loaded, &config) + &as_typed_json(&loaded, &config).unwrap()
    }

    #[test]
    fn prints_no_secret() {
        let text =
            printed(&[("INTERNAL_API_KEY", "hush-key"), ("DATABASE_URL", "postgres://u:hush@h/d")]);
        assert!(!text.contains("hush"), "{text}");
        assert!(text.contains("***"), "{text}");
    }

    #[test]
    fn documents_every_key_of_a_provider() {
        let text = documentation();
        let section = text.split("## `[providers.NAME]`").nth(1).unwrap();
        for key in PROVIDER_KEYS {
            assert!(section.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn documents_every_setting() {
        let text = documentation();
        for key in setting_keys() {
            assert!(text.contains(&format!("### `{key}`")), "{key}");
        }
    }
}
