//! `isobase dump`, `restore` and `verify`

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};
use isobase::{
    ops::{
        OpsError,
        archive::{
            self, ArchiveInput, ArchiveReport, DumpOptions, DumpReport, Passphrase, RestoreOptions,
            RestoreReport, Since,
        },
    },
    types::Timestamp,
};

use isobase_jobs::{Backup, Backups, Origin};

use super::{
    failure::{TargetState, failure},
    place::{Place, collections, location_or_settings},
    report,
    same::is_same_file,
    uploads,
    watch::watch,
};
use crate::{
    arguments::{DumpArguments, PassphraseFlags, RestoreArguments, VerifyArguments},
    failure::{Failure, Problem},
    output_file::{Access, OutputFile},
    print::Printer,
    progress::thousands,
    settings::{Config, without_line_end},
};

const PASSPHRASE_VARIABLE: &str = "ISOBASE_PASSPHRASE";
const BUFFER_BYTES: usize = 256 << 10;

/// `isobase dump FILE`
pub(crate) async fn dump(
    arguments: DumpArguments,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    let location = location_or_settings(arguments.database.url.as_deref(), config)?;
    let passphrase = passphrase(&arguments.passphrase)?;
    if arguments.encrypt && passphrase.is_none() {
        return Err(Failure::usage("--encrypt needs a passphrase")
            .hint(format!("set {PASSPHRASE_VARIABLE}, or name a file with --passphrase-file"))
            .into());
    }
    let file = arguments.file.clone().unwrap_or_else(file_of_now);
    must_not_replace(&arguments, &file)?;
    // The archive itself may be on standard output.
    let is_stdout = file == Path::new("-");
    let mut shown = printer;
    shown.json &= !is_stdout;
    let control = watch(shown).control;
    let since = match &arguments.since {
        None => None,
        Some(text) => Some(match Since::parse(text) {
            Some(place) => place,
            None => end_of(Path::new(text), passphrase.clone(), &control).await?,
        }),
    };
    let source = Place::open_source(&location, config, printer).await?;
    let options = DumpOptions {
        source: source.name.clone(),
        collections: collections(&arguments.collections)?,
        system: arguments.system.which(),
        since,
        passphrase: passphrase.filter(|_| arguments.encrypt),
        files: uploads::read_from(&arguments.uploads, &location, config)?,
    };
    let output = Output::create(&file)?;
    let dumped = archive::dump(&source.engine, output.writer()?, &options, &control).await;
    let closed = source.close().await;
    let dumped = dumped.map_err(without_target)?;
    closed?;
    output.finish()?;
    report::keep("dump", &dumped, arguments.report.as_deref(), shown)?;
    told_dump(&dumped, &file, printer);
    Ok(())
}

/// Makes a backup of the database of the settings; a running service is read beside.
pub(crate) async fn make_backup(
    backups: &Backups,
    origin: Origin,
    config: &Config,
    printer: Printer,
) -> Result<Backup> {
    let location = location_or_settings(None, config)?;
    let control = watch(printer).control;
    let source = Place::open_to_read(&location, config, printer).await?;
    let made = Box::pin(backups.make(&source.engine, &source.name, origin, &control)).await;
    let closed = source.close().await;
    let made = made.map_err(|error| Failure::new(error.to_string()))?;
    closed?;
    Ok(made)
}

/// Where an archive is written to that nobody gives a name.
fn file_of_now() -> PathBuf {
    let now = Timestamp::from_system_time(SystemTime::now()).to_string();
    let digits: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
    let (date, time) = digits.split_at(8);
    PathBuf::from(format!("isobase-{date}-{time}.isobase"))
}

