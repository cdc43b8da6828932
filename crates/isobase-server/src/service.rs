//! The one service around all handlers: everything every request needs, in the order it is done.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
    request::Parts,
};
use isobase_auth::Permission;
use tokio::time::timeout;

use crate::{
    App, Body, BodyLimit, Call, Problem, ProblemCode, RequestBody, Route, access,
    call::PathParameters,
    connection::Connection,
    cors, records,
    request_body::Bounds,
    request_id::X_REQUEST_ID,
    table::{Found, RouteEntry, TABLE},
};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// What is allowed on paths nobody knows.
const ALL_METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// Marks a request as under way while it lives: in the handler, then in the answer's body.
pub(crate) struct Ticket(Arc<Connection>);

impl Ticket {
    fn new(connection: Arc<Connection>) -> Self {
        connection.busy.set(true);
        connection.app.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(connection)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.busy.set(false);
        self.0.app.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the head of an answer needs from the head of its request, which the handler takes.
struct Noted {
    request_id: HeaderValue,
    origin: Option<HeaderValue>,
    method: Method,
    /// Only when requests are logged.
    path: Option<String>,
    started: Instant,
}

/// An answer on its way out.
type Answered = Result<Response<Body>, Problem>;

/// Answers a request.
pub(crate) async fn serve(
    connection: Arc<Connection>,
    request: Request<RequestBody>,
) -> Result<Response<Body>, Infallible> {
    let started = Instant::now();
    let ticket = Ticket::new(connection.clone());
    let (parts, body) = request.into_parts();
    let logged = tracing::enabled!(target: "isobase::access", tracing::Level::DEBUG);
    let noted = Noted {
        request_id: connection.app.request_ids.of(&parts.headers),
        origin: parts.headers.get(header::ORIGIN).cloned(),
        method: parts.method.clone(),
        path: logged.then(|| parts.uri.path().to_owned()),
        started,
    };
    let (entry, answered) = answer(&connection, parts, body, &noted.request_id).await;
    Ok(finish(&connection.app, noted, entry, answered, ticket))
}

/// Finds the route, checks the request and runs the handler.
async fn answer(
    connection: &Arc<Connection>,
    parts: Parts,
    body: RequestBody,
    request_id: &HeaderValue,
) -> (Option<RouteEntry>, Answered) {
    if let Err(problem) = check_head(&connection.app, &parts) {
        return (None, Err(problem));
    }
    let (entry, path) = match find(&connection.app, &parts) {
        Way::Route(entry, path) => (entry, path),
        Way::Answer(answered) => return (None, answered),
    };
    let answered = match admit(connection, &parts, body, entry) {
        Ok((principal, body)) => {
            let call = Call {
                app: connection.app.clone(),
                route: entry.route,
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body,
                principal,
                request_id: request_id.clone(),
                path,
            };
            run(call).await
        }
        Err(problem) => Err(problem),
    };
    (Some(entry), answered)
}

/// Refuses heads that may mean different things to different readers.
fn check_head(app: &App, parts: &Parts) -> Result<(), Problem> {
    let malformed =
        |detail: &str| Err(Problem::new(ProblemCode::MalformedRequest, detail).closing());
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
    let max = app.config.uri_bytes_max;
    if target > max {
        return Err(Problem::new(
            ProblemCode::UriTooLong,
            format!("the request target has {target} bytes, at most {max} are allowed"),
        ));
    }
    Ok(())
}

/// Letters, digits and what names, addresses and ports are made of.
fn is_authority(host: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(byte);
    !host.is_empty() && host.len() <= 300 && host.iter().all(allowed)
}

/// Where a request goes.
enum Way {
    /// To a handler.
    Route(RouteEntry, PathParameters),
    /// Back: it has no handler.
    Answer(Answered),
}

fn find(app: &App, parts: &Parts) -> Way {
    let path = parts.uri.path();
    if matches!(parts.method, Method::TRACE | Method::CONNECT) {
        return Way::Answer(Err(method_not_allowed(ALL_METHODS)));
    }
    if parts.method == Method::OPTIONS && cors::is_preflight(&parts.headers) {
        return Way::Answer(Ok(cors::preflight(&parts.headers)));
    }
    Way::Answer(match TABLE.find(path) {
        Found::Path(entry, parameters) => match entry.route(&parts.method) {
            Some(route) => return Way::Route(route, parameters),
            None if parts.method == Method::OPTIONS => Ok(options(entry.allow.clone())),
            None => Err(match entry.reserved(&parts.method) {
                Some(name) => records::reserved_id(name),
                None => method_not_allowed(entry.allow.clone()),
            }),
        },
        Found::Nothing if parts.method == Method::OPTIONS && path == "*" => {
            Ok(options(ALL_METHODS))
        }
        Found::WithoutSlash => redirect(app, &parts.uri, &parts.headers),
        Found::Nothing => Err(Problem::new(ProblemCode::RouteNotFound, "Not Found")),
        Found::Malformed => Err(Problem::new(
            ProblemCode::MalformedRequest,
            "the path is not valid percent-encoded UTF-8",
        )),
    })
}

fn method_not_allowed(allow: HeaderValue) -> Problem {
    Problem::new(ProblemCode::MethodNotAllowed, "Method Not Allowed")
        .with_header(header::ALLOW, allow)
}

fn options(allow: HeaderValue) -> Response<Body> {
    let mut response = Body::no_content(StatusCode::NO_CONTENT);
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// Sends a client to the same path without its last slash. 307 keeps method and body.
fn redirect(app: &App, uri: &Uri, headers: &HeaderMap) -> Answered {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let base = match (&app.config.public_url, host) {
        (Some(base), _) => base.trim_end_matches('/').to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    };
    let path = uri.path().trim_end_matches('/');
    let location = match uri.query() {
        Some(query) => format!("{base}{path}?{query}"),
        None => format!("{base}{path}"),
    };
    let location = HeaderValue::try_from(location)
        .map_err(|_| Problem::new(ProblemCode::RouteNotFound, "Not Found"))?;
    let mut response = Body::no_content(StatusCode::TEMPORARY_REDIRECT);
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Checks who asks and how much it sends, before anything of the body is read.
fn admit(
    connection: &Connection,
    parts: &Parts,
    mut body: RequestBody,
    entry: RouteEntry,
) -> Result<(isobase_auth::Principal, RequestBody), Problem> {
    let writes = matches!(entry.route.permission, Permission::Write | Permission::Admin);
    if writes && !connection.app.cors.may_write(&parts.headers) {
        return Err(Problem::new(
            ProblemCode::OriginNotAllowed,
            "pages of this origin may not write; the setting cors_origins names those that may",
        ));
    }
    let principal = access::admit(connection, &parts.headers, entry.route.permission)?;
    let config = &connection.app.config;
    let is_stream = match body_limit(entry.route, &parts.headers) {
        BodyLimit::None => return Ok((principal, body)),
        BodyLimit::Document => false,
        BodyLimit::Stream => true,
    };
    let bounds = Bounds {
        bytes_max: if is_stream { config.stream_body_bytes_max } else { config.body_bytes_max },
        idle: config.body_idle_timeout,
        deadline: tokio::time::Instant::now() + config.body_timeout,
        is_stream,
    };
    body.bound(bounds, &connection.app.bodies)?;
    Ok((principal, body))
}

/// How much this body may be. Only newline-delimited JSON is read as a stream.
fn body_limit(route: &Route, headers: &HeaderMap) -> BodyLimit {
    let is_lines = || {
        let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = value.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        ["application/x-ndjson", "application/ndjson"]
            .iter()
            .any(|lines| essence.eq_ignore_ascii_case(lines))
    };
    match route.body {
        BodyLimit::Stream if !is_lines() => BodyLimit::Document,
        limit => limit,
    }
}

/// Runs a handler within the deadline. A panic is this request's problem alone.
async fn run(call: Call) -> Answered {
    let app = call.app.clone();
    let route = call.route;
    let limit = body_limit(route, &call.headers);
    let handling = AssertUnwindSafe((route.handler)(call)).catch_unwind();
    let outcome = match limit {
        // It takes as long as its body comes in; each piece has its own deadline.
        BodyLimit::Stream => handling.await,
        _ => match timeout(app.config.request_timeout, handling).await {
            Ok(outcome) => outcome,
            Err(_) => return Err(too_slow(route.permission, app.config.request_timeout)),
        },
    };
    outcome.unwrap_or_else(|panic| {
        app.metrics.panics.fetch_add(1, Ordering::Relaxed);
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(Problem::internal(format!("the handler panicked: {text}")))
    })
}

/// Of a write that was given up nobody knows whether it happened.
fn too_slow(permission: Permission, after: Duration) -> Problem {
    match permission {
        Permission::Public | Permission::Read => Problem::new(
            ProblemCode::DeadlineExceeded,
            format!("the request took longer than {} s", after.as_secs_f32()),
        ),
        Permission::Write | Permission::Admin => Problem::new(
            ProblemCode::OutcomeUnknown,
            format!("the write took longer than {} s and may happen yet", after.as_secs_f32()),
        ),
    }
}

/// Gives an answer the headers every answer has, counts it and logs it.
fn finish(
    app: &App,
    noted: Noted,
    entry: Option<RouteEntry>,
    answered: Answered,
    ticket: Ticket,
) -> Response<Body> {
    let mut response = match answered {
        Ok(response) => response,
        Err(problem) => {
            log_failure(&problem, &noted.request_id);
            problem.into_response(&noted.request_id)
        }
    };
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, noted.request_id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    let open = noted.origin.is_some() && app.authorizer.is_open();
    app.cors.mark(headers, noted.origin.as_ref(), open);
    if noted.method == Method::HEAD {
        empty(&mut response);
    }
    let body = response.body_mut();
    if body.is_stream() {
        body.watch(app.config.stream_idle_timeout);
    }
    body.hold(ticket);
    let took = noted.started.elapsed();
    app.metrics.count(entry.map(|entry| entry.number), status, took);
    if let Some(path) = noted.path {
        let route = entry.map_or("none", |entry| entry.route.path);
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
    if code == ProblemCode::Internal {
        tracing::error!(request_id = id, code = code.as_str(), "request {id} failed: {cause}");
    } else {
        tracing::warn!(request_id = id, code = code.as_str(), "request {id} failed: {cause}");
    }
}
