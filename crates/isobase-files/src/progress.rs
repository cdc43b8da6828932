//! Documents of uploads that come in several requests.

use std::io;

use isobase_store::StoreError;
use isobase_types::Timestamp;

use crate::{Checksum, FilesError, StoredFile};

/// An upload that is announced.
#[derive(Clone, Debug, Default)]
pub struct NewTransfer {
    /// Who it is.
    pub owner: String,
    /// The sender's name of the file.
    pub original: String,
    /// The sender's words about it; shown as it is.
    pub metadata: String,
}

/// How far an upload is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Its id.
    pub id: String,
    /// Bytes that are on the disk.
    pub offset: u64,
    /// Bytes that it will have; `None` while its sender does not know.
    pub length: Option<u64>,
    /// The sender's words about it.
    pub metadata: String,
    /// Whether it is a part of another upload.
    pub is_part: bool,
    /// The parts that it was joined of; empty for one that was not.
    pub parts: Vec<String>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// The file that it became.
    pub file: Option<StoredFile>,
}

/// How an upload goes on.
#[derive(Clone, Debug, Default)]
pub struct Continuation {
    /// Where the bytes begin, which must be where it is.
    pub offset: u64,
    /// How many come, if that is known.
    pub announced: Option<u64>,
    /// How many it will have in all, from a sender that knows it by now.
    pub length: Option<u64>,
    /// Their sum.
    pub checksum: Option<Checksum>,
}

/// An upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumableError {
    /// There is no such upload, or no longer.
    #[error("there is no such upload, or its time is over")]
    NotFound,
    /// Another request works on it.
    #[error("another request works on the upload")]
    Busy,
    /// It goes on elsewhere.
    #[error("the upload has {offset} bytes and goes on there")]
    Offset {
        /// Where it goes on.
        offset: u64,
    },
    /// Its bytes lie on the disk of another node.
    #[error(
        "the upload was begun at another node, whose disk has its bytes: send all requests of an \
         upload to one node"
    )]
    Elsewhere,
    /// Its length cannot be another one, nor less than what has come.
    #[error("the upload has another length")]
    Length,
    /// More bytes came than were announced.
    #[error("the upload was announced with {length} bytes")]
    TooLong {
        /// The announced values.
        length: u64,
    },
    /// The bytes are not those that their sum is of.
    #[error("the bytes have another checksum; none of this request is kept")]
    Checksum,
    /// Somebody has begun too many.
    #[error("{max} uploads of yours have begun and not ended; finish or delete some")]
    TooMany {
        /// How many may have begun.
        max: u32,
    },
    /// The parts cannot be joined.
    #[error("the parts cannot be joined: {0}")]
    Parts(&'static str),
    /// It was joined of others, and takes no bytes itself.
    #[error("the upload was joined of others and takes no bytes")]
    Joined,
    /// The disk or the database failed.
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl From<io::Error> for ResumableError {
    fn from(error: io::Error) -> Self {
        Self::Files(error.into())
    }
}

impl From<StoreError> for ResumableError {
    fn from(error: StoreError) -> Self {
        Self::Files(error.into())
    }
}
