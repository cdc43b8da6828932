//! Archives into an engine.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use futures_util::future::BoxFuture;
use isobase_engine::{Counters, Engine, IndexDefinition};
use isobase_types::{CollectionName, Document, Sequence};
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    ArchiveInput,
    error::cut,
    files::restore_files,
    reader::{Checked, check, joined, read_state},
};
use crate::{
    CollectionDigest, CollectionReport, Control, Existing, FilePlace, FilesReport, OnRefused,
    OpsError, PreflightReport, Progress, Side, Stage, StageTime,
    begin::{Found, Plan, Wanted, clear_forgotten},
    copy::finish,
    existing::was_there,
    files,
    indexes::{self, Declared},
    loader::{Loader, Speed},
    note::{LoadNote, Reached},
    preflight::refusal,
    replay::get_all,
    report::Stages,
    scan::{PART_BYTES, Part, Scan},
    selection::{Selection, System, system_among},
};

/// How to restore.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// The way to treat a target that has documents.
    pub existing: Existing,
    /// The way to treat documents that the target cannot hold.
    pub on_refused: OnRefused,
    /// Most documents written in a second.
    pub per_second: Option<NonZeroU32>,
    /// Parts written at once. Default 4.
    pub parallel: usize,
    /// Forget an unfinished restore in the target and begin anew.
    pub restart: bool,
    /// Whether collections of the service are restored that are in the archives. Sessions never
    /// are.
    pub system: System,
    /// Where the files of the archives come to; none leaves them out. They are there before the
    /// target is whole.
    pub files: Option<Arc<dyn FilePlace>>,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            existing: Existing::default(),
            on_refused: OnRefused::default(),
            per_second: None,
            parallel: 4,
            restart: false,
            system: System::default(),
            files: None,
        }
    }
}

/// The report of a restore.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// The engine that was written.
    pub engine: String,
    /// The contents of the target that are of the archives, by collection.
    pub collections: Vec<CollectionReport>,
    /// Its documents.
    pub documents: u64,
    /// Documents written by this run.
    pub documents_written: u64,
    /// Bytes of their text.
    pub bytes_written: u64,
    /// Documents that were in the target before and stayed.
    pub skipped: u64,
    /// Documents that the target cannot hold and that were left out.
    pub left_out: PreflightReport,
    /// Indexes declared in the target, as `collection: fields`.
    pub indexes: Vec<String>,
    /// Indexes that the target's engine cannot have.
    pub indexes_left_out: Vec<String>,
    /// Collections of the service that were restored: keys, accounts and others.
    pub system: Vec<String>,
    /// Those that are in the archives and were left out.
    pub system_left_out: Vec<String>,
    /// Uploaded files; `None` when they were left out.
    pub files: Option<FilesReport>,
    /// Files that are in the archives and were left out.
    pub files_left_out: u64,
    /// The number added to every revision; 0 when they are as they were.
    pub revisions_moved_by: u64,
    /// The last write of the target.
    pub sequence: u64,
    /// The last integer id given out in the target.
    pub last_id: i64,
    /// The archives are of one moment.
    pub one_moment: bool,
    /// The work went on where an earlier run was cut off.
    pub resumed: bool,
    /// How long each stage took.
    pub stages: Vec<StageTime>,
    /// How long everything took.
    pub seconds: f64,
    /// Documents written in a second of the load.
    pub documents_per_second: f64,
}

