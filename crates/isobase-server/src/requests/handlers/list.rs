//! The log, read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::{Body, Problem};
use isobase_licences::parse_moment;
use isobase_requests::{Entry, LeftOut, RequestPage, RequestQuery, RequestsError, STEP_SECONDS};
use isobase_types::Timestamp;

use crate::{
    Call,
    answer::json,
    codes, csv,
    failure::Failure,
    own_requests::SERVICE as OWN_SERVICE,
    request::{Parameters, no_parameters},
    requests::{
        State,
        wire::{COLUMNS, LoggedRequest, Page, Stats},
    },
};

const PAGE_MAX: u32 = 200;
const PAGE_DEFAULT: u32 = 50;
/// Furthest offset: behind it a list goes on by cursor.
const OFFSET_MAX: u32 = 10_000;
/// Entries of one part of an export.
const EXPORT_PAGE: u32 = 500;
/// Most buckets of a chart.
const BUCKETS_MAX: i64 = 10_000;
/// How long a chart is when nothing is said.
const CHART_SECONDS: i64 = 86_400;

/// `GET /api/v1/db/requests`
pub(crate) async fn list_requests(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", PAGE_DEFAULT, (1, PAGE_MAX));
    let offset = parameters.take_number("offset", 0, (0, OFFSET_MAX));
    let cursor = parameters.take("cursor").filter(|cursor| !cursor.is_empty());
    if cursor.is_some() && offset > 0 {
        parameters.fault("offset", &offset.to_string(), "expected cursor or offset, not both");
    }
    let query = query(&state, parameters)?;
    let page = match offset {
        0 => state.requests.list(&query, limit, cursor).await?,
        offset => skip(&state, &query, (offset as usize, limit as usize)).await?,
    };
    let total = match query.text {
        Some(_) => None,
        None => state.requests.count(&query).await?,
    };
    Ok(json(&Page::of(RequestPage { total, ..page })))
}

/// A page by its offset, as older clients ask: what is before it is read and left out.
async fn skip(
    state: &State,
    query: &RequestQuery,
    (offset, limit): (usize, usize),
) -> Result<RequestPage, RequestsError> {
    let (mut entries, mut cursor): (Vec<Entry>, Option<String>) = (Vec::new(), None);
    let mut passed = 0;
    loop {
        let page = state.requests.list(query, EXPORT_PAGE, cursor).await?;
        let skipped = offset.saturating_sub(passed).min(page.entries.len());
        passed += page.entries.len();
        entries.extend(page.entries.into_iter().skip(skipped));
        cursor = page.cursor;
        if entries.len() >= limit || cursor.is_none() {
            entries.truncate(limit);
            return Ok(RequestPage { entries, cursor: None, total: None, searched_to: None });
        }
    }
}

/// `GET /api/v1/db/requests/{id}`
pub(crate) async fn get_request(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let text = call.parameter(0);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
        let shown: String = text.chars().take(100).collect();
        Problem::new(
            codes::INVALID_ID,
            format!("expected the number of a request, found {shown:?}"),
        )
    })?;
    Ok(json(&LoggedRequest::of(state.requests.get(id).await?)))
}

/// `GET /api/v1/db/requests/stats`
pub(crate) async fn get_request_stats(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let (from, to) = (moment(&mut parameters, "from"), moment(&mut parameters, "to"));
    let (from, to) = last_day(&state, (from, to));
    let step = parameters.take_number("step", STEP_SECONDS, (STEP_SECONDS, 30 * 86_400));
    if step % STEP_SECONDS != 0 {
        parameters.fault("step", &step.to_string(), "expected a multiple of 300 seconds");
    }
    if (to.unix_us - from.unix_us) / 1_000_000 / step > BUCKETS_MAX {
        parameters.fault("step", &step.to_string(), "expected a longer step, or a shorter time");
    }
    let (service, endpoint) = (parameters.take("service"), parameters.take("endpoint"));
    let left_out = hidden(&state, &mut parameters);
    parameters.finish()?;
    let of = (service.as_deref(), endpoint.as_deref());
    let buckets = state.requests.stats((from, to), step, of, &left_out).await?;
    Ok(json(&Stats::of(&buckets, (from, to), step)))
}

/// A time of which the end is now, and the beginning a day before its end, unless they are given.
pub(super) fn last_day(
    state: &State,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
) -> (Timestamp, Timestamp) {
    let ago = |moment: Timestamp, seconds: i64| Timestamp {
        unix_us: moment.unix_us.saturating_sub(seconds * 1_000_000).max(0),
    };
    let to = to.unwrap_or_else(|| ago(state.requests.now(), -STEP_SECONDS));
    (from.unwrap_or_else(|| ago(to, CHART_SECONDS)), to)
}

