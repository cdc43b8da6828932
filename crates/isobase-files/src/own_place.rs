//! Which disk this is, among those of the nodes of one database.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use isobase_types::hex;
use rand::RngExt;

use crate::files::sync_folder;

/// Where the name of the disk is.
const FOLDER: &str = ".disk";
const FILE: &str = "name";

/// The name of the disk that the folder of uploads is on, which is made up once.
pub(crate) fn own_place(uploads: &Path) -> io::Result<String> {
    let folder = uploads.join(FOLDER);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let path = folder.join(FILE);
    for _ in 0..2 {
        match fs::read_to_string(&path) {
            Ok(name) if !name.is_empty() => return Ok(name),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let bytes: [u8; 8] = rand::rng().random();
        let name = hex(&bytes);
        // Whole or not at all, and the first of two processes decides.
        let new = folder.join(format!("{FILE}.{name}"));
        let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(name.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&new, &path);
        fs::remove_file(&new)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_folder(&folder)?,
        }
    }
    fs::read_to_string(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_keeps_its_name() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = own_place(one.path()).unwrap();
        assert_eq!(own_place(one.path()).unwrap(), name);
        assert_ne!(own_place(other.path()).unwrap(), name);
        assert_eq!(fs::read_dir(one.path().join(FOLDER)).unwrap().count(), 1);
    }
}
