//! A job, and how it is stored.

use isobase_types::{Document, DocumentId, Timestamp, json::canonicalise_document};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{JobsError, Live};

/// The system collection of the jobs. It stays when a database is copied or dumped.
pub const JOBS_COLLECTION: &str = "isobase_jobs";

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for others.
    Queued,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It could not be done.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// Its process ended.
    Interrupted,
}

impl JobState {
    /// Whether it goes on.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }

    /// In a sentence: `it succeeded`.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Queued => "waits",
            Self::Running => "runs",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "was cancelled",
            Self::Interrupted => "was interrupted",
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id: later ones are greater.
    #[serde(skip_deserializing)]
    pub id: String,
    /// Its work: `copy`, `backup`, …
    pub kind: String,
    /// How far it is.
    pub state: JobState,
    /// Who asked for it.
    pub by: String,
    /// The parameters of the request, without secrets.
    pub parameters: Value,
    /// When it was asked for.
    pub created_at: String,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<String>,
    /// Whether it rests in the middle, until somebody lets it go on.
    #[serde(default)]
    pub paused: bool,
    /// How far it is; while it runs in this process, of this moment.
    #[serde(default)]
    pub progress: Option<Live>,
    /// The report of the work.
    #[serde(default)]
    pub result: Option<Value>,
    /// Why it failed, in a sentence.
    #[serde(default)]
    pub error: Option<String>,
    /// When its process was heard of last, in microseconds since 1970.
    #[serde(default)]
    pub beat_us: i64,
    /// The request that asked for it, where that had a key of its own: another one with the same key is
    /// given this job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<String>,
    /// The key of that request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<String>,
}

impl Job {
    pub(crate) fn read(document: &Document) -> Result<Self, JobsError> {
        let DocumentId::Text(id) = &document.id else {
            return Err(JobsError::Unreadable(document.id.to_string()));
        };
        let job: Self = serde_json::from_str(&document.body)
            .map_err(|_| JobsError::Unreadable(id.to_string()))?;
        Ok(Self { id: id.to_string(), ..job })
    }

    pub(crate) fn body(&self) -> String {
        let text = serde_json::to_vec(self).expect("texts, numbers and values always serialise");
        canonicalise_document(&text).expect("a struct is an object, and its texts are valid")
    }

    /// As others see it.
    pub(crate) fn shown(self) -> Self {
        Self { asked: None, said: None, ..self }
    }

    pub(crate) fn beat(&mut self, now: Timestamp) {
        self.beat_us = now.unix_us;
    }
}
