//! Uploaded files: their documents are in a database, their bytes are elsewhere.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Seek, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use isobase_engine::Engine;
use isobase_types::{CollectionName, Document, DocumentId, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    Control, OpsError, Progress, Side, Stage, note::Reached, scan::Scan, selection::Selection,
};

/// The collection of the service whose documents tell of files.
const COLLECTION: &str = "isobase_uploads";

/// Files that are copied at once. Ours: small ones are mostly waited for.
const AT_ONCE: usize = 4;

/// Files that are taken from the list at a time.
const TAKEN: usize = 64;

/// Bytes of documents that are read at a time.
const PART_BYTES: usize = 1 << 20;

/// Names of files that a report has at most.
pub const FILE_NAMES_MAX: usize = 100;

/// Longest name of a file.
const NAME_BYTES_MAX: usize = 100;

/// The bytes of a file, piece by piece.
pub type FileBytes = BoxStream<'static, io::Result<Bytes>>;

/// Where the bytes of files are. Implemented by a crate that knows folders and buckets.
pub trait FilePlace: fmt::Debug + Send + Sync {
    /// Its name, without secrets. Two places of one name are one place.
    fn name(&self) -> String;

    /// The bytes of a file; `None` if it is not there.
    ///
    /// # Errors
    /// When the place fails.
    fn open<'a>(&'a self, file: &'a str) -> BoxFuture<'a, io::Result<Option<FileBytes>>>;

    /// Keeps a file, in place of one of the same name: whole and on the disk when this returns,
    /// and not at all when the bytes end with an error.
    ///
    /// # Errors
    /// That of the bytes, and when the place fails.
    fn put<'a>(&'a self, file: &'a str, bytes: FileBytes) -> BoxFuture<'a, io::Result<()>>;
}

/// Where files are copied from and to.
#[derive(Clone, Debug)]
pub struct FilesCopy {
    /// Where they are.
    pub from: Arc<dyn FilePlace>,
    /// Where they come to.
    pub to: Arc<dyn FilePlace>,
}

/// The outcome of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FilesReport {
    /// Files that are there now, and are what their documents say.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those of them that this run wrote.
    pub written: u64,
    /// Files that documents tell of and that are nowhere.
    pub missing: u64,
    /// The first of them.
    pub missing_names: Vec<String>,
    /// Files whose bytes are others than their documents say; they were left out.
    pub damaged: u64,
    /// The first of them.
    pub damaged_names: Vec<String>,
}

impl FilesReport {
    pub(crate) fn add_missing(&mut self, name: &str) {
        self.missing += 1;
        note(&mut self.missing_names, name);
    }

    pub(crate) fn add_damaged(&mut self, name: &str) {
        self.damaged += 1;
        note(&mut self.damaged_names, name);
    }

    pub(crate) fn add(&mut self, entry: &FileEntry, fate: Fate) {
        match fate {
            Fate::Missing => self.add_missing(&entry.name),
            Fate::Damaged => self.add_damaged(&entry.name),
            Fate::Written | Fate::There => {
                self.files += 1;
                self.bytes += entry.size;
                self.written += u64::from(fate == Fate::Written);
            }
        }
    }
}

fn note(names: &mut Vec<String>, name: &str) {
    if names.len() < FILE_NAMES_MAX {
        names.push(name.to_owned());
    }
}

/// The fate of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Written,
    There,
    Missing,
    Damaged,
}

/// The statement of a document about its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

impl FileEntry {
    /// `None` of a document that tells of no file, or of one that has no name of ours.
    pub(crate) fn of(document: &Document) -> Option<Self> {
        let DocumentId::Text(name) = &document.id else { return None };
        let entry: Self = serde_json::from_str(&document.body).ok()?;
        is_name(name).then(|| Self { name: name.to_string(), ..entry })
    }

    fn is(&self, size: u64, hash: &Sha256) -> bool {
        self.size == size && self.sha256 == hex(&hash.clone().finalize())
    }
}

/// Whether a text may be the name of a file: it stays in its folder wherever it is put.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// The collection of the documents.
pub(crate) fn collection() -> CollectionName {
    CollectionName::new(COLLECTION).expect("it is a valid name")
}

