//! Files in a folder.

use std::{
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use isobase_store::{ErrorKind, Store, StoreError};
use isobase_types::Timestamp;
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
    sync::OnceCell,
    task::spawn_blocking,
};

use crate::{
    ListedFile, Media, StoredFile,
    index::Index,
    media::HEAD_BYTES,
    name::{is_name, new_name},
};

/// Where files are that are not there yet.
const PARTIAL: &str = ".partial";
/// What lies there for longer was left by a process that was killed.
const PARTIAL_AGE: Duration = Duration::from_secs(24 * 3_600);
/// Longest name of a sender that is noted.
const ORIGINAL_MAX: usize = 255;

/// Where files are kept, and how large they may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesOptions {
    /// The folder; made when the first file comes.
    pub folder: PathBuf,
    /// Largest file, in bytes.
    pub file_bytes_max: u64,
}

/// Uploaded files.
#[derive(Debug)]
pub struct Files {
    index: Index,
    options: FilesOptions,
    ready: OnceCell<()>,
}

/// A file is not kept, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It is larger than allowed.
    #[error("the file has more than the {max} bytes that are allowed")]
    TooLarge {
        /// What is allowed.
        max: u64,
    },
    /// The disk failed.
    #[error("the folder of uploads cannot be used: {0}")]
    Disk(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Files {
    /// Files in a folder, told of in a database. Touches neither yet.
    #[must_use]
    pub fn new(store: &Store, options: FilesOptions) -> Self {
        Self { index: Index::new(store), options, ready: OnceCell::new() }
    }

    /// Begins to take a file; `original` is what its sender calls it.
    ///
    /// # Errors
    /// [`FilesError::Disk`].
    pub async fn receive(&self, original: &str) -> Result<Incoming, FilesError> {
        self.ready.get_or_try_init(|| prepare(self.options.folder.clone())).await?;
        let name = new_name(original);
        let path = self.options.folder.join(PARTIAL).join(&name);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path).await?;
        let end = original.char_indices().map(|(at, _)| at).take_while(|at| *at < ORIGINAL_MAX);
        let end =
            end.last().map_or(0, |at| at + original[at..].chars().next().map_or(0, char::len_utf8));
        Ok(Incoming {
            file: Some(file),
            partial: Partial(path),
            name,
            original: original[..end].to_owned(),
            size: 0,
            max: self.options.file_bytes_max,
            hasher: Sha256::new(),
            head: Vec::new(),
        })
    }

    /// Keeps a file that has come whole, of whoever `owner` names: on the disk, then in the
    /// database. Only then it is there.
    ///
    /// # Errors
    /// [`FilesError::Disk`] and [`FilesError::Store`]; nothing is kept then, unless the outcome of
    /// the write is unknown.
    pub async fn keep(
        &self,
        mut incoming: Incoming,
        owner: &str,
    ) -> Result<StoredFile, FilesError> {
        if let Some(mut file) = incoming.file.take() {
            file.flush().await?;
            file.sync_all().await?;
        }
        let kept = self.path(&incoming.name);
        fs::rename(&incoming.partial.0, &kept).await?;
        let folder = self.options.folder.clone();
        spawn_blocking(move || std::fs::File::open(folder)?.sync_all())
            .await
            .map_err(io::Error::other)??;
        let media = Media::of(&incoming.head);
        let file = StoredFile {
            name: incoming.name.clone(),
            size: incoming.size,
            media_type: media.media_type.to_owned(),
            shown: media.shown,
            sha256: incoming
                .hasher
                .finalize_reset()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            created_at: Timestamp::default(),
        };
        match self.index.add(file, &incoming.original, owner).await {
            Ok(file) => Ok(file),
            Err(error) => {
                if error.kind() != ErrorKind::OutcomeUnknown {
                    // Nobody sees it; that it stays costs room.
                    let _ = fs::remove_file(kept).await;
                }
                Err(error.into())
            }
        }
    }

    /// The file of this name, if it is there.
    ///
    /// # Errors
    /// [`FilesError::Store`].
    pub async fn get(&self, name: &str) -> Result<Option<StoredFile>, FilesError> {
        if !is_name(name) {
            return Ok(None);
        }
        Ok(self.index.get(name).await?)
    }

    /// Its bytes; none when the disk does not have them.
    ///
    /// # Errors
    /// [`FilesError::Disk`].
    pub async fn open(&self, file: &StoredFile) -> Result<Option<File>, FilesError> {
        match File::open(self.path(&file.name)).await {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Files in the order of their names, from a cursor on, and the cursor of the next ones.
    ///
    /// # Errors
    /// [`FilesError::Store`], also when the cursor is none of these files.
    pub async fn list(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ListedFile>, Option<String>), FilesError> {
        Ok(self.index.list(after, limit).await?)
    }

    /// Deletes a file; says whether it was there. It is gone for everybody before its bytes are.
    ///
    /// # Errors
    /// [`FilesError::Store`] when it stays, [`FilesError::Disk`] when its bytes do.
    pub async fn remove(&self, name: &str) -> Result<bool, FilesError> {
        if !is_name(name) || !self.index.remove(name).await? {
            return Ok(false);
        }
        match fs::remove_file(self.path(name)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(true),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.options.folder.join(name)
    }
}

/// A file that is coming. Its drop removes what has come.
#[derive(Debug)]
pub struct Incoming {
    /// None once it is whole.
    file: Option<File>,
    partial: Partial,
    name: String,
    original: String,
    size: u64,
    max: u64,
    hasher: Sha256,
    /// Its first bytes.
    head: Vec<u8>,
}

/// A file that nobody sees. Removed with this, unless it has another name by then.
#[derive(Debug)]
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // It may have moved, which is well.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Incoming {
    /// Takes bytes of it.
    ///
    /// # Errors
    /// [`FilesError::TooLarge`] and [`FilesError::Disk`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.size += bytes.len() as u64;
        if self.size > self.max {
            return Err(FilesError::TooLarge { max: self.max });
        }
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        self.hasher.update(bytes);
        if let Some(file) = &mut self.file {
            file.write_all(bytes).await?;
        }
        Ok(())
    }
}

/// Makes the folder, and removes what killed processes have left.
async fn prepare(folder: PathBuf) -> Result<(), FilesError> {
    let prepared = spawn_blocking(move || {
        let partial = folder.join(PARTIAL);
        // As the database beside it: for nobody else on the machine.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&partial)?;
        for entry in std::fs::read_dir(&partial)? {
            remove_if_old(&entry?.path())?;
        }
        Ok::<(), io::Error>(())
    });
    Ok(prepared.await.map_err(io::Error::other)??)
}

fn remove_if_old(path: &Path) -> io::Result<()> {
    let modified = std::fs::metadata(path)?.modified()?;
    if SystemTime::now().duration_since(modified).is_ok_and(|age| age > PARTIAL_AGE) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
