//! Samples of both sides of a copy.

use isobase_http::{Answer, Content, Operation};
use isobase_jobs::Sample;
use schemars::JsonSchema;
use serde::Serialize;

use super::described::{job, jobs};
use crate::codes;

/// Documents of both sides.
#[derive(Serialize)]
pub(in crate::jobs) struct Samples {
    pub(in crate::jobs) samples: Vec<Sample>,
}

/// Documents of both sides of a copy.
#[derive(JsonSchema, Serialize)]
struct SamplesShape {
    samples: Vec<SampleShape>,
}

/// A document of both sides.
#[derive(JsonSchema, Serialize)]
struct SampleShape {
    collection: &'static str,
    id: &'static str,
    /// The text that the source has, cut after 16 KiB; null where it is gone meanwhile.
    source: Option<&'static str>,
    /// The text that the target has.
    target: Option<&'static str>,
    /// Whether the whole texts are equal, byte for byte.
    equal: bool,
}

pub(in crate::jobs) fn get_samples() -> Operation {
    let text = "{\"number\":\"2026-17\"}";
    let sample = SampleShape {
        collection: "orders",
        id: "1",
        source: Some(text),
        target: Some(text),
        equal: true,
    };
    jobs("get_samples", "Read samples of a copy")
        .description(
            "20 documents, picked by chance among the first of each collection of people's own, as they \
             are on both sides when the copy is done. Those of the last copies are kept in memory, by \
             the service that made them.",
        )
        .parameters([job()])
        .answers(
            Answer::new(200, "The samples.")
                .content(Content::like(&SamplesShape { samples: vec![sample] })),
        )
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND])
}
