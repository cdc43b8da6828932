//! Signing in with accounts of other services: OpenID Connect and OAuth 2.

mod fetch;
mod flow;
mod id_token;
mod jwk;
mod provider;
mod remote;

pub use fetch::{Fetch, FetchError, Fetched, Fetcher, Fetching};
pub(crate) use flow::{Identity, LinkTo, Providers};
pub use flow::{Returned, StartedSignIn};
pub use jwk::Algorithm;
pub use provider::{
    InvalidProvider, Members, PROVIDERS_MAX, Provider, ProviderError, ProviderKind,
};
