//! Whether a request comes from a page of this service.

use http::{HeaderMap, HeaderName, HeaderValue, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request that carries a cookie may change anything: a browser adds cookies to the
/// requests of every page, so those of foreign pages must count for nothing. Programs that are no
/// browsers send neither header.
/// Source: OWASP CSRF Prevention Cheat Sheet (2026), "Fetch Metadata headers".
pub(crate) fn is_own_page(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.as_bytes();
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let of_host = |scheme: &[u8]| !host.is_empty() && origin.strip_prefix(scheme) == Some(host);
    let public = public_url.map(|url| url.trim_end_matches('/').as_bytes());
    of_host(b"http://") || of_host(b"https://") || public == Some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_pages_and_programs_change_anything() {
        let own: [&[(&str, &str)]; 6] = [
            &[],
            &[("sec-fetch-site", "same-origin"), ("origin", "http://db:8002")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://db:8002")],
            &[("origin", "https://db:8002")],
            &[("origin", "https://app.example.org")],
        ];
        let foreign: [&[(&str, &str)]; 7] = [
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://db:8002")],
            &[("sec-fetch-site", "")],
            &[("origin", "null")],
            &[("origin", "http://db")],
            &[("origin", "http://db:8002.evil.example")],
            &[("origin", "http://evil.example")],
        ];
        let is_own = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("db:8002"));
            for (name, value) in pairs {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
            is_own_page(&headers, Some("https://app.example.org/"))
        };
        for pairs in own {
            assert!(is_own(pairs), "{pairs:?}");
        }
        for pairs in foreign {
            assert!(!is_own(pairs), "{pairs:?}");
        }
    }
}
