//! Moving whole databases: copy, dump, restore, verify.
//!
//! Everything here returns values and tells events; nothing prints. [`copy`](fn@copy) takes
//! everything from one engine to another and proves that nothing changed. [`archive`] is the
//! file that holds a database between two engines.
//!
//! Reading order: [`Digest`] (what equality means), [`Control`] and [`Event`] (how a caller
//! follows and stops the work), `note` (what a load leaves for the run that resumes it), `begin`
//! (what a load finds in its target), `selection` (which collections travel), `scan` and `loader` (the two ends of the pipe), `replay`
//! (what changed meanwhile), `verify`, [`FilePlace`] (the bytes of uploads, which are in no database),
//! and `copy`, which puts them together.

mod again;
pub mod archive;
mod begin;
mod copy;
mod copy_options;
mod difference;
mod digest;
mod error;
mod event;
mod existing;
mod files;
mod follow;
pub mod import;
mod indexes;
mod loader;
mod note;
mod pace;
mod preflight;
mod refusal;
mod replay;
mod report;
mod samples;
mod scan;
mod schemas;
mod selection;
mod verify;

pub use copy::{copy, preflight};
pub use copy_options::{CopyOptions, Follow};
pub use difference::{Difference, DifferenceKind};
pub use digest::{CollectionDigest, Digest, content_hash, times_hash};
pub use error::{OpsError, Side};
pub use event::{Control, Event, Lag, Progress, Stage};
pub use existing::Existing;
pub use files::{FILE_NAMES_MAX, FileBytes, FilePlace, FilesCopy, FilesReport, look_at_files};
pub use note::{LoadNote, first_line};
pub use preflight::{OnRefused, PreflightReport, REFUSALS_MAX};
pub use refusal::Refusal;
pub use report::{CollectionReport, CopyReport, StageTime};
pub use samples::{Sample, samples};
pub use selection::System;
pub use verify::DIFFERENCES_MAX;
