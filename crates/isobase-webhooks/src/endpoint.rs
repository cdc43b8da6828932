//! Who is told.

use isobase_types::{Document, DocumentId, json::canonicalise_document};
use serde::{Deserialize, Serialize};

use crate::{Topic, WebhookError};

/// The system collection of the endpoints.
pub const WEBHOOKS_COLLECTION: &str = "isobase_webhooks";
/// Most endpoints of a database.
pub const ENDPOINTS_MAX: usize = 50;
/// Most topics of an endpoint.
pub(crate) const TOPICS_MAX: usize = 50;
/// Longest URL, in bytes.
pub(crate) const URL_BYTES_MAX: usize = 2_048;
/// Longest description, in characters.
pub(crate) const DESCRIPTION_MAX: usize = 500;

/// An endpoint that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where deliveries go.
    pub url: String,
    /// Its topics.
    pub topics: Vec<Topic>,
    /// For people.
    pub description: String,
}

/// A change of an endpoint; members that are `None` stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    /// Where deliveries go.
    pub url: Option<String>,
    /// Its topics.
    pub topics: Option<Vec<Topic>>,
    /// For people.
    pub description: Option<String>,
    /// Whether it is told nothing. What happens meanwhile it never hears.
    pub disabled: Option<bool>,
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// Its topics.
    pub topics: Vec<String>,
    /// For people.
    pub description: String,
    /// Why it is told nothing; `None` while it is told.
    pub disabled: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// Until when deliveries are signed with the former secret too.
    pub former_secret_until: Option<String>,
    /// When deliveries began to fail; `None` while they arrive.
    pub failing_since: Option<String>,
}

/// The body of its document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredEndpoint {
    pub(crate) url: String,
    pub(crate) topics: Vec<String>,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) disabled: Option<String>,
    pub(crate) created_at: String,
    /// Sealed.
    pub(crate) secret: String,
    /// Sealed.
    #[serde(default)]
    pub(crate) former_secret: Option<String>,
    #[serde(default)]
    pub(crate) former_until_us: i64,
    /// Up to here the feed was looked through; `None` where it is to begin with what comes.
    #[serde(default)]
    pub(crate) place: Option<String>,
    #[serde(default)]
    pub(crate) failing_since: Option<String>,
}

impl StoredEndpoint {
    pub(crate) fn read(document: &Document) -> Result<(String, Self), WebhookError> {
        let unreadable = || WebhookError::Unreadable(format!("webhook {}", document.id));
        let DocumentId::Text(id) = &document.id else { return Err(unreadable()) };
        let stored = serde_json::from_str(&document.body).map_err(|_| unreadable())?;
        Ok((id.to_string(), stored))
    }

    pub(crate) fn body(&self) -> String {
        let text = serde_json::to_vec(self).expect("texts and numbers always serialise");
        canonicalise_document(&text).expect("a struct is an object, and its texts are valid")
    }

    pub(crate) fn shown(&self, id: &str, now_us: i64) -> Endpoint {
        let until = isobase_types::Timestamp { unix_us: self.former_until_us };
        let signs_twice = self.former_secret.is_some() && self.former_until_us > now_us;
        Endpoint {
            id: id.to_owned(),
            url: self.url.clone(),
            topics: self.topics.clone(),
            description: self.description.clone(),
            disabled: self.disabled.clone(),
            created_at: self.created_at.clone(),
            former_secret_until: signs_twice.then(|| until.to_string()),
            failing_since: self.failing_since.clone(),
        }
    }

    pub(crate) fn wanted(&self) -> Vec<Topic> {
        self.topics.iter().filter_map(|topic| topic.parse().ok()).collect()
    }
}
