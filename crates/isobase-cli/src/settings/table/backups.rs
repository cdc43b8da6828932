//! Backups, and how long the audit stays.

use std::time::Duration;

use super::super::{
    kinds::{Span, Switch, Text, Whole},
    setting::{Optional, Setting},
};

super::settings! {
    static BACKUPS_EVERY: Setting<Duration> = Setting::new(
        "backups.every",
        &Span,
        || Duration::ZERO,
        "How long after the last good backup the service makes the next one, in the folder `backups` of \
         the data folder. 0: it makes none by itself.",
    )
    .changeable();

    static BACKUPS_KEEP: Setting<usize> = Setting::new(
        "backups.keep",
        &Whole::between(1, 10_000),
        || 7,
        "How many of the backups stay that the service makes by itself.",
    )
    .changeable();

    static BACKUPS_FILES: Setting<bool> = Setting::new(
        "backups.files",
        &Switch,
        || true,
        "Whether the bytes of uploaded files are in backups, too. Each backup has all of them.",
    );

    static BACKUPS_PASSPHRASE: Optional<String> = Setting::optional(
        "backups.passphrase",
        &Text::SECRET,
        "Encrypts the backups that are made from now on, in the format of age. Without it nobody reads \
         them again, so keep it elsewhere. Backups that are not encrypted are read as before.",
    );

    static BACKUPS_REMOTE: Optional<String> = Setting::optional(
        "backups.remote",
        &Text::ANY,
        "Where each good backup is copied, too: a folder of another disk or machine, or \
         `s3://bucket/prefix`, with the address, region and credentials of `uploads.store`. None is deleted \
         there: let the bucket do that. A copy that fails is told on the hub, and is no reason to make the \
         backup again.",
    );

    static AUDIT_KEEP: Setting<Duration> = Setting::new(
        "audit.keep",
        &Span,
        || Duration::ZERO,
        "How long entries of the audit stay. Older ones are deleted from the beginning of its chain, which \
         notes where it begins then. 0: they stay for ever.",
    )
    .changeable();
}
