//! Files in the folder of files.

use std::time::SystemTime;

use futures_util::stream::BoxStream;

use crate::FilesError;

/// Names that are compared with the documents at a time.
pub(crate) const TOGETHER: usize = 500;

/// Files in the folder of files.
pub(crate) type Lying = BoxStream<'static, Result<Vec<Stray>, FilesError>>;

/// Bytes under a name that is no file's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When they were written.
    pub modified: SystemTime,
}
