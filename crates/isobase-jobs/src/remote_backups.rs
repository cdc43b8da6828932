//! Backups that are copied to another place, too.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_ops::{FileBytes, FilePlace};
use tokio::{fs::File, io::AsyncReadExt};

use crate::{
    Backup, BackupError, Backups,
    backups::{checked, now},
};

/// What is written and read to try the other place. It has the name of a backup, as that place takes no
/// others.
const TRIAL: &str = "isobase-trial.isobase";
/// Bytes of one piece.
const PIECE_BYTES: usize = 256 << 10;

/// Whether a name may be that of a backup.
#[must_use]
pub fn is_backup_name(name: &str) -> bool {
    checked(name).is_ok()
}

impl Backups {
    /// The same; good ones are copied to another place, too.
    #[must_use]
    pub fn with_remote(mut self, remote: Option<Arc<dyn FilePlace>>) -> Self {
        self.remote = remote;
        self
    }

    /// How the other place is called, if there is one.
    #[must_use]
    pub fn remote_name(&self) -> Option<String> {
        self.remote.as_ref().map(|remote| remote.name())
    }

    /// Copies a backup to the other place, if there is one, and notes the outcome. That it is not there
    /// makes the backup no worse.
    ///
    /// # Errors
    /// As [`Backups::get`].
    pub async fn copy_away(&self, backup: Backup) -> Result<Backup, BackupError> {
        let Some(remote) = &self.remote else { return Ok(backup) };
        let file = File::from_std(self.open(&backup.name).await?);
        let copied = remote.put(&backup.name, pieces(file)).await;
        if let Err(error) = &copied {
            tracing::error!(backup = backup.name, %error, "the backup is not copied: {error}");
        }
        self.note(&backup.name, move |note| {
            note.remote = Some(copied.is_ok());
            note.remote_error = copied.err().map(|error| error.to_string());
        })
        .await?;
        self.get(&backup.name).await
    }

    /// Writes a small file into the other place, reads it, and compares; `None` where there is none. The
    /// text says what failed.
    pub async fn try_remote(&self) -> Option<Result<(), String>> {
        let remote = self.remote.as_ref()?;
        let written = Bytes::from(format!("a trial of {}", now()));
        let bytes: FileBytes = stream::iter([Ok(written.clone())]).boxed();
        Some(match remote.put(TRIAL, bytes).await {
            Err(error) => Err(format!("it cannot be written: {error}")),
            Ok(()) => match read(&**remote).await {
                Ok(Some(found)) if found == written => Ok(()),
                Ok(_) => Err("what was written is not read again".to_owned()),
                Err(error) => Err(format!("it cannot be read: {error}")),
            },
        })
    }
}

async fn read(remote: &dyn FilePlace) -> io::Result<Option<BytesMut>> {
    let Some(mut bytes) = remote.open(TRIAL).await? else { return Ok(None) };
    let mut found = BytesMut::new();
    while let Some(piece) = bytes.try_next().await? {
        found.extend_from_slice(&piece);
    }
    Ok(Some(found))
}

fn pieces(file: File) -> FileBytes {
    let next = |mut file: File| async move {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, io::Error>((read > 0).then(|| (piece.freeze(), file)))
    };
    stream::try_unfold(file, next).boxed()
}
