//! Reasons to end the work early.

use std::fmt;

use isobase_engine::EngineError;
use isobase_types::{CollectionName, DocumentId, Revision, Sequence};

use crate::{Difference, Refusal, archive::ArchiveError};

/// Which of two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that is read.
    Source,
    /// The one that is written.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Why the work was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpsError {
    /// An engine failed.
    #[error("the {side} failed")]
    Engine {
        /// Which one.
        side: Side,
        /// Why.
        source: EngineError,
    },
    /// The target has documents, and no one said what to do about that. Nothing was written.
    #[error("the target is not empty: it has {documents} documents in {collections} collections")]
    NotEmpty {
        /// Its documents.
        documents: u64,
        /// Its collections.
        collections: usize,
    },
    /// A document of the target has a revision that none of its writes gave it, as those have
    /// that another program wrote: a load could not tell it from what it writes itself. Nothing
    /// was written.
    #[error(
        "the target has a document that cannot be told from what is written: {id} of {collection} \
         has the revision {revision}, and the last write of the target is {base}"
    )]
    UnknownRevision {
        /// Its collection.
        collection: CollectionName,
        /// Its id.
        id: DocumentId,
        /// Its revision.
        revision: Revision,
        /// The last write of the target.
        base: Sequence,
    },
    /// The source has no such collection.
    #[error("the source has no collection {collection}")]
    NoSuchCollection {
        /// The one that was named.
        collection: CollectionName,
    },
    /// The target cannot hold some documents. Nothing was written, unless it was the last writes
    /// of the source that brought them.
    #[error("the target cannot hold {count} documents")]
    Refused {
        /// The first of them.
        refusals: Vec<Refusal>,
        /// How many there are.
        count: u64,
    },
    /// The target holds an unfinished load that is not this one.
    #[error("the target is unfinished ({note}), and this is not the same work: {reason}")]
    NotResumable {
        /// The load begun there.
        note: String,
        /// The difference.
        reason: String,
    },
    /// The source's writes since the cut are no longer in its change feed.
    #[error(
        "the work cannot be resumed: what the source wrote since {since} is no longer kept in its \
         change feed"
    )]
    ChangesGone {
        /// The place that would be needed.
        since: Sequence,
    },
    /// The source has fewer writes than the archive that was to be continued.
    #[error(
        "the source is not the one of the archive: its last write is {sequence}, the archive ends \
         at {since}"
    )]
    OtherSource {
        /// Where the archive ends.
        since: Sequence,
        /// The last write of the source.
        sequence: Sequence,
    },
    /// The place that was to be continued is of another database, or of another epoch of this
    /// one. Nothing was written.
    #[error(
        "{place} is of another database, or of before this one was restored or copied into: what \
         was written since does not continue it"
    )]
    OtherHistory {
        /// The work to be continued.
        place: String,
    },
    /// The archive that was to be continued is of another database, as the caller names it.
    /// Nothing was written.
    #[error(
        "the archive is of {archive}, and this is {database}: what is written there does not \
         continue it (when it is the same database under another name, give the place where the \
         archive ends instead of the archive)"
    )]
    OtherDatabase {
        /// The database of the archive.
        archive: String,
        /// The one that was to be dumped.
        database: String,
    },
    /// The archive that was to be continued has other collections. Nothing was written.
    #[error(
        "the archive holds {archive}, and the dump would hold {wanted}: an archive of changes has \
         the same collections as the one before it"
    )]
    OtherCollections {
        /// The collections of the archive, in words.
        archive: String,
        /// Those that were asked for.
        wanted: String,
    },
    /// An archive cannot be read, or belongs elsewhere. The target was not touched.
    #[error("the archive {name} cannot be used")]
    Archive {
        /// Its name.
        name: String,
        /// Why.
        source: ArchiveError,
    },
    /// A place of uploaded files cannot be read or written.
    #[error("the uploads in {place} cannot be read or written: the file {file}")]
    Files {
        /// The place.
        place: String,
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The temporary folder cannot hold the list of files.
    #[error("the list of uploads cannot be kept in the temporary folder")]
    Spool(#[source] std::io::Error),
    /// The archive cannot be written.
    #[error("the archive cannot be written")]
    Output(#[source] std::io::Error),
    /// The restored documents, read again, are not those of the archive. The target stays
    /// unfinished.
    #[error("what was restored differs from the archive in {}", collections.join(", "))]
    RestoreDiffers {
        /// The collections, with counts.
        collections: Vec<String>,
    },
    /// Both sides were read again and are not equal. The target stays unfinished.
    #[error("{count} documents differ between source and target")]
    Differs {
        /// The first of them.
        differences: Vec<Difference>,
        /// How many there are.
        count: u64,
    },
    /// The caller stopped it. What was written is noted in the target, so that the same work can
    /// be resumed.
    #[error("stopped after {documents} documents; the same work resumes there")]
    Stopped {
        /// Documents that are in the target.
        documents: u64,
    },
    /// Another process has begun or ended the same load in the target.
    #[error(
        "another process has taken over the load of this target; nothing more was written here"
    )]
    TakenOver,
    /// A task of ours ended without an answer.
    #[error("a task ended without an answer: {0}")]
    Task(String),
}

impl OpsError {
    /// For `map_err`.
    pub(crate) fn source_failed(source: EngineError) -> Self {
        Self::Engine { side: Side::Source, source }
    }

    /// For `map_err`.
    pub(crate) fn output_failed(source: std::io::Error) -> Self {
        Self::Output(source)
    }

    /// For `map_err`.
    pub(crate) fn target_failed(source: EngineError) -> Self {
        Self::Engine { side: Side::Target, source }
    }
}
