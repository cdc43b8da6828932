//! Reading archives: all of it is checked before any of it is used.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::future::BoxFuture;
use isobase_types::{CollectionName, Document, DocumentId, hex};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    ArchiveError, ArchiveInput,
    ahead::{Ahead, Next},
    format::{CollectionHead, FileEnd, FileHead, Footer, Header, LayerHead, Pass, read_ids},
    frame::{FrameKind, FrameReader},
};
use crate::{
    CollectionDigest, CollectionReport, Control, OpsError, Progress, Stage,
    selection::{Selection, system_among},
};

/// The contents of archives, after all of them were read and every checksum agreed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArchiveReport {
    /// The description of each, first the one with everything.
    pub archives: Vec<OneArchive>,
    /// The contents of a database after they are restored.
    pub collections: Vec<CollectionReport>,
    /// Its documents.
    pub documents: u64,
    /// Declared indexes, as `collection: fields`.
    pub indexes: Vec<String>,
    /// Files in all of them; one may be in several.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

/// An archive's description of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OneArchive {
    /// How the caller names it.
    pub name: String,
    /// Its first frame.
    #[serde(flatten)]
    pub header: Header,
    /// Its last frame.
    pub footer: Footer,
}

/// Reads archives and compares every checksum. Several are one with everything and those with
/// changes that come after it, in their order.
///
/// # Errors
/// [`OpsError::Archive`] when one is damaged, cut, of another kind, or a link of the chain is
/// missing.
pub fn verify<'a>(
    inputs: Vec<ArchiveInput>,
    control: &'a Control,
) -> BoxFuture<'a, Result<ArchiveReport, OpsError>> {
    Box::pin(async move {
        let control = control.clone();
        let verified = tokio::task::spawn_blocking(move || {
            let mut inputs = inputs;
            let checked = check(&mut inputs, Selection::Everything, &control, &mut |_, _| {})?;
            Ok::<_, OpsError>((inputs, control, checked))
        });
        let (inputs, control, checked) = joined(verified.await)?;
        let counted = tokio::task::spawn_blocking(move || {
            let mut inputs = inputs;
            let mut state = BTreeMap::<CollectionName, CollectionDigest>::new();
            if let Some(state) = checked.told() {
                return Ok((state, checked));
            }
            read_state(&mut inputs, &checked, &control, &mut |collection, documents| {
                let digest = state.entry(collection.clone()).or_default();
                documents.iter().for_each(|document| digest.add(document));
                Ok(())
            })?;
            Ok::<_, OpsError>((state, checked))
        });
        let (state, checked) = joined(counted.await)?;
        Ok(checked.report(&state))
    })
}

/// Reads archives, compares every checksum, and gives what the last one says of itself. An archive
/// of changes may stand alone here: what comes after it needs only its end.
///
/// # Errors
/// As [`verify`].
pub fn last_of<'a>(
    inputs: Vec<ArchiveInput>,
    control: &'a Control,
) -> BoxFuture<'a, Result<OneArchive, OpsError>> {
    Box::pin(async move {
        let control = control.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut inputs = inputs;
            let mut last = None;
            for input in &mut inputs {
                let name = input.name.clone();
                let mut header = None;
                read(input, Pass::First, &mut |piece| {
                    match piece {
                        Piece::Header(found) => header = Some(*found),
                        Piece::Footer(footer) => {
                            let (name, footer) = (name.clone(), *footer);
                            last = header.take().map(|header| OneArchive { name, header, footer });
                        }
                        _ => {}
                    }
                    if control.is_stopped() {
                        Err(OpsError::Stopped { documents: 0 })
                    } else {
                        Ok(())
                    }
                })?;
            }
            last.ok_or_else(|| OpsError::Task("no archive was named".to_owned()))
        });
        joined(read.await)
    })
}

pub(crate) fn joined<T>(
    done: Result<Result<T, OpsError>, tokio::task::JoinError>,
) -> Result<T, OpsError> {
    done.map_err(|error| OpsError::Task(error.to_string()))?
}

