//! Options of a copy.

use std::num::NonZeroU32;

use isobase_types::CollectionName;

use crate::{
    Existing, FilesCopy, OnRefused,
    scan::PART_BYTES,
    selection::{Selection, System},
};

/// How to copy.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// The source as the caller names it, without secrets. A copy is resumed only from the source
    /// of the same name.
    pub source: String,
    /// Only these collections; all when none is named, those that hold settings (such as schemas)
    /// included.
    pub collections: Vec<CollectionName>,
    /// Whether collections of the service travel that no one names. Sessions never do.
    pub system: System,
    /// The way to treat a target that has documents.
    pub existing: Existing,
    /// The way to treat documents that the target cannot hold.
    pub on_refused: OnRefused,
    /// Most documents written in a second.
    pub per_second: Option<NonZeroU32>,
    /// Parts written at once. Default 4.
    pub parallel: usize,
    /// Bytes of a part. With what is read ahead, about `parallel + 4` parts are in memory.
    /// Default 1 MiB.
    pub part_bytes: usize,
    /// Forget an unfinished copy in the target and begin anew.
    pub restart: bool,
    /// Whether to follow the source after everything is copied.
    pub follow: Follow,
    /// Where uploaded files are copied from and to; none leaves them where they are. They are
    /// there before the target is whole.
    pub files: Option<FilesCopy>,
}

impl CopyOptions {
    /// The defaults, for a source of this name.
    #[must_use]
    pub fn new(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            collections: Vec::new(),
            system: System::default(),
            existing: Existing::default(),
            on_refused: OnRefused::default(),
            per_second: None,
            parallel: 4,
            part_bytes: PART_BYTES,
            restart: false,
            follow: Follow::default(),
            files: None,
        }
    }

    pub(crate) fn scope(&self) -> String {
        let names: Vec<_> = self.collections.iter().map(CollectionName::as_str).collect();
        let collections = if names.is_empty() { "all".to_owned() } else { names.join("/") };
        let but = if self.system == System::LeftOut { " but those of the service" } else { "" };
        format!("{collections}{but} into {}", self.existing.as_str())
    }

    pub(crate) fn selection(&self) -> Selection {
        Selection::asked(&self.collections, self.system)
    }
}

/// Whether a copy follows its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// It ends when everything is copied.
    #[default]
    No,
    /// It ends when the target has everything that the source has written.
    UntilCaughtUp,
    /// It goes on until it is stopped, and then brings the last writes over.
    UntilStopped,
}
