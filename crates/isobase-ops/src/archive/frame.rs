//! The parts of an archive: frames with lengths and checksums.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::ArchiveError;

/// The first bytes: none of them survives a transfer as text. The version comes after them.
pub(crate) const MAGIC: [u8; 7] = [0x89, b'I', b'S', b'O', 0x0d, 0x0a, 0x1a];

/// The version of an archive without files, which older programs read too.
pub(crate) const VERSION_PLAIN: u8 = 2;

/// The version of an archive with files.
pub(crate) const VERSION_FILES: u8 = 3;

/// The first version that is read. What it has is a part of what the last one has.
const VERSION_FIRST: u8 = 1;

/// Longest content of a frame: the longest document any engine holds (256 MiB) and room for what
/// stands around it.
const CONTENT_BYTES_MAX: usize = (256 << 20) + (1 << 20);

/// Longest content of a frame of deletions, and of one of more than one document: writers end a
/// frame at about 1 MiB. A mebibyte that is stored becomes up to 255 when it is decompressed, and
/// several times that as ids or documents.
pub(crate) const PARTS_BYTES_MAX: usize = 2 << 20;

/// Longest header: room for the names of some hundred thousand collections.
const HEADER_BYTES_MAX: usize = 16 << 20;

/// Longest footer: 200 bytes or more for each of some hundred thousand collections.
const FOOTER_BYTES_MAX: usize = 64 << 20;

/// Longest frame that tells of a file.
const FILE_BYTES_MAX: usize = 1 << 10;

const HEAD_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 8;

/// The content of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Header,
    Collection,
    Documents,
    Layer,
    Deletions,
    /// A file begins.
    File,
    /// Bytes of it.
    Bytes,
    /// A file ends.
    FileEnd,
    Footer,
}

impl FrameKind {
    const ALL: [(Self, u8); 9] = [
        (Self::Header, b'H'),
        (Self::Collection, b'C'),
        (Self::Documents, b'D'),
        (Self::Layer, b'L'),
        (Self::Deletions, b'X'),
        (Self::File, b'U'),
        (Self::Bytes, b'B'),
        (Self::FileEnd, b'E'),
        (Self::Footer, b'F'),
    ];

    fn content_bytes_max(self) -> usize {
        match self {
            Self::Header => HEADER_BYTES_MAX,
            Self::Collection | Self::Layer | Self::Deletions | Self::Bytes => PARTS_BYTES_MAX,
            Self::File | Self::FileEnd => FILE_BYTES_MAX,
            // Whether it holds one document or several is seen when it is read.
            Self::Documents => CONTENT_BYTES_MAX,
            Self::Footer => FOOTER_BYTES_MAX,
        }
    }

    fn code(self) -> u8 {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, code)| *code)
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == code).map(|(kind, _)| *kind)
    }
}

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) content: Vec<u8>,
    /// Where it begins.
    pub(crate) offset: u64,
}

/// Writes frames, and hashes everything it writes.
pub(crate) struct FrameWriter<W> {
    out: W,
    hash: Sha256,
    pub(crate) bytes: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Writes the first bytes.
    pub(crate) fn begin(out: W, version: u8) -> io::Result<Self> {
        let mut writer = Self { out, hash: Sha256::new(), bytes: 0 };
        writer.put(&MAGIC)?;
        writer.put(&[version])?;
        Ok(writer)
    }

