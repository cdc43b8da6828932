//! The one service around all handlers: everything every request needs, in the order it is done.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
    request::Parts,
};
use tokio::time::timeout;
use tracing::{Instrument, debug_span};

use crate::{
    Api, Asked, Body, BodyLimit, Call, Door, Gate, HttpConfig, InvalidRoute, Observer, Permission,
    Problem, ProblemItem, Refusal, RequestBody, Routes, Seen, Shared, Spec,
    activity::Ticket,
    call::PathParameters,
    codes, cors, date,
    encoding::{self, Coding},
    event_stream::EVENT_STREAM,
    failures::FailureLimiter,
    forwarded,
    link::Link,
    request_body::Bounds,
    request_id::X_REQUEST_ID,
    route::Bound,
    table::{Found, Table},
};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const CLOSE: HeaderValue = HeaderValue::from_static("close");
/// Of what has a tag. A proxy that compressed it would change the tag, by which writes are conditional.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache, no-transform");
const CREDENTIALS: HeaderValue = HeaderValue::from_static("authorization, x-api-key");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The methods allowed on unknown paths.
const ALL_METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// Routes behind a gate: answers requests, from connections and from within the process.
pub struct Service<G: Gate> {
    gate: G,
    shared: Arc<Shared>,
    table: Table,
    /// By the numbers of their routes.
    handlers: Vec<Bound<G::Principal>>,
    /// The number of the route of paths that no other has.
    fallback: Option<usize>,
    failures: FailureLimiter,
}

/// What the head of an answer needs from the head of its request, which the handler takes.
struct Noted {
    request_id: HeaderValue,
    origin: Option<HeaderValue>,
    method: Method,
    takes_gzip: bool,
    /// Only when requests are logged, or somebody is told of them.
    path: Option<String>,
    /// Only when somebody is told of it.
    caller: Option<String>,
    started: Instant,
}

/// An answer on its way out.
type Answered = Result<Response<Body>, Problem>;

impl<G: Gate> Service<G> {
    /// A service of these routes.
    ///
    /// # Errors
    /// When two routes are the same, or a path cannot be one.
    pub fn new(
        routes: Routes<G::Principal>,
        gate: G,
        api: Api,
        config: HttpConfig,
    ) -> Result<Arc<Self>, InvalidRoute> {
        Self::observed(routes, gate, api, config, None)
    }

