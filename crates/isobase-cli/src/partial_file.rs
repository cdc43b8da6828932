//! A file that gets its name when it is complete.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{failure::Failure, overwriting};

/// What is added to the name of a file that is not complete.
const SUFFIX: &str = ".isobase-partial";

/// A file under another name until it is complete. Its drop takes it away.
#[derive(Debug)]
pub(crate) struct PartialFile {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    complete: bool,
}

impl PartialFile {
    /// Begins a file. What a killed process left of it is written over; what another process is
    /// writing is not.
    ///
    /// # Errors
    /// [`Failure`] when the path is that of a database, or the file is being written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        overwriting::check(path)?;
        let mut partial = OsString::from(path);
        partial.push(SUFFIX);
        let partial = PathBuf::from(partial);
        let context = || format!("cannot write {}", partial.display());
        loop {
            let file = File::options().write(true).create(true).truncate(false).open(&partial);
            let file = file.with_context(context)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let message = format!("{} is being written already", path.display());
                    return Err(Failure::new(message)
                        .hint("wait for the other command, or name another file")
                        .into());
                }
                // A file system without locks.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error).with_context(context),
            }
            // Between opening and locking it another process may have completed it.
            if is_at(&file, &partial).with_context(context)? {
                file.set_len(0).with_context(context)?;
                return Ok(Self { file, partial, path: path.to_owned(), complete: false });
            }
        }
    }

    /// What is written to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// When that fails; then the file is taken away.
    pub(crate) fn finish(mut self) -> Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        self.file.sync_all().with_context(context)?;
        fs::rename(&self.partial, &self.path).with_context(context)?;
        self.complete = true;
        // The name is durable when the folder is. Some file systems cannot sync one; the file
        // itself is safe then all the same.
        let folder = self.path.parent().filter(|folder| *folder != Path::new(""));
        if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.complete {
            // What is left of it is of no use; nothing more can be done about it either.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Whether a file still has a name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let opened = file.metadata()?;
    match path.metadata() {
        Ok(named) => Ok((opened.dev(), opened.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(folder).unwrap().map(name).collect()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_complete_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.iso");
        fs::write(&path, "old").unwrap();
        let file = PartialFile::create(&path).unwrap();
        file.file().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        drop(PartialFile::create(&path).unwrap());
        assert_eq!(names(folder.path()), ["a.iso"]);
    }

    #[test]
    fn what_a_killed_process_left_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.iso");
        fs::write(folder.path().join(format!("a.iso{SUFFIX}")), "long and of no use").unwrap();
        let file = PartialFile::create(&path).unwrap();
        file.file().write_all(b"short").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
        assert_eq!(names(folder.path()), ["a.iso"]);
    }

    #[test]
    fn a_file_is_written_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.iso");
        let first = PartialFile::create(&path).unwrap();
        let refused = PartialFile::create(&path).unwrap_err();
        assert!(refused.to_string().contains("being written already"), "{refused}");
        first.file().write_all(b"first").unwrap();
        first.finish().unwrap();
        PartialFile::create(&path).unwrap().finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
