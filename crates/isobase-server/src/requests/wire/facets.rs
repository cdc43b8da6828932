//! Facets of the log on the wire: values by which it can be narrowed.

use isobase_http::{Answer, Content, Operation};
use isobase_requests::{self as library, Facets};
use isobase_types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{described::operation, list::choosing};
use crate::codes;

/// Values by which the log can be narrowed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequestFacets")]
pub(in crate::requests) struct FacetsAnswer {
    from: String,
    to: String,
    /// How many entries were looked at.
    sample: u64,
    /// They are all that are chosen, so that the counts are exact.
    whole: bool,
    /// Also services that the sample does not have.
    services: Vec<Facet>,
    endpoints: Vec<Facet>,
    methods: Vec<Facet>,
    users: Vec<Facet>,
    models: Vec<Facet>,
    statuses: Vec<Facet>,
    classes: Vec<Facet>,
}

/// A value of a field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequestFacet")]
pub(in crate::requests) struct Facet {
    value: String,
    /// How many entries of the sample have it.
    count: u64,
}

impl FacetsAnswer {
    pub(in crate::requests) fn of(facets: Facets, (from, to): (Timestamp, Timestamp)) -> Self {
        let shown = |facets: Vec<library::Facet>| {
            let shown = facets.into_iter().map(|it| Facet { value: it.value, count: it.count });
            shown.collect()
        };
        Self {
            from: from.to_string(),
            to: to.to_string(),
            sample: facets.sample,
            whole: facets.whole,
            services: shown(facets.services),
            endpoints: shown(facets.endpoints),
            methods: shown(facets.methods),
            users: shown(facets.users),
            models: shown(facets.models),
            statuses: shown(facets.statuses),
            classes: shown(facets.classes),
        }
    }
}

pub(in crate::requests) fn get_request_facets() -> Operation {
    choosing(operation("get_request_facets", "Read what the log can be narrowed by"))
        .description(
            "The values that the fields of entries have, at most 50 of each, the most frequent first. \
             They come from a sample: up to 1,000 entries that the filters choose, from all parts of \
             the time (a day, unless `from` and `to` say otherwise). A search by text may make the \
             sample small.",
        )
        .answers(Answer::new(200, "The values.").content(Content::of::<FacetsAnswer>()))
        .problems([codes::INVALID_PARAMETER])
}
