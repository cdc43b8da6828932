//! `isobase types`: the collections of an app as types of TypeScript, for `isobase.js`.

mod typescript;

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use isobase::store::{FieldInfo, FieldKind};
use isobase_server::AppCollection;
use serde_json::{Value, json};

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::SettingFlags,
    output_file::{Access, OutputFile},
    print::Printer,
    settings::{Config, Given, Loaded},
};
use typescript::{Schemas, comment, property_name, type_of};

const EXAMPLES: &str = "\
Examples:
  isobase types                                 print them, for the app in this folder
  isobase types my-app -o src/isobase-app.d.ts

In the program: import type { App } from './isobase-app'; new Isobase<App>(…). Write them again when
isobase.toml changes. No database is needed.";

/// Types that `new Isobase<App>()` needs beside the collections.
const HEAD: &str = "\
// The collections of this app, for isobase.js. Written by `isobase types`: write it again when
// isobase.toml changes.

/** A document as it is shown. */
export type Row<N extends keyof App> = App[N][\"row\"];
/** What a new document is made of. */
export type New<N extends keyof App> = App[N][\"create\"];
/** What may be changed of a document. */
export type Changes<N extends keyof App> = App[N][\"update\"];

type Id = number | string;
";

/// Write the types of an app's collections for TypeScript
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TypesCommand {
    /// App folder [default: the current folder]
    #[arg(value_name = "APP", default_value = ".", hide_default_value = true)]
    app: PathBuf,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags,
}

impl AppCommand for TypesCommand {
    fn given(&self) -> Given {
        self.settings.given(&self.app)
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        write_types(self.output.as_deref(), config, printer)
    }
}

fn write_types(output: Option<&Path>, config: &Config, printer: Printer) -> Result<()> {
    let served = config.collections.iter().filter(|it| it.has_no_routes().is_none());
    let collections: Vec<&AppCollection> = served.collect();
    if collections.is_empty() {
        let message = "no collections are declared";
        let hint = "declare them in isobase.toml, as in [collections.orders]";
        return Err(Failure::usage(message).hint(hint).into());
    }
    let text = declarations(&collections);
    let Some(path) = output else {
        printer.result(text.trim_end());
        return Ok(());
    };
    let output = OutputFile::create(path, Access::ByMask)?;
    let context = || format!("cannot write {}", path.display());
    output.file().write_all(text.as_bytes()).with_context(context)?;
    output.finish()?;
    let shown = path.display().to_string();
    match printer.json {
        true => printer.json_line(&json!({ "file": shown, "collections": collections.len() })),
        false => {
            printer.note(&format!("{shown} has the types of {} collections", collections.len()))
        }
    }
    Ok(())
}

/// The whole file.
fn declarations(collections: &[&AppCollection]) -> String {
    let mut out = HEAD.to_owned();
    out.push_str("\n/** The collections, by name. */\nexport type App = {\n");
    for collection in collections {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {}: {{", property_name(collection.name.as_str()));
        match &collection.schema {
            None => out.push_str(
                "    row: { id: Id; [field: string]: unknown };\n    \
                 create: { [field: string]: unknown };\n    \
                 update: { [field: string]: unknown };\n    references: {};\n",
            ),
            Some(schema) => {
                let whole = serde_json::from_str(schema.as_text()).unwrap_or_default();
                let fields = schema.fields().iter().filter(|field| field.name().is_some());
                Described { collection, fields: fields.collect(), whole: &whole }.write(&mut out);
            }
        }
        out.push_str("  };\n");
    }
    out.push_str("};\n");
    out
}

/// A collection with a schema.
struct Described<'a> {
    collection: &'a AppCollection,
    /// Those at the top of a document.
    fields: Vec<&'a FieldInfo>,
    /// The schema.
    whole: &'a Value,
}

impl Described<'_> {
    fn write(&self, out: &mut String) {
        let fields = || self.fields.iter().copied();
        out.push_str("    row: {\n      id: Id;\n");
        for field in fields().filter(|field| !field.write_only) {
            // A required field, or one with a default, is in every document that was written since.
            let is_there = field.required || field.default.is_some();
            self.member(field, is_there, self.shown(field), out);
        }
        out.push_str("    };\n    create: {\n");
        for field in fields().filter(|field| self.may_set(field, self.collection.create.as_ref())) {
            let must = field.required && field.default.is_none();
            self.member(field, must, self.taken(field), out);
        }
        out.push_str("    };\n    update: {\n");
        for field in fields().filter(|field| self.may_set(field, self.collection.update.as_ref())) {
            self.member(field, false, self.taken(field), out);
        }
        out.push_str("    };\n    references: {");
        let references = fields().filter(|field| !field.write_only);
        let references = references.filter_map(|field| field.reference.as_ref());
        for (at, reference) in references.enumerate() {
            let name = reference.field.steps().first().map_or("", |step| step.as_ref());
            let (name, to) = (property_name(name), json!(reference.collection.as_str()));
            let _ = write!(out, "{} {name}: {to}", if at == 0 { "" } else { ";" });
        }
        out.push_str(if out.ends_with('{') { "};\n" } else { " };\n" });
    }

    fn member(&self, field: &FieldInfo, is_there: bool, shown: String, out: &mut String) {
        let name = field.name().unwrap_or_default();
        let description = self.property(field)["description"].as_str();
        let read_only = field.read_only || self.is_timestamp(field);
        let note = match (description, read_only, field.write_only) {
            (Some(text), ..) => Some(text),
            (None, true, _) => Some("Callers do not set it."),
            (None, _, true) => Some("It is never shown."),
            (None, false, false) => None,
        };
        if let Some(note) = note {
            let _ = writeln!(out, "      {}", comment(note));
        }
        let optional = if is_there { "" } else { "?" };
        let _ = writeln!(out, "      {}{optional}: {shown};", property_name(name));
    }

    fn property(&self, field: &FieldInfo) -> &Value {
        &self.whole["properties"][field.name().unwrap_or_default()]
    }

    /// The type of a field in a document that is shown.
    fn shown(&self, field: &FieldInfo) -> String {
        match self.is_flag(field) {
            true if field.nullable || (!field.required && field.default.is_none()) => {
                "0 | 1 | null".to_owned()
            }
            true => "0 | 1".to_owned(),
            false => self.sent(field),
        }
    }

    /// The type of what is sent for a field, by the service or to it: null stands for a field that
    /// is not there.
    fn sent(&self, field: &FieldInfo) -> String {
        let plain = type_of(self.property(field), Schemas::of(self.whole));
        let may_be_absent = !field.nullable && !field.required && field.default.is_none();
        if may_be_absent { format!("{plain} | null") } else { plain }
    }

    /// The type of what a caller sends for it.
    fn taken(&self, field: &FieldInfo) -> String {
        let sent = self.sent(field);
        if self.is_flag(field) { format!("{sent} | 0 | 1") } else { sent }
    }

    /// A boolean that is shown as 0 or 1.
    fn is_flag(&self, field: &FieldInfo) -> bool {
        let names = &self.collection.as_number;
        field.kind == FieldKind::Boolean
            && field.name().is_some_and(|name| names.iter().any(|other| other == name))
    }

    fn is_timestamp(&self, field: &FieldInfo) -> bool {
        self.collection.timestamp.as_deref() == field.name()
    }

    fn may_set(&self, field: &FieldInfo, allowed: Option<&Vec<String>>) -> bool {
        let name = field.name().unwrap_or_default();
        let is_allowed = allowed.is_none_or(|names| names.iter().any(|other| other == name));
        is_allowed && !field.read_only && !self.is_timestamp(field)
    }
}
