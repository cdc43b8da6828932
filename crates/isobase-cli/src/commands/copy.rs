//! `isobase copy`: everything from one database to another.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use isobase::ops::{
    self, CopyOptions, CopyReport, Existing, Follow, OpsError, PreflightReport, System,
};
use isobase::store::UPLOADS_COLLECTION;

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::{AppFlags, LoadFlags, SystemFlags, collection_names},
    print::Printer,
    progress::thousands,
    settings::{Config, Given, Loaded},
    transfer::{
        failure::{TargetState, failure},
        place::{Place, collections},
        report,
        same::is_same,
        uploads::{self, Moving},
        watch::{Watch, watch},
    },
};

const EXAMPLES: &str = "\
Examples:
  isobase copy sqlite://data/isobase.db postgres://me:secret@db/app
  isobase copy sqlite://data/isobase.db dynamodb://eu-central-1/app_ --dry-run
  isobase copy postgres://… couchdb://me:secret@host:5984/app_ --collections orders,customers
  isobase copy sqlite://data/isobase.db postgres://… --follow

Keys and accounts travel too, sessions do not. Ids, times and the counter of ids are kept; revisions too when nothing was ever written to the
target. Nothing is written before every document was shown to the target. Until both sides were
read again and compared, the target is marked as unfinished and no service opens it.

A copy that was cut off is resumed by the same command. --follow copies what is written meanwhile
until Ctrl-C, then brings the last writes over and compares; with --until-caught-up it ends by
itself. To switch an application over: follow, stop the writes, press Ctrl-C, start it on the
target.";

/// Copy everything from one database to another, and prove that nothing changed
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CopyCommand {
    /// URL of the database to read, or an app folder
    #[arg(value_name = "FROM")]
    from: String,
    /// URL of the database to write, or an app folder
    #[arg(value_name = "TO")]
    to: String,
    /// Only these collections
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    collections: Vec<String>,
    /// Say what the target cannot hold, and write nothing; on a server an empty database may be
    /// made
    #[arg(long)]
    dry_run: bool,
    /// Make the target the same as the source: replace documents that have the same ids, and delete
    /// those that the source does not have
    #[arg(long, conflicts_with_all = ["overwrite", "skip_existing", "follow", "until_caught_up"])]
    mirror: bool,
    /// Go on with what is written meanwhile, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// End as soon as the target has everything that was written meanwhile
    #[arg(long)]
    until_caught_up: bool,
    /// Where uploaded files are: a folder, or s3://bucket/prefix [default: uploads beside an SQLite
    /// file; what the settings say for the database of the settings]
    #[arg(long, value_name = "PLACE")]
    from_uploads: Option<String>,
    /// Where they come to [default: likewise]
    #[arg(long, value_name = "PLACE")]
    to_uploads: Option<String>,
    /// Leave uploaded files where they are
    #[arg(long, conflicts_with_all = ["from_uploads", "to_uploads"])]
    without_files: bool,
    #[command(flatten)]
    system: SystemFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    app: AppFlags,
}

impl AppCommand for CopyCommand {
    const CHANGES: bool = true;

    fn given(&self) -> Given {
        self.app.given()
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let from = (&*self.from, self.from_uploads.as_deref());
        let to = (&*self.to, self.to_uploads.as_deref());
        let (from_end, to_end) = uploads::ends(from, to, config)?;
        let moving = uploads::moving(&from_end, &to_end, self.without_files);
        let (from, to) = (from_end.location, to_end.location);
        if is_same(&from, &to) {
            return Err(Failure::usage("FROM and TO are the same database").into());
        }
        report::check_file(self.load.report.as_deref())?;
        let wanted = collections(&self.collections)?;
        let source = Place::open_source(&from, config, printer).await?;
        let target = match self.dry_run {
            true => Place::open_to_try(&to, &config.options).await?,
            false => Place::open_to_load(&to, &config.options).await?,
        };
        let options = CopyOptions {
            collections: wanted,
            existing: match self.mirror {
                true => Existing::Mirror,
                false => self.load.existing(),
            },
            system: self.system.which(),
            on_refused: self.load.on_refused(),
            per_second: self.load.rate,
            parallel: self.load.parallel as usize,
            restart: self.load.restart,
            follow: match (self.follow, self.until_caught_up) {
                (_, true) => Follow::UntilCaughtUp,
                (true, false) => Follow::UntilStopped,
                (false, false) => Follow::No,
            },
            files: match &moving {
                Moving::Copied(places) => Some(places.clone()),
                Moving::Stays(_) => None,
            },
            ..CopyOptions::new(source.name.clone())
        };
        let watch = watch(printer);
        let file = self.load.report.as_deref();
        let done = if self.dry_run {
            look(&source, &target, &options, &watch, (file, printer)).await
        } else {
            carry_out(&source, &target, &options, &watch, (file, printer)).await
        };
        let closed = source.close().await.and(target.close_after(&done).await);
        if done? && let Moving::Stays(why) = &moving {
            printer.note(why);
        }
        closed
    }
}

