//! A file that gets its name when it is complete.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

/// The end of the name of a file that is not complete, after the name it is to get and the
/// number of the process that writes it.
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
    /// Begins a file with a mode, and deletes what killed processes left of it. One that takes
    /// the place of another gets its owner too, where the process may give it away.
    pub(crate) fn create(path: &Path, mode: u32, before: Option<&Metadata>) -> io::Result<Self> {
        let partial = beside(path, &format!(".{}{SUFFIX}", process::id()));
        // Locked as long as its process lives; before, another one may take it for a leftover.
        let create = || {
            let file = File::options().write(true).create_new(true).mode(mode).open(&partial)?;
            // Some file systems have no locks. There leftovers stay.
            let _ = file.lock();
            Ok::<_, io::Error>(file)
        };
        let mut file = create()?;
        if !partial.exists() {
            file = create()?;
        }
        let this = Self { file, partial, path: path.to_owned(), complete: false };
        if let Some(before) = before {
            this.take_after(before)?;
        }
        take_leftovers_away(path, &this.partial);
        Ok(this)
    }

    /// Takes the mode and the owner of the file before it: the mask of the process is no reason to
    /// change them.
    fn take_after(&self, before: &Metadata) -> io::Result<()> {
        let ours = self.file.metadata()?;
        if (ours.uid(), ours.gid()) != (before.uid(), before.gid()) {
            // Only root gives files away. Others keep what they write.
            let _ = fchown(&self.file, Some(before.uid()), Some(before.gid()));
        }
        self.file.set_permissions(Permissions::from_mode(before.mode() & 0o7777))
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    /// When that fails; then the file is deleted.
    pub(crate) fn finish(mut self) -> Result<()> {
        let context = || format!("cannot write {}", self.path.display());
        self.file.sync_all().with_context(context)?;
        fs::rename(&self.partial, &self.path).with_context(context)?;
        self.complete = true;
        // The name is durable when the folder is. Some file systems cannot sync one; the file
        // itself is safe then all the same.
        if let Ok(folder) = File::open(folder_of(&self.path)) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.complete {
            // The rest of it is of no use, and nothing more can be done about it.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Deletes partial files of the same path that no process holds any more. What cannot be read,
/// locked or removed stays: it is in no one's way.
fn take_leftovers_away(path: &Path, ours: &Path) {
    let Some(name) = path.file_name() else { return };
    let Ok(entries) = fs::read_dir(folder_of(path)) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file
            || !is_partial(&entry.file_name(), name)
            || Some(&*entry.file_name()) == ours.file_name()
        {
            continue;
        }
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a name is that of a partial file which is to get another name.
fn is_partial(name: &OsStr, complete: &OsStr) -> bool {
    let number = name.as_encoded_bytes().strip_prefix(complete.as_encoded_bytes());
    let number = number.and_then(|rest| rest.strip_prefix(b"."));
    let number = number.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    number.is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_complete_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.isobase");
        fs::write(&path, "old").unwrap();
        let file = PartialFile::create(&path, 0o600, None).unwrap();
        file.file().write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        drop(PartialFile::create(&path, 0o600, None).unwrap());
        assert_eq!(names(folder.path()), ["a.isobase"]);
    }

    #[test]
    fn what_killed_processes_left_is_taken_away_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let living = "a.isobase.2.isobase-partial";
        let kept = [
            "a.isobase.isobase-partial",
            "a.isobase.x.isobase-partial",
            "b.isobase.1.isobase-partial",
            living,
        ];
        for name in kept.into_iter().chain(["a.isobase.1.isobase-partial"]) {
            fs::write(path(name), "begun").unwrap();
        }
        std::os::unix::fs::symlink(path("b.isobase"), path("a.isobase.3.isobase-partial")).unwrap();
        let held = File::open(path(living)).unwrap();
        held.lock().unwrap();
        PartialFile::create(&path("a.isobase"), 0o600, None).unwrap().finish().unwrap();
        let mut expected = vec!["a.isobase", "a.isobase.3.isobase-partial"];
        expected.extend(kept);
        expected.sort_unstable();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn what_stands_in_the_way_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.isobase");
        let partial = beside(&path, &format!(".{}{SUFFIX}", process::id()));
        fs::write(folder.path().join("precious"), "kept").unwrap();
        std::os::unix::fs::symlink(folder.path().join("precious"), &partial).unwrap();
        PartialFile::create(&path, 0o600, None).unwrap_err();
        assert_eq!(fs::read_to_string(folder.path().join("precious")).unwrap(), "kept");
    }
}
