//! Which pages of other origins may use the service from a browser.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::{Body, HttpConfig, OpenTo};

const METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
/// How long a browser may remember a preflight, in seconds. Chrome's default is 5.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Location, ETag, Idempotency-Replayed, Last-Modified, Link, Location, Retry-After, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Concat, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, X-Others-Seen, X-Request-Id, X-Schema-Origin, X-Total-Count",
);
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The rule for requests with an `Origin`, and for names of this service in open mode.
#[derive(Debug)]
pub(crate) struct Cors {
    /// Pages of any origin may use the service.
    any: bool,
    /// The configured origins; none leaves it to `open_to` in open mode.
    origins: Vec<HeaderValue>,
    open_to: OpenTo,
    /// Names beside `localhost`, in small letters; one that begins with a dot is any below it.
    hosts: Vec<String>,
}

impl Cors {
    /// The rule of a configuration. What cannot be a header value is no origin.
    pub(crate) fn new(config: &HttpConfig) -> Self {
        let any = config.cors_origins.iter().any(|origin| origin == "*");
        let origins = config.cors_origins.iter().filter(|origin| *origin != "*");
        let public = config.public_url.as_deref().and_then(|url| url.split_once("://"));
        let public = public.map(|(_, rest)| name_of(rest.split('/').next().unwrap_or_default()));
        let named = config.allowed_hosts.iter().map(|host| host.trim_start_matches('*'));
        Self {
            any,
            origins: origins.filter_map(|origin| HeaderValue::from_str(origin).ok()).collect(),
            open_to: config.open_to,
            hosts: named.chain(public).map(str::to_ascii_lowercase).collect(),
        }
    }

    /// The answer to an origin. Never with credentials: keys are sent by scripts, not by browsers.
    fn allowed(&self, origin: &HeaderValue, open: bool) -> Option<HeaderValue> {
        if self.any || (open && self.origins.is_empty() && self.open_to == OpenTo::Everyone) {
            return Some(ANY);
        }
        let listed = self.origins.contains(origin);
        (listed || (open && self.origins.is_empty() && self.is_own_page(origin)))
            .then(|| origin.clone())
    }

    /// Whether a page of this origin may write. A browser sends simple requests without asking
    /// first, so the rule is held here too; the service's own pages always may.
    pub(crate) fn may_write(&self, headers: &HeaderMap, open: bool) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        if self.any || self.origins.contains(origin) {
            return true;
        }
        if self.origins.is_empty() {
            // With keys a page needs one, and a browser adds none.
            return !open || self.open_to == OpenTo::Everyone || self.is_own_page(origin);
        }
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        let own = |scheme: &[u8]| origin.as_bytes().strip_prefix(scheme) == Some(host);
        !host.is_empty() && (own(b"http://") || own(b"https://"))
    }

    /// Adds what a browser needs to let a page read the answer.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>, open: bool) {
        if !self.any && (!self.origins.is_empty() || self.open_to == OpenTo::Loopback && open) {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(allowed) = origin.and_then(|origin| self.allowed(origin, open)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// Whether a service in open mode answers to the name of a `Host` header.
    pub(crate) fn answers_host(&self, host: &[u8]) -> bool {
        if self.open_to == OpenTo::Everyone {
            return true;
        }
        let Ok(host) = std::str::from_utf8(host) else { return false };
        let name = name_of(host);
        // Nearly always one of these.
        if name == "127.0.0.1" || name == "localhost" {
            return true;
        }
        let name = name.to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_loopback = match address {
            Ok(address) => address.to_canonical().is_loopback(),
            // Names below `localhost` lead to this machine (RFC 6761, section 6.3).
            Err(_) => name == "localhost" || name.ends_with(".localhost"),
        };
        is_loopback
            || self.hosts.iter().any(|host| match host.starts_with('.') {
                true => name.ends_with(host.as_str()),
                false => name == *host,
            })
    }

    /// Whether a page is one of this machine, or of a name of this service.
    fn is_own_page(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, authority)| self.answers_host(authority.as_bytes()))
    }
}

/// An authority without its port.
fn name_of(authority: &str) -> &str {
    let bracket = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let colon = authority[bracket..].find(':').map_or(authority.len(), |colon| bracket + colon);
    &authority[..colon]
}

/// Whether an `OPTIONS` request is a preflight.
pub(crate) fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight, without the origin, which every answer gets.
pub(crate) fn preflight(request: &HeaderMap) -> Response<Body> {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response = Body::full("OK").into_response(StatusCode::OK, text);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        && is_list_of_names(asked)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

fn is_list_of_names(value: &HeaderValue) -> bool {
    let names = value.as_bytes().split(|byte| *byte == b',');
    names.map(<[u8]>::trim_ascii).all(|name| HeaderName::from_bytes(name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_mode_answers_to_names_of_this_machine() {
        let config = HttpConfig {
            allowed_hosts: vec!["app.test".to_owned(), "*.lvh.me".to_owned()],
            public_url: Some("https://db.example.com:8443/x".to_owned()),
            ..HttpConfig::default()
        };
        let cors = Cors::new(&config);
        for host in [
            "localhost",
            "LOCALHOST:8002",
            "a.localhost",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8002",
            "[::ffff:127.0.0.1]",
            "app.test",
            "a.b.lvh.me:80",
            "db.example.com",
        ] {
            assert!(cors.answers_host(host.as_bytes()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "[::2]",
            "lvh.me",
            "xlvh.me",
            "sub.app.test",
            "notlocalhost",
            "",
        ] {
            assert!(!cors.answers_host(host.as_bytes()), "{host}");
        }
    }
}
