//! Other services whose accounts sign in.

use isobase_server::Providers;

use crate::{failure::Failure, settings::Loaded};

/// The providers of the settings, and the client that asks them.
#[cfg(feature = "providers")]
pub(super) fn providers(loaded: &Loaded) -> Result<Option<Providers>, Failure> {
    if loaded.providers.is_empty() {
        return Ok(None);
    }
    let providers = loaded.providers.iter().map(|(provider, _)| provider.clone()).collect();
    Ok(Some((providers, super::fetcher::fetcher()?)))
}

#[cfg(not(feature = "providers"))]
pub(super) fn providers(loaded: &Loaded) -> Result<Option<Providers>, Failure> {
    match loaded.providers.first() {
        None => Ok(None),
        Some((provider, origin)) => Err(Failure::usage(format!(
            "the provider {} ({origin}): this executable was built without providers",
            provider.id
        ))
        .hint("build it with --features providers, or take the lines out")),
    }
}