/// `GET /api/v1/db/requests/export.csv`
pub(crate) async fn export_csv(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let mut head = Vec::new();
    csv::write_row(COLUMNS, &mut head);
    let write: WriteEntry = |entry, out| LoggedRequest::of(entry).write_csv(out);
    let kind = ("text/csv; charset=utf-8", "attachment; filename=\"requests.csv\"");
    export(state, &call, (head, write), kind).await
}

/// `GET /api/v1/db/requests/export.ndjson`
pub(crate) async fn export_lines(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let write: WriteEntry = |entry, out| {
        let line = serde_json::to_vec(&LoggedRequest::of(entry)).unwrap_or_default();
        out.extend_from_slice(&line);
        out.push(b'\n');
    };
    let kind = ("application/x-ndjson", "attachment; filename=\"requests.ndjson\"");
    export(state, &call, (Vec::new(), write), kind).await
}

type WriteEntry = fn(Entry, &mut Vec<u8>);

/// Every entry that is chosen, part by part: one part is in memory at a time.
async fn export(
    state: Arc<State>,
    call: &Call,
    (head, write): (Vec<u8>, WriteEntry),
    (content_type, disposition): (&'static str, &'static str),
) -> Result<Response<Body>, Failure> {
    let query = query(&state, Parameters::parse(call.query()))?;
    let first = state.requests.list(&query, EXPORT_PAGE, None).await?;
    let begin = Some((state, query, first, head));
    let pieces = stream::try_unfold(begin, move |part| async move {
        let Some((state, query, page, mut piece)) = part else { return Ok(None) };
        for entry in page.entries {
            write(entry, &mut piece);
        }
        let next = match page.cursor {
            Some(cursor) => Some(state.requests.list(&query, EXPORT_PAGE, Some(cursor)).await?),
            None => None,
        };
        Ok(Some((Bytes::from(piece), next.map(|page| (state, query, page, Vec::new())))))
    });
    let content_type = HeaderValue::from_static(content_type);
    let mut response = Body::stream(pieces).into_response(StatusCode::OK, content_type);
    let disposition = HeaderValue::from_static(disposition);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// Which entries are asked for.
pub(super) fn query(state: &State, mut parameters: Parameters) -> Result<RequestQuery, Problem> {
    let mut text = |name: &str| parameters.take(name).filter(|text| !text.is_empty());
    let mut query = RequestQuery {
        service: text("service"),
        endpoint: text("endpoint"),
        method: text("method"),
        user: text("user"),
        correlation_id: text("correlation_id"),
        key_id: text("key_id"),
        model: text("model"),
        text: text("q"),
        ..RequestQuery::default()
    };
    query.has_error = parameters.take_choice("has_error");
    query.status = number(&mut parameters, "status", 0..=999);
    query.class = parameters.take("class").and_then(|text| {
        let class = text.strip_suffix("xx").and_then(|hundreds| hundreds.parse().ok());
        let class = class.filter(|class| (1..=5).contains(class));
        if class.is_none() {
            parameters.fault("class", &text, "expected 1xx, 2xx, 3xx, 4xx or 5xx");
        }
        class
    });
    query.from = moment(&mut parameters, "from");
    query.to = moment(&mut parameters, "to");
    query.min_ms = number(&mut parameters, "min_ms", 0..=u32::MAX);
    query.max_ms = number(&mut parameters, "max_ms", 0..=u32::MAX);
    query.without = hidden(state, &mut parameters);
    parameters.finish()?;
    Ok(query)
}

/// Left out: `hide=health,own`.
fn hidden(state: &State, parameters: &mut Parameters) -> Vec<LeftOut> {
    let text = parameters.take("hide").unwrap_or_default();
    let mut left_out = Vec::new();
    for word in text.split(',').filter(|word| !word.is_empty()) {
        match word {
            "health" => left_out.extend_from_slice(state.requests.health_checks()),
            "own" => {
                left_out.push(LeftOut { service: Some(OWN_SERVICE.to_owned()), endpoint: None });
            }
            _ => {
                parameters.fault("hide", &text, "expected health, own or health,own");
                break;
            }
        }
    }
    left_out
}

fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
    parameters: &mut Parameters,
    name: &str,
    range: std::ops::RangeInclusive<T>,
) -> Option<T> {
    let text = parameters.take(name).filter(|text| !text.is_empty())?;
    let number = text.parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let message = format!("expected an integer from {} to {}", range.start(), range.end());
        parameters.fault(name, &text, &message);
    }
    number
}

fn moment(parameters: &mut Parameters, name: &str) -> Option<Timestamp> {
    let text = parameters.take(name).filter(|text| !text.is_empty())?;
    parse_moment(&text).map_err(|error| parameters.fault(name, &text, &error.to_string())).ok()
}
