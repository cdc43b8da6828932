//! Streams of events, read piece by piece.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use isobase_server::{Body, LiveConfig, LiveOptions, RequestBody, ServerConfig, Topic};
use isobase_types::CollectionName;
use serde_json::Value;
use tokio::time::timeout;

use crate::records::support::{Service, Settings};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service whose collections `items` and `posts` make events.
pub fn service(options: LiveOptions) -> Service {
    Service::with(settings(options))
}

pub fn settings(options: LiveOptions) -> Settings {
    let topic =
        |(name, event): (&str, &str)| Topic::plain(CollectionName::new(name).unwrap(), event);
    let topics = [("items", "item"), ("posts", "post")].map(topic).to_vec();
    let live = LiveConfig { topics, options };
    Settings { config: ServerConfig { live, ..ServerConfig::default() }, ..Settings::default() }
}

/// An event as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: String,
    pub id: String,
}

impl Event {
    /// Reads the one form in which we write events.
    fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let [name, data, id, ""] = lines[..] else { panic!("{text:?}") };
        let after = |line: &str, name: &str| {
            line.strip_prefix(name).unwrap_or_else(|| panic!("{text:?}")).to_owned()
        };
        let id = after(id, "id: ");
        assert!(!id.is_empty() && !id.contains(' '), "{text:?}");
        Self { name: after(name, "event: "), data: after(data, "data: "), id }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    #[track_caller]
    pub fn is(&self, name: &str, data: &str) -> &Self {
        assert_eq!((self.name.as_str(), self.data.as_str()), (name, data));
        self
    }
}

/// A stream of events.
pub struct Listening {
    pub status: u16,
    pub headers: HeaderMap,
    body: Pin<Box<Body>>,
    /// Events that came with the last one.
    ready: VecDeque<Event>,
}

/// Opens a stream; `id` is that of the last event that was seen.
pub async fn ask(service: &Service, query: &str, id: Option<&str>) -> Listening {
    let headers: Vec<_> = id.iter().map(|id| ("last-event-id", *id)).collect();
    open(service, &format!("/api/events{query}"), &headers).await
}

/// Opens any stream.
pub async fn open(service: &Service, target: &str, headers: &[(&str, &str)]) -> Listening {
    let mut request = Request::builder().uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("host", "localhost").body(RequestBody::whole("")).unwrap();
    let (parts, body) = service.app.handle(request).await.into_parts();
    Listening {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: Box::pin(body),
        ready: VecDeque::new(),
    }
}

/// Opens a stream and reads its greeting.
pub async fn listen(service: &Service, query: &str) -> Listening {
    listen_after(service, query, None).await
}

pub async fn listen_after(service: &Service, query: &str, id: Option<&str>) -> Listening {
    let mut listening = ask(service, query, id).await;
    listening.next().await.is("connected", "{}");
    listening
}

impl Listening {
    /// The next event.
    pub async fn next(&mut self) -> Event {
        self.event().await.expect("another event")
    }

    /// The next event, or none at the end.
    pub async fn event(&mut self) -> Option<Event> {
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        let frame = timeout(PATIENCE, self.body.frame()).await.expect("an event in time")?;
        let bytes = frame.unwrap().into_data().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        // A piece has whole events.
        self.ready = text.split_inclusive("\n\n").map(Event::parse).collect();
        self.ready.pop_front()
    }

    /// Everything that is left, as text.
    pub async fn rest(self) -> String {
        let bytes = timeout(PATIENCE, self.body.collect()).await.expect("the end in time");
        String::from_utf8(bytes.unwrap().to_bytes().to_vec()).unwrap()
    }
}
