//! Where the uploaded files of databases are.

use std::{io, path::Path, sync::Arc};

use anyhow::Result;
use futures_util::{TryStreamExt, future::BoxFuture};
use isobase::{
    Location,
    ops::{FileBytes, FilePlace, FilesCopy, FilesReport},
};
use isobase_jobs::Backups;
use isobase_server::{FilesError, Shelf};

use super::{
    place::{location, name},
    same::is_same,
};
use crate::{
    failure::{Failure, Problem},
    flags::UploadFlags,
    print::Printer,
    progress::thousands,
    settings::{self, Config, Given, Loaded, backups},
};

/// The folder of uploads beside an SQLite file.
const FOLDER: &str = "uploads";

/// A folder or bucket of uploads.
#[derive(Debug)]
struct Uploads(Shelf);

impl FilePlace for Uploads {
    fn name(&self) -> String {
        self.0.name()
    }

    fn open<'a>(&'a self, file: &'a str) -> BoxFuture<'a, io::Result<Option<FileBytes>>> {
        Box::pin(async move {
            let found = self.0.open(file).await.map_err(failed)?;
            Ok(found.map(|bytes| Box::pin(bytes.map_err(failed)) as FileBytes))
        })
    }

    fn put<'a>(&'a self, file: &'a str, bytes: FileBytes) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move { self.0.put(file, bytes).await.map_err(failed) })
    }
}

fn failed(error: FilesError) -> io::Error {
    match error {
        FilesError::Disk(error) => error,
        error => io::Error::other(error),
    }
}

/// A place of uploads, for those who copy whole databases.
pub(crate) fn file_place(shelf: Shelf) -> Arc<dyn FilePlace> {
    Arc::new(Uploads(shelf))
}

/// The backups of the settings, with uploaded files if these are wanted.
pub(crate) fn backups_with_files(loaded: &Loaded, config: &Config) -> Backups {
    let backups = backups(loaded, &config.data);
    let backups = backups.with_remote(config.backups_remote.clone().map(file_place));
    match config.backup_files {
        true => backups.with_files(file_place(Shelf::of(&config.files))),
        false => backups,
    }
}

/// Where the uploads of a database are, as far as its name tells: beside an SQLite file, and where the
/// settings say for the database of the settings.
pub(crate) fn uploads_of(at: &Location, own: &Location, own_uploads: &Shelf) -> Option<Shelf> {
    if is_same(at, own) {
        return Some(own_uploads.clone());
    }
    let folder = at.file()?.parent().unwrap_or(Path::new(""));
    Some(Shelf::folder(folder.join(FOLDER)))
}

/// One end of a copy.
pub(crate) struct End {
    pub(crate) location: Location,
    /// Where its uploads are, if that is known.
    uploads: Option<Shelf>,
}

impl End {
    /// Reads an argument: the URL of a database, or an app folder, which stands for the database and
    /// the uploads of its own settings. Variables are not looked at then: they would say the same for
    /// both ends.
    fn read(what: &str, text: &str, config: &Config) -> Result<Self> {
        let folder = Path::new(text);
        if !text.contains(':') && !folder.is_dir() {
            let message = format!("{what}: {text} is neither a folder nor the URL of a database");
            let hint = format!("isobase new {text} makes an app folder");
            return Err(Failure::usage(message).hint(hint).into());
        }
        if text.contains(':') {
            let location = location(what, text)?;
            let uploads = uploads_of(&location, &config.records, &Shelf::of(&config.files));
            return Ok(Self { location, uploads });
        }
        let given = Given { app: folder.to_owned(), ..Given::default() };
        let app = Config::new(&settings::load(&given, &[])?)?;
        let uploads = Some(Shelf::of(&app.files));
        Ok(Self { location: app.records, uploads })
    }

    fn with(self, place: Option<&str>, flag: &str, config: &Config) -> Result<Self> {
        match place {
            Some(text) => Ok(Self { uploads: Some(shelf(text, flag, config)?), ..self }),
            None => Ok(self),
        }
    }
}

