//! The keys of a database.

mod former;

use std::sync::Arc;

use anyhow::{Context, Result};
use isobase::Store;
use isobase_auth::{Authorizer, KeyStore, exposure_check};

pub(crate) use self::former::path as former_path;
use crate::{
    failure::Failure,
    settings::{Config, Loaded, first_owner, internal_api_key},
};

/// Decides who may do what, as the service with these settings does.
pub(crate) async fn authorizer(
    loaded: &Loaded,
    config: &Config,
    store: &Store,
) -> Result<Arc<Authorizer>> {
    let keys = of_database(config, store).await?;
    let authorizer = Authorizer::with_keys(internal_api_key(loaded), keys)
        .await
        .context("cannot read the keys of the database")?;
    Ok(Arc::new(authorizer))
}

/// The keys of the database of the settings, with those that former versions kept beside it.
pub(crate) async fn of_database(config: &Config, store: &Store) -> Result<KeyStore> {
    let keys = KeyStore::new(store);
    former::take_over(config, &keys).await?;
    Ok(keys)
}

/// Refuses to be open beyond this machine before a database is made for that.
pub(crate) fn refuse_exposure(loaded: &Loaded, config: &Config) -> Result<()> {
    if config.records.missing_file().is_some()
        && !former::path(config).exists()
        && first_owner(loaded)?.is_none()
    {
        let authorizer = Authorizer::new(internal_api_key(loaded));
        exposed(config, &authorizer)?;
    }
    Ok(())
}

/// Refuses to be open beyond this machine.
pub(crate) fn exposed(config: &Config, authorizer: &Authorizer) -> Result<()> {
    exposure_check(&config.host, config.open, authorizer)
        .map_err(|error| Failure::usage(error.to_string()).into())
}
