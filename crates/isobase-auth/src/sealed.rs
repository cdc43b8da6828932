//! Secrets that must be readable: sealed with a key that the operator holds.
//!
//! A database, its copies and its archives hold them as ChaCha20-Poly1305 leaves them. Anyone who has
//! only those reads nothing, and a value that is moved to another document or field does not open.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use isobase_types::{CollectionName, DocumentId, hex};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Prk, Salt},
};
use sha2::{Digest, Sha256};

use crate::{NoRandomness, secret::random};

/// The file of the secret in the data folder.
pub const SECRET_FILE: &str = "secret";
/// Random bytes of a secret that we make.
const SECRET_BYTES: usize = 32;
/// Fewest bytes of a secret that somebody else has made: what is guessed is no secret.
const SECRET_BYTES_MIN: usize = 16;
/// The prefix of a sealed text: its version.
const VERSION: &str = "s1";
/// Bytes of the hash by which a secret is told from another.
const MARK_BYTES: usize = 4;

/// Where the operator keeps the secret.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// This text: of the variable `ISOBASE_SECRET`.
    Text(Arc<str>),
    /// The first line of this file, which is made when something is sealed and it is missing.
    File(PathBuf),
}

/// Seals and opens secrets. Cheap to clone; nothing is read or made until it is needed.
#[derive(Clone)]
pub struct Sealer(Arc<Inner>);

struct Inner {
    source: SecretSource,
    /// Made of the secret when it was first needed.
    keys: OnceLock<Keys>,
}

struct Keys {
    key: LessSafeKey,
    mark: [u8; MARK_BYTES],
    /// The parts of other keys.
    source: Prk,
}