/// Writes archives into an engine: one with everything, and those with changes that come after
/// it, in their order.
///
/// All of them are read from the first byte to the last, and every document is shown to the
/// target, before anything is written. Ids, times and revisions are kept as by
/// [`copy`](fn@crate::copy); until everything was read back and compared, the target is marked as
/// unfinished, and the same call resumes the work.
///
/// # Errors
/// [`OpsError`]; after [`OpsError::Archive`] and [`OpsError::Refused`] the target is untouched.
pub fn restore<'a>(
    inputs: Vec<ArchiveInput>,
    to: &'a Arc<dyn Engine>,
    options: &'a RestoreOptions,
    control: &'a Control,
) -> BoxFuture<'a, Result<RestoreReport, OpsError>> {
    Box::pin(async move {
        let mut stages = Stages::new(control);
        let selection = Selection::asked(&[], options.system);
        let checking = check_all(inputs, to.clone(), selection, control.clone());
        let (inputs, checked, preflight) = stages.run(Stage::Check, checking).await?;
        if options.on_refused == OnRefused::Stop {
            preflight.check()?;
        }
        let work = Work { to, options, control, checked: Arc::new(checked) };
        work.run(inputs, preflight, stages).await
    })
}

async fn check_all(
    inputs: Vec<ArchiveInput>,
    to: Arc<dyn Engine>,
    selection: Selection,
    control: Control,
) -> Result<(Vec<ArchiveInput>, Checked, PreflightReport), OpsError> {
    let checking = tokio::task::spawn_blocking(move || {
        let mut inputs = inputs;
        let mut preflight = PreflightReport::default();
        let checked = check(&mut inputs, selection, &control, &mut |collection, documents| {
            preflight.look_at(&to, collection, documents, &control);
        })?;
        Ok((inputs, checked, preflight))
    });
    joined(checking.await)
}

struct Work<'a> {
    to: &'a Arc<dyn Engine>,
    options: &'a RestoreOptions,
    control: &'a Control,
    checked: Arc<Checked>,
}

/// The loaded documents.
struct Loaded {
    /// The documents that the target must hold.
    expected: BTreeMap<CollectionName, CollectionDigest>,
    skipped: u64,
    inputs: Vec<ArchiveInput>,
}

