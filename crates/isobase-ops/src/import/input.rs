//! The bytes of a file, as text: unpacked, in UTF-8, and from the beginning as often as needed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read, Seek},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

use super::{record::ReadError, zstd::Zstd};

const BUFFER_BYTES: usize = 256 << 10;

/// What files of other kinds begin with, what they are, and the way out.
const OTHER_KINDS: [(&[u8], &str); 6] = [
    (
        b"PAR1",
        "a Parquet file; write it as lines of JSON first, as in duckdb -c \"COPY (FROM 'x.parquet') \
         TO 'x.ndjson'\"",
    ),
    (b"\xfd7zXZ\0", "compressed with xz; unpack it first: xz -dc FILE | isobase import -"),
    (b"BZh", "compressed with bzip2; unpack it first: bzip2 -dc FILE | isobase import -"),
    (b"PK\x03\x04", "a ZIP archive, as spreadsheets are too; unpack it, or save it as CSV, first"),
    (b"SQLite format 3\0", "a SQLite database; leave --collection out to import all of it"),
    (b"age-encryption.org/", "encrypted; isobase restore reads archives of isobase dump"),
];

/// The longest of them, and what UTF-16 is known by.
const START_BYTES: usize = 32;

/// A file that is read.
pub struct Input {
    from: From,
    /// Its size, where it has one.
    length: Option<u64>,
    /// How much of it was read, for the progress.
    bytes: Arc<AtomicU64>,
}

enum From {
    File(File),
    /// Read once; none afterwards.
    Stream(Option<Box<dyn Read + Send>>),
}

/// Text, as it is read.
pub type Text = Box<dyn BufRead + Send>;

impl Input {
    /// A file, or standard input for `-`.
    ///
    /// # Errors
    /// The file cannot be read; [`io::ErrorKind::IsADirectory`] for a folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::stream(Box::new(io::stdin())));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Ok(Self::stream(Box::new(file)));
        }
        let (from, length) = (From::File(file), Some(metadata.len()));
        Ok(Self { from, length, bytes: Arc::default() })
    }

    /// Its size in bytes, where it has one.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// How many of its bytes were read so far: goes on while others read.
    #[must_use]
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes)
    }

    /// An input that can be read once.
    pub fn stream(stream: Box<dyn Read + Send>) -> Self {
        Self { from: From::Stream(Some(stream)), length: None, bytes: Arc::default() }
    }

    /// Begins to read; a file also once more.
    ///
    /// # Errors
    /// It cannot be read, is of another kind than text, or was a stream that has been read.
    pub fn begin(&mut self) -> Result<Text, ReadError> {
        self.bytes.store(0, Ordering::Relaxed);
        let raw: Box<dyn Read + Send> = match &mut self.from {
            From::File(file) => {
                file.rewind()?;
                Box::new(file.try_clone()?)
            }
            From::Stream(stream) => stream.take().ok_or(io::ErrorKind::UnexpectedEof)?,
        };
        let counted = Counted { input: raw, bytes: self.bytes.clone() };
        as_text(Box::new(BufReader::with_capacity(BUFFER_BYTES, counted)), true)
    }

    /// From here on it is this file.
    pub(crate) fn replace(&mut self, file: File) {
        self.from = From::File(file);
    }
}

/// Unpacks and decodes what is packed or encoded, as far as its first bytes tell.
fn as_text(mut input: Text, may_be_packed: bool) -> Result<Text, ReadError> {
    let start = read_start(&mut input)?;
    let input: Text = Box::new(Cursor::new(start.clone()).chain(input));
    if let Some((_, what)) = OTHER_KINDS.iter().find(|(first, _)| start.starts_with(first)) {
        return Err(ReadError::Other(format!("the file is {what}")));
    }
    match start.as_slice() {
        [0x1f, 0x8b, ..] if may_be_packed => as_text(
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(input))),
            false,
        ),
        [0x28, 0xb5, 0x2f, 0xfd, ..] if may_be_packed => {
            as_text(Box::new(BufReader::with_capacity(BUFFER_BYTES, Zstd::new(input))), false)
        }
        [0xff, 0xfe, ..] => Ok(utf16(input, false)),
        [0xfe, 0xff, ..] => Ok(utf16(input, true)),
        // Without a mark: the files that are imported begin with two ASCII characters.
        [1..=255, 0, 1..=255, 0, ..] => Ok(utf16(input, false)),
        [0, 1..=255, 0, 1..=255, ..] => Ok(utf16(input, true)),
        _ => Ok(input),
    }
}