    /// Writes a frame, compressed where that makes it smaller.
    pub(crate) fn frame(&mut self, kind: FrameKind, content: &[u8]) -> io::Result<()> {
        if content.len() > kind.content_bytes_max() {
            let (bytes, most) = (content.len(), kind.content_bytes_max());
            let message = format!("a frame of {bytes} bytes, and no reader takes more than {most}");
            return Err(io::Error::other(message));
        }
        let compressed = lz4_flex::block::compress(content);
        let (encoding, stored) =
            if compressed.len() < content.len() { (1, &*compressed) } else { (0, content) };
        let length = |bytes: usize| {
            u32::try_from(bytes).map_err(|_| io::Error::other("a frame of more than 4 GiB"))
        };
        let mut head = [0; HEAD_BYTES];
        head[0] = kind.code();
        head[1] = encoding;
        head[4..8].copy_from_slice(&length(stored.len())?.to_le_bytes());
        head[8..12].copy_from_slice(&length(content.len())?.to_le_bytes());
        let checksum = checksum(&head, stored);
        self.put(&head)?;
        self.put(stored)?;
        self.put(&checksum)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// SHA-256 of everything so far.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

/// Reads frames, and hashes everything it reads.
pub(crate) struct FrameReader<R> {
    input: R,
    hash: Sha256,
    pub(crate) offset: u64,
}

impl<R: Read> FrameReader<R> {
    /// Reads the first bytes.
    pub(crate) fn begin(input: R) -> Result<Self, ArchiveError> {
        let mut reader = Self { input, hash: Sha256::new(), offset: 0 };
        let mut magic = [0; MAGIC.len() + 1];
        reader.take(&mut magic)?;
        let [start @ .., version] = magic;
        if start != MAGIC {
            return Err(ArchiveError::NotAnArchive);
        }
        if !(VERSION_FIRST..=VERSION_FILES).contains(&version) {
            return Err(ArchiveError::Version(version));
        }
        Ok(reader)
    }

    /// SHA-256 of everything so far.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> Result<Frame, ArchiveError> {
        let offset = self.offset;
        let damaged = |reason: &str| ArchiveError::damaged(offset, reason);
        let mut head = [0; HEAD_BYTES];
        self.take(&mut head)?;
        let [code, encoding, 0, 0, lengths @ ..] = head else {
            return Err(damaged("there is no frame here"));
        };
        let kind = FrameKind::from_code(code).ok_or_else(|| damaged("an unknown frame"))?;
        let (stored_bytes, content_bytes) = lengths_of(lengths);
        // LZ4 makes at most 255 bytes of one.
        let possible = stored_bytes.saturating_mul(255).saturating_add(64);
        let bytes_max = kind.content_bytes_max();
        if stored_bytes > bytes_max || content_bytes > bytes_max.min(possible) {
            return Err(damaged("a frame of an impossible length"));
        }
        let stored = self.take_many(stored_bytes)?;
        let mut expected = [0; CHECKSUM_BYTES];
        self.take(&mut expected)?;
        if expected != checksum(&head, &stored) {
            return Err(damaged("a checksum does not agree"));
        }
        let content = match encoding {
            0 => stored,
            1 => lz4_flex::block::decompress(&stored, content_bytes)
                .map_err(|_| damaged("a frame cannot be decompressed"))?,
            _ => return Err(damaged("an unknown compression")),
        };
        if content.len() != content_bytes {
            return Err(damaged("a frame of another length"));
        }
        Ok(Frame { kind, content, offset })
    }

    /// Refuses bytes after the last frame.
    pub(crate) fn end(&mut self) -> Result<(), ArchiveError> {
        match self.input.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(ArchiveError::damaged(self.offset, "bytes after the end")),
        }
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), ArchiveError> {
        self.input.read_exact(bytes).map_err(|error| self.cut(error))?;
        self.hash.update(&*bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// The length is not trusted: memory is taken as bytes come.
    fn take_many(&mut self, length: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::with_capacity(length.min(1 << 20));
        let mut part = self.input.by_ref().take(length as u64);
        part.read_to_end(&mut bytes).map_err(|error| self.cut(error))?;
        if bytes.len() < length {
            return Err(ArchiveError::Cut { bytes: self.offset + bytes.len() as u64 });
        }
        self.hash.update(&bytes);
        self.offset += length as u64;
        Ok(bytes)
    }

    fn cut(&self, error: io::Error) -> ArchiveError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Cut { bytes: self.offset },
            _ => super::age::archive_error(error, self.offset),
        }
    }
}

/// Lengths of what is stored and of the content.
fn lengths_of(bytes: [u8; 8]) -> (usize, usize) {
    let [a, b, c, d, e, f, g, h] = bytes;
    (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize)
}

/// The first bytes of the SHA-256 of a frame.
fn checksum(head: &[u8], stored: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hash = Sha256::new();
    hash.update(head);
    hash.update(stored);
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hash.finalize()[..CHECKSUM_BYTES]);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back() {
        let mut writer = FrameWriter::begin(Vec::new(), VERSION_PLAIN).unwrap();
        let long = "the same again and again; ".repeat(1000);
        for content in ["", "x", &long] {
            writer.frame(FrameKind::Documents, content.as_bytes()).unwrap();
        }
        let (hash, bytes) = (writer.hash(), writer.into_inner());
        assert!(bytes.len() < 500);
        let mut reader = FrameReader::begin(&*bytes).unwrap();
        for content in ["", "x", &long] {
            assert_eq!(reader.frame().unwrap().content, content.as_bytes());
        }
        assert_eq!(reader.hash(), hash);
        reader.end().unwrap();
        assert!(matches!(reader.frame(), Err(ArchiveError::Cut { .. })));
    }

    #[test]
    fn frames_that_would_take_much_memory_are_refused() {
        let kinds = [FrameKind::Header, FrameKind::Collection, FrameKind::Deletions];
        for kind in kinds.into_iter().chain([FrameKind::Layer, FrameKind::Footer]) {
            let (fits, too_long) = (kind.content_bytes_max(), kind.content_bytes_max() + 1);
            let mut writer = FrameWriter::begin(Vec::new(), VERSION_PLAIN).unwrap();
            writer.frame(kind, &vec![b'1'; fits]).unwrap();
            assert!(writer.frame(kind, &vec![b'1'; too_long]).is_err());
            let mut bytes = writer.into_inner();
            assert!(FrameReader::begin(&*bytes).unwrap().frame().is_ok());
            // The length is believed before the checksum: nothing is decompressed to find out.
            bytes[16..20].copy_from_slice(&(too_long as u32).to_le_bytes());
            let refused = FrameReader::begin(&*bytes).unwrap().frame().unwrap_err().to_string();
            assert!(refused.contains("an impossible length"), "{kind:?}: {refused}");
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let mut writer = FrameWriter::begin(Vec::new(), VERSION_PLAIN).unwrap();
        writer.frame(FrameKind::Documents, b"some documents, some documents").unwrap();
        let whole = writer.hash();
        let bytes = writer.into_inner();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let read = FrameReader::begin(&*damaged).and_then(|mut reader| {
                reader.frame()?;
                Ok(reader.hash())
            });
            // A version may become another one: the checksum of the whole tells.
            let is_version = bit / 8 == MAGIC.len();
            assert!(read.is_err() || is_version && read.unwrap() != whole, "bit {bit}");
        }
    }
}
