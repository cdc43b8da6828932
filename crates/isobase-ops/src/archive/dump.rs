//! Everything, or everything since another dump, into an archive.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::Arc,
};

use futures_util::future::BoxFuture;
use isobase_engine::{ChangesRequest, Engine, ErrorKind, FeedPlace, Identity, NotRead};
use isobase_types::{CollectionName, Document, DocumentId, Sequence, json};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    OneArchive,
    error::cut,
    files::dump_files,
    format::{CollectionHead, Footer, Header, HeaderSince, LayerHead},
    input::Passphrase,
    writer::{ArchiveWriter, End, Piece, Written},
};
use crate::{
    Control, Event, FilePlace, FilesReport, OpsError, PreflightReport, Progress, Side, Stage,
    StageTime,
    copy::{check_names, take_in},
    files::{self, Spool},
    indexes,
    note::{Reached, now, random_name},
    replay::get_all,
    report::Stages,
    scan::{PART_BYTES, Scan},
    schemas,
    selection::{Selection, System, is_system},
};

/// Longest schema that is shown to readers of an archive: with it a collection fits its frame. The
/// store takes 128 KiB.
const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// Changes that are gathered before what they name is read: bounds the memory of a dump.
const LAYER_CHANGES_MAX: usize = 200_000;
const PAGE_CHANGES: u32 = 5_000;

/// Layers after which a dump gives up being of one moment: the source is written faster than it
/// is read.
const LAYERS_MAX: u32 = 100;

/// Documents of a layer that are read at a time.
const READS: usize = 500;

/// Options of a dump.
#[derive(Clone, Debug, Default)]
pub struct DumpOptions {
    /// The source as the caller names it, without secrets.
    pub source: String,
    /// Only these collections; all when none is named.
    pub collections: Vec<CollectionName>,
    /// Whether collections of the service are in it that no one names. Sessions never are.
    pub system: System,
    /// Only what was written after another archive.
    pub since: Option<Since>,
    /// Where the files are that its documents tell of; none leaves them out.
    pub files: Option<Arc<dyn FilePlace>>,
    /// Encrypts the archive.
    pub passphrase: Option<Passphrase>,
}

impl DumpOptions {
    fn selection(&self) -> Selection {
        Selection::asked(&self.collections, self.system)
    }

    fn has_files(&self) -> bool {
        self.files.is_some() && self.selection().has(&files::collection())
    }
}

/// The end of another archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The last write of the database that is in it.
    pub sequence: Sequence,
    /// Of which database and epoch; `None` of a bare number, and of archives of older programs.
    pub identity: Option<Identity>,
    /// Its description; `None` when only the place is known. Then no one can tell here
    /// whether the two belong together.
    pub archive: Option<Header>,
}

impl Since {
    /// Where an archive ends.
    #[must_use]
    pub fn after(archive: OneArchive) -> Self {
        let OneArchive { header, footer, .. } = archive;
        let identity = header.identity.as_ref().and_then(|identity| identity.parse().ok());
        Self { sequence: Sequence(footer.sequence), identity, archive: Some(header) }
    }

    /// A place in the change feed, or a bare number; `None` when the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = || {
            let sequence = Sequence(text.parse().ok()?);
            Some(Self { sequence, identity: None, archive: None })
        };
        let place = |FeedPlace { identity, sequence }| Self {
            sequence,
            identity: Some(identity),
            archive: None,
        };
        number().or_else(|| text.parse().ok().map(place))
    }

    /// Whether it may be of a database. Numbers, and archives that do not say of which database
    /// they are, may be of one into which nothing was ever loaded.
    fn may_be_of(&self, identity: Identity) -> bool {
        self.identity.map_or(identity.is_first_epoch(), |of| of == identity)
    }
}

/// The report of a dump.
#[derive(Clone, Debug, Serialize)]
pub struct DumpReport {
    /// Names the archive.
    pub id: String,
    /// The engine that was read.
    pub engine: String,
    /// The archive's description of itself.
    pub footer: Footer,
    /// Where it begins; `None` when it holds everything.
    pub since: Option<u64>,
    /// Where it ends, for the next archive of changes.
    pub place: String,
    /// Bytes of the archive, before encryption.
    pub bytes: u64,
    /// Bytes of the text in it, before compression.
    pub text_bytes: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Collections of the service that are in it: keys, accounts and others.
    pub system: Vec<String>,
    /// Those that the database has and that are not in it.
    pub system_left_out: Vec<String>,
    /// What other programs have in the database that is not in it.
    pub not_read: Vec<NotRead>,
    /// Uploaded files; `None` when they are not in it.
    pub files: Option<FilesReport>,
    /// Collections whose schemas are not in it, because only some collections were wanted.
    pub schemas_left_out: Vec<String>,
    /// How long each stage took.
    pub stages: Vec<StageTime>,
    /// How long everything took.
    pub seconds: f64,
    /// Documents written in a second.
    pub documents_per_second: f64,
}

