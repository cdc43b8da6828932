//! `isobase restore`: archives into a database.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isobase::ops::archive::{self, RestoreOptions, RestoreReport};

use crate::{
    command::AppCommand,
    failure::Problem,
    flags::{DatabaseFlags, LoadFlags, PassphraseFlags, SystemFlags, UploadFlags},
    print::Printer,
    progress::thousands,
    settings::{Config, Given, Loaded},
    transfer::{
        archives::{inputs, passphrase},
        place::{Place, location_or_settings},
        report, uploads,
        watch::watch,
    },
};

const EXAMPLES: &str = "\
Examples:
  isobase restore backup.isobase --url postgres://me:secret@db/app
  isobase restore monday.isobase tuesday.isobase wednesday.isobase
  ssh backup 'cat backup.isobase' | isobase restore -

Archives are read from the first byte to the last before anything is written: a damaged one
changes nothing. A restore that was cut off is resumed by the same command.";

/// Write archives into a database
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RestoreCommand {
    /// The archive with everything, then those with changes; - for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    uploads: UploadFlags,
    #[command(flatten)]
    system: SystemFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    passphrase: PassphraseFlags,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl AppCommand for RestoreCommand {
    const CHANGES: bool = true;

    fn given(&self) -> Given {
        self.database.app.given()
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        report::check_file(self.load.report.as_deref())?;
        let location = location_or_settings(self.database.url.as_deref(), config)?;
        let inputs = inputs(&self.files, passphrase(&self.passphrase)?.as_ref())?;
        let target = Place::open_to_load(&location, &config.options).await?;
        let load = &self.load;
        let options = RestoreOptions {
            existing: load.existing(),
            on_refused: load.on_refused(),
            per_second: load.rate,
            parallel: load.parallel as usize,
            restart: load.restart,
            system: self.system.which(),
            files: uploads::written_to(&self.uploads, &location, config)?,
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
