//! The parts of slices, for the callers that our gate knows.

use isobase_auth::Principal;

/// A request on its way to its handler.
pub(crate) type Call = isobase_http::Call<Principal>;

/// One operation of a slice with the state `S`.
pub(crate) type Route<S> = isobase_http::Route<S, Principal>;