    /// A service of which somebody is told every answer.
    ///
    /// # Errors
    /// As [`Service::new`].
    pub fn observed(
        routes: Routes<G::Principal>,
        gate: G,
        api: Api,
        config: HttpConfig,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Arc<Self>, InvalidRoute> {
        let Routes { specs, handlers, fallback } = routes;
        let table = Table::new(&specs, fallback)?;
        let shared = Arc::new(Shared::new(config, specs, api, observer));
        let failures = FailureLimiter::default();
        Ok(Arc::new(Self { gate, shared, table, handlers, fallback, failures }))
    }

    /// Who says who asks.
    #[must_use]
    pub fn gate(&self) -> &G {
        &self.gate
    }

    /// State that all requests share.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Answers a request that did not come over a connection, exactly as one that did: for tests
    /// and for programs that hold the service inside.
    pub async fn handle(&self, request: Request<RequestBody>) -> Response<Body> {
        let link = self.link(IpAddr::V4(Ipv4Addr::LOCALHOST), Door::Network);
        match self.answer(link, request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    pub(crate) fn link(&self, peer: IpAddr, door: Door) -> Arc<Link> {
        Link::new(self.shared.clone(), peer, door)
    }

    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        link: Arc<Link>,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, Infallible> {
        let started = Instant::now();
        let ticket = Ticket::new(link.activity.clone());
        let (parts, mut body) = request.into_parts();
        let leftover = body.keep_leftover();
        let waits = leftover.is_some() && parts.headers.contains_key(header::EXPECT);
        let logged = tracing::enabled!(target: "isobase::access", tracing::Level::DEBUG);
        let mut noted = Noted {
            request_id: self.shared.request_ids.of(&parts.headers),
            origin: parts.headers.get(header::ORIGIN).cloned(),
            method: parts.method.clone(),
            takes_gzip: encoding::accepts_gzip(&parts.headers),
            path: (logged || self.shared.observer.is_some()).then(|| parts.uri.path().to_owned()),
            caller: None,
            started,
        };
        let open = self.gate.is_open();
        let (route, answered, caller) =
            self.carry_out(link, parts, body, &noted.request_id, open).await;
        noted.caller = caller;
        let mut response = finish(&self.shared, noted, route, open, answered, ticket);
        if let Some(leftover) = leftover
            && !response.headers().contains_key(header::CONNECTION)
            && !Box::pin(leftover.read_away(waits)).await
        {
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        Ok(response)
    }

    /// Finds the route, checks the request and runs the handler.
    async fn carry_out(
        &self,
        link: Arc<Link>,
        parts: Parts,
        body: RequestBody,
        request_id: &HeaderValue,
        open: bool,
    ) -> (Option<usize>, Answered, Option<String>) {
        let checked = check_head(&self.shared.config, &parts)
            .and_then(|()| check_host(&self.shared, &parts.headers, open));
        if let Err(problem) = checked {
            return (None, Err(problem), None);
        }
        let (route, path) = match self.find(&parts) {
            Way::Route(route, path) => (route, path),
            Way::Answer(answered) => return (None, answered, None),
        };
        let mut caller = None;
        let client =
            forwarded::client(link.peer, &parts.headers, &self.shared.config.trusted_proxies);
        let answered = match self.admit((client, link.door), &parts, body, route, open).await {
            Ok((principal, body)) => {
                if self.shared.observer.is_some() {
                    caller = Some(self.gate.name_of(&principal));
                }
                let call = Call {
                    method: parts.method,
                    uri: parts.uri,
                    headers: parts.headers,
                    body,
                    principal,
                    request_id: request_id.clone(),
                    open,
                    route,
                    path,
                    client,
                    link,
                };
                self.run(call).await
            }
            Err(problem) => Err(problem),
        };
        (Some(route), answered, caller)
    }

    fn find(&self, parts: &Parts) -> Way {
        let path = parts.uri.path();
        if matches!(parts.method, Method::TRACE | Method::CONNECT) {
            return Way::Answer(Err(method_not_allowed(ALL_METHODS)));
        }
        if parts.method == Method::OPTIONS && cors::is_preflight(&parts.headers) {
            return Way::Answer(Ok(cors::preflight(&parts.headers)));
        }
        Way::Answer(match self.table.find(path) {
            Found::Path(entry, parameters) => match entry.route(&parts.method) {
                Some(route) => return Way::Route(route, parameters),
                None if parts.method == Method::OPTIONS => Ok(options(entry.allow.clone())),
                None => Err(match entry.reserved(&parts.method) {
                    Some(name) => reserved_id(name),
                    None => method_not_allowed(entry.allow.clone()),
                }),
            },
            Found::Nothing if parts.method == Method::OPTIONS && path == "*" => {
                Ok(options(ALL_METHODS))
            }
            Found::WithoutSlash => redirect(&self.shared.config, &parts.uri),
            Found::Nothing => match self.fallback {
                Some(route) if matches!(parts.method, Method::GET | Method::HEAD) => {
                    return Way::Route(route, PathParameters::default());
                }
                _ => Err(Problem::new(codes::ROUTE_NOT_FOUND, "Not Found")),
            },
            Found::Malformed => Err(Problem::new(
                codes::MALFORMED_REQUEST,
                "the path is not valid percent-encoded UTF-8, or has a segment . or .. (write %2E, \
                 %2E%2E)",
            )),
        })
    }

    /// Checks who asks and how much it sends, before anything of the body is read.
    async fn admit(
        &self,
        (client, door): (IpAddr, Door),
        parts: &Parts,
        mut body: RequestBody,
        route: usize,
        open: bool,
    ) -> Result<(G::Principal, RequestBody), Problem> {
        let spec = &self.shared.specs[route];
        let permission = spec.permission;
        check_origin(&self.shared, spec, &parts.headers, open)?;
        let (method, headers) = (&parts.method, &parts.headers);
        let asked = Asked { method, headers, client, door, permission };
        let principal = match self.gate.admit(asked).await {
            Ok(principal) => principal,
            Err(Refusal::Unauthenticated(problem)) => {
                return Err(self.count_failure(client, problem));
            }
            Err(Refusal::Other(problem)) => return Err(problem),
        };
        // To read what is public takes no trust.
        let is_read = matches!(parts.method, Method::GET | Method::HEAD);
        let is_harmless = permission == Permission::Public && is_read;
        if !is_harmless && self.gate.is_trusted_by_place(&principal) {
            check_host(&self.shared, &parts.headers, true)?;
            check_origin(&self.shared, spec, &parts.headers, true)?;
        }
        let config = &self.shared.config;
        let is_stream = match body_limit(spec, &parts.headers) {
            BodyLimit::None => return Ok((principal, body)),
            BodyLimit::Document => false,
            BodyLimit::Stream | BodyLimit::Pieces => true,
        };
        let bounds = Bounds {
            bytes_max: if is_stream { config.stream_body_bytes_max } else { config.body_bytes_max },
            idle: config.body_idle_timeout,
            deadline: tokio::time::Instant::now() + config.body_timeout,
            is_stream,
        };
        body.bound(bounds, &self.shared.bodies)?;
        body.decode(Coding::of(&parts.headers)?);
        Ok((principal, body))
    }

    /// The answer to a caller without credentials: the gate's problem, or to wait.
    fn count_failure(&self, client: IpAddr, problem: Problem) -> Problem {
        self.shared.metrics.failed_authentications.fetch_add(1, Ordering::Relaxed);
        if self.failures.count(client, Instant::now()) {
            return problem;
        }
        Problem::new(
            codes::TOO_MANY_FAILURES,
            "too many requests without a valid key came from this address",
        )
    }

    /// Runs a handler within the deadline. A panic is this request's problem alone.
    async fn run(&self, call: Call<G::Principal>) -> Answered {
        let spec = &self.shared.specs[call.route];
        let limit = body_limit(spec, &call.headers);
        // At `debug`, and so free where that is off.
        let span = debug_span!(
            "request",
            operation = &*spec.operation.id,
            request_id = call.request_id.to_str().unwrap_or_default(),
        );
        let handling = AssertUnwindSafe(self.handlers[call.route](call)).catch_unwind();
        let handling = handling.instrument(span);
        let patience = self.shared.config.request_timeout;
        let outcome = match limit {
            // It takes as long as its body comes in; each piece has its own deadline.
            BodyLimit::Stream | BodyLimit::Pieces => handling.await,
            _ => match timeout(patience, handling).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(too_slow(spec, patience)),
            },
        };
        outcome.unwrap_or_else(|panic| {
            self.shared.metrics.panics.fetch_add(1, Ordering::Relaxed);
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            Err(Problem::internal(format!("the handler panicked: {text}")))
        })
    }
}

/// Refuses heads that may mean different things to different readers.
fn check_head(config: &HttpConfig, parts: &Parts) -> Result<(), Problem> {
    let malformed = |detail: &str| Err(Problem::new(codes::MALFORMED_REQUEST, detail).closing());
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return malformed("the request has several Host headers"),
        (Some(host), None) if !is_authority(host.as_bytes()) => {
            return malformed("the Host header is not a host and port");
        }
        (None, _) if parts.version == Version::HTTP_11 => {
            return malformed("the request has no Host header");
        }
        _ => {}
    }
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let max = config.uri_bytes_max;
    if target > max {
        return Err(Problem::new(
            codes::URI_TOO_LONG,
            format!("the request target has {target} bytes, at most {max} are allowed"),
        ));
    }
    Ok(())
}

/// A page may write only where its origin may, once callers are allowed something without a key.
fn check_origin(
    shared: &Shared,
    spec: &Spec,
    headers: &HeaderMap,
    open: bool,
) -> Result<(), Problem> {
    if !spec.writes() || shared.cors.may_write(headers, open) {
        return Ok(());
    }
    Err(Problem::new(
        codes::ORIGIN_NOT_ALLOWED,
        "pages of this origin may not write; the setting cors_origins names those that may",
    ))
}

/// A name that another has made lead here is refused where callers are allowed something without a
/// key: a page of that name would pass for one of this service.
fn check_host(shared: &Shared, headers: &HeaderMap, open: bool) -> Result<(), Problem> {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    if !open || host.is_none_or(|host| shared.cors.answers_host(host)) {
        return Ok(());
    }
    Err(Problem::new(
        codes::HOST_NOT_ALLOWED,
        "without a key or a session the service answers to localhost and allowed_hosts only",
    ))
}

/// Letters, digits and what names, addresses and ports are made of.
fn is_authority(host: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(byte);
    !host.is_empty() && host.len() <= 300 && host.iter().all(allowed)
}

/// Where a request goes.
enum Way {
    /// To a handler.
    Route(usize, PathParameters),
    /// Back: it has no handler.
    Answer(Answered),
}

fn method_not_allowed(allow: HeaderValue) -> Problem {
    Problem::new(codes::METHOD_NOT_ALLOWED, "Method Not Allowed").with_header(header::ALLOW, allow)
}

/// A write to a name that is taken from the ids.
fn reserved_id(name: &str) -> Problem {
    let message = format!("the id '{name}' is the name of a route; reach it through a batch");
    Problem::new(codes::RESERVED_ID, message.clone())
        .with_item(ProblemItem::named("id", message, name))
}

fn options(allow: HeaderValue) -> Response<Body> {
    let mut response = Body::no_content(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// Sends a client to the same path without its last slash. 307 keeps method and body.
///
/// The place is relative to the request, so that it holds behind a proxy that ends TLS.
fn redirect(config: &HttpConfig, uri: &Uri) -> Answered {
    let base = config.public_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let path = uri.path().trim_end_matches('/');
    if path.starts_with("//") {
        // As a relative place it would be another host.
        return Err(Problem::new(codes::ROUTE_NOT_FOUND, "Not Found"));
    }
    let location = match uri.query() {
        Some(query) => format!("{base}{path}?{query}"),
        None => format!("{base}{path}"),
    };
    let location = HeaderValue::try_from(location)
        .map_err(|_| Problem::new(codes::ROUTE_NOT_FOUND, "Not Found"))?;
    let mut response = Body::no_content(StatusCode::TEMPORARY_REDIRECT);
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// How much this body may be. Only newline-delimited JSON is read as a stream.
fn body_limit(spec: &Spec, headers: &HeaderMap) -> BodyLimit {
    let is_lines = || {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        ["application/x-ndjson", "application/ndjson"]
            .iter()
            .any(|lines| essence.eq_ignore_ascii_case(lines))
    };
    match spec.body {
        BodyLimit::Stream if !is_lines() => BodyLimit::Document,
        limit => limit,
    }
}

/// Of a write that was given up no one knows whether it happened.
fn too_slow(spec: &Spec, after: Duration) -> Problem {
    let seconds = after.as_secs_f32();
    match spec.writes() {
        false => Problem::new(
            codes::DEADLINE_EXCEEDED,
            format!("the request took longer than {seconds} s"),
        ),
        true => Problem::new(
            codes::OUTCOME_UNKNOWN,
            format!("the write took longer than {seconds} s and may happen yet"),
        ),
    }
}

/// Gives an answer the headers every answer has, counts it and logs it.
fn finish(
    shared: &Shared,
    noted: Noted,
    route: Option<usize>,
    open: bool,
    answered: Answered,
    ticket: Ticket,
) -> Response<Body> {
    let is_event_stream = route.is_some_and(|number| shared.specs[number].is_event_stream);
    let mut response = match answered {
        Ok(response) => response,
        Err(problem) => {
            log_failure(&problem, &noted.request_id);
            match is_event_stream && problem.code().status().is_server_error() {
                true => Body::empty().into_response(StatusCode::OK, EVENT_STREAM),
                false => problem.into_response(&noted.request_id),
            }
        }
    };
    let status = response.status();
    let headers = response.headers_mut();
    mark(headers, noted.request_id);
    shared.cors.mark(headers, noted.origin.as_ref(), open);
    encode(&mut response, noted.takes_gzip);
    if noted.method == Method::HEAD {
        empty(&mut response);
    }
    let body = response.body_mut();
    if body.is_stream() {
        body.watch(shared.config.stream_idle_timeout);
    }
    body.hold(ticket);
    let took = noted.started.elapsed();
    shared.metrics.count(route, status, took);
    if let Some(observer) = &shared.observer {
        let id = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        observer.see(Seen {
            method: &noted.method,
            path: noted.path.as_deref().unwrap_or_default(),
            operation: route.map(|number| &shared.specs[number].operation),
            status,
            took,
            request_id: id,
            caller: noted.caller,
        });
    }
    if let Some(path) = noted.path
        && tracing::enabled!(target: "isobase::access", tracing::Level::DEBUG)
    {
        let route = route.map_or("none", |number| &*shared.specs[number].path);
        let id = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        tracing::debug!(
            target: "isobase::access",
            method = %noted.method, route, path, status = status.as_u16(),
            us = took.as_micros() as u64, request_id = id,
            "{} {path} {}", noted.method, status.as_u16()
        );
    }
    response
}

/// The headers of every answer.
fn mark(headers: &mut HeaderMap, request_id: HeaderValue) {
    headers.insert(X_REQUEST_ID, request_id);
    headers.insert(header::DATE, date::now());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    if headers.contains_key(header::ETAG) {
        // An answer with a tag may be kept, by the one who asked, and is asked for again.
        headers.entry(header::CACHE_CONTROL).or_insert(PRIVATE);
        headers.append(header::VARY, CREDENTIALS);
    } else {
        headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    }
}

/// Encodes an answer for those who ask for it. An answer with a strong tag stays as it is: the tag is
/// that of these bytes, and is sent back as a condition of a write.
fn encode(response: &mut Response<Body>, takes_gzip: bool) {
    let (headers, length) = (response.headers(), response.body().length());
    let effort = match headers.contains_key(header::ETAG) {
        true => encoding::Effort::Thorough,
        false => encoding::Effort::Quick,
    };
    let is_strong = |tag: &HeaderValue| !tag.as_bytes().starts_with(b"W/");
    if headers.get(header::ETAG).is_some_and(is_strong)
        || !encoding::is_worth_it(headers.get(header::CONTENT_TYPE), length)
    {
        return;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !takes_gzip {
        return;
    }
    let body = response.body_mut();
    let encoded = match body.take_pieces() {
        Some(pieces) => Body::stream(encoding::gzip_pieces(pieces)),
        None => match body.whole().and_then(|plain| encoding::gzip(plain, effort)) {
            Some(encoded) => Body::full(encoded),
            None => return,
        },
    };
    *body = encoded;
    // A handler that knew the length told that of the plain bytes.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}

/// An answer to `HEAD` announces the length of the body it does not have.
fn empty(response: &mut Response<Body>) {
    if let Some(length) = response.body().length()
        && response.status() != StatusCode::NO_CONTENT
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.body_mut().drop_bytes();
}

/// One line for each failure of ours, with its cause.
fn log_failure(problem: &Problem, request_id: &HeaderValue) {
    let code = problem.code();
    if !code.status().is_server_error() {
        return;
    }
    let id = request_id.to_str().unwrap_or_default();
    let cause = problem.cause().unwrap_or(problem.detail());
    if code == codes::INTERNAL {
        tracing::error!(request_id = id, code = code.as_str(), "request {id} failed: {cause}");
    } else {
        tracing::warn!(request_id = id, code = code.as_str(), "request {id} failed: {cause}");
    }
}
