//! Licences as lists.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use isobase_http::{Body, Problem};
use isobase_licences::{LicenceQuery, Occupancy, Standing, parse_moment};
use isobase_types::Timestamp;

use crate::{
    Call,
    answer::json,
    csv,
    failure::Failure,
    licences::{
        State,
        wire::{Detail, Listed, Page, Rows, Totals},
    },
    request::{Parameters, no_parameters},
};

/// Most licences of the list that has no pages.
const ALL_MAX: usize = 10_000;
/// Most licences of a page, and as many as there are when nothing is said.
const PAGE_MAX: u32 = 1_000;
const PAGE_DEFAULT: u32 = 50;

/// The columns of an export.
const COLUMNS: [&str; 13] = [
    "id",
    "email",
    "license_key",
    "status",
    "state",
    "created_at",
    "expires_at",
    "max_installations",
    "tags",
    "note",
    "installations",
    "places_taken",
    "last_seen",
];

/// `GET /api/v1/db/license/list` and `GET /api/v1/license/list`
pub(crate) async fn list_all_licenses(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let licences = &state.licences;
    let all = licences.list_up_to(&LicenceQuery::default(), ALL_MAX).await?;
    let rows: Vec<_> = all.iter().map(|licence| Listed::of(licences, licence)).collect();
    Ok(json(&Rows { count: rows.len(), licenses: rows }))
}

/// `GET /api/v1/db/license`
pub(crate) async fn list_licenses(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", PAGE_DEFAULT, (1, PAGE_MAX));
    let cursor = parameters.take("cursor").filter(|cursor| !cursor.is_empty());
    let counted = parameters.take_choice("count").unwrap_or(false);
    let query = query(&state, parameters)?;
    let page = state.licences.list(&query, limit, cursor).await?;
    let total = match counted {
        true => state.licences.count(&query).await?,
        false => None,
    };
    let detail = |it| Detail::of(&state.licences, it).with_usage(page.usage.get(&it.id));
    let licenses = page.licences.iter().map(detail).collect();
    Ok(json(&Page {
        count: page.licences.len(),
        licenses,
        total: total.map(|(total, _)| total),
        total_capped: total.map(|(_, capped)| capped),
        next_cursor: page.cursor,
        searched_to: page.searched_to,
    }))
}

/// `GET /api/v1/db/license/stats`
pub(crate) async fn get_totals(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let totals = state.totals.get(state.licences.totals()).await?;
    Ok(json(&Totals::of(&totals)))
}

/// `GET /api/v1/db/license/export.csv`
pub(crate) async fn export_licenses(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let query = query(&state, Parameters::parse(call.query()))?;
    let first = state.licences.list(&query, PAGE_MAX, None).await?;
    let pieces = stream::try_unfold(Some((state, query, first, true)), |state| async move {
        let Some((state, query, page, opening)) = state else { return Ok(None) };
        let mut piece = Vec::new();
        if opening {
            csv::write_row(COLUMNS, &mut piece);
        }
        for licence in &page.licences {
            let detail = Detail::of(&state.licences, licence);
            detail.with_usage(page.usage.get(&licence.id)).write_csv(&mut piece);
        }
        let next = match page.cursor {
            Some(cursor) => Some(state.licences.list(&query, PAGE_MAX, Some(cursor)).await?),
            None => None,
        };
        Ok(Some((Bytes::from(piece), next.map(|page| (state, query, page, false)))))
    });
    let text = HeaderValue::from_static("text/csv; charset=utf-8");
    let mut response = Body::stream(pieces).into_response(StatusCode::OK, text);
    let name = HeaderValue::from_static("attachment; filename=\"licenses.csv\"");
    response.headers_mut().insert(http::header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// Which licences are asked for.
fn query(state: &State, mut parameters: Parameters) -> Result<LicenceQuery, Problem> {
    let standing = parameters.take("state").and_then(|text| {
        let found = STANDINGS.into_iter().find(|standing| standing.as_str() == text);
        if found.is_none() {
            let names = STANDINGS.map(Standing::as_str).join(", ");
            parameters.fault("state", &text, &format!("expected one of {names}"));
        }
        found
    });
    let occupancy = parameters.take("installations").filter(|it| !it.is_empty()).and_then(|text| {
        let found = Occupancy::ALL.into_iter().find(|it| it.as_str() == text);
        if found.is_none() {
            let names = Occupancy::ALL.map(Occupancy::as_str).join(", ");
            parameters.fault("installations", &text, &format!("expected one of {names}"));
        }
        found
    });
    let query = LicenceQuery {
        installation: parameters.take("installation").filter(|text| !text.is_empty()),
        occupancy,
        seen_since: moment(&mut parameters, "seen_since"),
        not_seen_since: moment(&mut parameters, "not_seen_since"),
        email: parameters.take("email"),
        key: parameters.take("license_key").map(|key| state.licences.read_key(&key)),
        standing,
        text: parameters.take("q").filter(|text| !text.is_empty()),
        tag: parameters.take("tag"),
        created_before: moment(&mut parameters, "created_before"),
        created_after: moment(&mut parameters, "created_after"),
        expires_before: moment(&mut parameters, "expires_before"),
        expires_after: moment(&mut parameters, "expires_after"),
    };
    parameters.finish()?;
    Ok(query)
}

const STANDINGS: [Standing; 8] = [
    Standing::Active,
    Standing::NotStarted,
    Standing::Grace,
    Standing::Expired,
    Standing::Suspended,
    Standing::Revoked,
    Standing::Deleted,
    Standing::Unreadable,
];

fn moment(parameters: &mut Parameters, name: &str) -> Option<Timestamp> {
    let text = parameters.take(name)?;
    parse_moment(&text).map_err(|error| parameters.fault(name, &text, &error.to_string())).ok()
}
