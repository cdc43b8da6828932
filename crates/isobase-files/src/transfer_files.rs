//! The files of transfers that have not ended.

use std::{
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
};

use ring::digest::Context;
use tokio::{
    fs::{self, File},
    io::AsyncWriteExt,
    task::spawn,
};

use crate::{
    Checksum,
    files::{blocking, sync_folder},
    progress::ResumableError,
};

/// Bytes that count once their sum is right. Its drop removes them.
pub(crate) struct Apart {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    pub(crate) checksum: Checksum,
    context: Context,
}

impl Apart {
    pub(crate) async fn begin(checksum: Checksum, upload: PathBuf) -> io::Result<Self> {
        let path = upload.with_extension("apart");
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).await?;
        Ok(Self { file, path, context: checksum.context(), checksum })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.context.update(bytes);
        self.file.write_all(bytes).await
    }

    /// Puts them behind the upload, which ends at an offset. A process that is killed in between
    /// leaves fewer of the right ones.
    pub(crate) async fn add_to(
        mut self,
        upload: PathBuf,
        offset: u64,
    ) -> Result<(), ResumableError> {
        self.file.flush().await?;
        if !self.checksum.is_of(self.context.clone()) {
            return Err(ResumableError::Checksum);
        }
        let path = self.path.clone();
        blocking(move || {
            let mut target = std::fs::File::options().write(true).open(upload)?;
            target.seek(io::SeekFrom::Start(offset))?;
            io::copy(&mut std::fs::File::open(path)?, &mut target).map(|_| ())
        })
        .await?;
        Ok(())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // What stays is removed with the upload, or by the sweep.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An empty file that is there after a failure of power, too.
pub(crate) async fn create(path: &Path, folder: &Path) -> io::Result<()> {
    File::options().write(true).create_new(true).mode(0o600).open(path).await?;
    let folder = folder.to_owned();
    blocking(move || sync_folder(&folder)).await
}

pub(crate) fn concatenate(sources: Vec<PathBuf>, target: &Path, folder: &Path) -> io::Result<()> {
    let mut joined = std::fs::File::create(target)?;
    for source in sources {
        io::copy(&mut std::fs::File::open(source)?.take(u64::MAX), &mut joined)?;
    }
    joined.sync_all()?;
    sync_folder(folder)
}

pub(crate) async fn size_of(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path).await {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file; it may be gone already.
pub(crate) async fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Goes on also when the one who asked does not wait for it.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = Result<T, ResumableError>> + Send + 'static,
) -> Result<T, ResumableError> {
    spawn(work).await.map_err(io::Error::other)?
}
