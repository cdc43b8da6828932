//! One file out of a ZIP archive. Source of the layout: PKWARE, APPNOTE.TXT 6.3.10, section 4.3.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::read::DeflateDecoder;

/// The record at the end, without its comment, and the longest comment.
const END_BYTES: u64 = 22;
const COMMENT_BYTES_MAX: u64 = 65_535;
const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
/// Longest list of files that is read. Ours: some hundred thousand names.
const LIST_BYTES_MAX: usize = 64 << 20;

/// Writes a file of the archive to a path.
pub(super) fn extract(archive: &Path, name: &str, to: &Path) -> io::Result<()> {
    let mut archive = BufReader::new(File::open(archive)?);
    let Entry { method, packed, at } = find(&mut archive, name)?;
    archive.seek(SeekFrom::Start(at))?;
    let mut local = [0; LOCAL_BYTES];
    archive.read_exact(&mut local)?;
    if !local.starts_with(LOCAL) {
        return Err(invalid("an entry is not where the list says"));
    }
    let skipped = i64::from(short(&local, 26)) + i64::from(short(&local, 28));
    archive.seek_relative(skipped)?;
    let content = archive.take(packed);
    let mut to = File::create_new(to)?;
    match method {
        0 => io::copy(&mut { content }, &mut to)?,
        8 => io::copy(&mut DeflateDecoder::new(content), &mut to)?,
        _ => return Err(invalid("an entry is packed in a way that is not known here")),
    };
    Ok(())
}

struct Entry {
    method: u16,
    packed: u64,
    at: u64,
}

fn find(archive: &mut (impl Read + Seek), name: &str) -> io::Result<Entry> {
    let length = archive.seek(SeekFrom::End(0))?;
    let tail = length.min(END_BYTES + COMMENT_BYTES_MAX);
    archive.seek(SeekFrom::Start(length - tail))?;
    let mut end = Vec::new();
    archive.read_to_end(&mut end)?;
    let found = end.windows(END.len()).rposition(|window| window == END);
    let end = found.and_then(|at| end.get(at..at + END_BYTES as usize));
    let end = end.ok_or_else(|| invalid("its end is missing"))?;
    let (bytes, at) = (long(end, 12), long(end, 16));
    if at == u32::MAX || bytes as usize > LIST_BYTES_MAX {
        return Err(invalid("it is larger than can be read here"));
    }
    archive.seek(SeekFrom::Start(at.into()))?;
    let mut list = vec![0; bytes as usize];
    archive.read_exact(&mut list)?;
    let mut rest = list.as_slice();
    while rest.len() >= ENTRY_BYTES && rest.starts_with(ENTRY) {
        let lengths = [28, 30, 32].map(|at| usize::from(short(rest, at)));
        let whole = ENTRY_BYTES + lengths.iter().sum::<usize>();
        let found = rest.get(ENTRY_BYTES..ENTRY_BYTES + lengths[0]);
        if found == Some(name.as_bytes()) {
            let packed = long(rest, 20);
            if packed == u32::MAX {
                return Err(invalid("the entry is larger than can be read here"));
            }
            return Ok(Entry {
                method: short(rest, 10),
                packed: packed.into(),
                at: long(rest, 42).into(),
            });
        }
        rest = rest.get(whole..).unwrap_or_default();
    }
    Err(invalid("there is no such file in it"))
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
