//! The file that a command writes.
//!
//! A regular file, or a name that nothing has yet, gets its content when it is complete. What is
//! there and is no regular file (a pipe that another program reads, say) is written into: it is
//! not ours to replace.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{failure::Failure, overwriting, partial_file::PartialFile};

/// Links that are followed one after another, as on Linux.
const LINKS_MAX: usize = 40;

/// The readers of a new file. An existing file keeps its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone, like the database whose content it has.
    Owner,
    /// Those whom the mask of the process admits.
    ByMask,
}

/// The file that a command writes.
pub(crate) enum OutputFile {
    /// It gets its name when it is complete.
    Partial(PartialFile),
    /// It is there, and is written into.
    InPlace { file: File, path: PathBuf },
}

impl OutputFile {
    /// Begins a file. Links are followed: what they lead to is written.
    ///
    /// # Errors
    /// [`Failure`] when the path is that of a database or a folder, or cannot be written.
    pub(crate) fn create(path: &Path, access: Access) -> Result<Self> {
        overwriting::check(path)?;
        let context = || format!("cannot write {}", path.display());
        let real = follow_links(path).with_context(context)?;
        let there = match fs::metadata(&real) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(context),
        };
        match &there {
            Some(metadata) if metadata.is_dir() => {
                return Err(Failure::usage(format!("{} is a folder", path.display())).into());
            }
            Some(metadata) if !metadata.is_file() => {
                // A pipe waits here for its reader.
                let file = File::options().write(true).open(&real).with_context(context)?;
                return Ok(Self::InPlace { file, path: real });
            }
            _ => {}
        }
        let mode = match (&there, access) {
            (Some(metadata), _) => metadata.mode() & 0o7777,
            (None, Access::Owner) => 0o600,
            (None, Access::ByMask) => 0o666,
        };
        match PartialFile::create(&real, mode, there.as_ref()) {
            Ok(partial) => Ok(Self::Partial(partial)),
            // No file can be made in the folder, but the one that is there may be written.
            Err(error) if there.is_some() && is_refused(&error) => {
                let file = File::options().write(true).truncate(true).open(&real);
                Ok(Self::InPlace { file: file.with_context(context)?, path: real })
            }
            Err(error) => Err(error).with_context(context),
        }
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> &File {
        match self {
            Self::Partial(partial) => partial.file(),
            Self::InPlace { file, .. } => file,
        }
    }

    /// Makes the file durable, and gives it its name.
    ///
    /// # Errors
    /// When that fails; then a file without its name is deleted.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Partial(partial) => partial.finish(),
            Self::InPlace { file, path } => match file.sync_all() {
                // Pipes and terminals cannot be synced.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                synced => synced.with_context(|| format!("cannot write {}", path.display())),
            },
        }
    }
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Where a path leads; the last part need not be there.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // It is no link, or is not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead on from there"))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        os::unix::fs::{PermissionsExt, symlink},
        process::Command,
        thread,
    };

    use super::*;

    fn write(path: &Path, access: Access) {
        let output = OutputFile::create(path, access).unwrap();
        output.file().write_all(b"new").unwrap();
        output.finish().unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_new_archive_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for kept in [0o600, 0o640, 0o666] {
            fs::write(path("a"), "old").unwrap();
            fs::set_permissions(path("a"), fs::Permissions::from_mode(kept)).unwrap();
            write(&path("a"), Access::ByMask);
            assert_eq!(mode(&path("a")), kept);
        }
        write(&path("archive"), Access::Owner);
        assert_eq!(mode(&path("archive")), 0o600);
    }

    #[test]
    fn links_are_followed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("elsewhere")).unwrap();
        fs::write(path("elsewhere/a"), "old").unwrap();
        symlink("elsewhere/a", path("one")).unwrap();
        symlink("one", path("two")).unwrap();
        symlink("elsewhere/b", path("new")).unwrap();
        write(&path("two"), Access::Owner);
        write(&path("new"), Access::Owner);
        for name in ["one", "two", "new"] {
            assert!(path(name).symlink_metadata().unwrap().is_symlink(), "{name}");
            assert_eq!(fs::read_to_string(path(name)).unwrap(), "new", "{name}");
        }
        symlink("loop", path("loop")).unwrap();
        assert!(OutputFile::create(&path("loop"), Access::Owner).is_err());
        assert!(OutputFile::create(&path("elsewhere"), Access::Owner).is_err());
    }

    #[test]
    fn a_pipe_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader = thread::spawn({
            let path = path.clone();
            move || {
                let mut text = String::new();
                File::open(path).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        write(&path, Access::Owner);
        assert_eq!(reader.join().unwrap(), "new");
        assert!(!fs::metadata(&path).unwrap().is_file());
        // It was opened for writing alone: nothing was made beside it.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_the_owner_reads_what_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let output = OutputFile::create(&path, Access::Owner).unwrap();
        let begun = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
        assert_eq!(mode(&begun.path()), 0o600);
        drop(output);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
