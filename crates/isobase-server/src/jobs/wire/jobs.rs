//! Jobs: their list, and how they are stopped, paused and continued.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_jobs::Job;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::described::{JobShape, job, jobs};
use crate::codes;

/// A list of jobs.
#[derive(Serialize)]
pub(in crate::jobs) struct Jobs {
    pub(in crate::jobs) jobs: Vec<Job>,
}

/// A list of jobs.
#[derive(JsonSchema, Serialize)]
struct JobsShape {
    jobs: Vec<JobShape>,
}

pub(in crate::jobs) fn list_jobs() -> Operation {
    let number = json!({ "type": "integer", "minimum": 1, "maximum": 200 });
    let limit = Parameter::new(Location::Query, "limit", "Most jobs. Default 50.").schema(number);
    let kind = Parameter::new(Location::Query, "kind", "Only of this kind.").example("copy");
    jobs("list_jobs", "List the jobs")
        .description(
            "The latest first, with those of other services on the database. A database remembers \
             200 jobs. One whose process ended is `interrupted` after 20 seconds.",
        )
        .parameters([kind, limit])
        .answers(
            Answer::new(200, "The jobs.")
                .content(Content::like(&JobsShape { jobs: vec![JobShape::example()] })),
        )
        .problems([codes::INVALID_PARAMETER])
}

pub(in crate::jobs) fn get_job() -> Operation {
    jobs("get_job", "Read a job")
        .description("How far it is, and when it is over its report, or why it failed.")
        .parameters([job()])
        .answers(Answer::new(200, "The job.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND])
}

pub(in crate::jobs) fn cancel_job() -> Operation {
    jobs("cancel_job", "Cancel a job")
        .description(
            "It ends a moment later. A copy and a restore leave their target unfinished, an import the \
             records that it stored; the same job goes on from there.",
        )
        .parameters([job()])
        .answers(Answer::new(202, "It was told.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND, codes::JOB_STATE])
}

pub(in crate::jobs) fn pause_job() -> Operation {
    jobs("pause_job", "Let a copy rest")
        .description(
            "It rests in the middle, for an hour at most, and its target stays unfinished; longer, it is \
             interrupted, and the same copy goes on from there. One may rest at a time.",
        )
        .parameters([job()])
        .answers(Answer::new(200, "The job.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND, codes::JOB_STATE])
}

pub(in crate::jobs) fn continue_job() -> Operation {
    jobs("continue_job", "Let a copy that rests go on")
        .description("It goes on where it was, and compares both sides at its end as any copy.")
        .parameters([job()])
        .answers(Answer::new(200, "The job.").content(Content::like(&JobShape::example())))
        .problems([codes::INVALID_PARAMETER, codes::JOB_NOT_FOUND, codes::JOB_STATE])
}
