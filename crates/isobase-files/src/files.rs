//! Files in a folder.

use std::{
    io::{self, Read as _},
    ops::Range,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use isobase_store::{ErrorKind, Store, is_upload_name};
use isobase_types::{Timestamp, hex};
use sha2::{Digest, Sha256};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt, AsyncSeekExt},
    sync::OnceCell,
    task::spawn_blocking,
};

use crate::{
    FilesError, Media, MediaTypes, StoredFile, Thumb, Thumbnail, ThumbnailError,
    blocks::Blocks,
    index::Index,
    media::HEAD_BYTES,
    name::{new_name, shortened},
};

/// Where files are that are not there yet.
pub(crate) const PARTIAL: &str = ".partial";
/// Files that lie there for longer were left by a process that was killed.
const PARTIAL_AGE: Duration = Duration::from_secs(24 * 3_600);
/// Bytes of a file that are read at a time.
const READ_BYTES: usize = 256 << 10;
/// Bytes of a file that are sent at a time.
const PIECE_BYTES: u64 = 64 << 10;

/// Where files are kept, and how large they may be.
#[derive(Clone, Debug)]
pub struct FilesOptions {
    /// The folder; made when the first file comes. What is on its way lies there, and what is kept
    /// where there is no bucket.
    pub folder: PathBuf,
    /// Where files are kept instead. Default none.
    #[cfg(feature = "s3")]
    pub bucket: Option<crate::Bucket>,
    /// Largest file, in bytes.
    pub file_bytes_max: u64,
    /// Types of files that are taken. Default all.
    pub types: MediaTypes,
    /// How long an upload in several requests may rest before it is forgotten. Default a day.
    pub unfinished_for: Duration,
    /// How long a file stays that documents have named and none does any more. Default a day.
    pub unused_for: Duration,
    /// Most uploads in several requests that somebody may have begun. Default 200.
    pub unfinished_max: u32,
}

impl FilesOptions {
    /// Files in a folder, at most so large, and the defaults.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, file_bytes_max: u64) -> Self {
        Self {
            folder: folder.into(),
            #[cfg(feature = "s3")]
            bucket: None,
            file_bytes_max,
            types: MediaTypes::default(),
            unfinished_for: Duration::from_secs(24 * 3_600),
            unused_for: Duration::from_secs(24 * 3_600),
            unfinished_max: 200,
        }
    }
}

/// Uploaded files.
#[derive(Debug)]
pub struct Files {
    pub(crate) index: Index,
    pub(crate) store: Store,
    options: FilesOptions,
    ready: OnceCell<()>,
    #[cfg(feature = "thumbnails")]
    thumbnails: crate::thumbnails::Thumbnails,
}

impl Files {
    /// Files in a folder, told of in a database. Touches neither yet.
    #[must_use]
    pub fn new(store: &Store, options: FilesOptions) -> Self {
        let (index, store) = (Index::new(store), store.clone());
        Self {
            index,
            store,
            #[cfg(feature = "thumbnails")]
            thumbnails: crate::thumbnails::Thumbnails::new(&options.folder),
            options,
            ready: OnceCell::new(),
        }
    }

    /// Where they are kept, and how large they may be.
    #[must_use]
    pub fn options(&self) -> &FilesOptions {
        &self.options
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
        Ok(Incoming {
            blocks: Blocks::new(file.into_std().await),
            partial: Partial(path),
            name,
            original: shortened(original).to_owned(),
            size: 0,
            max: self.options.file_bytes_max,
            types: self.options.types.clone(),
            head: Vec::new(),
        })
    }

    /// Keeps a file that has come whole, of the account that `owner` names: on the disk, then in the
    /// database. Only then it is there.
    ///
    /// # Errors
    /// [`FilesError::Disk`] and [`FilesError::Store`]; nothing is kept then, unless the outcome of
    /// the write is unknown.
    pub async fn keep(&self, incoming: Incoming, owner: &str) -> Result<StoredFile, FilesError> {
        let Incoming { blocks, partial, name, original, size, types, head, .. } = incoming;
        check_type(&types, &head)?;
        let hasher = blocks.finish().await?;
        self.shelve(&partial.0, &name).await?;
        let read = Read { size, head, sha256: hex(hasher.finalize().as_slice()) };
        match self.index.add(read.stored(&name), &original, owner).await {
            Ok(file) => Ok(file),
            Err(error) => {
                if error.kind() != ErrorKind::OutcomeUnknown {
                    // No one sees it; that it stays costs room.
                    let _ = self.remove_bytes(&name).await;
                }
                Err(error.into())
            }
        }
    }

