//! Backups, and how long the audit stays.

use std::{path::Path, time::Duration};

use isobase_jobs::{Backups, Passphrase, Schedule, is_backup_name};
use isobase_server::Shelf;

use super::super::{
    load::Loaded,
    table::{AUDIT_KEEP, BACKUPS_EVERY, BACKUPS_KEEP, BACKUPS_PASSPHRASE, BACKUPS_REMOTE},
    uploads::BucketSettings,
};
use crate::failure::Failure;

/// Where backups are, below the data folder.
pub(crate) fn backups(loaded: &Loaded, data: &Path) -> Backups {
    let passphrase = loaded.find(&BACKUPS_PASSPHRASE).and_then(Passphrase::new);
    Backups::new(data.join("backups")).with_passphrase(passphrase)
}

/// Where good ones are copied, too.
///
/// # Errors
/// When it can be no such place.
pub(super) fn backups_remote(
    loaded: &Loaded,
    buckets: &BucketSettings,
) -> Result<Option<Shelf>, Failure> {
    let Some(place) = loaded.find(&BACKUPS_REMOTE) else { return Ok(None) };
    let shelf = buckets.shelf(place).map_err(|error| loaded.wrong(&BACKUPS_REMOTE, error))?;
    Ok(Some(shelf.taking(is_backup_name)))
}

/// How long entries of the audit stay; `None` if they stay for ever.
pub(crate) fn audit_keep(loaded: &Loaded) -> Option<Duration> {
    Some(loaded.get(&AUDIT_KEEP)).filter(|keep| !keep.is_zero())
}

/// When backups are made, if they are.
pub(crate) fn schedule(loaded: &Loaded) -> Option<Schedule> {
    let every = loaded.get(&BACKUPS_EVERY);
    (!every.is_zero()).then(|| Schedule { every, keep: loaded.get(&BACKUPS_KEEP) })
}
