//! Long work inside the service: backups, restores, copies to other databases, looking after what
//! other programs wrote. Knows no HTTP and opens no database: [`Databases`] does.
//!
//! A job is a document of a system collection, which never leaves its database. A process that ends
//! takes its jobs with it: they are `interrupted` then, and the same work can be asked for again; a
//! copy and a restore go on where they were.
//!
//! Reading order: [`Work`] (what can be done), [`Job`] (how far it is), [`Backups`] (a folder of
//! archives), [`Databases`], [`Jobs`], [`Schedule`].

mod backups;
mod databases;
mod error;
mod job;
mod jobs;
mod live;
mod perform;
mod schedule;
mod work;

pub use backups::{Backup, BackupError, Backups, Note, Origin};
pub use databases::{Databases, Purpose, Target};
pub use error::JobsError;
pub use isobase_ops::Existing;
pub use isobase_ops::archive::Passphrase;
pub use job::{JOBS_COLLECTION, Job, JobState};
pub use jobs::{Asked, Begun, JOBS_KEPT, JOBS_WAITING_MAX, Jobs, JobsOptions, RUNNING_MAX};
pub use live::{Live, Rate};
pub use schedule::{Schedule, look_after};
pub use work::Work;