/// Refuses to write the archive over the one that it goes on from: without that one it is of no
/// use.
fn must_not_replace(arguments: &DumpArguments, file: &Path) -> Result<(), Failure> {
    match &arguments.since {
        // What is a place stays one when there is a file of that name.
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

/// The failure of a work that only reads databases.
fn without_target(error: OpsError) -> Failure {
    failure(error, TargetState::None)
}

fn told_dump(dumped: &DumpReport, file: &Path, printer: Printer) {
    let DumpReport { footer, bytes, text_bytes, .. } = dumped;
    if !footer.one_moment {
        printer.note("the archive is not of one moment: the database was written meanwhile");
    }
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

/// `isobase restore FILE…`
pub(crate) async fn restore(
    arguments: RestoreArguments,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    report::check_file(arguments.load.report.as_deref())?;
    let location = location_or_settings(arguments.database.url.as_deref(), config)?;
    let inputs = inputs(&arguments.files, passphrase(&arguments.passphrase)?.as_ref())?;
    let target = Place::open_to_load(&location, &config.options).await?;
    let load = &arguments.load;
    let options = RestoreOptions {
        existing: load.existing(),
        on_refused: load.on_refused(),
        per_second: load.rate,
        parallel: load.parallel as usize,
        restart: load.restart,
        system: arguments.system.which(),
        files: uploads::written_to(&arguments.uploads, &location, config)?,
    };
    let watch = watch(printer);
    let control = &watch.control;
    let restored = Box::pin(archive::restore(inputs, &target.engine, &options, control)).await;
    let name = target.name.clone();
    let closed = target.close_after(&restored).await;
    let restored = restored.map_err(|error| watch.failure(error))?;
    closed?;
    let printer = printer.after_changes();
    report::keep("restore", &restored, load.report.as_deref(), printer)?;
    told_restore(&restored, &name, printer);
    Ok(())
}

fn told_restore(restored: &RestoreReport, name: &str, printer: Printer) {
    report::table(&restored.collections, printer);
    report::left_out(&restored.left_out, printer);
    report::indexes_left_out(&restored.indexes_left_out, printer);
    report::system(&restored.system, &restored.system_left_out, printer);
    if let Some(files) = &restored.files {
        uploads::told(files, printer);
    }
    if restored.files_left_out > 0 {
        let left = thousands(restored.files_left_out);
        printer.warning(&Problem {
            message: format!("left out: {left} uploaded files of the archive"),
            hint: Some("--uploads names a folder or bucket for them".to_owned()),
        });
    }
    if restored.skipped > 0 {
        printer.note(&format!("skipped: {} documents were there", thousands(restored.skipped)));
    }
    let pace = report::pace(restored.seconds, restored.documents_per_second);
    printer.headline(
        &format!("{} documents", thousands(restored.documents)),
        &format!(" are in {name}, as in the archive ({pace})"),
    );
}

/// `isobase verify FILE…`
pub(crate) async fn verify(arguments: VerifyArguments, printer: Printer) -> Result<()> {
    let inputs = inputs(&arguments.files, passphrase(&arguments.passphrase)?.as_ref())?;
    let verified = archive::verify(inputs, &watch(printer).control).await;
    let verified = verified.map_err(without_target)?;
    report::keep("verify", &verified, None, printer)?;
    report::table(&verified.collections, printer);
    told_verify(&verified, printer);
    Ok(())
}

fn told_verify(verified: &ArchiveReport, printer: Printer) {
    for one in &verified.archives {
        let moment = if one.footer.one_moment { "of one moment" } else { "not of one moment" };
        let since = one.header.since.as_ref();
        let since = since.map(|since| format!(" after {}", since.sequence)).unwrap_or_default();
        let without = if one.header.without_system { ", without keys and accounts" } else { "" };
        printer.note(&format!(
            "{}: {} of {}, up to {}{since}, {moment}{without}",
            one.name,
            // Whoever wrote the archive chose these: control characters must not reach a terminal.
            one.header.created_at.escape_debug(),
            one.header.source.escape_debug(),
            one.footer.sequence
        ));
    }
    let files = match verified.files {
        0 => String::new(),
        files => format!(" and {} files", thousands(files)),
    };
    printer.headline(
        &format!("{} documents", thousands(verified.documents)),
        &format!("{files}, every checksum agrees"),
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

fn inputs(files: &[PathBuf], passphrase: Option<&Passphrase>) -> Result<Vec<ArchiveInput>> {
    files.iter().map(|file| input(file, passphrase)).collect()
}

fn input(file: &Path, passphrase: Option<&Passphrase>) -> Result<ArchiveInput> {
    let passphrase = passphrase.cloned();
    if file == Path::new("-") {
        return ArchiveInput::from_stream("standard input", io::stdin().lock(), passphrase)
            .context("cannot keep standard input in a temporary file");
    }
    let name = file.display().to_string();
    let opened = File::open(file).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok(ArchiveInput::from_file(name, opened, passphrase))
}

fn passphrase(flags: &PassphraseFlags) -> Result<Option<Passphrase>> {
    let Some(path) = &flags.passphrase_file else {
        let given = std::env::var(PASSPHRASE_VARIABLE).ok();
        return Ok(given.as_deref().map(without_line_end).and_then(Passphrase::new));
    };
    let wrong =
        |reason: String| Failure::usage(format!("--passphrase-file: {}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let line = text.lines().next().unwrap_or_default();
    let passphrase =
        Passphrase::new(line).ok_or_else(|| wrong("its first line is empty".into()))?;
    Ok(Some(passphrase))
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
