//! Who listens now: the streams of events that this process holds open.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use http::header;
use isobase_auth::Principal;
use isobase_live::{Behind, Gauge, Piece};
use isobase_types::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use crate::Call;

/// Longest name of a program that is kept. Ours: it stands in a table.
const AGENT_CHARACTERS_MAX: usize = 200;

/// The streams that are open, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    connections: BTreeMap<u64, Arc<Connection>>,
}

/// An open stream, and who reads it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its number in this process.
    pub(crate) number: u64,
    /// The messages: `events` or `requests`.
    pub(crate) kind: &'static str,
    /// The id of the principal.
    pub(crate) principal: String,
    /// The name that people know for the principal.
    pub(crate) name: Option<String>,
    pub(crate) address: IpAddr,
    /// The program that reads it, as it calls itself.
    pub(crate) agent: Option<String>,
    /// Its request.
    pub(crate) topics: Vec<String>,
    pub(crate) since: Timestamp,
    events: AtomicU64,
    bytes: AtomicU64,
    ending: Ending,
}

/// How a stream is cut off.
#[derive(Debug)]
enum Ending {
    /// By what tells what waits for its reader.
    Gauge(Gauge),
    /// By this: nothing is queued.
    Token(CancellationToken),
}

/// The subject of a stream.
pub(crate) struct Opening {
    pub(crate) kind: &'static str,
    pub(crate) topics: Vec<String>,
    /// Tells what waits for its reader; `None` if nothing is queued.
    pub(crate) gauge: Option<Gauge>,
}

/// A stream's entry in the list. Its drop takes it out.
#[derive(Debug)]
pub(crate) struct Entered {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Connections {
    /// Enters the stream that a call opens.
    pub(crate) fn enter(self: &Arc<Self>, call: &Call, opening: Opening) -> Entered {
        let agent = call.headers.get(header::USER_AGENT);
        let agent = agent.map(|agent| {
            let text = String::from_utf8_lossy(agent.as_bytes());
            text.chars().filter(|c| !c.is_control()).take(AGENT_CHARACTERS_MAX).collect()
        });
        let Opening { kind, topics, gauge } = opening;
        let mut open = self.open();
        open.last += 1;
        let connection = Arc::new(Connection {
            number: open.last,
            kind,
            principal: call.principal.id().to_owned(),
            name: match &call.principal {
                Principal::Account { name, .. } | Principal::Key { name, .. } => {
                    Some(name.to_string())
                }
                _ => None,
            },
            address: call.client(),
            agent,
            topics,
            since: Timestamp::from_system_time(SystemTime::now()),
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            ending: match gauge {
                Some(gauge) => Ending::Gauge(gauge),
                None => Ending::Token(CancellationToken::new()),
            },
        });
        open.connections.insert(connection.number, connection.clone());
        Entered { connections: self.clone(), connection }
    }

    /// The streams that are open, the oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<Connection>> {
        self.open().connections.values().cloned().collect()
    }

    /// Ends a stream; the connection that was cut, if there is one of this number.
    pub(crate) fn cut(&self, number: u64) -> Option<Arc<Connection>> {
        let connection = self.open().connections.get(&number).cloned()?;
        match &connection.ending {
            Ending::Gauge(gauge) => gauge.end(),
            Ending::Token(token) => token.cancel(),
        }
        Some(connection)
    }

    /// A panic elsewhere cannot leave it half changed.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock()
    }
}

impl Connection {
    /// The events and bytes that were handed to the connection.
    pub(crate) fn sent(&self) -> (u64, u64) {
        (self.events.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// The messages that wait for its reader; `None` if nothing is queued.
    pub(crate) fn behind(&self) -> Option<Behind> {
        match &self.ending {
            Ending::Gauge(gauge) => Some(gauge.read()),
            Ending::Token(_) => None,
        }
    }
}

impl Entered {
    /// Takes the next events from what makes them, and counts them. None also when the stream is
    /// cut.
    pub(crate) async fn pass(&self, next: impl Future<Output = Option<Piece>>) -> Option<Bytes> {
        let Piece { text, events } = match &self.connection.ending {
            Ending::Gauge(_) => next.await,
            Ending::Token(token) => token.run_until_cancelled(next).await.flatten(),
        }?;
        self.connection.events.fetch_add(events as u64, Ordering::Relaxed);
        self.connection.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        Some(text)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.connections.open().connections.remove(&self.connection.number);
    }
}