impl Work<'_> {
    async fn run(
        self,
        inputs: Vec<ArchiveInput>,
        preflight: PreflightReport,
        mut stages: Stages,
    ) -> Result<RestoreReport, OpsError> {
        let Plan { note, reached, resumed } = self.plan().await?;
        let speed = Speed { parallel: self.options.parallel, per_second: self.options.per_second };
        let (existing, control) = (self.options.existing, self.control);
        let loader = Loader::begin(self.to, note, reached.clone(), speed, existing, control);
        let mut loader = loader.await?;
        let base = loader.note.base();
        let loading = self.load(&mut loader, inputs, reached, preflight.refused > 0);
        let loaded = stages.run(Stage::Load, loading).await;
        let Loaded { expected, skipped, inputs } = loader.settled(loaded).await?;
        let verifying = self.verify(&expected, base.sequence);
        let verified = stages.run(Stage::Verify, verifying).await;
        verified.map_err(|error| loader.stopped_later(error))?;
        let declared = self.declared();
        let names = declared.iter().map(|index| index.collection.clone());
        let empty: Vec<_> = names.filter(|name| !expected.contains_key(name)).collect();
        let built = indexes::build(self.to, &declared, &empty, self.control);
        let built = stages.run(Stage::Indexes, built).await;
        let built = built.map_err(|error| loader.stopped_later(error))?;
        let files = self.files(inputs, &mut stages).await;
        let files = files.map_err(|error| loader.stopped_later(error))?;
        let footer = self.checked.footer();
        let (sequence, last_id) = footer.map_or((0, 0), |it| (it.sequence, it.last_id));
        let counters = Counters { sequence: Sequence(sequence), last_id };
        loader.check_owner().await?;
        let counters = finish(self.to, base, counters, loader.note.revision_max).await?;
        let collections: Vec<_> = expected
            .iter()
            .map(|(name, digest)| CollectionReport { name: name.to_string(), digest: *digest })
            .collect();
        Ok(RestoreReport {
            engine: self.to.name().to_owned(),
            documents: expected.values().map(|digest| digest.documents).sum(),
            collections,
            documents_written: loader.documents,
            bytes_written: loader.bytes,
            skipped,
            left_out: preflight,
            indexes: built.built,
            indexes_left_out: built.left_out,
            system: system_among(expected.keys()),
            system_left_out: self.checked.system_left_out(),
            files_left_out: if files.is_none() { self.checked.files() } else { 0 },
            files,
            revisions_moved_by: base.sequence.0,
            sequence: counters.sequence.0,
            last_id: counters.last_id,
            one_moment: footer.is_some_and(|footer| footer.one_moment),
            resumed,
            documents_per_second: stages.rate(Stage::Load, loader.documents),
            seconds: stages.elapsed().as_secs_f64(),
            stages: stages.times,
        })
    }

    /// What must be the same for the work to be the same: the archives, and what is done about
    /// documents that are there.
    fn scope(&self) -> (String, String) {
        let ids = self.checked.archives.iter().map(|archive| &*archive.header.id);
        let source = self.checked.archives.first().map_or("", |archive| &*archive.header.source);
        let existing = self.options.existing.as_str();
        let ids = ids.collect::<Vec<_>>().join("+");
        let but = match self.options.system {
            System::Taken => "",
            System::LeftOut => " but what is of the service",
        };
        (format!("an archive of {}", cut(source)), format!("{ids}{but} into {existing}"))
    }

    async fn plan(&self) -> Result<Plan, OpsError> {
        let (source, scope) = self.scope();
        let RestoreOptions { existing, restart, .. } = *self.options;
        let wanted = Wanted { to: self.to, existing, restart, control: self.control };
        let names = self.checked.names();
        let found = Found::look(wanted, &names).await?;
        let found = found.of_same_work(self.control, |note| {
            match note.work == "restore" && note.scope == scope {
                true => Ok(()),
                false => Err("these are other archives or other options".to_owned()),
            }
        })?;
        found.plan(wanted, |base| LoadNote::begin("restore", &source, scope.clone(), base)).await
    }

    async fn load(
        &self,
        loader: &mut Loader,
        inputs: Vec<ArchiveInput>,
        reached: Reached,
        leave_out: bool,
    ) -> Result<Loaded, OpsError> {
        clear_forgotten(loader, self.to, &self.checked.names()).await?;
        let base = loader.note.base().sequence;
        loader.total = Some(self.checked.records);
        // Without exceptions an archive may have told already what it holds.
        let has_exceptions = leave_out || self.options.existing == Existing::Skip;
        let told = if has_exceptions { None } else { self.checked.told() };
        let is_told = told.is_some();
        let expected = told.unwrap_or_default();
        let mut loaded = Loaded { expected, skipped: 0, inputs: Vec::new() };
        let (mut parts, reading) = self.read(inputs);
        let mut number = 0;
        while let Some(Part { collection, mut documents }) = parts.recv().await {
            number += 1;
            if leave_out {
                documents.retain(|document| refusal(&**self.to, &collection, document).is_none());
            }
            if self.options.existing == Existing::Skip {
                let all = documents.len();
                documents = self.without_existing(&collection, documents, base).await?;
                loaded.skipped += (all - documents.len()) as u64;
            }
            if documents.is_empty() {
                continue;
            }
            if !is_told {
                let digest = loaded.expected.entry(collection.clone()).or_default();
                documents.iter().for_each(|document| digest.add(document));
            }
            let is_there = match reached {
                Reached::End => true,
                Reached::Parts(parts) => number <= parts,
                _ => false,
            };
            if is_there {
                continue;
            }
            loader.push(&collection, documents, Reached::Parts(number)).await?;
        }
        match joined(reading.await) {
            Err(OpsError::Stopped { .. }) => loader.stop().await?,
            done => loaded.inputs = done?,
        }
        loader.reach_end().await?;
        Ok(loaded)
    }

    /// Reads the archives again on a thread of its own.
    fn read(
        &self,
        inputs: Vec<ArchiveInput>,
    ) -> (mpsc::Receiver<Part>, JoinHandle<Result<Vec<ArchiveInput>, OpsError>>) {
        let (sender, parts) = mpsc::channel(2);
        let (checked, control) = (self.checked.clone(), self.control.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let mut inputs = inputs;
            read_state(&mut inputs, &checked, &control, &mut |collection, documents| {
                let part = Part { collection: collection.clone(), documents };
                // No one reads any more: that side has an error of its own to tell.
                sender.blocking_send(part).map_err(|_| OpsError::Stopped { documents: 0 })
            })?;
            Ok(inputs)
        });
        (parts, reading)
    }

    async fn without_existing(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
        base: Sequence,
    ) -> Result<Vec<Document>, OpsError> {
        let ids: Vec<_> = documents.iter().map(|document| document.id.clone()).collect();
        let there = get_all(self.to, collection, &ids).await.map_err(OpsError::target_failed)?;
        let is_theirs = |there: &Option<Document>| {
            there.as_ref().is_some_and(|document| was_there(document, base))
        };
        let ours = documents.into_iter().zip(there).filter(|(_, there)| !is_theirs(there));
        Ok(ours.map(|(document, _)| document).collect())
    }

    /// Reads the target back and compares it with what the archives hold.
    async fn verify(
        &self,
        expected: &BTreeMap<CollectionName, CollectionDigest>,
        base: Sequence,
    ) -> Result<(), OpsError> {
        let names: Vec<_> = expected.keys().cloned().collect();
        let mut found = BTreeMap::<CollectionName, CollectionDigest>::new();
        let mut documents = 0;
        if !names.is_empty() {
            let scan = Scan::open(self.to, Side::Target, &Selection::These(names.clone())).await?;
            let scan = scan.including(&names);
            let total = scan.documents();
            let mut scanning = scan.start(&Reached::Start, PART_BYTES);
            while let Some(part) = scanning.next().await? {
                let digest = found.entry(part.collection.clone()).or_default();
                let ours = part.documents.iter().filter(|document| !was_there(document, base));
                ours.for_each(|document| digest.add(document));
                documents += part.documents.len() as u64;
                self.control.progress(|| Progress {
                    stage: Stage::Verify,
                    collection: Some(part.collection),
                    documents,
                    documents_total: Some(total),
                    bytes: 0,
                });
                if self.control.is_stopped() {
                    return Err(OpsError::Stopped { documents });
                }
            }
        }
        let differing = expected.iter().filter(|(name, digest)| found.get(*name) != Some(*digest));
        let collections: Vec<_> = differing
            .map(|(name, digest)| {
                let found = found.get(name).map_or(0, |digest| digest.documents);
                format!("{name} ({} documents, {found} in the target)", digest.documents)
            })
            .collect();
        match collections.is_empty() {
            true => Ok(()),
            false => Err(OpsError::RestoreDiffers { collections }),
        }
    }

    /// Writes the files of the archives, if they are wanted and there are some.
    async fn files(
        &self,
        inputs: Vec<ArchiveInput>,
        stages: &mut Stages,
    ) -> Result<Option<FilesReport>, OpsError> {
        let Some(place) = &self.options.files else { return Ok(None) };
        let is_wanted = Selection::asked(&[], self.options.system).has(&files::collection());
        if !is_wanted || !self.checked.archives.iter().any(|archive| archive.header.files) {
            return Ok(None);
        }
        let writing = restore_files(inputs, self.to, place, self.control);
        stages.run(Stage::Files, writing).await.map(Some)
    }

    fn declared(&self) -> Vec<Declared> {
        let parsed = |(collection, fields): &(CollectionName, String)| {
            let definition = IndexDefinition::parse(fields).ok()?;
            Some(Declared { collection: collection.clone(), definition })
        };
        self.checked.indexes.iter().filter_map(parsed).collect()
    }
}
