//! `isobase new`: an app folder to begin with.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{command::Command, failure::Failure, print::Printer};

const EXAMPLES: &str = "\
Examples:
  isobase new my-app                   a to-do app: accounts, items, live updates, uploads
  isobase new my-blog --template blog
  isobase new .                        into this folder

Then: isobase serve my-app. Nothing that is there already is changed.";

/// Make an app folder to begin with
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct NewCommand {
    /// Folder to make
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The app to begin with
    #[arg(long, short, value_enum, default_value_t = Template::Todo)]
    template: Template,
}

/// Apps to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    /// What each user has to do
    Todo,
    /// Posts in pages, tags, and which posts have which
    Blog,
    /// Messages that everybody sees at once
    Chat,
    /// A page, and a file to declare collections in
    Empty,
}

/// A file of a template: its place in the folder and its text.
type TemplateFile = (&'static str, &'static str);

const STYLE: &str = include_str!("../../templates/style.css");
/// Where the pages have the common style.
const STYLE_MARK: &str = "{{style}}";

const TODO: &[TemplateFile] = &[
    ("isobase.toml", include_str!("../../templates/todo/isobase.toml")),
    ("index.html", include_str!("../../templates/todo/index.html")),
    ("schemas/items.json", include_str!("../../templates/todo/schemas/items.json")),
];
const BLOG: &[TemplateFile] = &[
    ("isobase.toml", include_str!("../../templates/blog/isobase.toml")),
    ("index.html", include_str!("../../templates/blog/index.html")),
    ("schemas/posts.json", include_str!("../../templates/blog/schemas/posts.json")),
    ("schemas/tags.json", include_str!("../../templates/blog/schemas/tags.json")),
    ("schemas/post_tags.json", include_str!("../../templates/blog/schemas/post_tags.json")),
    ("seed/posts.ndjson", include_str!("../../templates/blog/seed/posts.ndjson")),
];
const CHAT: &[TemplateFile] = &[
    ("isobase.toml", include_str!("../../templates/chat/isobase.toml")),
    ("index.html", include_str!("../../templates/chat/index.html")),
    ("schemas/messages.json", include_str!("../../templates/chat/schemas/messages.json")),
];
const EMPTY: &[TemplateFile] = &[
    ("isobase.toml", include_str!("../../templates/empty/isobase.toml")),
    ("index.html", include_str!("../../templates/empty/index.html")),
];
/// The file that every template has.
const COMMON: TemplateFile = (".gitignore", include_str!("../../templates/gitignore"));

impl Template {
    fn files(self) -> impl Iterator<Item = (&'static str, String)> {
        let own = match self {
            Self::Todo => TODO,
            Self::Blog => BLOG,
            Self::Chat => CHAT,
            Self::Empty => EMPTY,
        };
        let files = own.iter().copied().chain([COMMON]);
        files.map(|(name, text)| (name, text.replace(STYLE_MARK, STYLE)))
    }
}

impl Command for NewCommand {
    fn run(self, printer: Printer) -> Result<()> {
        begin(&self.folder, self.template, printer)
    }
}

/// Writes the files of a template into a folder that has none of them.
fn begin(folder: &Path, template: Template, printer: Printer) -> Result<()> {
    let in_the_way = template.files().map(|(name, _)| folder.join(name));
    if let Some(there) = in_the_way.into_iter().find(|path| path.exists()) {
        let message = format!("{} is there already; nothing was written", there.display());
        return Err(Failure::usage(message).hint("choose another folder").into());
    }
    let mut written = Vec::new();
    for (name, text) in template.files() {
        let path = folder.join(name);
        write_new(&path, &text).map_err(|error| {
            Failure::new(format!("cannot write {}: {error}", path.display()))
                .hint("choose a folder that this user may write to")
        })?;
        written.push(name);
    }
    let shown = folder.display();
    if printer.json {
        printer.json_line(&json!({ "folder": shown.to_string(), "files": written }));
    } else {
        printer.headline(&format!("{shown}"), &format!(" has {}", written.join(", ")));
        printer.note(&format!("  start it: isobase serve {shown}"));
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}