fn read_start(input: &mut Text) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(START_BYTES);
    input.by_ref().take(START_BYTES as u64).read_to_end(&mut start)?;
    Ok(start)
}

fn utf16(input: Text, is_big: bool) -> Text {
    let text = Utf16 { input, is_big, bytes: Vec::new(), high: None, text: Cursor::default() };
    Box::new(BufReader::with_capacity(BUFFER_BYTES, text))
}

/// Reads UTF-16 as UTF-8.
struct Utf16 {
    input: Text,
    is_big: bool,
    /// Half a unit of what was read.
    bytes: Vec<u8>,
    /// The first half of a character that needs two units.
    high: Option<u16>,
    text: Cursor<Vec<u8>>,
}

impl Utf16 {
    /// Reads on; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let read = self.input.fill_buf()?;
        let length = read.len();
        if length == 0 {
            return match self.bytes.is_empty() && self.high.is_none() {
                true => Ok(false),
                false => Err(invalid("it ends in the middle of a character of UTF-16")),
            };
        }
        self.bytes.extend_from_slice(read);
        self.input.consume(length);
        let pairs = self.bytes.chunks_exact(2).map(|pair| match self.is_big {
            true => u16::from_be_bytes([pair[0], pair[1]]),
            false => u16::from_le_bytes([pair[0], pair[1]]),
        });
        let mut units: Vec<u16> = self.high.take().into_iter().chain(pairs).collect();
        self.bytes.drain(..self.bytes.len() & !1);
        self.high = units.pop_if(|unit| (0xd800..0xdc00).contains(unit));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        let text = text.map_err(|_| invalid("it is not UTF-16"))?;
        self.text = Cursor::new(text.into_bytes());
        Ok(true)
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.text.read(buffer)?;
            if read > 0 || buffer.is_empty() || !self.advance()? {
                return Ok(read);
            }
        }
    }
}

/// Counts the bytes that were read.
struct Counted<R> {
    input: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    /// A reader that gives one byte at a time, as a slow pipe does.
    struct Slow(Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.0.read(&mut buffer[..one])
        }
    }

    fn read(bytes: &[u8]) -> Result<String, String> {
        let slow = BufReader::with_capacity(3, Slow(Cursor::new(bytes.to_vec())));
        let mut text = String::new();
        let input = as_text(Box::new(slow), true).map_err(|error| error.to_string())?;
        { input }.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn utf16(text: &str, is_big: bool) -> Vec<u8> {
        let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_is_read_however_it_is_encoded_and_packed() {
        let text = "id;name\n1;Zürich 😀\n";
        let marked = format!("\u{feff}{text}");
        for is_big in [false, true] {
            assert_eq!(read(&utf16(text, is_big)).unwrap(), text);
            assert_eq!(read(&utf16(&marked, is_big)).unwrap(), marked);
        }
        let packed = |bytes: &[u8]| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(bytes).unwrap();
            packed.finish().unwrap()
        };
        // Several packed files one after another are one file.
        let twice = [packed(text.as_bytes()), packed(b"2;x\n")].concat();
        assert_eq!(read(&twice).unwrap(), format!("{text}2;x\n"));
        assert_eq!(read(&packed(&utf16(&marked, false))).unwrap(), marked);
        for plain in ["", "a", "{}\n", text] {
            assert_eq!(read(plain.as_bytes()).unwrap(), plain);
        }
        let level = CompressionLevel::Fastest;
        let zstd = |bytes: &[u8]| compress_to_vec(bytes, level);
        // A frame that means nothing here may stand anywhere.
        let skipped = b"\x50\x2a\x4d\x18\x02\0\0\0xy";
        let twice = [&zstd(text.as_bytes())[..], skipped, &zstd(b"2;x\n")].concat();
        assert_eq!(read(&twice).unwrap(), format!("{text}2;x\n"));
        assert_eq!(read(&zstd(&utf16(&marked, false))).unwrap(), marked);
        for cut in [packed(text.as_bytes()), zstd(text.as_bytes())] {
            assert!(read(&cut[..cut.len() - 9]).is_err());
        }
        assert!(read(&utf16(&marked, false)[..5]).is_err());
    }

    #[test]
    fn other_files_are_named() {
        for (bytes, what) in [
            (&b"PAR1\x15\x04"[..], "Parquet"),
            (b"PK\x03\x04\x14", "ZIP"),
            (b"SQLite format 3\0\x10", "SQLite"),
        ] {
            assert!(read(bytes).unwrap_err().contains(what), "{what}");
        }
    }
}
