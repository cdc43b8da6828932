//! Encryption with a passphrase, in the file format of age (version 1).
//!
//! The format is <https://age-encryption.org/v1>, as specified by C2SP in November 2026; the `age`
//! tool opens what is written here, and the other way round. Only its passphrase recipient is
//! here. The primitives are those of `ring`, which TLS brings along, and `scrypt`; the `age`
//! crate would have brought some 150 crates and doubled the time a build of this crate takes.

use std::io::{self, Read, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rand::{TryRng, rngs::SysRng};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf, hmac,
};

use super::ArchiveError;

/// How every such file begins.
pub(crate) const INTRODUCTION: &str = "age-encryption.org/v1";
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";

/// Bytes of a chunk before encryption, and what encryption adds to it.
const CHUNK_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;

const FILE_KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 16;

/// scrypt costs 128 bytes * 8 * 2^this of memory: 128 MiB, as OWASP advises for N = 2^17.
const WORK_FACTOR: u8 = 17;
/// The most that is done to open a file (1 GiB): a file could ask for more than a machine has.
const WORK_FACTOR_MAX: u8 = 20;

/// Longest header that is read: ours has about 150 bytes.
const HEADER_BYTES_MAX: u64 = 4 << 10;

/// Encrypts what is written to it.
pub(crate) struct AgeWriter<W: Write> {
    out: W,
    cipher: Chunks,
    chunk: Vec<u8>,
}

impl<W: Write> AgeWriter<W> {
    pub(crate) fn begin(out: W, passphrase: &str) -> io::Result<Self> {
        Self::with_work_factor(out, passphrase, WORK_FACTOR)
    }

    fn with_work_factor(mut out: W, passphrase: &str, work_factor: u8) -> io::Result<Self> {
        let (mut file_key, mut salt, mut nonce) = ([0; FILE_KEY_BYTES], [0; SALT_BYTES], [0; 16]);
        for bytes in [&mut file_key, &mut salt, &mut nonce] {
            SysRng.try_fill_bytes(bytes).map_err(|_| io::Error::other("no random numbers"))?;
        }
        let mut body = file_key.to_vec();
        let tag = wrapping_key(passphrase, &salt, work_factor)?
            .seal_in_place_separate_tag(zero_nonce(), Aad::empty(), &mut body)
            .map_err(|_| broken())?;
        body.extend_from_slice(tag.as_ref());
        let header = format!(
            "{INTRODUCTION}\n-> scrypt {} {work_factor}\n{}\n---",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(body)
        );
        let mac = hmac::sign(&header_key(&file_key)?, header.as_bytes());
        writeln!(out, "{header} {}", STANDARD_NO_PAD.encode(mac))?;
        out.write_all(&nonce)?;
        let cipher = Chunks::new(&file_key, &nonce)?;
        Ok(Self { out, cipher, chunk: Vec::with_capacity(CHUNK_BYTES + TAG_BYTES) })
    }

