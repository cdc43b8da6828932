//! The place of the bytes of files, without a database.

use std::{io, os::unix::fs::DirBuilderExt, path::PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use isobase_store::is_upload_name;
use rand::RngExt;
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
};

use crate::{
    FilesError, FilesOptions, Pieces,
    files::{PARTIAL, blocking, pieces, sync_folder},
};

/// Where the bytes of files are: a folder, or a bucket. For those who move files; what a service
/// does with them, [`Files`](crate::Files) does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
    #[cfg(feature = "s3")]
    bucket: Option<crate::Bucket>,
    /// Which names its files have.
    takes: fn(&str) -> bool,
}

impl Shelf {
    /// A folder.
    #[must_use]
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            #[cfg(feature = "s3")]
            bucket: None,
            takes: is_upload_name,
        }
    }

    /// A bucket.
    #[cfg(feature = "s3")]
    #[must_use]
    pub fn bucket(bucket: crate::Bucket) -> Self {
        Self { folder: PathBuf::new(), bucket: Some(bucket), takes: is_upload_name }
    }

    /// Where a service with these options keeps files.
    #[must_use]
    pub fn of(options: &FilesOptions) -> Self {
        Self {
            folder: options.folder.clone(),
            #[cfg(feature = "s3")]
            bucket: options.bucket.clone(),
            takes: is_upload_name,
        }
    }

    /// The same for files with other names than uploads have. They must lead nowhere but into it.
    #[must_use]
    pub fn taking(self, takes: fn(&str) -> bool) -> Self {
        Self { takes, ..self }
    }

    /// Its name, without secrets: one name for one place.
    #[must_use]
    pub fn name(&self) -> String {
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.bucket {
            return bucket.name();
        }
        let whole = std::fs::canonicalize(&self.folder);
        let whole = whole.or_else(|_| std::path::absolute(&self.folder));
        whole.unwrap_or_else(|_| self.folder.clone()).display().to_string()
    }

    /// The bytes of a file; `None` if it is not there, or has no name of ours.
    ///
    /// # Errors
    /// [`FilesError::Disk`] and [`FilesError::Bucket`].
    pub async fn open(&self, name: &str) -> Result<Option<Pieces>, FilesError> {
        if !(self.takes)(name) {
            return Ok(None);
        }
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.bucket {
            return bucket.get_all(name).await;
        }
        match File::open(self.folder.join(name)).await {
            Ok(file) => {
                let length = file.metadata().await?.len();
                Ok(Some(pieces(file, length).boxed()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a file, in place of one of the same name: on the disk when this returns. Nothing is
    /// kept when the bytes end with an error.
    ///
    /// # Errors
    /// That of the bytes, and those of [`Shelf::open`].
    pub async fn put(
        &self,
        name: &str,
        bytes: BoxStream<'static, io::Result<Bytes>>,
    ) -> Result<(), FilesError> {
        if !(self.takes)(name) {
            let message = format!("{name:?} is no name of a file here");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
        }
        #[cfg(feature = "s3")]
        if let Some(bucket) = &self.bucket {
            return bucket.put_stream(name, bytes).await;
        }
        let folder = self.folder.clone();
        // As the database beside it: for no one else on the machine.
        let made = blocking(move || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder.join(PARTIAL))
        });
        made.await?;
        // Where the service looks for what killed processes have left.
        let end: u64 = rand::rng().random();
        let partial = self.folder.join(PARTIAL).join(format!("{name}.{end:016x}"));
        let written = write(&partial, bytes).await;
        let kept = match written {
            Ok(()) => fs::rename(&partial, self.folder.join(name)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            // A service removes what stays after a day.
            let _ = fs::remove_file(&partial).await;
            return Err(error.into());
        }
        let folder = self.folder.clone();
        Ok(blocking(move || sync_folder(&folder)).await?)
    }
}

async fn write(
    path: &std::path::Path,
    mut bytes: BoxStream<'static, io::Result<Bytes>>,
) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).await?;
    while let Some(piece) = bytes.try_next().await? {
        file.write_all(&piece).await?;
    }
    file.flush().await?;
    file.sync_all().await
}
