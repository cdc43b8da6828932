//! Long work inside the service: backups, restores, copies to other databases, looking after what
//! other programs wrote. Knows no HTTP and opens no database: [`Databases`] does.
//!
//! A job is a document of a system collection, which never leaves its database. A process that ends
//! takes its jobs with it: they are `interrupted` then, and the same work can be asked for again; a
//! copy, a restore and an import go on where they were.
//!
//! Reading order: [`Work`] (what can be done), [`Job`] (how far it is), [`Backups`] (a folder of
//! archives), [`Imports`] (one of files that were sent), [`Databases`], [`Jobs`], [`Schedule`].

mod backups;
mod databases;
mod ended;
mod error;
mod import;
mod imports;
mod incoming_backup;
mod job;
mod jobs;
mod live;
mod perform;
mod preview;
mod remote_backups;
mod running;
mod samples;
mod schedule;
mod work;

pub use backups::{Backup, BackupError, Backups, Note, Origin};
pub use databases::{Databases, Purpose, Target};
pub use error::JobsError;
pub use import::Import;
pub use imports::{IMPORT_KEPT, IMPORTS_MAX, ImportFile, Imports, ImportsError, Incoming};
pub use incoming_backup::IncomingBackup;
pub use isobase_ops::archive::Passphrase;
pub use isobase_ops::import::{
    Column, ColumnType, Format, Ids, InvalidMapping, Mapping, ReadOptions, Record, Table,
};
pub use isobase_ops::{Existing, Sample};
pub use job::{JOBS_COLLECTION, Job, JobState};
pub use jobs::{Asked, Begun, JOBS_KEPT, JOBS_WAITING_MAX, Jobs, JobsOptions, RUNNING_MAX};
pub use live::{Live, Rate};
pub use preview::{Preview, Seen};
pub use remote_backups::is_backup_name;
pub use schedule::{Schedule, look_after};
pub use work::Work;