/// Reports what the target would refuse. Returns whether there are uploaded files.
async fn look(
    source: &Place,
    target: &Place,
    options: &CopyOptions,
    watch: &Watch,
    (file, printer): (Option<&Path>, Printer),
) -> Result<bool> {
    let looked = ops::preflight(&source.engine, &target.engine, options, &watch.control).await;
    let looked = looked.map_err(|error| watch.failure(error))?;
    report::keep("copy", &looked, file, printer)?;
    dry_run(&looked, printer)?;
    let has_files = has_uploads(source, options).await?;
    if let Some(places) = options.files.as_ref().filter(|_| has_files) {
        let found = ops::look_at_files(&source.engine, &places.from, &watch.control).await;
        uploads::told(&found.map_err(|error| watch.failure(error))?, printer);
    }
    Ok(has_files)
}

/// Whether documents of the source tell of files, and travel.
async fn has_uploads(source: &Place, options: &CopyOptions) -> Result<bool> {
    let travels = match &options.collections[..] {
        [] => options.system == System::Taken,
        named => named.iter().any(|name| name.as_str() == UPLOADS_COLLECTION),
    };
    let found = source.engine.collections().await?;
    Ok(travels && found.iter().any(|info| info.name.as_str() == UPLOADS_COLLECTION))
}

/// Copies. Returns whether there are uploaded files.
async fn carry_out(
    source: &Place,
    target: &Place,
    options: &CopyOptions,
    watch: &Watch,
    (file, printer): (Option<&Path>, Printer),
) -> Result<bool> {
    let copied = Box::pin(ops::copy(&source.engine, &target.engine, options, &watch.control)).await;
    let copied = copied.map_err(|error| watch.failure(error))?;
    let printer = printer.after_changes();
    report::keep("copy", &copied, file, printer)?;
    report::copied(&copied, (&source.name, &target.name), printer);
    if matches!(options.existing, Existing::Overwrite | Existing::Skip) {
        tell_others(&copied, target, printer).await?;
    }
    Ok(copied.system.iter().any(|name| name == UPLOADS_COLLECTION))
}

/// Documents that a target has beside the copy are as they were. The message that all is equal must
/// not hide that.
async fn tell_others(copied: &CopyReport, target: &Place, printer: Printer) -> Result<()> {
    let there = target.engine.collections().await?;
    let others: Vec<_> = copied
        .collections
        .iter()
        .filter_map(|report| {
            let info = there.iter().find(|info| info.name.as_str() == report.name)?;
            let more = info.documents.checked_sub(report.digest.documents).filter(|more| *more > 0);
            Some(format!("{} in {}", thousands(more?), report.name))
        })
        .collect();
    if !others.is_empty() {
        printer.note(&format!(
            "the target has more documents, which the source does not have or which were left as they \
             were: {} (--mirror deletes what the source does not have)",
            others.join(", ")
        ));
    }
    Ok(())
}

fn dry_run(looked: &PreflightReport, printer: Printer) -> Result<(), Failure> {
    let PreflightReport { documents, refused, refusals, not_read, .. } = looked;
    report::not_read(not_read, printer);
    if *refused > 0 {
        let (refusals, count) = (refusals.clone(), *refused);
        return Err(failure(OpsError::Refused { refusals, count }, TargetState::Untouched));
    }
    printer.note(&format!("the target can hold all {} documents", thousands(*documents)));
    Ok(())
}
