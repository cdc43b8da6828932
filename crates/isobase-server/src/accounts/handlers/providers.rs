//! Signing in with accounts of other services.

use std::{fmt::Write as _, sync::Arc};

use http::{HeaderValue, Response, StatusCode, header};
use isobase_auth::{
    AccountError, FinishedSignIn, ProviderError, Returned, StartedSignIn, is_loopback,
};
use isobase_http::{Body, Problem};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    body,
    caller::{self, Caller},
};
use crate::{
    Call,
    accounts::{
        State, problems,
        wire::{
            Done, LinkStarted, ListedIdentities, ListedIdentity, ListedProvider, ListedProviders,
        },
    },
    answer::json,
    failure::Failure,
    request::{Parameters, no_parameters},
    session_cookie,
};

/// The prefix of the cookie of a sign-in; several tabs have one each.
const COOKIE: &str = "isobase_sign_in_";
/// Characters of the state in the name of its cookie.
const MARK: usize = 9;

/// What stands as it is in an address.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'/');

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// `GET /api/login/providers`
pub(crate) async fn list_providers(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let providers = state.accounts.providers().map(ListedProvider::of).collect();
    Ok(json(&ListedProviders { providers }))
}

/// `GET /api/login/with/{provider}`: sends the browser there.
pub(crate) async fn begin_sign_in(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let back = parameters.take("return_to").unwrap_or_else(|| "/".to_owned());
    parameters.finish()?;
    let provider = call.parameter(0);
    let places = (&*redirect_uri(&state, &call, provider)?, &*back);
    let address = caller::address(&call);
    let started = state.accounts.begin_at_provider(provider, places, None, &address).await?;
    let mut response = see_other(&started.url)?;
    keep(&state, &call, &started, &mut response);
    Ok(response)
}

/// `POST /api/me/identities`: where to send the browser, so that an identity is linked.
pub(crate) async fn begin_link(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let caller = Caller::of(&call)?;
    let body = body::Body::read(&mut call).await?;
    let provider = body.needed("provider")?;
    let back = body.text("return_to")?.unwrap_or_else(|| "/".to_owned());
    let password = body.text("password")?.unwrap_or_default();
    let account = caller.confirmed(&state, &call, &password).await?;
    let address = caller::address(&call);
    let redirect_uri = redirect_uri(&state, &call, &provider)?;
    let link = Some((&account, &*caller.session));
    let started =
        state.accounts.begin_at_provider(&provider, (&redirect_uri, &back), link, &address).await?;
    let mut response = json(&LinkStarted { url: started.url.clone() });
    keep(&state, &call, &started, &mut response);
    Ok(response)
}

/// `GET /api/login/with/{provider}/callback`: the browser comes back.
pub(crate) async fn finish_sign_in(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    // Others are of no concern: providers add some of their own.
    let mut take = |name: &str| parameters.take(name);
    let (given, code, iss, error) =
        (take("state").unwrap_or_default(), take("code"), take("iss"), take("error"));
    let kept = session_cookie::named(&call.headers, &cookie_name(&given));
    let returned = Returned {
        state: &given,
        code: code.as_deref(),
        iss: iss.as_deref(),
        error: error.as_deref(),
        kept,
    };
    let address = caller::address(&call);
    let finished = state.accounts.finish_at_provider(call.parameter(0), returned, &address).await?;
    let FinishedSignIn { outcome, back, linked } = finished;
    state.authorizer.refresh().await?;
    let mut response = match outcome {
        Ok(account) => {
            let mut response = see_other(&back)?;
            if !linked {
                // It was begun in this browser, as its cookie shows.
                caller::keep_session(&state, &call, &account, &mut response).await?;
            }
            response
        }
        Err(AccountError::SecondFactorRequired { challenge, .. }) => {
            // Behind the `#` it stays in the browser.
            see_other(&format!("/confirm#{challenge}&{}", utf8_percent_encode(&back, SEGMENT)))?
        }
        Err(error) => return Err(error.into()),
    };
    let path = cookie(&state, &call, &given, "", 0);
    response.headers_mut().append(header::SET_COOKIE, path);
    Ok(response)
}

/// `GET /api/me/identities`
pub(crate) async fn list_identities(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let account = Caller::of(&call)?.account(&state).await?;
    let identities = state.accounts.identities(&account).await?;
    let identities = identities.iter().map(ListedIdentity::of).collect();
    let has_password = state.accounts.has_password(&account).await?;
    Ok(json(&ListedIdentities { identities, has_password }))
}

/// `DELETE /api/me/identities/{provider}`
pub(crate) async fn unlink_identity(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let account = Caller::of(&call)?.account(&state).await?;
    state.accounts.unlink(&account, call.parameter(0)).await?;
    Ok(json(&Done::OK))
}

/// Where the provider sends the browser back. What a request says of itself counts only on the
/// machine of the service.
fn redirect_uri(state: &State, call: &Call, provider: &str) -> Result<String, Failure> {
    if !state.accounts.providers().any(|it| it.id == provider) {
        let unknown = ProviderError::Unknown(provider.to_owned());
        return Err(AccountError::from(unknown).into());
    }
    let base = match &state.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let host = call.headers.get(header::HOST).and_then(|host| host.to_str().ok());
            let local = |authority: &&str| {
                let name = match authority.rfind(']') {
                    Some(end) => &authority[..=end],
                    None => authority.split(':').next().unwrap_or_default(),
                };
                is_loopback(name)
            };
            let host = host.filter(local).ok_or_else(problems::no_public_url)?;
            format!("http://{host}")
        }
    };
    let mut uri = base;
    // Writing to a String cannot fail.
    let _ = write!(uri, "/api/login/with/{}/callback", utf8_percent_encode(provider, SEGMENT));
    Ok(uri)
}

fn see_other(url: &str) -> Result<Response<Body>, Problem> {
    let place = HeaderValue::try_from(url)
        .map_err(|error| Problem::internal(format!("the address of a provider: {error}")))?;
    let mut response = Body::empty().into_response(StatusCode::SEE_OTHER, TEXT);
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, place);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

fn keep(state: &State, call: &Call, started: &StartedSignIn, response: &mut Response<Body>) {
    let seconds = started.lifetime.as_secs();
    let cookie = cookie(state, call, &started.state, &started.kept, seconds);
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

fn cookie_name(state: &str) -> String {
    let mark: String = state.chars().filter(char::is_ascii_alphanumeric).take(MARK).collect();
    format!("{COOKIE}{mark}")
}

fn cookie(state: &State, call: &Call, given: &str, value: &str, seconds: u64) -> HeaderValue {
    let secure = session_cookie::is_secure(&call.headers, state.public_url.as_deref());
    let secure = if secure { "; Secure" } else { "" };
    let name = cookie_name(given);
    let text = format!(
        "{name}={value}; Path=/api/login; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    );
    HeaderValue::try_from(text).expect("states and what is sealed are letters, digits, . - and _")
}