    /// Writes the last chunk. Without it the file is cut.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.put(true)?;
        Ok(self.out)
    }

    fn put(&mut self, last: bool) -> io::Result<()> {
        self.cipher.seal(&mut self.chunk, last)?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for AgeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The last chunk is not empty, so a full one waits for what follows it.
        if self.chunk.len() == CHUNK_BYTES && !bytes.is_empty() {
            self.put(false)?;
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Decrypts what is read from it.
pub(crate) struct AgeReader<R> {
    input: R,
    cipher: Chunks,
    chunk: Vec<u8>,
    read: usize,
    /// A byte that was read to see whether a chunk is the last.
    ahead: Option<u8>,
    is_last: bool,
}

impl<R: Read> AgeReader<R> {
    /// Reads the header and finds the key.
    pub(crate) fn begin(mut input: R, passphrase: &str) -> Result<Self, ArchiveError> {
        let header = read_header(&mut input)?;
        let file_key = header.open(passphrase)?;
        let mut nonce = [0; 16];
        input.read_exact(&mut nonce).map_err(|_| ArchiveError::Cut { bytes: 0 })?;
        let cipher = Chunks::new(&file_key, &nonce)?;
        let (chunk, read) = (Vec::new(), 0);
        Ok(Self { input, cipher, chunk, read, ahead: None, is_last: false })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        self.chunk.clear();
        self.read = 0;
        self.chunk.extend(self.ahead.take());
        let wanted = CHUNK_BYTES + TAG_BYTES - self.chunk.len();
        self.input.by_ref().take(wanted as u64).read_to_end(&mut self.chunk)?;
        let mut ahead = [0];
        let is_full = self.chunk.len() == CHUNK_BYTES + TAG_BYTES;
        if is_full && self.input.read(&mut ahead)? == 1 {
            self.ahead = Some(ahead[0]);
        }
        self.is_last = self.ahead.is_none();
        if self.chunk.len() < TAG_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Only a file without content has an empty chunk.
        if self.chunk.len() == TAG_BYTES && self.cipher.number > 0 {
            return Err(broken());
        }
        self.cipher.open(&mut self.chunk, self.is_last)
    }
}

impl<R: Read> Read for AgeReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read == self.chunk.len() {
            if self.is_last {
                return Ok(0);
            }
            self.next_chunk()?;
        }
        let rest = &self.chunk[self.read..];
        let taken = rest.len().min(out.len());
        out[..taken].copy_from_slice(&rest[..taken]);
        self.read += taken;
        Ok(taken)
    }
}

/// A chunk that does not agree with its tag: cut, changed, or moved.
#[derive(Debug, thiserror::Error)]
#[error("an encrypted part was changed or cut")]
struct BrokenChunk;

/// An error of reading, which may be that of a chunk.
pub(crate) fn archive_error(error: io::Error, offset: u64) -> ArchiveError {
    match error.get_ref().is_some_and(|inner| inner.is::<BrokenChunk>()) {
        true => ArchiveError::damaged(offset, BrokenChunk.to_string()),
        false => error.into(),
    }
}

fn broken() -> io::Error {
    io::Error::other(BrokenChunk)
}

/// Chunks under one key; each has its number in its nonce, and the last one says so.
struct Chunks {
    key: LessSafeKey,
    number: u64,
}

impl Chunks {
    fn new(file_key: &[u8], nonce: &[u8]) -> io::Result<Self> {
        let key = key(&derived(file_key, nonce, b"payload")?)?;
        Ok(Self { key, number: 0 })
    }

    fn nonce(&mut self, last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(last);
        self.number += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last);
        self.key.seal_in_place_append_tag(nonce, Aad::empty(), chunk).map_err(|_| broken())
    }

    fn open(&mut self, chunk: &mut Vec<u8>, last: bool) -> io::Result<()> {
        let nonce = self.nonce(last);
        let opened = self.key.open_in_place(nonce, Aad::empty(), chunk).map_err(|_| broken())?;
        let length = opened.len();
        chunk.truncate(length);
        Ok(())
    }
}

/// The header of a file for a passphrase.
struct Header {
    salt: Vec<u8>,
    work_factor: u8,
    body: Vec<u8>,
    /// What the code in it covers.
    covered: String,
    mac: Vec<u8>,
}

impl Header {
    fn open(&self, passphrase: &str) -> Result<Vec<u8>, ArchiveError> {
        let key = wrapping_key(passphrase, &self.salt, self.work_factor)?;
        let mut body = self.body.clone();
        let file_key = key
            .open_in_place(zero_nonce(), Aad::empty(), &mut body)
            .map_err(|_| ArchiveError::WrongPassphrase)?
            .to_vec();
        hmac::verify(&header_key(&file_key)?, self.covered.as_bytes(), &self.mac)
            .map_err(|_| ArchiveError::damaged(0, "the header of the encryption was changed"))?;
        Ok(file_key)
    }
}

