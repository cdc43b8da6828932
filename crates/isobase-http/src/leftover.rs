//! The rest of a request's body when its answer is ready.
//!
//! The next request begins behind it, so it must be read, or the connection must end, and the
//! answer say so: a client that is not told sends its next request into a closed connection.

use std::{pin::Pin, sync::Arc, time::Duration};

use http_body::Body;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::time::timeout;

/// Most bytes that are read for the sake of the connection: less than a new one costs.
const BYTES_MAX: u64 = 64 << 10;
/// How long they are waited for. They are on their way, or the client waits for the answer first.
const PATIENCE: Duration = Duration::from_millis(300);

/// Where a body is put that was not read to its end. Written when the body is dropped, read when
/// the answer is ready.
#[derive(Clone, Default)]
pub(crate) struct Leftover(Arc<Mutex<Option<Incoming>>>);

impl Leftover {
    pub(crate) fn put(&self, rest: Incoming) {
        // A panic while the lock is held leaves nothing that could be wrong.
        *self.0.lock() = Some(rest);
    }

    /// Reads what is left if it is little; says whether the connection can go on. A client that waits
    /// for our consent has not sent the body, and is not asked to any more.
    pub(crate) async fn read_away(&self, client_waits: bool) -> bool {
        let rest = self.0.lock().take();
        let Some(rest) = rest else { return true };
        if client_waits || rest.size_hint().lower() > BYTES_MAX {
            return false;
        }
        timeout(PATIENCE, read_to_end(rest)).await.unwrap_or(false)
    }
}

async fn read_to_end(mut rest: Incoming) -> bool {
    let mut bytes = 0;
    loop {
        match std::future::poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, |piece| piece.len() as u64),
        }
        if bytes > BYTES_MAX {
            return false;
        }
    }
}