/// Entries on the disk, each once: 16 bytes of memory for each, however many there are.
pub(crate) struct Spool {
    lines: BufWriter<File>,
    seen: HashSet<[u8; 16]>,
}

impl Spool {
    pub(crate) fn new() -> io::Result<Self> {
        let lines = BufWriter::new(tempfile::tempfile()?);
        Ok(Self { lines, seen: HashSet::new() })
    }

    /// Takes what documents of the collection tell.
    pub(crate) fn add(&mut self, documents: &[Document]) -> io::Result<()> {
        for entry in documents.iter().filter_map(FileEntry::of) {
            let mut hash = Sha256::new();
            hash.update(entry.name.as_bytes());
            let mut key = [0; 16];
            key.copy_from_slice(&hash.finalize()[..16]);
            if self.seen.insert(key) {
                serde_json::to_writer(&mut self.lines, &entry)?;
                self.lines.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Gives them back, in the order in which they came.
    pub(crate) fn entries(self) -> io::Result<Entries> {
        let mut file = self.lines.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(Entries(BufReader::new(file)))
    }
}

/// Entries that lie on the disk.
pub(crate) struct Entries(BufReader<File>);

impl Entries {
    pub(crate) fn take(&mut self, most: usize) -> io::Result<Vec<FileEntry>> {
        let mut taken = Vec::new();
        let mut line = String::new();
        while taken.len() < most && self.0.read_line(&mut line)? > 0 {
            taken.push(serde_json::from_str(&line)?);
            line.clear();
        }
        Ok(taken)
    }
}

/// What the documents of a database tell of files. No snapshot is held when this returns: to copy
/// files takes long.
pub(crate) async fn spool(engine: &Arc<dyn Engine>, side: Side) -> Result<Spool, OpsError> {
    let mut spool = Spool::new().map_err(OpsError::Spool)?;
    let scan = Scan::open(engine, side, &Selection::These(vec![collection()])).await?;
    let mut scanning = scan.start(&Reached::Start, PART_BYTES);
    while let Some(part) = scanning.next().await? {
        spool.add(&part.documents).map_err(OpsError::Spool)?;
    }
    scanning.end().await?;
    Ok(spool)
}

/// The findings of a copy of the files of a database, without writing anything.
///
/// # Errors
/// When the database or the place fails.
pub fn look_at_files<'a>(
    engine: &'a Arc<dyn Engine>,
    place: &'a Arc<dyn FilePlace>,
    control: &'a Control,
) -> BoxFuture<'a, Result<FilesReport, OpsError>> {
    Box::pin(async move {
        let spool = spool(engine, Side::Source).await?;
        let mut report = FilesReport::default();
        let total = spool.len();
        let mut entries = spool.entries().map_err(OpsError::Spool)?;
        loop {
            let taken = entries.take(TAKEN).map_err(OpsError::Spool)?;
            if taken.is_empty() {
                return Ok(report);
            }
            for entry in taken {
                let found = place.open(&entry.name).await;
                let found = found.map_err(|error| failed_at(&**place, &entry, error))?;
                report.add(&entry, if found.is_some() { Fate::There } else { Fate::Missing });
            }
            progress(control, &report, total)?;
        }
    })
}

/// Copies the files that the documents of the target tell of. What is there already is read and
/// compared, so that the same call goes on after a kill; `done` are files that need no look.
pub(crate) async fn copy_files(
    target: &Arc<dyn Engine>,
    places: &FilesCopy,
    done: &mut HashSet<String>,
    control: &Control,
) -> Result<FilesReport, OpsError> {
    let spool = spool(target, Side::Target).await?;
    let mut report = FilesReport::default();
    let total = spool.len();
    let mut entries = spool.entries().map_err(OpsError::Spool)?;
    loop {
        let taken = entries.take(TAKEN).map_err(OpsError::Spool)?;
        if taken.is_empty() {
            return Ok(report);
        }
        let (known, new): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|entry| done.contains(&entry.name));
        known.iter().for_each(|entry| report.add(entry, Fate::There));
        // Named ones: with a closure in it the future could not go to another thread.
        let copies: Vec<_> = new.into_iter().map(|entry| copy_one(places.clone(), entry)).collect();
        let mut copying = stream::iter(copies).buffer_unordered(AT_ONCE);
        while let Some((entry, fate)) = copying.try_next().await? {
            report.add(&entry, fate);
            if matches!(fate, Fate::There | Fate::Written) {
                done.insert(entry.name);
            }
            progress(control, &report, total)?;
        }
    }
}

