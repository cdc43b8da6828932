//! Where an archive is read from.

use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use super::{
    ArchiveError,
    age::{AgeReader, INTRODUCTION},
};

const BUFFER_BYTES: usize = 256 << 10;

/// A passphrase. Never shown.
#[derive(Clone)]
pub struct Passphrase(String);

impl Passphrase {
    /// A passphrase of at least one character.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// An archive that can be read more than once.
#[derive(Debug)]
pub struct ArchiveInput {
    /// How it is named in messages.
    pub name: String,
    file: File,
    passphrase: Option<Passphrase>,
}

impl ArchiveInput {
    /// An archive in a file.
    #[must_use]
    pub fn from_file(name: impl Into<String>, file: File, passphrase: Option<Passphrase>) -> Self {
        Self { name: name.into(), file, passphrase }
    }

    /// An archive from a stream: it is kept in a temporary file without a name, so that all of it
    /// is known to be whole before anything is done with it.
    ///
    /// # Errors
    /// When the stream breaks or the folder for temporary files is full.
    pub fn from_stream(
        name: impl Into<String>,
        mut stream: impl Read,
        passphrase: Option<Passphrase>,
    ) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut stream, &mut file)?;
        Ok(Self::from_file(name, file, passphrase))
    }

    /// Its bytes, decrypted, from the beginning.
    pub(crate) fn reader(&mut self) -> Result<Box<dyn Read + Send + '_>, ArchiveError> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut first = [0; INTRODUCTION.len()];
        let is_encrypted = match self.file.read_exact(&mut first) {
            Ok(()) => first == INTRODUCTION.as_bytes(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error.into()),
        };
        self.file.seek(SeekFrom::Start(0))?;
        let buffered = BufReader::with_capacity(BUFFER_BYTES, &self.file);
        if !is_encrypted {
            return Ok(Box::new(buffered));
        }
        let passphrase = self.passphrase.as_ref().ok_or(ArchiveError::PassphraseNeeded)?;
        Ok(Box::new(AgeReader::begin(buffered, passphrase.as_str())?))
    }
}