fn read_header(input: &mut impl Read) -> Result<Header, ArchiveError> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    while lines.last().is_none_or(|line: &String| !line.starts_with("---")) {
        let line = read_line(input, &mut bytes)?;
        lines.push(line);
    }
    let strange = |reason: &str| ArchiveError::Encryption(reason.to_owned());
    let [introduction, recipient, body @ .., end] = &*lines else {
        return Err(strange("a short header"));
    };
    if introduction != INTRODUCTION {
        return Err(strange("another version of age"));
    }
    let words: Vec<_> = recipient.split(' ').collect();
    let ["->", "scrypt", salt, work_factor] = *words else {
        return Err(strange("it is for a key, not for a passphrase"));
    };
    if body.iter().any(|line| line.starts_with("->")) {
        return Err(strange("it has several recipients"));
    }
    let decode =
        |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| strange("its header is not base64"));
    let is_number = work_factor.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || work_factor.starts_with('0') {
        return Err(strange("its header has no work factor"));
    }
    let work_factor = work_factor.parse().map_err(|_| strange("its header has no work factor"))?;
    if work_factor > WORK_FACTOR_MAX {
        return Err(strange("it asks for too much work to be opened"));
    }
    let mac = end.strip_prefix("--- ").ok_or_else(|| strange("its header has no end"))?;
    let salt = decode(salt)?;
    if salt.len() != SALT_BYTES {
        return Err(strange("its salt has another length"));
    }
    // The specification wants this length: one of another could be made to open with several
    // passphrases, which would tell which of them somebody uses.
    let [body] = body else { return Err(strange("its key has another length")) };
    let body = decode(body)?;
    if body.len() != FILE_KEY_BYTES + TAG_BYTES {
        return Err(strange("its key has another length"));
    }
    let covered = lines[..lines.len() - 1].join("\n");
    Ok(Header { salt, work_factor, body, covered: format!("{covered}\n---"), mac: decode(mac)? })
}

fn read_line(input: &mut impl Read, bytes: &mut u64) -> Result<String, ArchiveError> {
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        input.read_exact(&mut byte).map_err(|_| ArchiveError::Cut { bytes: *bytes })?;
        *bytes += 1;
        if *bytes > HEADER_BYTES_MAX {
            return Err(ArchiveError::Encryption("a header without an end".to_owned()));
        }
        match byte[0] {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    String::from_utf8(line).map_err(|_| ArchiveError::damaged(0, "a header that is no text"))
}

fn wrapping_key(passphrase: &str, salt: &[u8], work_factor: u8) -> io::Result<LessSafeKey> {
    let params = scrypt::Params::new(work_factor, 8, 1).map_err(io::Error::other)?;
    let mut derived = [0; 32];
    let salt = [LABEL, salt].concat();
    scrypt::scrypt(passphrase.as_bytes(), &salt, &params, &mut derived)
        .map_err(io::Error::other)?;
    key(&derived)
}

fn header_key(file_key: &[u8]) -> io::Result<hmac::Key> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &derived(file_key, &[], b"header")?))
}

fn derived(file_key: &[u8], salt: &[u8], label: &[u8]) -> io::Result<[u8; 32]> {
    let mut derived = [0; 32];
    let labels = [label];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(file_key)
        .expand(&labels, hkdf::HKDF_SHA256)
        .and_then(|key| key.fill(&mut derived))
        .map_err(|_| io::Error::other("a key cannot be derived"))?;
    Ok(derived)
}

fn key(bytes: &[u8; 32]) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&CHACHA20_POLY1305, bytes);
    key.map(LessSafeKey::new).map_err(|_| io::Error::other("a key of another length"))
}

