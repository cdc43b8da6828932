//! Bodies of requests: bounded in size and time.

use bytes::Bytes;
use hyper::body::Incoming;

use crate::Problem;

/// The body of a request. Reading it counts bytes and watches the clock.
pub struct RequestBody {
    inner: Inner,
}

enum Inner {
    Whole(Option<Bytes>),
    Incoming(Incoming),
}

impl RequestBody {
    /// A body that is already here: for requests that do not come from a connection.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { inner: Inner::Whole(Some(bytes.into())) }
    }

    /// A body that comes over a connection.
    pub(crate) fn incoming(incoming: Incoming) -> Self {
        Self { inner: Inner::Incoming(incoming) }
    }

    /// The whole body.
    ///
    /// # Errors
    /// `body_too_large`, `body_timeout`, `body_malformed`.
    pub async fn collect(mut self) -> Result<Bytes, Problem> {
        Ok(self.next_piece().await?.unwrap_or_default())
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// As [`RequestBody::collect`].
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, Problem> {
        match &mut self.inner {
            Inner::Whole(bytes) => Ok(bytes.take()),
            Inner::Incoming(_) => Ok(None),
        }
    }
}