/// Archives that are whole and belong together.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What of them is used.
    selection: Selection,
    pub(crate) archives: Vec<OneArchive>,
    /// Records of documents in all of them.
    pub(crate) records: u64,
    /// What the layers after the first one touch, in their order.
    layers: Vec<Layer>,
    /// By collection and fields, in the order in which they were found.
    pub(crate) indexes: Vec<(CollectionName, String)>,
}

/// What a layer touches: earlier layers are not asked about it.
#[derive(Debug, Default)]
struct Layer {
    /// Parts of hashes of collections and ids: a part of 16 bytes is never the same for two.
    touched: HashSet<[u8; 16]>,
    cleared: HashSet<CollectionName>,
}

impl Checked {
    /// Notes of the last layer what it says something of.
    fn touch<'d>(
        &mut self,
        collection: &CollectionName,
        ids: impl Iterator<Item = &'d DocumentId>,
    ) {
        if let Some(layer) = self.layers.last_mut() {
            layer.touched.extend(ids.map(|id| key(collection, id)));
        }
    }

    /// The counters a database gets.
    pub(crate) fn footer(&self) -> Option<&Footer> {
        self.archives.last().map(|archive| &archive.footer)
    }

    /// Files in all of them.
    pub(crate) fn files(&self) -> u64 {
        let footers = self.archives.iter().filter_map(|archive| archive.footer.files);
        footers.map(|files| files.count).sum()
    }

    /// The collections of all of them.
    pub(crate) fn names(&self) -> Vec<CollectionName> {
        let footers = self.archives.iter().flat_map(|archive| &archive.footer.collections);
        let named = footers.filter_map(|it| CollectionName::new(&it.name).ok());
        named.filter(|name| self.selection.has(name)).collect()
    }

    /// Collections of the service that are in them and not used.
    pub(crate) fn system_left_out(&self) -> Vec<String> {
        let footers = self.archives.iter().flat_map(|archive| &archive.footer.collections);
        let named: BTreeSet<_> =
            footers.filter_map(|it| CollectionName::new(&it.name).ok()).collect();
        system_among(named.iter().filter(|name| !self.selection.has(name)))
    }

    /// Whether a later layer than this one says what becomes of a document.
    fn is_later(&self, layer: usize, collection: &CollectionName, id: &DocumentId) -> bool {
        let later = self.layers.get(layer..).unwrap_or_default();
        if later.is_empty() {
            return false;
        }
        let key = key(collection, id);
        later.iter().any(|layer| layer.cleared.contains(collection) || layer.touched.contains(&key))
    }

    /// What there is after a restore, where the footer tells it: nothing comes after the first layer.
    pub(crate) fn told(&self) -> Option<BTreeMap<CollectionName, CollectionDigest>> {
        if !self.layers.is_empty() {
            return None;
        }
        let collections = self.footer().into_iter().flat_map(|footer| &footer.collections);
        let named =
            collections.filter_map(|it| Some((CollectionName::new(&it.name).ok()?, it.digest)));
        let used = named.filter(|(name, digest)| digest.documents > 0 && self.selection.has(name));
        Some(used.collect())
    }

    fn report(self, state: &BTreeMap<CollectionName, CollectionDigest>) -> ArchiveReport {
        let report = |(name, digest): (&CollectionName, &CollectionDigest)| CollectionReport {
            name: name.to_string(),
            digest: *digest,
        };
        let footers = self.archives.iter().filter_map(|archive| archive.footer.files);
        let (files, file_bytes) =
            footers.fold((0, 0), |(files, bytes), it| (files + it.count, bytes + it.bytes));
        ArchiveReport {
            files,
            file_bytes,
            archives: self.archives,
            collections: state.iter().map(report).collect(),
            documents: state.values().map(|digest| digest.documents).sum(),
            indexes: self
                .indexes
                .iter()
                .map(|(name, fields)| format!("{name}: {fields}"))
                .collect(),
        }
    }
}

fn key(collection: &CollectionName, id: &DocumentId) -> [u8; 16] {
    let mut text = collection.as_str().as_bytes().to_vec();
    text.push(0);
    id.write_json(&mut text);
    let mut key = [0; 16];
    key.copy_from_slice(&Sha256::digest(&text)[..16]);
    key
}