/// Tells how far the files are.
///
/// # Errors
/// When the work was stopped.
pub(crate) fn progress(
    control: &Control,
    report: &FilesReport,
    total: u64,
) -> Result<(), OpsError> {
    let documents = report.files + report.missing + report.damaged;
    control.progress(|| Progress {
        stage: Stage::Files,
        collection: None,
        documents,
        documents_total: Some(total),
        bytes: report.bytes,
    });
    match control.is_stopped() {
        true => Err(OpsError::Stopped { documents }),
        false => Ok(()),
    }
}

async fn copy_one(places: FilesCopy, entry: FileEntry) -> Result<(FileEntry, Fate), OpsError> {
    let FilesCopy { from, to } = places;
    let there = is_there(&*to, &entry).await;
    if there.map_err(|error| failed_at(&*to, &entry, error))? {
        return Ok((entry, Fate::There));
    }
    let found = from.open(&entry.name).await;
    let found = found.map_err(|error| failed_at(&*from, &entry, error))?;
    let Some(bytes) = found else { return Ok((entry, Fate::Missing)) };
    let fate = keep(&*to, &entry, bytes).await;
    Ok((entry.clone(), fate.map_err(|error| failed_at(&*to, &entry, error))?))
}

/// For `map_err`.
pub(crate) fn failed_at(place: &dyn FilePlace, entry: &FileEntry, source: io::Error) -> OpsError {
    OpsError::Files { place: place.name(), file: entry.name.clone(), source }
}

/// Keeps bytes that are those of an entry, and reads them again.
pub(crate) async fn keep(
    place: &dyn FilePlace,
    entry: &FileEntry,
    bytes: FileBytes,
) -> io::Result<Fate> {
    let differs = Arc::new(AtomicBool::new(false));
    let kept = place.put(&entry.name, checked(bytes, entry.clone(), differs.clone())).await;
    if differs.load(Ordering::Relaxed) {
        return Ok(Fate::Damaged);
    }
    kept?;
    match is_there(place, entry).await? {
        true => Ok(Fate::Written),
        false => Err(io::Error::other("what was written is not what is read")),
    }
}

/// Whether a place has the bytes of an entry.
pub(crate) async fn is_there(place: &dyn FilePlace, entry: &FileEntry) -> io::Result<bool> {
    let Some(mut bytes) = place.open(&entry.name).await? else { return Ok(false) };
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(piece) = bytes.try_next().await? {
        hash.update(&piece);
        size += piece.len() as u64;
    }
    Ok(entry.is(size, &hash))
}

/// The same bytes, and an error at their end when they are not those of the entry.
fn checked(bytes: FileBytes, entry: FileEntry, differs: Arc<AtomicBool>) -> FileBytes {
    struct Checked {
        bytes: FileBytes,
        entry: FileEntry,
        hash: Sha256,
        size: u64,
        differs: Arc<AtomicBool>,
    }
    let (hash, size) = (Sha256::new(), 0);
    stream::try_unfold(Checked { bytes, entry, hash, size, differs }, |mut it| async move {
        match it.bytes.try_next().await? {
            Some(piece) => {
                it.hash.update(&piece);
                it.size += piece.len() as u64;
                Ok(Some((piece, it)))
            }
            None if it.entry.is(it.size, &it.hash) => Ok(None),
            None => {
                it.differs.store(true, Ordering::Relaxed);
                Err(io::Error::new(io::ErrorKind::InvalidData, "it is not what its document says"))
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert!(is_name("0b6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.png"));
        for text in ["", ".", "..", "../x", "a/b", ".partial", "a\\b", "a\0", &"a".repeat(101)] {
            assert!(!is_name(text), "{text:?}");
        }
    }
}
