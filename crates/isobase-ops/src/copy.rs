//! Everything from one engine to another.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::BoxFuture;
use isobase_engine::{Counters, Engine, FeedPlace, Unreadable};
use isobase_types::{CollectionName, Sequence};

use crate::{
    Control, CopyReport, Existing, FilesReport, Lag, OnRefused, OpsError, PreflightReport,
    Progress, Side, Stage,
    begin::{Found, Plan, Wanted, clear_forgotten},
    copy_options::{CopyOptions, Follow},
    existing::Skipping,
    files::{self, copy_files},
    follow::{catch_up, follow, lag},
    indexes::{self, Built},
    loader::{Loader, Speed},
    note::{LoadNote, Reached},
    preflight::{look_at_all, refusal},
    replay::Replay,
    report::{Stages, collections},
    scan::Scan,
    schemas,
    selection::{Selection, system_among},
    verify::{Comparison, Rules, compare},
};

/// How often differences are looked at again while the source is written.
const VERIFY_AGAIN_MAX: u32 = 10;

/// The plan of a copy, without writing anything.
///
/// # Errors
/// When an engine fails.
pub fn preflight<'a>(
    from: &'a Arc<dyn Engine>,
    to: &'a Arc<dyn Engine>,
    options: &'a CopyOptions,
    control: &'a Control,
) -> BoxFuture<'a, Result<PreflightReport, OpsError>> {
    Box::pin(async move {
        let selection = options.selection();
        let scan = Scan::open(from, Side::Source, &selection).await?;
        check_names(from, &scan.names(), &selection).await?;
        let mut stages = Stages::new(control);
        let looked = look_at_all(scan, to, options.part_bytes, control);
        let (looked, mut scan) = stages.run(Stage::Preflight, looked).await?;
        let not_read = scan.not_read(&selection).await?;
        Ok(PreflightReport { not_read, ..looked })
    })
}

/// Copies everything from one engine to another and proves that nothing changed.
///
/// Documents keep their ids and times, and their revisions when the target was never written;
/// otherwise revisions are moved behind the target's last write. Nothing is written before every
/// document was shown to the target. From the first write to the end of the comparison the target
/// is marked as unfinished: opening it for use is refused, and the same call resumes the work.
///
/// The result is of one moment when the source gives such a snapshot, or has a change feed: then
/// what was written meanwhile is brought over.
///
/// # Errors
/// [`OpsError`]; after [`OpsError::Stopped`] and engine failures the same call resumes the work.
pub fn copy<'a>(
    from: &'a Arc<dyn Engine>,
    to: &'a Arc<dyn Engine>,
    options: &'a CopyOptions,
    control: &'a Control,
) -> BoxFuture<'a, Result<CopyReport, OpsError>> {
    Box::pin(async move { Work { from, to, options, control }.run().await })
}

#[derive(Clone, Copy)]
struct Work<'a> {
    pub(crate) from: &'a Arc<dyn Engine>,
    to: &'a Arc<dyn Engine>,
    options: &'a CopyOptions,
    pub(crate) control: &'a Control,
}

/// The parts of the report.
struct Outcome {
    pub(crate) loader: Loader,
    pub(crate) replay: Replay,
    comparison: Comparison,
    built: Built,
    schemas_left_out: Vec<String>,
    counters: Counters,
    skipped: u64,
    resumed: bool,
    caught_up: bool,
    pub(crate) lag: Option<Lag>,
    pub(crate) files: Option<FilesReport>,
}