/// Where a sealed secret belongs: it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct SealedPlace<'a> {
    /// The collection of its document.
    pub collection: &'a CollectionName,
    /// The id of its document.
    pub id: &'a DocumentId,
    /// Its field.
    pub field: &'a str,
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no secret, and there is something to be opened with it.
    #[error(
        "there is no secret to open {0} with: the file {path} is missing; put the secret of the \
         service that sealed it there, or into ISOBASE_SECRET", path = .1.display()
    )]
    Missing(String, PathBuf),
    /// It was sealed with another secret.
    #[error(
        "{place} was sealed with another secret: set ISOBASE_SECRET, or the file secret in the data \
         folder, to that of the service that sealed it (it has the mark {sealed}, this one {own})"
    )]
    OtherSecret {
        /// The file to be opened.
        place: String,
        /// The mark of the secret it was sealed with.
        sealed: String,
        /// The mark of the secret of this service.
        own: String,
    },
    /// It is damaged, or was moved from another place.
    #[error("{0} does not open: it was changed, or moved here from another document")]
    Damaged(String),
    /// The secret is too short to be one.
    #[error(
        "the secret has {0} bytes; it must have at least {SECRET_BYTES_MIN}, as openssl rand -hex \
         32 prints them"
    )]
    TooShort(usize),
    /// The file cannot be used.
    #[error("the file of the secret {path} cannot be used: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Sealer {
    /// Seals with the secret of this source.
    #[must_use]
    pub fn new(source: SecretSource) -> Self {
        Self(Arc::new(Inner { source, keys: OnceLock::new() }))
    }

    /// Whether the secret of the operator can be used, if there is one.
    ///
    /// # Errors
    /// [`SealError::TooShort`] or [`SealError::File`].
    pub fn check(&self) -> Result<(), SealError> {
        match self.keys() {
            Ok(_) | Err(Unusable::Missing(_)) => Ok(()),
            Err(Unusable::Otherwise(error)) => Err(error),
        }
    }

    /// Whether something can be sealed: the secret can be used, or could be made. Makes nothing.
    ///
    /// # Errors
    /// [`SealError::TooShort`] or [`SealError::File`].
    pub fn can_seal(&self) -> Result<(), SealError> {
        match self.keys() {
            Ok(_) => Ok(()),
            Err(Unusable::Otherwise(error)) => Err(error),
            Err(Unusable::Missing(path)) => {
                let folders = path.ancestors().skip(1);
                let mut there = folders.map(|folder| match folder == Path::new("") {
                    true => Path::new("."),
                    false => folder,
                });
                let folder = there.find(|folder| folder.exists()).unwrap_or(Path::new("."));
                let writable = tempfile::tempfile_in(folder).map(drop);
                writable.map_err(|source| SealError::File { path: path.to_owned(), source })
            }
        }
    }

    /// Seals a secret for its place: a text that a document can hold. Makes the secret of the
    /// operator if there is none yet, which touches the disk.
    ///
    /// # Errors
    /// [`SealError::TooShort`], [`SealError::File`] or [`SealError::Random`].
    pub fn seal(&self, place: SealedPlace<'_>, secret: &[u8]) -> Result<String, SealError> {
        let keys = self.keys_or_made(|| place.to_string())?;
        let nonce = random::<NONCE_LEN>()?;
        let mut text = secret.to_vec();
        let associated = Aad::from(place.bytes());
        keys.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), associated, &mut text)
            .map_err(|_| SealError::Damaged(place.to_string()))?;
        let bytes = [&nonce[..], &text].concat();
        Ok(format!("{VERSION}.{}.{}", hex(&keys.mark), URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`SealError`]; those about the secret name the way out.
    pub fn open(&self, place: SealedPlace<'_>, sealed: &str) -> Result<Vec<u8>, SealError> {
        let keys = self.keys().map_err(|unusable| unusable.told(place.to_string()))?;
        let damaged = || SealError::Damaged(place.to_string());
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(mark), Some(text)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(damaged());
        };
        let own = hex(&keys.mark);
        if mark != own {
            let (place, sealed) = (place.to_string(), mark.to_owned());
            return Err(SealError::OtherSecret { place, sealed, own });
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        let (nonce, text) = bytes.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(damaged)?;
        let associated = Aad::from(place.bytes());
        let opened = keys.key.open_in_place(Nonce::assume_unique_for_key(*nonce), associated, text);
        opened.map(|opened| opened.to_vec()).map_err(|_| damaged())
    }

    /// A key for something else than sealing, of its own for each purpose. Makes the secret of the
    /// operator if there is none yet, which touches the disk.
    ///
    /// # Errors
    /// As [`Sealer::seal`].
    pub fn key_for(&self, purpose: &str) -> Result<[u8; 32], SealError> {
        let keys = self.keys_or_made(|| purpose.to_owned())?;
        let mut key = [0; 32];
        let info = [&b"key for "[..], purpose.as_bytes()];
        let expanded = keys.source.expand(&info, HKDF_SHA256);
        expanded.and_then(|bytes| bytes.fill(&mut key)).expect("32 bytes are within HKDF's bound");
        Ok(key)
    }

    fn keys_or_made(&self, what: impl Fn() -> String) -> Result<&Keys, SealError> {
        match self.keys() {
            Ok(keys) => Ok(keys),
            Err(Unusable::Missing(path)) => {
                make(path)?;
                self.keys().map_err(|unusable| unusable.told(what()))
            }
            Err(unusable) => Err(unusable.told(what())),
        }
    }

    fn keys(&self) -> Result<&Keys, Unusable<'_>> {
        if let Some(keys) = self.0.keys.get() {
            return Ok(keys);
        }
        let keys = match &self.0.source {
            SecretSource::Text(text) => Keys::of(text)?,
            SecretSource::File(path) => Keys::of(&read(path)?)?,
        };
        Ok(self.0.keys.get_or_init(|| keys))
    }
}

/// Hides the secret.
impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Keys {
    fn of<'a>(text: &str) -> Result<Self, Unusable<'a>> {
        let text = text.lines().next().unwrap_or_default().trim();
        if text.len() < SECRET_BYTES_MIN {
            return Err(Unusable::Otherwise(SealError::TooShort(text.len())));
        }
        let pseudorandom =
            Salt::new(HKDF_SHA256, b"isobase sealed secrets").extract(text.as_bytes());
        let mut key = [0; 32];
        let expanded = pseudorandom.expand(&[b"chacha20-poly1305"], HKDF_SHA256);
        expanded.and_then(|bytes| bytes.fill(&mut key)).expect("32 bytes are within HKDF's bound");
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("the key has the right length");
        let hash = Sha256::digest([b"isobase mark of ", text.as_bytes()].concat());
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&hash[..MARK_BYTES]);
        Ok(Self { key: LessSafeKey::new(key), mark, source: pseudorandom })
    }
}

/// Why there are no keys.
enum Unusable<'a> {
    Missing(&'a Path),
    Otherwise(SealError),
}

impl Unusable<'_> {
    fn told(self, what: String) -> SealError {
        match self {
            Self::Missing(path) => SealError::Missing(what, path.to_owned()),
            Self::Otherwise(error) => error,
        }
    }
}

