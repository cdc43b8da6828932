//! The cookie by which browsers show their session.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Over plain HTTP.
const NAME: &str = "isobase_session";
/// Over https: a browser takes it from this host only, and never sends it in clear.
/// Source: RFC 6265bis, section 4.1.3.2.
const NAME_SECURE: &str = "__Host-isobase_session";

/// Of the session that an owner comes back to who acts as somebody else.
const OWN_NAME: &str = "isobase_own_session";
const OWN_NAME_SECURE: &str = "__Host-isobase_own_session";

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the browser reached the service over https: the configured address says so, or the
/// proxy in front. Anyone who lies about it only makes their own cookie useless.
pub(crate) fn is_secure(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    public_url.is_some_and(|url| url.starts_with("https://"))
        || headers.get(X_FORWARDED_PROTO).is_some_and(|scheme| scheme == "https")
}

/// The token of a request's cookie.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    named(headers, NAME_SECURE).or_else(|| named(headers, NAME))
}

/// The token of the session that an owner comes back to.
pub(crate) fn own_token(headers: &HeaderMap) -> Option<&str> {
    named(headers, OWN_NAME_SECURE).or_else(|| named(headers, OWN_NAME))
}

/// The value of a cookie.
pub(crate) fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
}

/// The cookie that lets a browser show a token from now on. Scripts cannot read it.
pub(crate) fn set(token: &str, lifetime: Duration, secure: bool) -> HeaderValue {
    set_as((NAME, NAME_SECURE), token, lifetime, secure)
}

/// The cookie that lets a browser keep the session that an owner comes back to.
pub(crate) fn set_own(token: &str, lifetime: Duration, secure: bool) -> HeaderValue {
    set_as((OWN_NAME, OWN_NAME_SECURE), token, lifetime, secure)
}

fn set_as(
    (name, name_secure): (&str, &str),
    token: &str,
    lifetime: Duration,
    secure: bool,
) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let attributes = format!("Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    let text = match secure {
        true => format!("{name_secure}={token}; {attributes}; Secure"),
        false => format!("{name}={token}; {attributes}"),
    };
    HeaderValue::try_from(text).expect("tokens are letters, digits and underscores")
}

/// The cookie that lets a browser forget the cookies that it sent.
pub(crate) fn clear(headers: &HeaderMap) -> Vec<HeaderValue> {
    clear_as(headers, (NAME, NAME_SECURE)).chain(clear_own(headers)).collect()
}

/// The cookie that lets a browser forget the session that an owner came back to.
pub(crate) fn clear_own(headers: &HeaderMap) -> impl Iterator<Item = HeaderValue> {
    clear_as(headers, (OWN_NAME, OWN_NAME_SECURE))
}

fn clear_as(
    headers: &HeaderMap,
    (name, name_secure): (&'static str, &'static str),
) -> impl Iterator<Item = HeaderValue> {
    let sent = [(name, ""), (name_secure, "; Secure")];
    sent.into_iter().filter(move |(name, _)| named(headers, name).is_some()).map(
        |(name, secure)| {
            let line = format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}");
            HeaderValue::try_from(line).expect("our names are letters, dashes and underscores")
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        headers
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (&[], None),
            (&["a=b; isobase_session=t; c"], Some("t")),
            (&["a=b", "isobase_session=t"], Some("t")),
            (&["isobase_session=t; __Host-isobase_session=s"], Some("s")),
            (&["isobase_session=; xisobase_session=t"], None),
            (&["Isobase_session=t"], None),
        ];
        for (lines, token_) in cases {
            assert_eq!(token(&headers(lines)), token_, "{lines:?}");
        }
    }

    #[test]
    fn scripts_and_foreign_hosts_do_not_get_it() {
        let day = Duration::from_secs(86_400);
        assert_eq!(
            set("t", day, false),
            "isobase_session=t; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            set("t", day, true),
            "__Host-isobase_session=t; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"
        );
        assert!(clear(&headers(&["a=b"])).is_empty());
        assert_eq!(clear(&headers(&["isobase_session=t; __Host-isobase_session=s"])).len(), 2);
        let mut forwarded = HeaderMap::new();
        assert!(!is_secure(&forwarded, Some("http://a")));
        assert!(is_secure(&forwarded, Some("https://a")));
        forwarded.insert(X_FORWARDED_PROTO, HeaderValue::from_static("https"));
        assert!(is_secure(&forwarded, None));
    }
}
