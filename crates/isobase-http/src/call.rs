//! A request on its way to its handler.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderValue, Uri};

use crate::{Door, RequestBody, Shared, link::Link};

/// Most parameters in a path.
pub(crate) const PATH_PARAMETERS_MAX: usize = 4;

/// A request that was found in the table and is allowed.
pub struct Call<P> {
    /// The method as sent: `HEAD` runs the handler of `GET`, and its body is dropped.
    pub method: http::Method,
    /// The target as sent.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not yet read.
    pub body: RequestBody,
    /// Who asks.
    pub principal: P,
    /// The request's id, as the answer will show it.
    pub request_id: HeaderValue,
    /// Whether everything was allowed to everyone when it came.
    pub(crate) open: bool,
    /// The number of its route.
    pub(crate) route: usize,
    pub(crate) path: PathParameters,
    pub(crate) client: IpAddr,
    pub(crate) link: Arc<Link>,
}

/// The parameters of the path: places in its decoded text.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathParameters {
    /// The decoded path, when it differs from the sent one.
    pub(crate) decoded: Option<Box<str>>,
    /// Begin and end of each parameter.
    pub(crate) places: [(u32, u32); PATH_PARAMETERS_MAX],
}

impl<P> Call<P> {
    /// The percent-decoded value of the nth parameter of the route's path, from 0; empty when the
    /// path has fewer.
    #[must_use]
    pub fn parameter(&self, index: usize) -> &str {
        let text = self.path.decoded.as_deref().unwrap_or(self.uri.path());
        let (from, to) = self.path.places.get(index).copied().unwrap_or_default();
        text.get(from as usize..to as usize).unwrap_or_default()
    }

    /// The query string as sent, without `?`; empty when there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// The value of a header that is sent at most once, when it is text.
    #[must_use]
    pub fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The unique name of its route.
    #[must_use]
    pub fn operation_id(&self) -> &str {
        self.shared().specs.get(self.route).map_or("", |spec| &spec.operation.id)
    }

    /// The address of the client: of the connection's peer, or what a trusted proxy says.
    #[must_use]
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// By which way it came.
    #[must_use]
    pub fn door(&self) -> Door {
        self.link.door
    }

    /// State that all requests share: bounds, the stop, counters, the description.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.link.shared
    }

    /// Whether a page of the request's origin may write. Asked already where the route writes.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.shared().cors.may_write(&self.headers, self.open)
    }

    /// Takes the body and leaves an empty one: the rest of the request is still needed.
    pub fn take_body(&mut self) -> RequestBody {
        std::mem::replace(&mut self.body, RequestBody::whole(bytes::Bytes::new()))
    }
}