    /// Makes a file of bytes that lie whole at a path, under a name that was chosen before; `None` if
    /// they are nowhere. What an earlier call has begun is finished.
    pub(crate) async fn adopt(
        &self,
        path: &Path,
        name: &str,
        original: &str,
        owner: &str,
    ) -> Result<Option<StoredFile>, FilesError> {
        if let Some(file) = self.index.get(name).await? {
            return Ok(Some(file));
        }
        let (from, kept, folder) = (path.to_owned(), self.path(name), self.options.folder.clone());
        let found = blocking(move || {
            if let Some(file) = open(&from)? {
                return Ok(Some((read(file)?, true)));
            }
            // An earlier call has moved them.
            let Some(file) = open(&kept)? else { return Ok(None) };
            sync_folder(&folder)?;
            Ok(Some((read(file)?, false)))
        });
        let Some((read, is_here)) = found.await? else { return Ok(None) };
        check_type(&self.options.types, &read.head)?;
        if is_here {
            self.shelve(path, name).await?;
        }
        let file = self.index.add(read.stored(name), original, owner).await?;
        // A bucket has a copy.
        match fs::remove_file(path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(Some(file)),
        }
    }

    /// Puts bytes of our disk where files are kept.
    async fn shelve(&self, path: &Path, name: &str) -> Result<(), FilesError> {
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.options.bucket {
            return bucket.put(path, name).await;
        }
        fs::rename(path, self.path(name)).await?;
        let folder = self.options.folder.clone();
        Ok(blocking(move || sync_folder(&folder)).await?)
    }

    /// Removes bytes under a name that is no file's.
    pub(crate) async fn discard(&self, name: &str) -> Result<(), FilesError> {
        if self.index.get(name).await?.is_some() {
            return Ok(());
        }
        self.remove_bytes(name).await
    }

    /// The file of this name, if it is there.
    ///
    /// # Errors
    /// [`FilesError::Store`].
    pub async fn get(&self, name: &str) -> Result<Option<StoredFile>, FilesError> {
        if !is_upload_name(name) {
            return Ok(None);
        }
        Ok(self.index.get(name).await?)
    }

