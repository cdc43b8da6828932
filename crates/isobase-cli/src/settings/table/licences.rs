//! Licences.

use isobase_licences::{AtLimit, LicenceOptions};

use super::super::{
    kinds::{Choice, Text, Whole},
    setting::{Optional, Setting},
};

super::settings! {
    static LICENCES_LIMIT: Setting<u32> = Setting::new(
        "licences.installations_max",
        &Whole::between(0, 200),
        || LicenceOptions::default().limit,
        "Most installations of an e-mail over all its licences that have no limit of their own.",
    )
    .changeable();

    static LICENCES_AT_LIMIT: Setting<AtLimit> = Setting::new(
        "licences.at_limit",
        &Choice(&[
            ("replace_oldest", AtLimit::ReplaceOldest),
            ("reject", AtLimit::Reject),
            ("allow_n", AtLimit::AllowN),
        ]),
        || LicenceOptions::default().at_limit,
        "The answer to one installation more: it takes the place of the one that was not seen for \
         longest, is refused, or is let in up to `allow_n` of its licence.",
    )
    .changeable();

    static LICENCES_KEY_PREFIX: Setting<String> = Setting::new(
        "licences.key_prefix",
        &Text::ANY,
        || LicenceOptions::default().key_prefix,
        "The beginning of new licence keys: 1 to 16 letters and digits. Keys that were made with another \
         prefix go on working, but have to be typed exactly as they are written.",
    )
    .changeable();

    static LICENCES_SECRET: Optional<String> = Setting::optional(
        "licences.secret",
        &Text::SECRET,
        "At least 32 bytes that only the operator knows, for licences alone: signs licence files, opens \
         keys that former versions sealed with it, and seals keys where `secret` is unset. Unset: \
         `secret`, or the file `secret` in the data folder, does all of that. `openssl rand -hex 32` \
         makes one.",
    )
    .variables(&["LICENSE_SECRET"]);

    static LICENCES_SOURCE: Setting<String> = Setting::new(
        "licences.source",
        &Text::DATABASE,
        || "data/licenses.db".to_owned(),
        "Where `isobase license import` reads when no source is given: the SQLite file or the URL of \
         another license service. Relative as `data`.",
    )
    .variables(&["LICENSE_SOURCE_DB", "LICENSE_DB_PATH"]);
}
