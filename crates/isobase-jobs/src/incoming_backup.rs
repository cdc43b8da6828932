//! Backups that come in from elsewhere.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
};

use bytes::Bytes;

use crate::{Backup, BackupError, Backups, Note, backups::checked};

/// A backup that is coming in. Dropped before its end it is deleted.
#[derive(Debug)]
pub struct IncomingBackup {
    backups: Backups,
    name: String,
    partial: PathBuf,
    /// None once it is kept.
    file: Option<File>,
}

impl Backups {
    /// Begins to take a backup in. It is called as it is there, unless another one is called so.
    ///
    /// # Errors
    /// [`BackupError::InvalidName`] and [`BackupError::Folder`].
    pub async fn receive(&self, name: Option<&str>) -> Result<IncomingBackup, BackupError> {
        let wanted = name.map(checked).transpose()?;
        let backups = self.clone();
        self.blocking(move |this| {
            let (made, partial, file) = this.begin()?;
            let name = wanted.filter(|wanted| !this.path(wanted).exists()).unwrap_or(made);
            Ok(IncomingBackup { backups, name, partial, file: Some(file) })
        })
        .await
    }
}

impl IncomingBackup {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`BackupError::Folder`], also when the disk is full.
    pub async fn write(mut self, piece: Bytes) -> Result<Self, BackupError> {
        let backups = self.backups.clone();
        let write = move |this: &Backups| {
            if let Some(file) = &mut self.file {
                this.told(file.write_all(&piece))?;
            }
            Ok(self)
        };
        backups.blocking(write).await
    }

    /// Keeps it. Nothing is known of it before it is verified.
    ///
    /// # Errors
    /// [`BackupError::Folder`].
    pub async fn finish(mut self) -> Result<Backup, BackupError> {
        let backups = self.backups.clone();
        let keep = move |this: &Backups| {
            if let Some(file) = &self.file {
                this.told(file.sync_all())?;
            }
            // Another may have got the name meanwhile: a link replaces nothing.
            this.told(fs::hard_link(&self.partial, this.path(&self.name)))?;
            this.told(fs::remove_file(&self.partial))?;
            self.file = None;
            this.write_note(&self.name, &Note::default())?;
            this.told(File::open(this.folder()).and_then(|folder| folder.sync_all()))?;
            this.read(&self.name)
        };
        backups.blocking(keep).await
    }
}

impl Drop for IncomingBackup {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What is left of it is deleted when it is old, if not now.
            let _ = fs::remove_file(&self.partial);
        }
    }
}