    /// So many of its bytes, from a place on; `None` if they are not there.
    ///
    /// # Errors
    /// [`FilesError::Disk`] and [`FilesError::Bucket`].
    pub async fn read(
        &self,
        file: &StoredFile,
        range: Range<u64>,
    ) -> Result<Option<Pieces>, FilesError> {
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.options.bucket {
            return bucket.get(&file.name, range).await;
        }
        match File::open(self.path(&file.name)).await {
            Ok(mut bytes) => {
                bytes.seek(io::SeekFrom::Start(range.start)).await?;
                Ok(Some(pieces(bytes, range.end - range.start).boxed()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A smaller version of a picture; none of a file that is no picture.
    ///
    /// # Errors
    /// When the picture is too large or damaged, too many are being made, or the disk fails.
    #[cfg(feature = "thumbnails")]
    pub async fn thumbnail(
        &self,
        file: &StoredFile,
        thumb: Thumb,
    ) -> Result<Option<Thumbnail>, ThumbnailError> {
        if file.size > crate::thumbnails::PICTURE_BYTES_MAX {
            return Err(ThumbnailError::TooLarge);
        }
        let bytes = async {
            let gone = || FilesError::Disk(io::ErrorKind::NotFound.into());
            let mut pieces = self.read(file, 0..file.size).await?.ok_or_else(gone)?;
            let mut bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or_default());
            while let Some(piece) = pieces.next().await {
                bytes.extend_from_slice(&piece?);
            }
            Ok::<_, FilesError>(bytes)
        };
        self.thumbnails.get(&file.name, &file.media_type, thumb, bytes).await
    }

    /// A smaller version of a picture.
    ///
    /// # Errors
    /// [`ThumbnailError::Unsupported`].
    #[cfg(not(feature = "thumbnails"))]
    pub async fn thumbnail(
        &self,
        _: &StoredFile,
        _: Thumb,
    ) -> Result<Option<Thumbnail>, ThumbnailError> {
        Err(ThumbnailError::Unsupported)
    }

    pub(crate) async fn remove_bytes(&self, name: &str) -> Result<(), FilesError> {
        #[cfg(feature = "thumbnails")]
        self.thumbnails.remove(name).await?;
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.options.bucket {
            return bucket.remove(name).await;
        }
        match fs::remove_file(self.path(name)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Deletes a file; says whether it was there. It is gone for everybody before its bytes are.
    ///
    /// # Errors
    /// [`FilesError::Store`] when it stays, [`FilesError::Disk`] when its bytes do.
    pub async fn remove(&self, name: &str) -> Result<bool, FilesError> {
        if !is_upload_name(name) || !self.index.remove(name).await? {
            return Ok(false);
        }
        self.remove_bytes(name).await?;
        Ok(true)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.options.folder.join(name)
    }
}

/// A file that is coming. Its drop removes what has come.
#[derive(Debug)]
pub struct Incoming {
    blocks: Blocks,
    partial: Partial,
    name: String,
    original: String,
    size: u64,
    max: u64,
    types: MediaTypes,
    /// Its first bytes.
    head: Vec<u8>,
}

/// A file that no one sees. Removed with this, unless it has another name by then.
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
        if wanted > 0 && self.head.len() == HEAD_BYTES {
            check_type(&self.types, &self.head)?;
        }
        Ok(self.blocks.write(bytes).await?)
    }
}

/// Bytes of a file, piece by piece.
pub type Pieces = BoxStream<'static, Result<Bytes, FilesError>>;

/// So many bytes of a file from where it is.
pub(crate) fn pieces(
    file: File,
    length: u64,
) -> impl Stream<Item = Result<Bytes, FilesError>> + Send {
    stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left.min(PIECE_BYTES)).unwrap_or(0)];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than it was");
            return Err(FilesError::Disk(error));
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}

/// The bytes of a file seen so far.
struct Read {
    size: u64,
    sha256: String,
    head: Vec<u8>,
}

impl Read {
    fn stored(self, name: &str) -> StoredFile {
        let media = Media::of(&self.head);
        StoredFile {
            name: name.to_owned(),
            size: self.size,
            media_type: media.media_type.to_owned(),
            shown: media.shown,
            sha256: self.sha256,
            created_at: Timestamp::default(),
            owner: String::new(),
            private: false,
        }
    }
}

/// Whether a file that begins so is taken.
pub(crate) fn check_type(types: &MediaTypes, head: &[u8]) -> Result<(), FilesError> {
    let media_type = Media::of(head).media_type;
    match types.takes(media_type) {
        true => Ok(()),
        false => {
            Err(FilesError::Type { media_type: media_type.to_owned(), expected: types.to_string() })
        }
    }
}

fn open(path: &Path) -> io::Result<Option<std::fs::File>> {
    match std::fs::File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(mut file: std::fs::File) -> io::Result<Read> {
    let (mut size, mut head, mut hasher) = (0, Vec::new(), Sha256::new());
    let mut piece = vec![0; READ_BYTES];
    loop {
        let bytes = match file.read(&mut piece)? {
            0 => break,
            read => &piece[..read],
        };
        let wanted = HEAD_BYTES.saturating_sub(head.len()).min(bytes.len());
        head.extend_from_slice(&bytes[..wanted]);
        hasher.update(bytes);
        size += bytes.len() as u64;
    }
    Ok(Read { size, head, sha256: hex(hasher.finalize().as_slice()) })
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Makes the names in a folder survive a failure of power.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Makes the folder, and removes what killed processes have left.
async fn prepare(folder: PathBuf) -> Result<(), FilesError> {
    let prepared = spawn_blocking(move || {
        let partial = folder.join(PARTIAL);
        // As the database beside it: for no one else on the machine.
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
