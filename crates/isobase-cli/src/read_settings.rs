//! Settings as a command takes them: from its arguments, the environment and the file.

use anyhow::Result;

use crate::{
    print::Printer,
    settings::{self, Config, Given, Loaded},
};

/// Reads all settings, and warns about what is odd.
pub(crate) fn load_settings(given: &Given, printer: Printer) -> Result<(Loaded, Config)> {
    let loaded = settings::load(given, &environment())?;
    for warning in &loaded.warnings {
        printer.warning(warning);
    }
    let config = Config::new(&loaded)?;
    for warning in config.undeclared(&loaded) {
        printer.warning(&warning);
    }
    Ok((loaded, config))
}

/// The variables of the process. One that is not text cannot be one of ours.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
