//! The service: slices of routes over the store, behind keys.
//!
//! Reading order: [`Composition`] (which slices there are), a slice (`records`, `data_store`,
//! `service`), the gate (who asks), [`serve`].

mod answer;
mod codes;
mod compose;
mod data_store;
mod description;
mod durability;
mod etag;
mod failure;
mod gate;
mod records;
mod request;
mod serve;
mod service;

use isobase_auth::Principal;

pub use compose::{Composition, ServerConfig, compose};
pub use description::{errors_markdown, openapi};
pub use durability::Durability;
pub use gate::Gate;
pub use isobase_http::{Body, HttpConfig, RequestBody};
pub use serve::serve;

/// Slices behind the gate of keys.
pub type Service = isobase_http::Service<Gate>;

/// A request on its way to its handler.
type Call = isobase_http::Call<Principal>;

/// One operation of a slice with the state `S`.
type Route<S> = isobase_http::Route<S, Principal>;
