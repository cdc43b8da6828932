//! Licences.

use isobase_auth::{Sealer, SecretSource};
use isobase_licences::{LicenceOptions, Secret};

use super::{
    super::{
        load::Loaded,
        table::{
            LICENCES_AT_LIMIT, LICENCES_KEY_PREFIX, LICENCES_LIMIT, LICENCES_SECRET,
            LICENCES_SOURCE, SECRET,
        },
    },
    Config, sealer,
};
use crate::failure::Failure;

/// The sealer of licence keys: that of all other secrets, unless a secret is set for licences alone.
/// Such a service may run without a data folder that lasts.
fn licence_sealer(loaded: &Loaded, config: &Config) -> Sealer {
    match (loaded.find(&SECRET), loaded.find(&LICENCES_SECRET)) {
        (None, Some(own)) => Sealer::new(SecretSource::Text(own.as_str().into())),
        _ => sealer(loaded, config),
    }
}

/// The terms of every licence that has none of its own.
///
/// # Errors
/// Names a setting that cannot be.
pub(crate) fn licence_options(loaded: &Loaded, config: &Config) -> Result<LicenceOptions, Failure> {
    let secret = loaded.find(&LICENCES_SECRET).map(|text| Secret::new(text)).transpose();
    let secret = secret.map_err(|error| loaded.wrong(&LICENCES_SECRET, error))?;
    let prefix = loaded.get(&LICENCES_KEY_PREFIX);
    let plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(1..=16).contains(&prefix.len()) {
        let reason = format!("expected 1 to 16 letters and digits, found {prefix:?}");
        return Err(loaded.wrong(&LICENCES_KEY_PREFIX, reason));
    }
    Ok(LicenceOptions {
        limit: loaded.get(&LICENCES_LIMIT),
        at_limit: loaded.get(&LICENCES_AT_LIMIT),
        key_prefix: prefix.to_ascii_uppercase(),
        sealer: Some(licence_sealer(loaded, config)),
        secret,
        // It may be shorter than what sealed keys.
        former: loaded.find(&SECRET).and_then(|text| Secret::new(text).ok()),
    })
}

/// Where licences are imported from when nothing is said.
pub(crate) fn licence_source(loaded: &Loaded) -> String {
    let text = loaded.get(&LICENCES_SOURCE);
    match text.contains("://") {
        true => text,
        false => loaded.path(&LICENCES_SOURCE).to_string_lossy().into_owned(),
    }
}