fn read(path: &Path) -> Result<String, Unusable<'_>> {
    fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Unusable::Missing(path),
        _ => Unusable::Otherwise(SealError::File { path: path.to_owned(), source }),
    })
}

/// Makes the file with a secret of its own. It has its name only when it is whole; anyone who was
/// faster has made the one that counts.
fn make(path: &Path) -> Result<(), SealError> {
    let secret = random::<SECRET_BYTES>()?;
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        // Its mode is 600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", hex(&secret))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.error),
        }
    };
    write().map_err(|source| SealError::File { path: path.to_owned(), source })
}

impl SealedPlace<'_> {
    /// The place as associated data: with lengths, so that no two places are the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut id = Vec::new();
        self.id.write_json(&mut id);
        let mut bytes = Vec::new();
        for part in [self.collection.as_str().as_bytes(), &id, self.field.as_bytes()] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

impl fmt::Display for SealedPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in {}", self.field, self.id, self.collection.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: &str) -> Sealer {
        Sealer::new(SecretSource::Text(secret.into()))
    }

    fn opened_at(
        sealer: &Sealer,
        (collection, id, field): (&str, &str, &str),
        sealed: &str,
    ) -> Result<Vec<u8>, SealError> {
        let collection = CollectionName::new(collection).unwrap();
        let id = DocumentId::parse(id).unwrap();
        sealer.open(SealedPlace { collection: &collection, id: &id, field }, sealed)
    }

    fn seal(sealer: &Sealer) -> String {
        let collection = CollectionName::new("isobase_accounts").unwrap();
        let place =
            SealedPlace { collection: &collection, id: &DocumentId::from(7), field: "totp" };
        sealer.seal(place, b"seed").unwrap()
    }

    const HERE: (&str, &str, &str) = ("isobase_accounts", "7", "totp");
    const SECRET: &str = "0123456789abcdef";

    #[test]
    fn a_secret_opens_where_it_was_sealed_and_nowhere_else() {
        let sealer = sealer(SECRET);
        let sealed = seal(&sealer);
        assert!(!sealed.contains("seed"));
        assert_ne!(seal(&sealer), sealed, "two of the same secret do not look alike");
        assert_eq!(opened_at(&sealer, HERE, &sealed).unwrap(), b"seed");
        for place in [
            ("isobase_accounts", "8", "totp"),
            ("isobase_accounts", "7", "other"),
            ("isobase_licences", "7", "totp"),
        ] {
            let error = opened_at(&sealer, place, &sealed).unwrap_err();
            assert!(matches!(error, SealError::Damaged(_)), "{error}");
        }
        for wrong in ["", "s1", "s2.0.0", &sealed[..sealed.len() - 2], &format!("{sealed}AAAA")] {
            assert!(opened_at(&sealer, HERE, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn another_secret_is_told_with_the_way_out() {
        let sealed = seal(&sealer(SECRET));
        let error = opened_at(&sealer("fedcba9876543210"), HERE, &sealed).unwrap_err().to_string();
        assert!(error.contains("totp of 7 in isobase_accounts"), "{error}");
        assert!(error.contains("ISOBASE_SECRET"), "{error}");
        assert!(sealer("short").check().is_err() && sealer(SECRET).check().is_ok());
        let error = opened_at(&sealer("short"), HERE, &sealed).unwrap_err().to_string();
        assert!(error.contains("at least 16"), "{error}");
    }

    #[test]
    fn what_cannot_be_made_is_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "no folder").unwrap();
        let beside = |path: PathBuf| Sealer::new(SecretSource::File(path)).can_seal();
        let below = folder.path().join("data");
        assert!(beside(below.join(SECRET_FILE)).is_ok() && !below.exists());
        assert!(beside(file.join(SECRET_FILE)).is_err());
    }

    #[test]
    fn the_file_is_made_when_something_is_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join(SECRET_FILE);
        let of_file = || Sealer::new(SecretSource::File(path.clone()));
        let first = of_file();
        assert!(first.check().is_ok() && !path.exists());
        let error = opened_at(&first, HERE, "s1.00000000.AA").unwrap_err().to_string();
        assert!(error.contains("is missing") && !path.exists(), "opening makes nothing: {error}");
        let sealed = seal(&first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(opened_at(&of_file(), HERE, &sealed).unwrap(), b"seed");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), SECRET_BYTES * 2);
        assert_eq!(opened_at(&sealer(&text), HERE, &sealed).unwrap(), b"seed");
        assert!(!format!("{first:?}").contains(text.trim()));
    }
}
