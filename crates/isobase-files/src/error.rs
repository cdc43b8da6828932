//! Errors of files.

use std::io;

use isobase_store::StoreError;

/// A file is not kept, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// It is larger than allowed.
    #[error("the file has more than the {max} bytes that are allowed")]
    TooLarge {
        /// Allowed.
        max: u64,
    },
    /// Files of its type are not taken.
    #[error("files of the type {media_type} are not taken here; expected {expected}")]
    Type {
        /// The type by its first bytes.
        media_type: String,
        /// The types that are taken.
        expected: String,
    },
    /// The disk failed.
    #[error("the folder of uploads cannot be used: {0}")]
    Disk(#[from] io::Error),
    /// The bucket cannot be asked.
    #[error("the bucket of uploads is not available: {0}")]
    Bucket(#[source] io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