fn shelf(text: &str, flag: &str, config: &Config) -> Result<Shelf, Failure> {
    config.buckets.shelf(text).map_err(|error| Failure::usage(format!("{flag}: {error}")))
}

/// An end of a copy, and where its uploads are if that was said.
pub(crate) type Said<'a> = (&'a str, Option<&'a str>);

/// Both ends of a copy.
pub(crate) fn ends(from: Said<'_>, to: Said<'_>, config: &Config) -> Result<(End, End)> {
    let source = End::read("FROM", from.0, config)?;
    let target = End::read("TO", to.0, config)?;
    Ok((source.with(from.1, "--from-uploads", config)?, target.with(to.1, "--to-uploads", config)?))
}

/// How the files of a copy move.
pub(crate) enum Moving {
    Copied(FilesCopy),
    /// In words.
    Stays(String),
}

/// Whether files are copied.
pub(crate) fn moving(from: &End, to: &End, without: bool) -> Moving {
    let how = "--from-uploads and --to-uploads say from where to where they are copied";
    match (&from.uploads, &to.uploads) {
        _ if without => Moving::Stays("uploaded files stay where they are".to_owned()),
        (Some(from), Some(to)) if from.name() == to.name() => {
            Moving::Stays(format!("uploaded files stay in {}, for both", from.name()))
        }
        (Some(from), Some(to)) => {
            let (from, to) = (file_place(from.clone()), file_place(to.clone()));
            Moving::Copied(FilesCopy { from, to })
        }
        (Some(from), None) => Moving::Stays(format!(
            "uploaded files stay in {}, where a service on {} finds them with the same data folder; {how}",
            from.name(),
            name(&to.location)
        )),
        (None, _) => Moving::Stays(format!("uploaded files stay where they are; {how}")),
    }
}

/// Where an archive takes files from.
pub(crate) fn read_from(
    flags: &UploadFlags,
    at: &Location,
    config: &Config,
) -> Result<Option<Arc<dyn FilePlace>>> {
    let own = Shelf::of(&config.files);
    let shelf = match &flags.uploads {
        Some(text) => shelf(text, "--uploads", config)?,
        // Missing files are reported.
        None => uploads_of(at, &config.records, &own).unwrap_or(own),
    };
    Ok((!flags.without_files).then(|| file_place(shelf)))
}

/// Where an archive puts files: nowhere in doubt, so that they come to no folder of another service.
pub(crate) fn written_to(
    flags: &UploadFlags,
    at: &Location,
    config: &Config,
) -> Result<Option<Arc<dyn FilePlace>>> {
    let shelf = match &flags.uploads {
        Some(text) => Some(shelf(text, "--uploads", config)?),
        None => uploads_of(at, &config.records, &Shelf::of(&config.files)),
    };
    Ok(shelf.filter(|_| !flags.without_files).map(file_place))
}

/// Says what became of files.
pub(crate) fn told(report: &FilesReport, printer: Printer) {
    let FilesReport { files, bytes, written, missing, damaged, .. } = report;
    if *files > 0 && !printer.json {
        let now = match written == files {
            true => String::new(),
            false => format!(", {} of them written now", thousands(*written)),
        };
        let (files, bytes) = (thousands(*files), thousands(*bytes));
        printer.note(&format!("uploaded files: {files} ({bytes} bytes){now}"));
    }
    let warn = |message: String| printer.warning(&Problem { message, hint: None });
    for (count, names, what, all) in [
        (missing, &report.missing_names, "is told of and is not there", "missing"),
        (
            damaged,
            &report.damaged_names,
            "has other bytes than were uploaded, and was left out",
            "damaged",
        ),
    ] {
        // Also with --quiet.
        names.iter().for_each(|name| warn(format!("the file {name} {what}")));
        if *count > 0 {
            warn(format!("{all} uploaded files: {}", thousands(*count)));
        }
    }
}