/// The key is used once, so its nonce may be zero.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypt(content: &[u8]) -> Vec<u8> {
        let mut writer = AgeWriter::with_work_factor(Vec::new(), "correct horse", 4).unwrap();
        for part in content.chunks(10_000) {
            writer.write_all(part).unwrap();
        }
        writer.finish().unwrap()
    }

    fn decrypt(file: &[u8], passphrase: &str) -> Result<Vec<u8>, ArchiveError> {
        let mut content = Vec::new();
        let mut reader = AgeReader::begin(file, passphrase)?;
        reader.read_to_end(&mut content).map_err(|error| archive_error(error, 0))?;
        Ok(content)
    }

    #[test]
    fn what_is_encrypted_comes_back() {
        for bytes in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let content: Vec<u8> = (0..bytes).map(|n| n as u8).collect();
            let file = encrypt(&content);
            assert_eq!(decrypt(&file, "correct horse").unwrap(), content);
            assert!(matches!(decrypt(&file, "wrong"), Err(ArchiveError::WrongPassphrase)));
        }
    }

    #[test]
    fn what_the_format_forbids_is_refused() {
        let file = encrypt(b"content");
        let end = file.windows(5).position(|window| window == b"\n--- ").unwrap();
        let header = std::str::from_utf8(&file[..end]).unwrap();
        let words: Vec<_> = header.split([' ', '\n']).collect();
        let [_, _, _, salt, "4", body] = *words else { panic!("{words:?}") };
        let short = |text: &str| {
            let bytes = STANDARD_NO_PAD.decode(text).unwrap();
            STANDARD_NO_PAD.encode(&bytes[..bytes.len() - 1])
        };
        let two_lines = format!("{}\n{}", &body[..40], &body[40..]);
        for (from, to) in [
            (" 4\n", " 04\n".to_owned()),
            (" 4\n", " +4\n".to_owned()),
            (" 4\n", " \n".to_owned()),
            (salt, short(salt)),
            (body, short(body)),
            (body, two_lines),
        ] {
            let changed = header.replace(from, &to);
            assert_ne!(changed, header);
            let changed = [changed.as_bytes(), &file[end..]].concat();
            let refused = decrypt(&changed, "correct horse");
            assert!(matches!(refused, Err(ArchiveError::Encryption(_))), "{to}: {refused:?}");
        }

        let mut writer = AgeWriter::with_work_factor(Vec::new(), "correct horse", 4).unwrap();
        writer.write_all(&vec![7; CHUNK_BYTES]).unwrap();
        writer.put(false).unwrap();
        let file = writer.finish().unwrap();
        let refused = decrypt(&file, "correct horse");
        assert!(matches!(refused, Err(ArchiveError::Damaged { .. })), "{refused:?}");
    }

    /// Written by the `age` crate 0.11.5 with the work factor 10.
    const BY_AGE: &str = "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCA4dFQ0ajgxdFlHOWFXZ053Z\
        XBaZTBRIDEwCndBbm0wUnhpMEIwcTRJek5XNUJhTmN0U1RzOWdCbDU4RUYrSk9mSm00aVEKLS0tIFl0N0xlMjJsc2\
        hXUDVvdTdRT3RKRFVYUWM3amdWdUVqRVNGNms4ZDBCV2sKrJGAylTnsEYKWIR4hy+sgIuRllckG+wi0XTEQ9qbpiW\
        NMxUHR9WyU3bE1mzDEQ";

    #[test]
    fn what_age_wrote_is_read() {
        let file = STANDARD_NO_PAD.decode(BY_AGE).unwrap();
        assert_eq!(decrypt(&file, "fixture passphrase").unwrap(), b"written by age");
    }

    #[test]
    fn a_cut_or_change_anywhere_is_found() {
        let file = encrypt(&vec![7; 2 * CHUNK_BYTES]);
        for cut in [0, 10, 100, 170, 300, CHUNK_BYTES, file.len() - TAG_BYTES, file.len() - 1] {
            assert!(decrypt(&file[..cut], "correct horse").is_err(), "cut at {cut}");
        }
        for at in (0..file.len()).step_by(997).chain(0..200) {
            let mut changed = file.clone();
            changed[at] ^= 0x20;
            assert!(decrypt(&changed, "correct horse").is_err(), "changed at {at}");
        }
    }
}