/// The fate of a reader.
pub(crate) enum Piece {
    Header(Box<Header>),
    Collection(Box<CollectionHead>),
    Documents(CollectionName, Vec<Document>),
    Layer,
    Deletions(CollectionName, Vec<DocumentId>),
    /// A file begins.
    File(String),
    Bytes(Vec<u8>),
    /// The file ends.
    FileEnd,
    Footer(Box<Footer>),
}

/// Reads all frames of an archive in their order, compares every checksum and, the first time,
/// what the footer says of the documents.
pub(crate) fn read(
    input: &mut ArchiveInput,
    pass: Pass,
    on_piece: &mut dyn FnMut(Piece) -> Result<(), OpsError>,
) -> Result<(), OpsError> {
    let name = input.name.clone();
    let failed = |source: ArchiveError| OpsError::Archive { name: name.clone(), source };
    let frames = FrameReader::begin(input.reader().map_err(failed)?).map_err(failed)?;
    let mut frames = Ahead::begin(frames, pass);
    let mut reading = Reading::new(pass);
    loop {
        let next = frames.next().map_err(failed)?;
        let offset = next.frame.offset;
        let piece = reading.piece(next);
        let piece = piece.map_err(|reason| failed(ArchiveError::damaged(offset, reason)))?;
        let is_last = matches!(piece, Piece::Footer(_));
        on_piece(piece)?;
        if is_last {
            return Ok(());
        }
    }
}

/// The part of an archive read so far.
struct Reading {
    pass: Pass,
    is_first: bool,
    /// The one that the next documents are of.
    collection: Option<CollectionName>,
    digests: BTreeMap<String, CollectionDigest>,
    documents: u64,
    deletions: u64,
    files: OpenFile,
}

impl Reading {
    fn new(pass: Pass) -> Self {
        Self {
            pass,
            is_first: true,
            collection: None,
            digests: BTreeMap::new(),
            documents: 0,
            deletions: 0,
            files: OpenFile::default(),
        }
    }

    /// The content of a frame.
    ///
    /// # Errors
    /// Why it is damaged.
    fn piece(&mut self, next: Next) -> Result<Piece, String> {
        let Next { frame, before, hash, documents } = next;
        self.check_place(frame.kind)?;
        Ok(match frame.kind {
            FrameKind::Header => {
                let header: Header = parse(&frame.content)?;
                if !header.is_named() {
                    return Err("its name is not one".to_owned());
                }
                Piece::Header(Box::new(header))
            }
            FrameKind::Collection => self.begin_collection(&frame.content)?,
            FrameKind::Documents => {
                let collection = self.collection()?;
                let read = documents.transpose()?.unwrap_or_default();
                self.documents += read.documents.len() as u64;
                self.digests.entry(collection.to_string()).or_default().merge(&read.digest);
                Piece::Documents(collection, read.documents)
            }
            FrameKind::Layer => {
                let _: LayerHead = parse(&frame.content)?;
                self.collection = None;
                Piece::Layer
            }
            FrameKind::Deletions => {
                let collection = self.collection()?;
                let ids = read_ids(&frame.content)?;
                self.deletions += ids.len() as u64;
                Piece::Deletions(collection, ids)
            }
            FrameKind::File => {
                let head: FileHead = parse(&frame.content)?;
                self.collection = None;
                (self.files.hash, self.files.size) = (Some(Sha256::new()), 0);
                Piece::File(head.name)
            }
            FrameKind::Bytes => {
                self.files.add(&frame.content);
                Piece::Bytes(frame.content)
            }
            FrameKind::FileEnd => {
                if !self.files.ends_with(&parse(&frame.content)?) {
                    return Err("a file is not what its end says".to_owned());
                }
                Piece::FileEnd
            }
            FrameKind::Footer => {
                let footer: Footer = parse(&frame.content)?;
                if (footer.bytes, &footer.sha256) != (before, &hex(&hash)) {
                    return Err("the SHA-256 of everything does not agree".to_owned());
                }
                self.check_footer(&footer)?;
                Piece::Footer(Box::new(footer))
            }
        })
    }

