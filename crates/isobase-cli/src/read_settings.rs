//! Settings as a command takes them: from its arguments, the environment and the file.

use anyhow::Result;

use crate::{
    print::Printer,
    settings::{self, Config, Given, Loaded},
};

/// Reads all settings, and warns about what is odd.
pub(crate) fn load_settings(given: &Given, printer: Printer) -> Result<(Loaded, Config)> {
    // A variable that is not text cannot be one of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let loaded = settings::load(given, &environment.collect::<Vec<_>>())?;
    for warning in &loaded.warnings {
        printer.warning(warning);
    }
    let config = Config::new(&loaded)?;
    Ok((loaded, config))
}
