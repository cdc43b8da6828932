//! The file itself, before SQLite sees it: creating it, and refusing what is not ours.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::options::APPLICATION_ID;

/// The file header. Source: <https://sqlite.org/fileformat.html#the_database_header>.
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const APPLICATION_ID_AT: usize = 68;
/// The head of the page that follows the header: the root of the table of all tables. Source:
/// <https://sqlite.org/fileformat.html#b_tree_pages>.
const ROOT_BYTES: usize = 8;
/// A page of that table which holds rows itself.
const LEAF: u8 = 0x0d;

/// The real path, so that two names of one file share a lock. The file may be missing.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    if path.try_exists()? {
        return fs::canonicalize(path);
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(fs::canonicalize(folder_of(path))?.join(name))
}

/// Creates the folder of `path` when it is missing, so that it survives a power cut.
pub(crate) fn create_folder(path: &Path) -> Result<(), OpenError> {
    let folder = folder_of(path);
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
        .collect();
    fs::create_dir_all(folder).map_err(|source| OpenError::Io {
        action: "create folder",
        path: folder.to_owned(),
        source,
    })?;
    for created in missing {
        sync_folder(folder_of(created))?;
    }
    Ok(())
}

/// Creates the file when it is missing, else refuses what is not ours. Nothing is changed in a
/// file that is refused. It must run before SQLite opens the file: closing any handle of a file
/// drops the process's POSIX locks on it.
pub(crate) fn check_or_create(path: &Path) -> Result<(), OpenError> {
    let log = with_suffix(path, "-wal");
    match read_header(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            refuse_stray_log(path, log)?;
            create(path)
        }
        Err(source) => Err(OpenError::Io { action: "read", path: path.to_owned(), source }),
        Ok(header) if header.is_empty() => refuse_stray_log(path, log),
        Ok(header) => check_header(path, &header),
    }
}

/// Refuses a file that is there and none of ours.
pub(crate) fn check(path: &Path) -> Result<(), OpenError> {
    match read_header(path) {
        Err(source) => Err(OpenError::Io { action: "read", path: path.to_owned(), source }),
        // Nothing was written to it yet.
        Ok(header) if header.is_empty() => Ok(()),
        Ok(header) => check_header(path, &header),
    }
}

/// Options for files that only their owner may read.
pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn create(path: &Path) -> Result<(), OpenError> {
    private_options().create_new(true).open(path).map_err(|source| OpenError::Io {
        action: "create",
        path: path.to_owned(),
        source,
    })?;
    sync_folder(folder_of(path))
}

fn check_header(path: &Path, header: &[u8]) -> Result<(), OpenError> {
    if header.len() < HEADER_BYTES || !header.starts_with(MAGIC) {
        return Err(OpenError::NotADatabase { path: path.to_owned() });
    }
    // Our own id is written before the file ever gets a log, so the main file always has it.
    match application_id(header) {
        0 if has_tables(header) => Err(OpenError::ForeignTables { path: path.to_owned() }),
        0 | APPLICATION_ID => Ok(()),
        application_id => Err(OpenError::Foreign { path: path.to_owned(), application_id }),
    }
}

/// Whether the file has tables, as far as its first page tells: what is in a log alone is seen by
/// SQLite.
fn has_tables(start: &[u8]) -> bool {
    match start.get(HEADER_BYTES..) {
        Some(&[LEAF, _, _, 0, 0, ..]) => false,
        Some(&[_, _, _, _, _, ..]) => true,
        _ => false,
    }
}

/// SQLite deletes the log of an empty database as garbage. It may be all that is left.
fn refuse_stray_log(path: &Path, log: PathBuf) -> Result<(), OpenError> {
    match fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 0 => {
            Err(OpenError::StrayLog { path: path.to_owned(), log })
        }
        _ => Ok(()),
    }
}

fn application_id(header: &[u8]) -> u32 {
    header[APPLICATION_ID_AT..APPLICATION_ID_AT + 4]
        .iter()
        .fold(0, |id, byte| id << 8 | u32::from(*byte))
}

fn read_header(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = HEADER_BYTES + ROOT_BYTES;
    let mut header = Vec::with_capacity(bytes);
    File::open(path)?.take(bytes as u64).read_to_end(&mut header)?;
    Ok(header)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes new entries of a folder survive a power cut.
fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    // Only Unix lets a folder be opened and synced.
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| {
            OpenError::Io { action: "sync folder", path: folder.to_owned(), source }
        })?;
    }
    Ok(())
}

/// The path with a suffix after the whole name, as SQLite names its own side files.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_gives_application_id() {
        let mut header = [0; HEADER_BYTES];
        header[APPLICATION_ID_AT..APPLICATION_ID_AT + 4].copy_from_slice(b"Isob");
        assert_eq!(application_id(&header), APPLICATION_ID);
    }

    #[test]
    fn resolve_accepts_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = resolve(&folder.path().join("x").join("..").join("data.db"));
        assert!(path.is_err(), "the folder in the middle is missing");
        let path = resolve(&folder.path().join("data.db")).unwrap();
        assert_eq!(path, fs::canonicalize(folder.path()).unwrap().join("data.db"));
    }
}