    fn begin_collection(&mut self, content: &[u8]) -> Result<Piece, String> {
        let head: CollectionHead = parse(content)?;
        let named = CollectionName::new(&head.name);
        self.collection = Some(named.map_err(|error| error.to_string())?);
        self.digests.entry(head.name.clone()).or_default();
        Ok(Piece::Collection(Box::new(head)))
    }

    /// Refuses a frame that cannot follow those before it.
    fn check_place(&mut self, kind: FrameKind) -> Result<(), String> {
        if self.is_first != (kind == FrameKind::Header) {
            return Err("the header is not the first frame".to_owned());
        }
        self.is_first = false;
        if self.files.hash.is_some() != matches!(kind, FrameKind::Bytes | FrameKind::FileEnd) {
            return Err("a file without its beginning or its end".to_owned());
        }
        Ok(())
    }

    fn collection(&self) -> Result<CollectionName, String> {
        self.collection.clone().ok_or_else(|| "a part of no collection".to_owned())
    }

    /// Compares what was read with what the footer says of it.
    fn check_footer(&self, footer: &Footer) -> Result<(), String> {
        let told = footer.collections.iter().map(|it| (it.name.clone(), it.digest));
        let has_digests =
            self.pass != Pass::First || told.collect::<BTreeMap<_, _>>() == self.digests;
        let documents = if self.pass == Pass::Files { footer.documents } else { self.documents };
        let counts = (footer.documents, footer.deletions);
        let files = footer.files.as_ref().map_or((0, 0), |told| (told.count, told.bytes));
        if counts != (documents, self.deletions) || !has_digests || files != self.files.all {
            return Err("the counts or digests do not agree".to_owned());
        }
        Ok(())
    }
}

/// The JSON of a frame.
fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T, String> {
    serde_json::from_slice(content).map_err(|error| error.to_string())
}

/// The file that is read, and what was read of all of them.
#[derive(Default)]
struct OpenFile {
    /// None between files.
    hash: Option<Sha256>,
    size: u64,
    /// How many, and their bytes.
    all: (u64, u64),
}

impl OpenFile {
    fn add(&mut self, bytes: &[u8]) {
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        self.size += bytes.len() as u64;
    }

    /// Ends the file; says whether it was what its end says.
    fn ends_with(&mut self, end: &FileEnd) -> bool {
        let (count, bytes) = self.all;
        self.all = (count + 1, bytes + self.size);
        let hash = self.hash.take().map(|hash| hex(&hash.finalize()));
        hash.as_ref() == Some(&end.sha256) && self.size == end.size
    }
}

/// Reads all archives from the first byte to the last, and shows every document.
pub(crate) fn check(
    inputs: &mut [ArchiveInput],
    selection: Selection,
    control: &Control,
    on_documents: &mut dyn FnMut(&CollectionName, &[Document]),
) -> Result<Checked, OpsError> {
    let mut checked = Checked {
        selection,
        archives: Vec::new(),
        records: 0,
        layers: Vec::new(),
        indexes: Vec::new(),
    };
    for input in inputs.iter_mut() {
        let name = input.name.clone();
        let mut header = None;
        let is_later = !checked.archives.is_empty();
        let before = checked.archives.last().cloned();
        read(input, Pass::First, &mut |piece| {
            match piece {
                Piece::Header(found) => {
                    check_chain(before.as_ref(), &found)
                        .map_err(|source| OpsError::Archive { name: name.clone(), source })?;
                    if found.since.is_some() {
                        // An archive of changes is a layer by itself.
                        checked.layers.push(Layer::default());
                    }
                    header = Some(*found);
                }
                Piece::Collection(head) => checked.begin_collection(&head, is_later),
                Piece::Layer => checked.layers.push(Layer::default()),
                Piece::Documents(collection, _) if !checked.selection.has(&collection) => {}
                Piece::Documents(collection, documents) => {
                    checked.records += documents.len() as u64;
                    checked.touch(&collection, documents.iter().map(|document| &document.id));
                    on_documents(&collection, &documents);
                    control.progress(|| Progress {
                        stage: Stage::Check,
                        collection: Some(collection),
                        documents: checked.records,
                        documents_total: None,
                        bytes: 0,
                    });
                }
                Piece::Deletions(collection, ids) => checked.touch(&collection, ids.iter()),
                Piece::File(_) | Piece::Bytes(_) | Piece::FileEnd => {}
                Piece::Footer(footer) => {
                    if let Some(header) = header.take() {
                        let name = name.clone();
                        checked.archives.push(OneArchive { name, header, footer: *footer });
                    }
                }
            }
            if control.is_stopped() { Err(OpsError::Stopped { documents: 0 }) } else { Ok(()) }
        })?;
    }
    Ok(checked)
}

