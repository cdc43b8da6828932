//! `isobase copy`

use std::path::Path;

use anyhow::Result;
use isobase::ops::{
    self, CopyOptions, CopyReport, Existing, Follow, Lag, OnRefused, OpsError, PreflightReport,
    System,
};

use super::{
    failure::{TargetState, failure},
    place::{Place, collections, location},
    report,
    same::is_same,
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
    let (from, to) = (location("FROM", &arguments.from)?, location("TO", &arguments.to)?);
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
    done?;
    closed
}

/// Says what the target would refuse.
async fn look(
    source: &Place,
    target: &Place,
    options: &CopyOptions,
    watch: &Watch,
    (file, printer): (Option<&Path>, Printer),
) -> Result<()> {
    let looked = ops::preflight(&source.engine, &target.engine, options, &watch.control).await;
    let looked = looked.map_err(|error| watch.failure(error))?;
    report::keep("copy", &looked, file, printer)?;
    Ok(dry_run(&looked, printer)?)
}

async fn carry_out(
    source: &Place,
    target: &Place,
    options: &CopyOptions,
    watch: &Watch,
    (file, printer): (Option<&Path>, Printer),
) -> Result<()> {
    let copied = Box::pin(ops::copy(&source.engine, &target.engine, options, &watch.control)).await;
    let copied = copied.map_err(|error| watch.failure(error))?;
    let printer = printer.after_changes();
    report::keep("copy", &copied, file, printer)?;
    told(&copied, (&source.name, &target.name), printer);
    if matches!(options.existing, Existing::Overwrite | Existing::Skip) {
        tell_others(&copied, target, printer).await?;
    }
    Ok(())
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
