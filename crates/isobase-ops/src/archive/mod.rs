//! The archive: one file, for every engine, that holds a database between two of them.
//!
//! `docs/archive.md` describes it so that others can read and write it. `frame` is what the file
//! is made of, `format` what the frames hold, `age` the encryption around all of it; `writer` and
//! `reader` know nothing of engines, `dump` and `restore` nothing of bytes.

mod age;
mod ahead;
mod dump;
mod error;
mod files;
mod format;
mod frame;
mod input;
mod reader;
mod restore;
mod writer;

pub use dump::{DumpOptions, DumpReport, Since, dump};
pub use error::ArchiveError;
pub use format::{Footer, FooterCollection, FooterFiles, Header, HeaderSince};
pub use input::{ArchiveInput, Passphrase};
pub use reader::{ArchiveReport, OneArchive, last_of, verify};
pub use restore::{RestoreOptions, RestoreReport, restore};
