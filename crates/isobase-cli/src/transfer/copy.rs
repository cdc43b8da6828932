//! `isobase copy`

use std::path::Path;

use anyhow::Result;
use isobase::ops::{
    self, CopyOptions, CopyReport, Existing, Follow, Lag, OnRefused, OpsError, PreflightReport,
    System,
};
use isobase::store::UPLOADS_COLLECTION;

use super::{
    failure::{TargetState, failure},
    place::{Place, collections},
    report,
    same::is_same,
    uploads::{self, Moving},
    watch::{Watch, watch},
};
use crate::{
    arguments::{CopyArguments, LoadFlags, SystemFlags},
    failure::Failure,
    print::Printer,
    progress::thousands,
    settings::Config,
};

/// `isobase copy FROM TO`
pub(crate) async fn copy(
    arguments: CopyArguments,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    let from = (&*arguments.from, arguments.from_uploads.as_deref());
    let to = (&*arguments.to, arguments.to_uploads.as_deref());
    let (from_end, to_end) = uploads::ends(from, to, config)?;
    let moving = uploads::moving(&from_end, &to_end, arguments.without_files);
    let (from, to) = (from_end.location, to_end.location);
    if is_same(&from, &to) {
        return Err(Failure::usage("FROM and TO are the same database").into());
    }
    report::check_file(arguments.load.report.as_deref())?;
    let wanted = collections(&arguments.collections)?;
    let source = Place::open_source(&from, config, printer).await?;
    let target = match arguments.dry_run {
        true => Place::open_to_try(&to, &config.options).await?,
        false => Place::open_to_load(&to, &config.options).await?,
    };
    let options = CopyOptions {
        collections: wanted,
        existing: match arguments.mirror {
            true => Existing::Mirror,
            false => arguments.load.existing(),
        },
        system: arguments.system.which(),
        on_refused: arguments.load.on_refused(),
        per_second: arguments.load.rate,
        parallel: arguments.load.parallel as usize,
        restart: arguments.load.restart,
        follow: match (arguments.follow, arguments.until_caught_up) {
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
    let file = arguments.load.report.as_deref();
    let done = if arguments.dry_run {
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

/// Says what the target would refuse; gives whether there are uploaded files.
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

/// Gives whether there are uploaded files.
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
    told(&copied, (&source.name, &target.name), printer);
    if matches!(options.existing, Existing::Overwrite | Existing::Skip) {
        tell_others(&copied, target, printer).await?;
    }
    Ok(copied.system.iter().any(|name| name == UPLOADS_COLLECTION))
}

/// What a target has beside the copy is as it was: whoever reads that all is equal must know of it.
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

impl SystemFlags {
    pub(super) fn which(self) -> System {
        if self.without_system { System::LeftOut } else { System::Taken }
    }
}

impl LoadFlags {
    pub(super) fn existing(&self) -> Existing {
        match (self.overwrite, self.skip_existing) {
            (true, _) => Existing::Overwrite,
            (false, true) => Existing::Skip,
            (false, false) => Existing::Refuse,
        }
    }

    pub(super) fn on_refused(&self) -> OnRefused {
        if self.leave_out { OnRefused::LeaveOut } else { OnRefused::Stop }
    }
}

fn dry_run(looked: &PreflightReport, printer: Printer) -> Result<(), Failure> {
    let PreflightReport { documents, refused, refusals, .. } = looked;
    if *refused > 0 {
        let (refusals, count) = (refusals.clone(), *refused);
        return Err(failure(OpsError::Refused { refusals, count }, TargetState::Untouched));
    }
    printer.note(&format!("the target can hold all {} documents", thousands(*documents)));
    Ok(())
}

pub(super) fn told(copied: &CopyReport, (from, to): (&str, &str), printer: Printer) {
    report::table(&copied.collections, printer);
    report::left_out(&copied.left_out, printer);
    report::indexes_left_out(&copied.indexes_left_out, printer);
    report::schemas_left_out(&copied.schemas_left_out, printer);
    report::system(&copied.system, &copied.system_left_out, printer);
    if let Some(files) = &copied.files {
        uploads::told(files, printer);
    }
    if copied.skipped > 0 {
        printer.note(&format!("skipped: {} documents were there", thousands(copied.skipped)));
    }
    if copied.deleted > 0 {
        printer.note(&format!(
            "deleted: {} documents that the source does not have",
            thousands(copied.deleted)
        ));
    }
    if let Some(Lag { changes, seconds }) = copied.lag {
        printer.note(&format!(
            "behind when it ended: {} changes, {seconds:.1} s; they were brought over",
            thousands(changes)
        ));
    }
    if !copied.one_moment {
        printer.note("the documents are not all of one moment: the source was written meanwhile");
    }
    let documents = thousands(copied.documents);
    let pace = report::pace(copied.seconds, copied.documents_per_second);
    printer.headline(
        &format!("{documents} documents"),
        &format!(" of {from} are equal in {to} ({pace})"),
    );
}