/// Writes everything into an archive, or everything since another one.
///
/// It is of one moment when the engine gives such a snapshot, or when it has a change feed and
/// is not written faster than it is read; [`Footer::one_moment`] says so. Memory is bounded.
///
/// # Errors
/// [`OpsError`]; what was written is cut then, and of no use.
pub fn dump<'a>(
    from: &'a Arc<dyn Engine>,
    out: Box<dyn Write + Send>,
    options: &'a DumpOptions,
    control: &'a Control,
) -> BoxFuture<'a, Result<DumpReport, OpsError>> {
    Box::pin(async move {
        let mut stages = Stages::new(control);
        let selection = options.selection();
        // An archive of changes reads what the feed tells, and not the whole database.
        if options.since.is_none() {
            // An archive that lacks documents would be taken for the whole.
            take_in(from, &selection, control, &mut stages).await?.check()?;
        }
        let scan = Scan::open(from, Side::Source, &selection).await?;
        if options.since.is_none() {
            check_names(from, &scan.names(), &selection).await?;
        }
        let system_left_out = scan.system_left_out.clone();
        let header = header(from, options, &scan)?;
        let schemas_left_out = schemas::left_out(from, &options.collections).await?;
        let (id, identity) = (header.id.clone(), scan.identity);
        let since = header.since.as_ref().map(|since| since.sequence);
        let writer = ArchiveWriter::begin(out, options.passphrase.clone(), header);
        let spool = options.has_files().then(Spool::new).transpose().map_err(OpsError::Spool)?;
        let (documents, not_read, writing) = (0, Vec::new(), &writer);
        let mut dumping = Dumping {
            from,
            options,
            control,
            writer: writing,
            selection,
            documents,
            not_read,
            spool,
        };
        let dumped = dumping.everything_and_files(scan, &mut stages).await;
        let not_read = dumping.not_read;
        let (end, files) = match dumped {
            Ok(dumped) => dumped,
            Err(error) => return Err(writer.failure(error).await),
        };
        let Written { footer, bytes, text_bytes } = writer.end(end).await?;
        Ok(DumpReport {
            id,
            engine: from.name().to_owned(),
            place: FeedPlace { identity, sequence: Sequence(footer.sequence) }.to_string(),
            documents_per_second: stages.rate(Stage::Load, footer.documents),
            system: system_of(&footer),
            system_left_out,
            not_read,
            files,
            footer,
            since,
            bytes,
            text_bytes,
            encrypted: options.passphrase.is_some(),
            schemas_left_out,
            seconds: stages.elapsed().as_secs_f64(),
            stages: stages.times,
        })
    })
}

/// The collections of the service in an archive.
pub(crate) fn system_of(footer: &Footer) -> Vec<String> {
    let named = footer.collections.iter().filter_map(|it| CollectionName::new(&it.name).ok());
    named.filter(is_system).map(|name| name.to_string()).collect()
}

fn header(from: &Arc<dyn Engine>, options: &DumpOptions, scan: &Scan) -> Result<Header, OpsError> {
    if let Some(since) = &options.since
        && since.sequence > scan.counters.sequence
    {
        return Err(OpsError::OtherSource {
            since: since.sequence,
            sequence: scan.counters.sequence,
        });
    }
    // In one order, so that the same collections are the same text.
    let names: BTreeSet<_> = options.collections.iter().map(CollectionName::to_string).collect();
    let header = Header {
        id: random_name()?,
        program: concat!("isobase ", env!("CARGO_PKG_VERSION")).to_owned(),
        created_at: now().to_string(),
        source: options.source.clone(),
        engine: from.name().to_owned(),
        sequence: scan.counters.sequence.0,
        identity: Some(scan.identity.to_string()),
        collections: (!names.is_empty()).then(|| names.into_iter().collect()),
        without_system: options.system == System::LeftOut,
        files: options.has_files(),
        since: options.since.as_ref().map(|since| HeaderSince {
            sequence: since.sequence.0,
            archive: since.archive.as_ref().map(|before| before.id.clone()),
        }),
    };
    if let Some(before) = options.since.as_ref().and_then(|since| since.archive.as_ref()) {
        check_before(before, &header)?;
    }
    if let Some(since) = options.since.as_ref().filter(|since| !since.may_be_of(scan.identity)) {
        let place = match &since.archive {
            Some(archive) => format!("the archive {}", cut(&archive.id)),
            None => format!("the place {}", since.sequence),
        };
        return Err(OpsError::OtherHistory { place });
    }
    Ok(header)
}