impl Work<'_> {
    async fn run(self) -> Result<CopyReport, OpsError> {
        let mut stages = Stages::new(self.control);
        let selection = self.options.selection();
        let unreadable = take_in(self.from, &selection, self.control, &mut stages).await?;
        let scan = Scan::open(self.from, Side::Source, &selection).await?;
        let system_left_out = scan.system_left_out.clone();
        let names = scan.names();
        let begins = FeedPlace { identity: scan.identity, sequence: scan.counters.sequence };
        let found = Found::look(self.wanted(), &names).await?;
        let found = found.of_same_work(self.control, |note| self.same_work(note, begins))?;
        if !found.is_begun() {
            check_names(self.from, &names, &selection).await?;
        }
        let looked = look_at_all(scan, self.to, self.options.part_bytes, self.control);
        let (mut preflight, mut scan) = stages.run(Stage::Preflight, looked).await?;
        let not_read = scan.not_read(&selection).await?;
        preflight.add(unreadable, self.control);
        if self.options.on_refused == OnRefused::Stop {
            preflight.check()?;
        }
        let plan = found.plan(self.wanted(), |base| self.note(base, begins)).await?;
        let mut outcome = self.carry_out(plan, &preflight, scan, &mut stages).await?;
        outcome.replay.refused.refused += preflight.refused;
        outcome.replay.refused.refusals.splice(0..0, preflight.refusals);
        outcome.replay.refused.not_read = not_read;
        Ok(CopyReport { system_left_out, ..self.report(outcome, stages) })
    }

    fn wanted(&self) -> Wanted<'_> {
        let CopyOptions { existing, restart, .. } = *self.options;
        Wanted { to: self.to, existing, restart, control: self.control }
    }

    fn note(self, base: Counters, begins: FeedPlace) -> LoadNote {
        let mut note = LoadNote::begin("copy", &self.options.source, self.options.scope(), base);
        note.since = begins.sequence.0;
        note.identity = Some(begins.identity.to_string());
        note
    }

    /// Why a note is not of this work.
    fn same_work(self, note: &LoadNote, begins: FeedPlace) -> Result<(), String> {
        if note.work != "copy" {
            return Err(format!("it is a {}", note.work));
        }
        if note.source != self.options.source {
            return Err(format!("its source is {}", note.source));
        }
        if note.scope != self.options.scope() {
            return Err(format!("it copies {}", note.scope));
        }
        let identity = begins.identity.to_string();
        if note.identity.as_ref().is_some_and(|noted| *noted != identity) {
            return Err("its source was restored or copied into since".to_owned());
        }
        if note.since > begins.sequence.0 {
            return Err("the source has fewer writes than it had then".to_owned());
        }
        Ok(())
    }

    async fn carry_out(
        self,
        plan: Plan,
        preflight: &PreflightReport,
        scan: Scan,
        stages: &mut Stages,
    ) -> Result<Outcome, OpsError> {
        let Plan { note, reached, resumed } = plan;
        let Self { control, options, .. } = self;
        let (one_moment, counters) = (scan.one_moment, scan.counters);
        let speed = Speed { parallel: options.parallel, per_second: options.per_second };
        let mut loader =
            Loader::begin(self.to, note, reached.clone(), speed, options.existing, control).await?;
        let loaded = self.load(&mut loader, scan, &reached, preflight.refused > 0);
        let loaded = stages.run(Stage::Load, loaded).await;
        let (scan, skipped) = loader.settled(loaded).await?;

        let mut replay = self.replay(&loader);
        // A snapshot of one moment needs nothing from the feed, unless its beginning was written
        // from another one. Any other is let go here: to follow a source takes long, and the
        // source keeps all that was written since for as long as a snapshot is held.
        let is_whole = one_moment && !resumed && options.follow == Follow::No;
        let scan = is_whole.then_some(scan);
        let caught_up = is_whole
            || stages.run(Stage::CatchUp, catch_up(&mut replay, &mut loader, control)).await?;
        // To be stopped is how following ends; it does not stop what comes after.
        let undisturbed = control.undisturbed();
        let mut copied = HashSet::new();
        let following = self.follow(&mut replay, &mut loader, &mut copied, stages, &undisturbed);
        let lag = following.await?;
        let control = match options.follow {
            Follow::UntilStopped => &undisturbed,
            Follow::No | Follow::UntilCaughtUp => control,
        };
        let counters = match &scan {
            Some(_) => counters,
            None => Scan::open(self.from, Side::Source, &options.selection()).await?.counters,
        };
        let verified = self.verify(scan, &mut replay, control);
        let verified = stages.run(Stage::Verify, verified).await;
        let comparison = verified.map_err(|error| loader.stopped_later(error))?;
        let built = self.indexes(&comparison, &loader, stages, control).await?;
        let files = self.files(&mut copied, stages, control).await;
        let files = files.map_err(|error| loader.stopped_later(error))?;
        let schemas_left_out = schemas::left_out(self.from, &options.collections).await?;
        let counters = self.make_whole(&mut loader, &replay, counters).await?;
        Ok(Outcome {
            loader,
            replay,
            comparison,
            built,
            schemas_left_out,
            counters,
            skipped,
            resumed,
            caught_up,
            lag,
            files,
        })
    }

    /// Follows the source for as long as is asked; gives how far the target is behind it then.
    async fn follow(
        self,
        replay: &mut Replay,
        loader: &mut Loader,
        copied: &mut HashSet<String>,
        stages: &mut Stages,
        undisturbed: &Control,
    ) -> Result<Option<Lag>, OpsError> {
        if self.options.follow == Follow::No {
            return Ok(None);
        }
        // Files that come later are few, and so is the time in which no one may write.
        let files = self.files(copied, stages, self.control).await;
        files.map_err(|error| loader.stopped_later(error))?;
        Ok(Some(match self.options.follow {
            Follow::UntilStopped => {
                let followed = follow(replay, loader, self.control, undisturbed);
                stages.run(Stage::Follow, followed).await?
            }
            Follow::No | Follow::UntilCaughtUp => lag(replay).await?,
        }))
    }

    /// Builds the indexes of the source in the target.
    async fn indexes(
        self,
        comparison: &Comparison,
        loader: &Loader,
        stages: &mut Stages,
        control: &Control,
    ) -> Result<Built, OpsError> {
        let mut empty = indexes::indexed(self.from, &self.options.selection()).await?;
        empty.retain(|name| !comparison.equal.contains_key(name));
        let indexed = comparison.equal.keys().chain(&empty);
        let declared = indexes::declared(self.from, indexed).await?;
        let built = indexes::build(self.to, &declared, &empty, control);
        let built = stages.run(Stage::Indexes, built).await;
        built.map_err(|error| loader.stopped_later(error))
    }

    /// Copies the files that documents of the target tell of, if they are to be copied.
    async fn files(
        self,
        copied: &mut HashSet<String>,
        stages: &mut Stages,
        control: &Control,
    ) -> Result<Option<FilesReport>, OpsError> {
        let Some(places) = &self.options.files else { return Ok(None) };
        if !self.options.selection().has(&files::collection()) {
            return Ok(None);
        }
        let copying = copy_files(self.to, places, copied, control);
        stages.run(Stage::Files, copying).await.map(Some)
    }

    /// Writes everything that the snapshot holds from a place on.
    async fn load(
        self,
        loader: &mut Loader,
        scan: Scan,
        from: &Reached,
        leave_out: bool,
    ) -> Result<(Scan, u64), OpsError> {
        let Self { to, options, .. } = self;
        clear_forgotten(loader, to, &scan.names()).await?;
        loader.total = Some(scan.documents());
        let base = loader.note.base().sequence;
        let mut skipping = match options.existing {
            Existing::Skip => {
                let bytes = options.part_bytes;
                Some(Skipping::open(to, &options.selection(), base, bytes).await?)
            }
            _ => None,
        };
        let mut scanning = scan.start(from, options.part_bytes);
        while let Some(part) = scanning.next().await? {
            let (collection, mut documents) = (part.collection, part.documents);
            let Some(last) = documents.last() else { continue };
            let reached = Reached::After(collection.clone(), last.id.clone());
            if leave_out {
                documents.retain(|document| refusal(&**to, &collection, document).is_none());
            }
            if let Some(skipping) = &mut skipping {
                documents = skipping.retain(&collection, documents).await?;
            }
            loader.push(&collection, documents, reached).await?;
        }
        loader.reach_end().await?;
        Ok((scanning.end().await?, skipping.map_or(0, |skipping| skipping.skipped)))
    }

    fn replay(self, loader: &Loader) -> Replay {
        Replay {
            from: self.from.clone(),
            to: self.to.clone(),
            wanted: self.options.selection(),
            base: loader.note.base().sequence,
            existing: self.options.existing,
            on_refused: self.options.on_refused,
            since: Sequence(loader.note.since),
            changes: 0,
            revision_max: 0,
            refused: PreflightReport::default(),
            control: self.control.clone(),
        }
    }

    /// Compares both sides. What differs because the source was written meanwhile is brought over
    /// and looked at again.
    async fn verify(
        self,
        scan: Option<Scan>,
        replay: &mut Replay,
        control: &Control,
    ) -> Result<Comparison, OpsError> {
        let Self { from, to, options, .. } = self;
        let rules = Rules {
            base: replay.base,
            skip_existing: options.existing == Existing::Skip,
            leave_out: options.on_refused == OnRefused::LeaveOut,
            mirror: options.existing == Existing::Mirror,
        };
        let is_current = scan.is_none();
        let source = match scan {
            Some(scan) => scan,
            None => Scan::open(from, Side::Source, &options.selection()).await?,
        };
        let target = Scan::open(to, Side::Target, &options.selection()).await?;
        let target = target.including(&source.names());
        // What a source never had does not go with the target's own: a service that has keys would be
        // open without them.
        let target = target.without_system_but(&source.names());
        let bytes = options.part_bytes;
        let mut comparison = compare(source, target, to, rules, bytes, control).await?;
        if is_current {
            for _ in 0..VERIFY_AGAIN_MAX {
                if comparison.is_equal() || !comparison.is_complete() {
                    break;
                }
                let before = replay.changes;
                while replay.round().await?.more {}
                if replay.changes == before {
                    // Nothing was written that could explain it.
                    break;
                }
                comparison.look_again(from, to, rules).await?;
            }
        }
        comparison.check()?;
        Ok(comparison)
    }

    async fn make_whole(
        self,
        loader: &mut Loader,
        replay: &Replay,
        source: Counters,
    ) -> Result<Counters, OpsError> {
        let revision_max = loader.note.revision_max.max(replay.revision_max);
        let sequence = source.sequence.max(replay.since);
        loader.check_owner().await?;
        let source = Counters { sequence, ..source };
        finish(self.to, loader.note.base(), source, revision_max).await
    }

    fn report(self, outcome: Outcome, stages: Stages) -> CopyReport {
        let Outcome { loader, replay, comparison, built, counters, .. } = outcome;
        let collections = collections(&comparison);
        CopyReport {
            from_engine: self.from.name().to_owned(),
            to_engine: self.to.name().to_owned(),
            documents: collections.iter().map(|collection| collection.digest.documents).sum(),
            collections,
            documents_written: loader.documents,
            bytes_written: loader.bytes,
            changes_replayed: replay.changes,
            skipped: outcome.skipped,
            deleted: comparison.deleted,
            left_out: replay.refused,
            indexes: built.built,
            indexes_left_out: built.left_out,
            system: system_among(comparison.equal.keys()),
            system_left_out: Vec::new(),
            schemas_left_out: outcome.schemas_left_out,
            files: outcome.files,
            revisions_moved_by: replay.base.0,
            sequence: counters.sequence.0,
            last_id: counters.last_id,
            one_moment: outcome.caught_up,
            resumed: outcome.resumed,
            lag: outcome.lag,
            documents_per_second: stages.rate(Stage::Load, loader.documents),
            seconds: stages.elapsed().as_secs_f64(),
            stages: stages.times,
        }
    }
}

