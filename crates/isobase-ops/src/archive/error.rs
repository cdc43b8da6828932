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
    #[error("it has version {0}, and this program reads versions 1 to 3")]
    Version(u8),
    /// It ends too early.
    #[error("it is cut off after {bytes} bytes")]
    Cut {
        /// Where it ends.
        bytes: u64,
    },
    /// Its content is not as it was written.
    #[error("it is damaged near byte {offset}: {reason}")]
    Damaged {
        /// Where, in the archive itself when it is encrypted.
        offset: u64,
        /// The fault there.
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
        // Reasons quote what is in the archive, also those that others wrote.
        Self::Damaged { offset, reason: cut(&reason.into()) }
    }
}

/// Most characters of a text from an archive that stand in a message. Ours: some lines of a
/// terminal.
const QUOTED_CHARS_MAX: usize = 300;

/// A text from an archive for a message: its beginning, and nothing that moves a terminal.
pub(crate) fn cut(text: &str) -> String {
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == QUOTED_CHARS_MAX {
            shown.push('…');
            break;
        }
        // Quotation marks are no danger, and easier to read as they are.
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_cut_and_escaped() {
        assert_eq!(cut("é \"it's\" \\"), "é \"it's\" \\");
        assert_eq!(cut("\u{1b}[2J\n\u{202e}"), "\\u{1b}[2J\\n\\u{202e}");
        let long = cut(&"x".repeat(1_000_000));
        assert_eq!(long.chars().count(), QUOTED_CHARS_MAX + 1);
        let ArchiveError::Damaged { reason, .. } = ArchiveError::damaged(0, "a\nb") else {
            unreachable!("it was made here")
        };
        assert_eq!(reason, "a\\nb");
    }
}