/// Refuses changes that do not continue the archive before them: restored after it, they would
/// leave out or mix up what they do not know.
fn check_before(before: &Header, header: &Header) -> Result<(), OpsError> {
    if before.source != header.source {
        let (archive, database) = (cut(&before.source), header.source.clone());
        return Err(OpsError::OtherDatabase { archive, database });
    }
    if !before.has_collections_of(header) {
        let (archive, wanted) = (before.collections_in_words(), header.collections_in_words());
        return Err(OpsError::OtherCollections { archive, wanted });
    }
    Ok(())
}

struct Dumping<'a> {
    from: &'a Arc<dyn Engine>,
    options: &'a DumpOptions,
    control: &'a Control,
    writer: &'a ArchiveWriter,
    selection: Selection,
    documents: u64,
    not_read: Vec<NotRead>,
    /// What the documents in the archive tell of files, if these are to be in it.
    spool: Option<Spool>,
}

/// The documents that changes touch.
#[derive(Default)]
struct Touched {
    /// Whatever was there before is gone.
    cleared: bool,
    ids: BTreeSet<DocumentId>,
}

impl Dumping<'_> {
    async fn everything_and_files(
        &mut self,
        scan: Scan,
        stages: &mut Stages,
    ) -> Result<(End, Option<FilesReport>), OpsError> {
        let end = stages.run(Stage::Load, self.run(scan)).await?;
        let (Some(spool), Some(place)) = (self.spool.take(), &self.options.files) else {
            return Ok((end, None));
        };
        let writing = dump_files(self.from, &**place, spool, self.writer, self.control);
        let report = stages.run(Stage::Files, writing).await?;
        Ok((End { files_missing: report.missing + report.damaged, ..end }, Some(report)))
    }

    async fn run(&mut self, scan: Scan) -> Result<End, OpsError> {
        let (one_moment, counters) = (scan.one_moment, scan.counters);
        let since = match &self.options.since {
            Some(since) => {
                // Only its counters were asked for; the source keeps a lot for as long as it is held.
                drop(scan);
                since.sequence
            }
            None => {
                self.everything(scan).await?;
                counters.sequence
            }
        };
        let is_whole = one_moment && self.options.since.is_none();
        if is_whole {
            let (sequence, last_id) = (counters.sequence.0, counters.last_id);
            return Ok(End { sequence, last_id, one_moment, files_missing: 0 });
        }
        let (reached, caught_up) = self.layers(since).await?;
        let counters = Scan::open(self.from, Side::Source, &self.selection).await?.counters;
        let (sequence, last_id) = (reached.0, counters.last_id);
        Ok(End { sequence, last_id, one_moment: caught_up, files_missing: 0 })
    }

    async fn everything(&mut self, scan: Scan) -> Result<(), OpsError> {
        let total = scan.documents();
        let counts: BTreeMap<_, _> =
            scan.collections.iter().map(|info| (info.name.clone(), info.documents)).collect();
        let mut scanning = scan.start(&Reached::Start, PART_BYTES);
        let mut current = None;
        while let Some(part) = scanning.next().await? {
            if current.as_ref() != Some(&part.collection) {
                let count = counts.get(&part.collection).copied();
                let head = self.head(&part.collection, count).await?;
                let name = part.collection.clone();
                self.writer.write(Piece::Collection(name.clone(), Box::new(head))).await?;
                current = Some(name);
            }
            self.documents += part.documents.len() as u64;
            self.note_files(&part.collection, &part.documents)?;
            self.writer.write(Piece::Documents(part.documents)).await?;
            self.tell(Some(part.collection), Some(total));
            self.check_stop()?;
        }
        let mut scan = scanning.end().await?;
        self.not_read = scan.not_read(&self.selection).await?;
        // An archive that lacks documents would be taken for the whole.
        let mut unreadable = PreflightReport::default();
        for (collection, found) in &scan.unreadable {
            unreadable.add_unreadable(collection, found);
        }
        unreadable.check()?;
        let mut empty = indexes::indexed(self.from, &self.selection).await?;
        empty.retain(|name| !counts.contains_key(name));
        for name in empty {
            let head = self.head(&name, Some(0)).await?;
            self.writer.write(Piece::Collection(name, Box::new(head))).await?;
        }
        Ok(())
    }

    fn note_files(
        &mut self,
        collection: &CollectionName,
        documents: &[Document],
    ) -> Result<(), OpsError> {
        match &mut self.spool {
            Some(spool) if *collection == files::collection() => {
                spool.add(documents).map_err(OpsError::Spool)
            }
            _ => Ok(()),
        }
    }

    async fn head(
        &self,
        collection: &CollectionName,
        documents: Option<u64>,
    ) -> Result<CollectionHead, OpsError> {
        let declared = indexes::declared(self.from, std::iter::once(collection)).await?;
        Ok(CollectionHead {
            name: collection.to_string(),
            documents,
            indexes: declared.iter().map(|index| index.definition.to_string()).collect(),
            schema: self.schema(collection).await?,
            cleared: false,
        })
    }

    /// The schema of a collection, for readers of the archive; it travels as a document too.
    async fn schema(&self, collection: &CollectionName) -> Result<Option<Box<RawValue>>, OpsError> {
        let found = schemas::schema_of(self.from, collection).await?;
        let Some(document) = found else { return Ok(None) };
        #[derive(serde::Deserialize)]
        struct Stored {
            schema: String,
        }
        // Whatever else is stored there is no schema, and travels as a document.
        let stored: Option<Stored> = serde_json::from_str(&document.body).ok();
        let text = stored.and_then(|it| json::canonicalise_value(it.schema.as_bytes()).ok());
        let text = text.filter(|text| text.len() <= SCHEMA_BYTES_MAX);
        Ok(text.and_then(|text| RawValue::from_string(text).ok()))
    }

    /// What changed since a place, until nothing does; says how far it came, and whether there
    /// was such a moment.
    async fn layers(&mut self, since: Sequence) -> Result<(Sequence, bool), OpsError> {
        let mut since = since;
        let mut is_first = self.options.since.is_some();
        for _ in 0..LAYERS_MAX {
            let (touched, next, more) = self.gather(since).await?;
            since = next;
            if touched.is_empty() && !more {
                self.control.tell(Event::CaughtUp);
                return Ok((since, true));
            }
            // An archive of changes is a layer by itself.
            if !is_first {
                self.writer.write(Piece::Layer(LayerHead { sequence: since.0 })).await?;
            }
            is_first = false;
            for (collection, touched) in touched {
                self.layer(collection, touched).await?;
            }
        }
        Ok((since, false))
    }

    async fn gather(
        &self,
        mut since: Sequence,
    ) -> Result<(BTreeMap<CollectionName, Touched>, Sequence, bool), OpsError> {
        let mut touched: BTreeMap<CollectionName, Touched> = BTreeMap::new();
        let mut gathered = 0;
        loop {
            let request =
                ChangesRequest { since, collection: None, limit: PAGE_CHANGES, bodies: false };
            let page =
                self.from.read_changes(&request).await.map_err(|error| match error.kind {
                    ErrorKind::ChangesGone { .. } => OpsError::ChangesGone { since },
                    _ => OpsError::source_failed(error),
                })?;
            since = page.next;
            gathered += page.changes.len();
            for change in page.changes {
                if !self.selection.has(&change.collection) {
                    continue;
                }
                let touched = touched.entry(change.collection).or_default();
                match change.id {
                    Some(id) => {
                        touched.ids.insert(id);
                    }
                    None => *touched = Touched { cleared: true, ids: BTreeSet::new() },
                }
            }
            self.check_stop()?;
            if !page.more || gathered >= LAYER_CHANGES_MAX {
                return Ok((touched, since, page.more));
            }
        }
    }

    async fn layer(
        &mut self,
        collection: CollectionName,
        touched: Touched,
    ) -> Result<(), OpsError> {
        let head = self.head(&collection, None).await?;
        let head = CollectionHead { cleared: touched.cleared, ..head };
        self.writer.write(Piece::Collection(collection.clone(), Box::new(head))).await?;
        let ids: Vec<_> = touched.ids.into_iter().collect();
        for ids in ids.chunks(READS) {
            let found = get_all(self.from, &collection, ids).await;
            let found = found.map_err(OpsError::source_failed)?;
            let (mut documents, mut gone) = (Vec::new(), Vec::new());
            for (id, document) in ids.iter().zip(found) {
                match document {
                    Some(document) => documents.push(document),
                    None => gone.push(id.clone()),
                }
            }
            self.documents += documents.len() as u64;
            if !documents.is_empty() {
                self.note_files(&collection, &documents)?;
                self.writer.write(Piece::Documents(documents)).await?;
            }
            if !gone.is_empty() {
                self.writer.write(Piece::Deletions(gone)).await?;
            }
            self.tell(Some(collection.clone()), None);
            self.check_stop()?;
        }
        Ok(())
    }

    fn tell(&self, collection: Option<CollectionName>, documents_total: Option<u64>) {
        self.control.progress(|| Progress {
            stage: Stage::Load,
            collection,
            documents: self.documents,
            documents_total,
            bytes: 0,
        });
    }

    fn check_stop(&self) -> Result<(), OpsError> {
        match self.control.is_stopped() {
            true => Err(OpsError::Stopped { documents: self.documents }),
            false => Ok(()),
        }
    }
}
