//! Files that are written over, and those that must not be.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// The first bytes of every database of SQLite: <https://sqlite.org/fileformat.html>, section 1.3.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// The ends of the names of files that stand beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".lock"];

/// Refuses to write over a database, or over what belongs to one: a user who names it as an output
/// has mixed something up, and it may be the only copy.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    let of_database = || {
        let text = path.to_str()?;
        BESIDE.iter().find_map(|end| text.strip_suffix(end)).map(PathBuf::from)
    };
    if is_database(path) || of_database().is_some_and(|path| is_database(&path)) {
        let message = format!("{} is a database: nothing is written over it", path.display());
        return Err(Failure::usage(message).hint("name another file for the output"));
    }
    Ok(())
}

fn is_database(path: &Path) -> bool {
    // To open a pipe or a terminal would wait for a writer.
    if !path.metadata().is_ok_and(|it| it.is_file()) {
        return false;
    }
    let mut first = [0; SQLITE.len()];
    // A file that cannot be read is reported when it is written.
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *SQLITE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_and_what_is_beside_it_are_never_outputs() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let database = rusqlite::Connection::open(path("a.db")).unwrap();
        database.execute_batch("CREATE TABLE t (x)").unwrap();
        std::fs::write(path("old.isobase"), "something else").unwrap();
        for name in ["a.db", "a.db-wal", "a.db.lock"] {
            let refused = check(&path(name)).unwrap_err();
            assert!(refused.problems[0].message.contains("is a database"), "{name}");
        }
        for name in ["new.isobase", "old.isobase", "a.db.isobase"] {
            assert!(check(&path(name)).is_ok(), "{name}");
        }
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        assert!(check(&path("pipe")).is_ok());
    }
}