impl Checked {
    fn begin_collection(&mut self, head: &CollectionHead, is_later: bool) {
        let Ok(name) = CollectionName::new(&head.name) else { return };
        if !self.selection.has(&name) {
            return;
        }
        if head.cleared
            && let Some(layer) = self.layers.last_mut()
        {
            layer.cleared.insert(name.clone());
        }
        if is_later && !head.indexes.is_empty() {
            // The last word on the indexes of a collection is that of the last archive.
            self.indexes.retain(|(known, _)| *known != name);
        }
        for fields in &head.indexes {
            let index = (name.clone(), fields.clone());
            if !self.indexes.contains(&index) {
                self.indexes.push(index);
            }
        }
    }
}

/// An archive of changes comes after the one that ends where it begins.
fn check_chain(before: Option<&OneArchive>, header: &Header) -> Result<(), ArchiveError> {
    let gap = |before: String| {
        Err(ArchiveError::Gap {
            since: header.since.as_ref().map_or(0, |since| since.sequence),
            before,
        })
    };
    match (before, &header.since) {
        (None, None) => Ok(()),
        (None, Some(_)) => gap("nothing: the archive with everything comes first".to_owned()),
        (Some(_), None) => Err(ArchiveError::SecondWhole),
        (Some(before), Some(since)) => {
            let named = since.archive.as_ref().is_none_or(|id| *id == before.header.id);
            let same = before.header.has_collections_of(header);
            if before.footer.sequence == since.sequence && named && same {
                return Ok(());
            }
            let other = match (named, same) {
                (false, _) => ", in another archive",
                (true, false) => ", in an archive of other collections",
                (true, true) => "",
            };
            gap(format!("{}{other}", before.footer.sequence))
        }
    }
}

/// Takes documents of a collection as they are in the end.
pub(crate) type OnDocuments<'a> =
    dyn FnMut(&CollectionName, Vec<Document>) -> Result<(), OpsError> + 'a;

/// Reads archives that were checked, and shows each document once, as it is in the end.
pub(crate) fn read_state(
    inputs: &mut [ArchiveInput],
    checked: &Checked,
    control: &Control,
    on_documents: &mut OnDocuments<'_>,
) -> Result<(), OpsError> {
    let mut layer = 0;
    for (input, archive) in inputs.iter_mut().zip(&checked.archives) {
        let name = input.name.clone();
        read(input, Pass::Again, &mut |piece| {
            match piece {
                Piece::Header(header) if header.since.is_some() => layer += 1,
                Piece::Layer => layer += 1,
                Piece::Documents(collection, _) if !checked.selection.has(&collection) => {}
                Piece::Documents(collection, mut documents) => {
                    documents
                        .retain(|document| !checked.is_later(layer, &collection, &document.id));
                    on_documents(&collection, documents)?;
                }
                Piece::Footer(footer) if *footer != archive.footer => {
                    let source = ArchiveError::damaged(0, "it was changed while it was read");
                    return Err(OpsError::Archive { name: name.clone(), source });
                }
                _ => {}
            }
            if control.is_stopped() { Err(OpsError::Stopped { documents: 0 }) } else { Ok(()) }
        })?;
    }
    Ok(())
}
