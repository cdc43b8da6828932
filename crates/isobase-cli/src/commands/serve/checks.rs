//! Reasons not to start, told before anything is opened or shown.

use anyhow::Result;
use isobase_auth::Authorizer;

use super::{letters, providers::providers};
use crate::{
    failure::{Failure, Problem},
    keys,
    print::Printer,
    settings::{Config, Loaded, has_sql, licence_options, sealer, server_config},
};

/// Refuses an app folder that is not there.
pub(super) fn app_is_there(loaded: &Loaded) -> Result<(), Failure> {
    if loaded.app.is_dir() {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no folder {}", loaded.app.display())))
}

/// Refuses settings that cannot be, and warns of those that lose something.
pub(super) fn before_opening(loaded: &Loaded, config: &Config, printer: Printer) -> Result<()> {
    server_config(loaded, config)?;
    keys::refuse_exposure(loaded, config)?;
    letters::mail(loaded)?;
    providers(loaded)?;
    sealer(loaded, config).check().map_err(|error| Failure::usage(error.to_string()))?;
    let can_seal = licence_options(loaded, config)?.sealer.map(|sealer| sealer.can_seal());
    if let Some(Err(error)) = can_seal {
        let hint = "set ISOBASE_SECRET, or a data folder that the service may write into";
        let message =
            format!("keys of licenses are shown once, and only their hashes are kept: {error}");
        printer.warning(&Problem { message, hint: Some(hint.to_owned()) });
    }
    Ok(())
}

/// Refuses to show a database of the owner's own to everybody who reaches the address.
pub(super) fn sql_exposed(
    loaded: &Loaded,
    config: &Config,
    authorizer: &Authorizer,
) -> Result<(), Failure> {
    if !(config.open && authorizer.is_open() && has_sql(loaded)) {
        return Ok(());
    }
    let message =
        "with `open` everybody who reaches the address could read the database of sql.url";
    let hint = "set INTERNAL_API_KEY, or owner.name and owner.password; or unset sql.url";
    Err(Failure::usage(message).hint(hint))
}
