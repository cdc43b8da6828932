//! Who asks: the keys of a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use isobase_auth::{Authorizer, Denied, Permission, Principal};
use isobase_http::{Asked, Door, Problem, Refusal};

use crate::codes;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"isobase\"");

/// Slices behind the gate of keys.
pub type Service = isobase_http::Service<Gate>;

/// Lets requests in by their keys.
pub struct Gate {
    /// The one authorization function.
    pub authorizer: Arc<Authorizer>,
}

impl isobase_http::Gate for Gate {
    type Principal = Principal;

    async fn admit(&self, asked: Asked<'_>) -> Result<Principal, Refusal> {
        let (credentials, permission) = (credentials(asked.headers), permission(asked.permission));
        let admitted = match asked.door {
            Door::Local => Ok(self.authorizer.operator(credentials).await),
            Door::Network => self.authorizer.authorize(credentials, permission).await,
        };
        admitted.map_err(|denied| match denied {
            // Nothing is forbidden to a caller of a public route.
            Denied::Forbidden => Refusal::Other(Problem::new(
                codes::FORBIDDEN,
                format!("the key's scope does not allow this; it takes the scope {permission}"),
            )),
            Denied::Unauthenticated => Refusal::Unauthenticated(
                Problem::new(
                    codes::UNAUTHENTICATED,
                    "send a valid key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'",
                )
                .with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            ),
        })
    }

    fn is_open(&self) -> bool {
        self.authorizer.is_open()
    }
}

/// What a route takes, as the authorization function asks.
fn permission(permission: isobase_http::Permission) -> Permission {
    match permission {
        isobase_http::Permission::Public => Permission::Public,
        isobase_http::Permission::Anyone => Permission::Anyone,
        isobase_http::Permission::Read => Permission::Read,
        isobase_http::Permission::Write => Permission::Write,
        isobase_http::Permission::ReadByRules => Permission::ReadByRules,
        isobase_http::Permission::WriteByRules => Permission::WriteByRules,
        isobase_http::Permission::ReadOf(feature) => Permission::ReadOf(feature),
        isobase_http::Permission::WriteOf(feature) => Permission::WriteOf(feature),
        isobase_http::Permission::Admin => Permission::Admin,
    }
}

/// The key a request carries. Only headers are looked at: a URL ends up in logs. Two different
/// keys are no key.
fn credentials(headers: &HeaderMap) -> Option<&str> {
    let bearer = single(headers, header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
    });
    match (bearer, single(headers, X_API_KEY)) {
        (Some(bearer), Some(key)) if bearer != key => Some(""),
        (Some(key), _) | (None, Some(key)) => Some(key),
        (None, None) => None,
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn keys_come_from_two_headers() {
        let cases = [
            (&[] as &[_], None),
            (&[("authorization", "Bearer a")], Some("a")),
            (&[("authorization", "bearer  a")], Some("a")),
            (&[("authorization", "Basic a")], None),
            (&[("x-api-key", "a")], Some("a")),
            (&[("x-api-key", "a"), ("authorization", "Bearer b")], Some("")),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer a")], None),
        ];
        for (pairs, key) in cases {
            assert_eq!(credentials(&headers(pairs)), key, "{pairs:?}");
        }
    }
}