/// Makes the target whole. Its counters go on where those of the source are, behind its own, and
/// behind every revision that was loaded: a document may be read later than the counters were.
pub(crate) async fn finish(
    to: &Arc<dyn Engine>,
    base: Counters,
    source: Counters,
    revision_max: u64,
) -> Result<Counters, OpsError> {
    let sequence = base.sequence.0.saturating_add(source.sequence.0);
    let counters = Counters {
        sequence: Sequence(sequence.max(revision_max)),
        last_id: base.last_id.max(source.last_id),
    };
    to.finish(counters).await.map_err(OpsError::target_failed)?;
    Ok(counters)
}

/// Finds what other programs wrote into a source, where the source is open to be written: it is in
/// no listing, and in no snapshot, before. One that is open to be read shows it as it is.
/// What has an id that no document can have is refused: nothing is left out without a word.
pub(crate) async fn take_in(
    from: &Arc<dyn Engine>,
    wanted: &Selection,
    control: &Control,
    stages: &mut Stages,
) -> Result<PreflightReport, OpsError> {
    let mut unreadable = PreflightReport::default();
    let Some(reconcile) = from.reconcile() else { return Ok(unreadable) };
    let taking_in = async {
        let mut names = match wanted.named() {
            [] => reconcile.reconcilable().await?,
            named => named.to_vec(),
        };
        names.retain(|name| wanted.has(name));
        let mut documents = 0;
        for name in names {
            let found = reconcile.reconcile(&name).await?;
            documents += found.examined;
            let (of_these, ids) = (found.unreadable, found.unreadable_ids);
            unreadable.add_unreadable(&name, &Unreadable { documents: of_these, ids });
            let stage = Stage::Reconcile;
            let collection = Some(name);
            control.progress(|| Progress {
                stage,
                collection,
                documents,
                documents_total: None,
                bytes: 0,
            });
        }
        Ok(unreadable)
    };
    // To stop in the middle of a collection takes nothing back: what was found is in it already.
    let stoppable = async {
        tokio::select! {
            taken = taking_in => taken.map_err(OpsError::source_failed),
            () = control.stopped() => Err(OpsError::Stopped { documents: 0 }),
        }
    };
    stages.run(Stage::Reconcile, stoppable).await
}

/// Every named collection is there: it has documents, or indexes.
pub(crate) async fn check_names(
    from: &Arc<dyn Engine>,
    found: &[CollectionName],
    selection: &Selection,
) -> Result<(), OpsError> {
    let wanted = selection.named();
    if wanted.iter().all(|name| found.contains(name)) {
        return Ok(());
    }
    let indexed = indexes::indexed(from, selection).await?;
    let is_there = |name: &&CollectionName| found.contains(name) || indexed.contains(name);
    match wanted.iter().find(|name| !is_there(name)) {
        Some(missing) => Err(OpsError::NoSuchCollection { collection: missing.clone() }),
        None => Ok(()),
    }
}
