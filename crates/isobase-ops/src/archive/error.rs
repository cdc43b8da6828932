//! Why an archive cannot be read.

use std::io;

/// Why an archive cannot be read. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It could not be read or written.
    #[error("it cannot be read or written")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("it is not an archive of this program")]
    NotAnArchive,
    /// A later program wrote it.
    #[error("it has version {0}, and this program reads version 1")]
    Version(u8),
    /// It ends too early.
    #[error("it is cut off after {bytes} bytes")]
    Cut {
        /// Where it ends.
        bytes: u64,
    },
    /// What it holds is not what was written.
    #[error("it is damaged near byte {offset}: {reason}")]
    Damaged {
        /// Where, in the archive itself when it is encrypted.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// It holds everything, and so does one before it.
    #[error(
        "it holds everything, as the archive before it does: only archives of changes \
         (dump --since) come after another one"
    )]
    SecondWhole,
    /// It is encrypted, and no passphrase was given.
    #[error("it is encrypted, and no passphrase was given")]
    PassphraseNeeded,
    /// It is encrypted with another passphrase, or for a key.
    #[error("it is encrypted with another passphrase")]
    WrongPassphrase,
    /// It is encrypted in a way this program does not read.
    #[error("it is encrypted in a way that this program cannot read: {0}")]
    Encryption(String),
    /// It holds only changes, and what comes before them is missing.
    #[error("it holds the changes after {since}, and what comes before it ends at {before}")]
    Gap {
        /// Where it begins.
        since: u64,
        /// Where the archive before it ends, in words.
        before: String,
    },
}

impl ArchiveError {
    pub(crate) fn damaged(offset: u64, reason: impl Into<String>) -> Self {
        Self::Damaged { offset, reason: reason.into() }
    }
}
