//! `isobase dump`: everything into an archive.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Result;
use clap::Args;
use isobase::{
    ops::archive::{self, DumpOptions, DumpReport, Passphrase, Since},
    types::Timestamp,
};

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::{DatabaseFlags, PassphraseFlags, SystemFlags, UploadFlags, collection_names},
    output_file::{Access, OutputFile},
    print::Printer,
    progress::thousands,
    settings::{Config, Given, Loaded},
    transfer::{
        archives::{PASSPHRASE_VARIABLE, input, passphrase, without_target},
        place::{Place, collections, location_or_settings},
        report,
        same::is_same_file,
        uploads,
        watch::watch,
    },
};

const EXAMPLES: &str = "\
Examples:
  isobase dump
  isobase dump backup.isobase
  isobase dump monday.isobase --url postgres://me:secret@db/app
  isobase dump tuesday.isobase --since monday.isobase
  ISOBASE_PASSPHRASE=… isobase dump backup.isobase --encrypt
  isobase dump - | ssh backup 'cat > backup.isobase'

Only its owner may read a new archive: keys and accounts are in it, unless --without-system is given. It is of one moment where the engine allows it, and says so. An encrypted one is opened by
the age tool too. docs/archive.md describes the format.";

const BUFFER_BYTES: usize = 256 << 10;

/// Write everything into an archive that any engine can read
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DumpCommand {
    /// File to write, - for standard output [default: isobase-DATE-TIME.isobase in this folder]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only these collections
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    collections: Vec<String>,
    /// Only what was written after another archive, or after a place of the change feed
    #[arg(long, value_name = "FILE|N")]
    since: Option<String>,
    #[command(flatten)]
    uploads: UploadFlags,
    #[command(flatten)]
    system: SystemFlags,
    /// Encrypt it with the passphrase
    #[arg(long)]
    encrypt: bool,
    /// Write the report as JSON into a file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseFlags,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl AppCommand for DumpCommand {
    fn given(&self) -> Given {
        self.database.app.given()
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let location = location_or_settings(self.database.url.as_deref(), config)?;
        let passphrase = passphrase(&self.passphrase)?;
        if self.encrypt && passphrase.is_none() {
            return Err(Failure::usage("--encrypt needs a passphrase")
                .hint(format!("set {PASSPHRASE_VARIABLE}, or name a file with --passphrase-file"))
                .into());
        }
        let file = self.file.clone().unwrap_or_else(file_of_now);
        must_not_replace(&self, &file)?;
        // The archive itself may be on standard output.
        let is_stdout = file == Path::new("-");
        let mut shown = printer;
        shown.json &= !is_stdout;
        let control = watch(shown).control;
        let since = match &self.since {
            None => None,
            Some(text) => Some(match Since::parse(text) {
                Some(place) => place,
                None => end_of(Path::new(text), passphrase.clone(), &control).await?,
            }),
        };
        let source = Place::open_source(&location, config, printer).await?;
        let options = DumpOptions {
            source: source.name.clone(),
            collections: collections(&self.collections)?,
            system: self.system.which(),
            since,
            passphrase: passphrase.filter(|_| self.encrypt),
            files: uploads::read_from(&self.uploads, &location, config)?,
        };
        let output = Output::create(&file)?;
        let dumped = archive::dump(&source.engine, output.writer()?, &options, &control).await;
        let closed = source.close().await;
        let dumped = dumped.map_err(without_target)?;
        closed?;
        output.finish()?;
        report::keep("dump", &dumped, self.report.as_deref(), shown)?;
        told_dump(&dumped, &file, printer);
        Ok(())
    }
}

/// The name of an archive that the command line does not name.
fn file_of_now() -> PathBuf {
    let now = Timestamp::from_system_time(SystemTime::now()).to_string();
    let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
    let (date, time) = digits.split_at(8);
    PathBuf::from(format!("isobase-{date}-{time}.isobase"))
}

/// Refuses to write the archive over the one that it goes on from: without that one it is of no
/// use.
fn must_not_replace(arguments: &DumpCommand, file: &Path) -> Result<(), Failure> {
    match &arguments.since {
        // A place stays a place when there is a file of that name.
        Some(text) if Since::parse(text).is_none() && is_same_file(file, Path::new(text)) => {
            let message = format!(
                "{} is the archive of --since: it would be replaced by one that has only the \
                 changes after it",
                file.display()
            );
            Err(Failure::usage(message).hint(
                "name another file, as in isobase dump tuesday.isobase --since monday.isobase",
            ))
        }
        _ => Ok(()),
    }
}

fn told_dump(dumped: &DumpReport, file: &Path, printer: Printer) {
    let DumpReport { footer, bytes, text_bytes, .. } = dumped;
    if !footer.one_moment {
        printer.note("the archive is not of one moment: the database was written meanwhile");
    }
    report::not_read(&dumped.not_read, printer);
    report::schemas_left_out(&dumped.schemas_left_out, printer);
    report::system(&dumped.system, &dumped.system_left_out, printer);
    if let Some(files) = &dumped.files {
        uploads::told(files, printer);
    }
    let share = match dumped.files.as_ref().map_or(0, |files| files.files) {
        0 => format!(", {:.0} % of the text", 100.0 * *bytes as f64 / (*text_bytes).max(1) as f64),
        _ => String::new(),
    };
    printer.headline(
        &format!("{} documents", thousands(footer.documents)),
        &format!(
            " and {} deletions up to {} are in {}: {} bytes{share} ({})",
            thousands(footer.deletions),
            footer.sequence,
            file.display(),
            thousands(*bytes),
            report::pace(dumped.seconds, dumped.documents_per_second)
        ),
    );
}

/// Where another archive ends. All of it is read: changes after a damaged one are of no use.
async fn end_of(
    path: &Path,
    passphrase: Option<Passphrase>,
    control: &isobase::ops::Control,
) -> Result<Since> {
    let input = vec![input(path, passphrase.as_ref())?];
    let last = archive::last_of(input, control).await.map_err(without_target)?;
    Ok(Since::after(last))
}

/// A file that gets its name when it is complete, or standard output.
enum Output {
    Standard,
    File(OutputFile),
}

impl Output {
    fn create(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Standard);
        }
        // It has what the database has, and the database is its owner's.
        OutputFile::create(path, Access::Owner).map(Self::File)
    }

    fn writer(&self) -> Result<Box<dyn Write + Send>> {
        Ok(match self {
            Self::Standard => Box::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())),
            Self::File(file) => {
                Box::new(BufWriter::with_capacity(BUFFER_BYTES, file.file().try_clone()?))
            }
        })
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Standard => Ok(()),
            Self::File(file) => file.finish(),
        }
    }
}
