//! Jobs and backups on the wire, and how their routes are described.

mod backups;
mod described;
mod jobs;
mod samples;
mod start;

pub(super) use backups::*;
pub(crate) use described::begins;
pub(super) use jobs::*;
pub(super) use samples::*;
pub(super) use start::*;
