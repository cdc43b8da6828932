//! Writing an archive, on a thread of its own.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use bytes::Bytes;
use isobase_types::{CollectionName, Document, DocumentId, hex};
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    age::AgeWriter,
    format::{
        CollectionHead, FileEnd, FileHead, Footer, FooterCollection, FooterFiles, Header,
        LayerHead, write_id, write_line,
    },
    frame::{FrameKind, FrameWriter, PARTS_BYTES_MAX, VERSION_FILES, VERSION_PLAIN},
    input::Passphrase,
};
use crate::{CollectionDigest, OpsError};

/// Content of a frame of documents, about: what a reader holds in memory.
const FRAME_BYTES: usize = 1 << 20;

/// Parts that wait to be written.
const PARTS_WAITING: usize = 2;

/// The frame that is written next.
pub(crate) enum Piece {
    Collection(CollectionName, Box<CollectionHead>),
    Documents(Vec<Document>),
    Layer(LayerHead),
    Deletions(Vec<DocumentId>),
    /// A file begins.
    File(String),
    Bytes(Bytes),
    /// The file ends.
    FileEnd,
}

/// The counters at the end of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) sequence: u64,
    pub(crate) last_id: i64,
    pub(crate) one_moment: bool,
    /// Files that could not be written.
    pub(crate) files_missing: u64,
}

/// The rows written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) footer: Footer,
    /// Bytes of the archive, before encryption.
    pub(crate) bytes: u64,
    /// Bytes of text in it, before compression.
    pub(crate) text_bytes: u64,
}

/// An archive that is being written.
pub(crate) struct ArchiveWriter {
    pieces: mpsc::Sender<Piece>,
    writing: JoinHandle<io::Result<Body<Sink>>>,
}

enum Sink {
    Plain(Box<dyn Write + Send>),
    Encrypted(Box<AgeWriter<Box<dyn Write + Send>>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Encrypted(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Encrypted(out) => out.flush(),
        }
    }
}

impl ArchiveWriter {
    pub(crate) fn begin(
        out: Box<dyn Write + Send>,
        passphrase: Option<Passphrase>,
        header: Header,
    ) -> Self {
        let (pieces, mut waiting) = mpsc::channel(PARTS_WAITING);
        let writing = tokio::task::spawn_blocking(move || {
            let sink = match passphrase {
                Some(passphrase) => {
                    Sink::Encrypted(Box::new(AgeWriter::begin(out, passphrase.as_str())?))
                }
                None => Sink::Plain(out),
            };
            let mut body = Body::begin(sink, &header)?;
            while let Some(piece) = waiting.blocking_recv() {
                body.write(piece)?;
            }
            Ok(body)
        });
        Self { pieces, writing }
    }

    pub(crate) async fn write(&self, piece: Piece) -> Result<(), OpsError> {
        // The writer has left when it failed: the end tells why.
        self.pieces.send(piece).await.map_err(|_| OpsError::Task("the writer".to_owned()))
    }

    /// Writes the footer.
    pub(crate) async fn end(self, end: End) -> Result<Written, OpsError> {
        let body = self.body().await?;
        let ended = tokio::task::spawn_blocking(move || body.end(end)).await;
        let ended = ended.map_err(|error| OpsError::Task(error.to_string()))?;
        ended.map_err(OpsError::output_failed)
    }

    /// Why the writer has left.
    pub(crate) async fn failure(self, otherwise: OpsError) -> OpsError {
        match self.body().await {
            Ok(_) => otherwise,
            Err(error) => error,
        }
    }

    async fn body(self) -> Result<Body<Sink>, OpsError> {
        drop(self.pieces);
        let body = self.writing.await.map_err(|error| OpsError::Task(error.to_string()))?;
        body.map_err(OpsError::output_failed)
    }
}

struct Body<W> {
    frames: FrameWriter<W>,
    collection: Option<CollectionName>,
    content: Vec<u8>,
    text_bytes: u64,
    digests: BTreeMap<CollectionName, CollectionDigest>,
    documents: u64,
    deletions: u64,
    /// The files written; `None` in an archive without them.
    files: Option<FooterFiles>,
    /// The file that is being written.
    file: Option<OpenFile>,
}

/// A file that is being written.
struct OpenFile {
    waiting: Vec<u8>,
    hash: Sha256,
    size: u64,
}

