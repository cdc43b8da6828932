//! Uploads: received piece by piece, kept in a folder, told apart by what they are.
//!
//! A file is there when its document in the system collection `isobase_uploads` is there, which is
//! written last: a process that is killed in the middle leaves nothing that anybody sees.
//!
//! Reading order: [`Multipart`] (how browsers send files), names, [`Media`] (what a file is, and
//! whether it may be shown), [`Files`], [`FileQuery`] and [`FileTotals`] (for those who look after
//! them), [`Resumable`] (files that come in several requests), [`Shelf`] (their bytes alone, for
//! those who move them).

mod blocks;
#[cfg(feature = "s3")]
mod bucket;
mod busy;
mod checksum;
mod error;
mod files;
mod index;
mod lying;
mod managed;
mod media;
mod multipart;
mod name;
mod own_place;
mod progress;
mod query;
mod resumable;
mod shelf;
mod stray;
mod thumb;
#[cfg(feature = "thumbnails")]
mod thumbnails;
mod transfer;
mod transfer_files;
mod types;
mod unused;

#[cfg(feature = "s3")]
pub use bucket::{Bucket, InvalidBucket};
pub use checksum::Checksum;
pub use error::FilesError;
pub use files::{Files, FilesOptions, Incoming, Pieces};
pub use index::{ListedFile, StoredFile};
pub use lying::Stray;
pub use managed::{FileTotals, Tally};
pub use media::Media;
pub use multipart::{Multipart, MultipartError, MultipartEvent, Part};
pub use progress::{Continuation, NewTransfer, Progress, ResumableError};
pub use query::{FileQuery, FileState};
pub use resumable::{Appending, Resumable};
pub use shelf::Shelf;
pub use stray::Strays;
pub use thumb::{THUMB_SIDE_MAX, Thumb, Thumbnail, ThumbnailError};
pub use types::{InvalidMediaType, MediaTypes};
