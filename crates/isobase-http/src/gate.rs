//! Who asks: the one decision a service makes for every request.

use std::net::IpAddr;

use http::{HeaderMap, Method};

use crate::{Permission, Problem};

/// Says who asks and whether they may. A service has one.
///
/// It knows keys, sessions and users; the library knows none of them. What it finds out about a
/// caller is a type of its own, which the library hands to the handler.
pub trait Gate: Send + Sync + 'static {
    /// Who asks.
    type Principal: Send + 'static;

    /// Lets a request in, as somebody, or refuses it. Nothing of its body was read yet.
    ///
    /// # Errors
    /// [`Refusal`].
    fn admit(
        &self,
        asked: Asked<'_>,
    ) -> impl Future<Output = Result<Self::Principal, Refusal>> + Send;

    /// A caller as logs name it.
    fn name_of(&self, caller: &Self::Principal) -> String;

    /// Whether everything is allowed to everyone: then pages of any origin may read the answers,
    /// unless a list of origins is set.
    fn is_open(&self) -> bool;

    /// Whether a caller showed nothing and may yet do something, because only this machine reaches
    /// the service. A page in its browser reaches it too, so names and origins are checked.
    fn is_trusted_by_place(&self, caller: &Self::Principal) -> bool;
}

/// The facts that a gate decides by.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method as sent.
    pub method: &'a Method,
    /// The headers of the request. A URL ends up in logs, so credentials are never there.
    pub headers: &'a HeaderMap,
    /// The address of the client.
    pub client: IpAddr,
    /// By which way it came.
    pub door: Door,
    /// The right that the route asks for.
    pub permission: Permission,
}

/// The way by which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The network, or a program that holds the service inside.
    Network,
    /// A socket that only the operator of the service can open.
    Local,
}

/// Why a request was not let in.
#[derive(Debug)]
pub enum Refusal {
    /// It has no credentials, or wrong ones. Counted by address, so that guessing is slow.
    Unauthenticated(Problem),
    /// Anything else.
    Other(Problem),
}
