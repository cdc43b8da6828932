//! Whether a dump is whole: its last line says so.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use crate::Error;

/// The line with which a dump of ours ends.
pub(super) const LAST_LINE: &str = "-- Isobase dump complete";
/// The line with which `pg_dump` ends a script.
const LAST_LINE_OF_PG_DUMP: &str = "-- PostgreSQL database dump complete";
/// The last line stands within so many bytes of the end.
const END_BYTES: u64 = 400;

/// Refuses a dump whose end is missing, before anything is dropped for it.
pub(super) fn check_complete(file: &Path) -> Result<(), Error> {
    let read = || {
        let mut dump = fs::File::open(file)?;
        let length = dump.metadata()?.len();
        dump.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
        let mut end = Vec::new();
        dump.read_to_end(&mut end)?;
        Ok(String::from_utf8_lossy(&end).into_owned())
    };
    let end = read().map_err(|error| Error::io("read", file, &error))?;
    if end.contains(LAST_LINE_OF_PG_DUMP) || end.contains(LAST_LINE) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} is no complete dump: its last line is missing. Nothing was changed",
        file.display()
    )))
}