impl Body<Sink> {
    fn end(mut self, end: End) -> io::Result<Written> {
        self.flush_documents()?;
        let collections = self
            .digests
            .iter()
            .map(|(name, digest)| FooterCollection { name: name.to_string(), digest: *digest });
        let footer = Footer {
            collections: collections.collect(),
            documents: self.documents,
            deletions: self.deletions,
            sequence: end.sequence,
            last_id: end.last_id,
            one_moment: end.one_moment,
            files: self.files.map(|files| FooterFiles { missing: end.files_missing, ..files }),
            bytes: self.frames.bytes,
            sha256: hex(&self.frames.hash()),
        };
        self.json(FrameKind::Footer, &footer)?;
        let (bytes, text_bytes) = (self.frames.bytes, self.text_bytes);
        let mut out = match self.frames.into_inner() {
            Sink::Plain(out) => out,
            Sink::Encrypted(out) => out.finish()?,
        };
        out.flush()?;
        Ok(Written { footer, bytes, text_bytes })
    }
}

impl<W: Write> Body<W> {
    fn begin(out: W, header: &Header) -> io::Result<Self> {
        let mut body = Self {
            frames: FrameWriter::begin(
                out,
                if header.files { VERSION_FILES } else { VERSION_PLAIN },
            )?,
            collection: None,
            content: Vec::with_capacity(FRAME_BYTES + (64 << 10)),
            text_bytes: 0,
            digests: BTreeMap::new(),
            documents: 0,
            deletions: 0,
            files: header.files.then(FooterFiles::default),
            file: None,
        };
        body.json(FrameKind::Header, header)?;
        Ok(body)
    }

    fn write(&mut self, piece: Piece) -> io::Result<()> {
        match piece {
            Piece::Documents(documents) => self.documents(&documents),
            Piece::Collection(name, head) => {
                self.flush_documents()?;
                self.digests.entry(name.clone()).or_default();
                self.collection = Some(name);
                self.json(FrameKind::Collection, &*head)
            }
            Piece::Layer(head) => {
                self.flush_documents()?;
                self.json(FrameKind::Layer, &head)
            }
            Piece::File(name) => self.begin_file(name),
            Piece::Bytes(bytes) => self.bytes(&bytes),
            Piece::FileEnd => self.end_file(),
            Piece::Deletions(ids) => {
                self.flush_documents()?;
                self.deletions += ids.len() as u64;
                let mut content = Vec::new();
                for id in &ids {
                    write_id(id, &mut content);
                    if content.len() >= FRAME_BYTES {
                        self.frames.frame(FrameKind::Deletions, &content)?;
                        content.clear();
                    }
                }
                match content.is_empty() {
                    true => Ok(()),
                    false => self.frames.frame(FrameKind::Deletions, &content),
                }
            }
        }
    }

    fn begin_file(&mut self, name: String) -> io::Result<()> {
        self.flush_documents()?;
        self.collection = None;
        self.file = Some(OpenFile { waiting: Vec::new(), hash: Sha256::new(), size: 0 });
        self.json(FrameKind::File, &FileHead { name })
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("bytes of no file"))?;
        file.hash.update(bytes);
        file.size += bytes.len() as u64;
        file.waiting.extend_from_slice(bytes);
        while file.waiting.len() >= FRAME_BYTES {
            let rest = file.waiting.split_off(FRAME_BYTES);
            self.frames.frame(FrameKind::Bytes, &file.waiting)?;
            file.waiting = rest;
        }
        Ok(())
    }

    fn end_file(&mut self) -> io::Result<()> {
        let file = self.file.take().ok_or_else(|| io::Error::other("the end of no file"))?;
        if !file.waiting.is_empty() {
            self.frames.frame(FrameKind::Bytes, &file.waiting)?;
        }
        let files = self.files.get_or_insert_default();
        files.count += 1;
        files.bytes += file.size;
        let sha256 = hex(&file.hash.finalize());
        self.json(FrameKind::FileEnd, &FileEnd { size: file.size, sha256 })
    }

    fn documents(&mut self, documents: &[Document]) -> io::Result<()> {
        let collection = self.collection.as_ref();
        let digest = collection.and_then(|collection| self.digests.get_mut(collection));
        let digest = digest.ok_or_else(|| io::Error::other("documents of no collection"))?;
        documents.iter().for_each(|document| digest.add(document));
        self.documents += documents.len() as u64;
        for document in documents {
            let before = self.content.len();
            write_line(document, &mut self.content);
            if before > 0 && self.content.len() > PARTS_BYTES_MAX {
                // A long one has a frame to itself.
                let line = self.content.split_off(before);
                self.flush_documents()?;
                self.content.extend_from_slice(&line);
            }
            if self.content.len() >= FRAME_BYTES {
                self.flush_documents()?;
            }
        }
        Ok(())
    }

    fn flush_documents(&mut self) -> io::Result<()> {
        if self.content.is_empty() {
            return Ok(());
        }
        self.text_bytes += self.content.len() as u64;
        self.frames.frame(FrameKind::Documents, &self.content)?;
        self.content.clear();
        Ok(())
    }

    fn json(&mut self, kind: FrameKind, value: &impl serde::Serialize) -> io::Result<()> {
        self.frames.frame(kind, &serde_json::to_vec(value)?)
    }
}
