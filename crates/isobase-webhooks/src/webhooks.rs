//! Endpoints and deliveries, as people manage them.

use std::{fmt, sync::Arc, time::Duration};

use isobase_auth::{
    Actor, Audit, AuditEntry, Clock, Documents, NoRandomness, SealedPlace, Sealer, random_text,
};
use isobase_store::{
    Action, FeedRequest, IfMissing, Keep, Precondition, Rejection, RuleBook, Since, Store,
    StoreError,
};
use isobase_types::{DocumentId, InvalidParameter, Query, QueryLimits, Timestamp, json::Patch};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    DELIVERIES_COLLECTION, Delivery, DeliveryState, ENDPOINTS_MAX, Endpoint, EndpointChange,
    NewEndpoint, Sender, Topic, WEBHOOKS_COLLECTION, WebhookError,
    endpoint::{DESCRIPTION_MAX, StoredEndpoint, TOPICS_MAX, URL_BYTES_MAX},
    event::body,
    signature::{SECRET_BYTES, show},
};

/// Deliveries of an endpoint that wait. When there are as many the feed is read no further for it:
/// nothing is lost, as long as the feed keeps what happened.
pub const PENDING_MAX: usize = 1_000;
/// How long deliveries are signed with the former secret too.
const FORMER_SECRET: Duration = Duration::from_secs(24 * 3_600);
/// Random bytes of an id.
const ID_BYTES: usize = 8;
/// Why an endpoint is told nothing that somebody has disabled.
const BY_HAND: &str = "disabled by hand";
/// Deliveries of a page.
const PAGE_DEFAULT: u32 = 50;
const PAGE_MAX: u32 = 200;

/// How webhooks are made.
#[derive(Clone)]
pub struct WebhooksOptions {
    /// Seals the secrets.
    pub sealer: Sealer,
    /// Sends deliveries; `None` where nothing is sent.
    pub sender: Option<Arc<dyn Sender>>,
    /// The feed keeps the parts for these rules beside those for deliveries.
    pub rules: Arc<RuleBook>,
    /// Names the place where this process runs: the same after a restart, and none other's. Empty where
    /// there is no such name.
    pub node: String,
    /// The clock.
    pub clock: Clock,
}

impl fmt::Debug for WebhooksOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sends = self.sender.is_some();
        f.debug_struct("WebhooksOptions").field("sends", &sends).finish_non_exhaustive()
    }
}

/// A part of the list of deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The latest first.
    pub deliveries: Vec<Delivery>,
    /// Where to go on.
    pub next: Option<String>,
}

/// The webhooks of a database. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) endpoints: Documents,
    pub(crate) deliveries: Documents,
    audit: Audit,
    pub(crate) options: WebhooksOptions,
    /// Told when an endpoint or a delivery was changed in this process. The task that delivers is the
    /// only one that waits, so a notice is kept for it while it does something else.
    pub(crate) changed: Notify,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("options", &self.0.options).finish_non_exhaustive()
    }
}

impl Webhooks {
    /// The webhooks of a store's database. Nothing is sent before [`Webhooks::run`].
    #[must_use]
    pub fn new(store: &Store, options: WebhooksOptions) -> Self {
        Self(Arc::new(Inner {
            store: store.system(),
            endpoints: Documents::new(store, WEBHOOKS_COLLECTION, &[], &[]),
            deliveries: Documents::new(store, DELIVERIES_COLLECTION, &[], &["state"]),
            audit: Audit::new(store, options.clock.clone()),
            options,
            changed: Notify::new(),
        }))
    }

    /// The endpoints, in the order of their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<Endpoint>, WebhookError> {
        let now = self.now().unix_us;
        let stored = self.stored().await?;
        Ok(stored.iter().map(|(id, endpoint)| endpoint.shown(id, now)).collect())
    }

    /// An endpoint.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], and when the database fails.
    pub async fn get(&self, id: &str) -> Result<Endpoint, WebhookError> {
        let (id, stored) = self.find(id).await?;
        Ok(stored.shown(&id, self.now().unix_us))
    }

    /// Makes an endpoint, and gives its secret, which is shown this once. It hears what happens from
    /// now on.
    ///
    /// # Errors
    /// [`WebhookError::Invalid`], [`WebhookError::TooMany`], [`WebhookError::Seal`], and when the
    /// database fails.
    pub async fn create(
        &self,
        new: NewEndpoint,
        by: &Actor,
    ) -> Result<(Endpoint, String), WebhookError> {
        self.check(Some(&new.url), Some(&new.topics), Some(&new.description))?;
        let there = self.stored().await?.len();
        if there >= ENDPOINTS_MAX {
            return Err(WebhookError::TooMany(there));
        }
        let id = format!("wh_{}", random_text::<ID_BYTES>()?);
        let (secret, sealed) = self.new_secret(&id)?;
        self.keep(&new.topics);
        let now = self.now();
        let stored = StoredEndpoint {
            url: new.url,
            topics: new.topics.iter().map(Topic::to_string).collect(),
            description: new.description,
            disabled: None,
            created_at: now.to_string(),
            secret: sealed,
            former_secret: None,
            former_until_us: 0,
            place: Some(self.end_of_feed().await?),
            failing_since: None,
        };
        let shown = stored.shown(&id, now.unix_us);
        let action = Action::Put {
            id: DocumentId::Text(id.as_str().into()),
            body: stored.body(),
            if_missing: IfMissing::Create,
        };
        let told = self.entry(by, "webhook.created", &id, Value::Null, of(&shown))?;
        let written =
            self.0.endpoints.write_with(action, Precondition::Missing, vec![told]).await?;
        written.map_err(WebhookError::Rejected)?;
        self.0.changed.notify_one();
        Ok((shown, show(&secret)))
    }

    /// Changes an endpoint. One that is let in again hears what happens from then on.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Invalid`], and when the database fails.
    pub async fn change(
        &self,
        id: &str,
        change: EndpointChange,
        by: &Actor,
    ) -> Result<Endpoint, WebhookError> {
        let EndpointChange { url, topics, description, disabled } = change;
        self.check(url.as_deref(), topics.as_deref(), description.as_deref())?;
        let before = self.get(id).await?;
        let mut patch = serde_json::Map::new();
        if let Some(url) = url {
            patch.insert("url".to_owned(), json!(url));
        }
        if let Some(description) = description {
            patch.insert("description".to_owned(), json!(description));
        }
        if let Some(topics) = topics {
            self.keep(&topics);
            let topics: Vec<_> = topics.iter().map(Topic::to_string).collect();
            patch.insert("topics".to_owned(), json!(topics));
        }
        match disabled {
            Some(true) => {
                patch.insert("disabled".to_owned(), json!(BY_HAND));
            }
            Some(false) if before.disabled.is_some() => {
                patch.insert("disabled".to_owned(), Value::Null);
                patch.insert("failing_since".to_owned(), Value::Null);
                patch.insert("place".to_owned(), json!(self.end_of_feed().await?));
            }
            _ => {}
        }
        self.patch(id, Value::Object(patch)).await?;
        let after = self.get(id).await?;
        self.tell(by, "webhook.changed", id, of(&before), of(&after)).await;
        self.0.changed.notify_one();
        Ok(after)
    }

    /// Deletes an endpoint. Its deliveries that wait are given up.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], and when the database fails.
    pub async fn delete(&self, id: &str, by: &Actor) -> Result<Endpoint, WebhookError> {
        let before = self.get(id).await?;
        let action = Action::Delete { id: DocumentId::Text(id.into()) };
        let told = self.entry(by, "webhook.deleted", id, of(&before), Value::Null)?;
        let written = self.0.endpoints.write_with(action, Precondition::None, vec![told]).await?;
        written.map_err(|rejection| refused(rejection, id))?;
        self.0.changed.notify_one();
        Ok(before)
    }

    /// Gives an endpoint another secret, which is shown this once. For a day deliveries are signed with
    /// both.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], [`WebhookError::Seal`], and when the database fails.
    pub async fn rotate(&self, id: &str, by: &Actor) -> Result<(Endpoint, String), WebhookError> {
        let (id, stored) = self.find(id).await?;
        let former = self.open(&id, "secret", &stored.secret)?;
        let (secret, sealed) = self.new_secret(&id)?;
        let sealed_former = self.seal(&id, "former_secret", &former)?;
        let until = self.now().unix_us.saturating_add(micros(FORMER_SECRET));
        let patch = json!({
            "secret": sealed, "former_secret": sealed_former, "former_until_us": until,
        });
        self.patch(&id, patch).await?;
        self.tell(by, "webhook.rotated", &id, Value::Null, Value::Null).await;
        self.0.changed.notify_one();
        Ok((self.get(&id).await?, show(&secret)))
    }

    /// Writes a delivery that only says that it is a test.
    ///
    /// # Errors
    /// [`WebhookError::NotFound`], and when the database fails.
    pub async fn test(&self, id: &str, by: &Actor) -> Result<Delivery, WebhookError> {
        let (endpoint, _) = self.find(id).await?;
        let now = self.now();
        let data = json!({ "endpoint": endpoint, "by": by.actor });
        let event = body("webhook.test".to_owned(), &now.to_string(), &data);
        let id = format!("msg_{:016x}{}", now.unix_us, random_text::<ID_BYTES>()?);
        let delivery = Delivery {
            id,
            endpoint,
            kind: event.kind,
            state: DeliveryState::Pending,
            created_at: now.to_string(),
            attempts: 0,
            next_us: now.unix_us,
            log: Vec::new(),
            body: event.body,
        };
        let action = Action::Put {
            id: DocumentId::Text(delivery.id.as_str().into()),
            body: delivery.stored(),
            if_missing: IfMissing::Create,
        };
        let written = self.0.deliveries.write(action, Precondition::Missing).await?;
        written.map_err(WebhookError::Rejected)?;
        self.0.changed.notify_one();
        Ok(delivery)
    }

    /// Deliveries, the latest first: of one endpoint and in one state, if that is asked for.
    ///
    /// # Errors
    /// [`WebhookError::Invalid`] for a cursor that is none, and when the database fails.
    pub async fn deliveries(
        &self,
        endpoint: Option<&str>,
        state: Option<&str>,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<DeliveryPage, WebhookError> {
        let limit = limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX);
        let mut pairs = vec![("sort", "-id".to_owned()), ("limit", limit.to_string())];
        pairs.extend(endpoint.map(|endpoint| ("endpoint", endpoint.to_owned())));
        pairs.extend(state.map(|state| ("state", state.to_owned())));
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        let pairs: Vec<_> =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let limits = QueryLimits { page_size_max: PAGE_MAX, page_size_default: PAGE_DEFAULT };
        let query = Query::parse(&pairs, &limits).map_err(|faults| wrong(&faults))?;
        let page = self.0.store.list(self.0.deliveries.collection(), &query).await?;
        let deliveries = page.documents.iter().map(Delivery::read).collect::<Result<_, _>>()?;
        Ok(DeliveryPage { deliveries, next: page.next.map(|next| next.cursor().to_owned()) })
    }

    /// A delivery.
    ///
    /// # Errors
    /// [`WebhookError::DeliveryNotFound`], and when the database fails.
    pub async fn delivery(&self, id: &str) -> Result<Delivery, WebhookError> {
        let missing = || WebhookError::DeliveryNotFound(id.chars().take(100).collect());
        let key = DocumentId::parse(id).map_err(|_| missing())?;
        let document = self.0.deliveries.get(&key).await?.ok_or_else(missing)?;
        Delivery::read(&document)
    }

    /// Lets a delivery be sent again, with its whole row of attempts before it.
    ///
    /// # Errors
    /// [`WebhookError::DeliveryNotFound`], [`WebhookError::NotFound`] when its endpoint is gone, and
    /// when the database fails.
    pub async fn resend(&self, id: &str, by: &Actor) -> Result<Delivery, WebhookError> {
        let delivery = self.delivery(id).await?;
        self.find(&delivery.endpoint).await?;
        let patch = json!({
            "state": DeliveryState::Pending, "attempts": 0, "next_us": self.now().unix_us,
        });
        let patch = patch_of(&patch)?;
        let action = Action::Patch { id: DocumentId::Text(id.into()), patch };
        let written = self.0.deliveries.write(action, Precondition::None).await?;
        written.map_err(WebhookError::Rejected)?;
        self.tell(by, "webhook.resent", &delivery.endpoint, Value::Null, json!({ "delivery": id }))
            .await;
        self.0.changed.notify_one();
        self.delivery(id).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.options.clock.now()
    }

    pub(crate) async fn stored(&self) -> Result<Vec<(String, StoredEndpoint)>, WebhookError> {
        let documents = self.0.endpoints.list(None).await?;
        documents.iter().map(StoredEndpoint::read).collect()
    }

    /// The secrets that deliveries to an endpoint are signed with now.
    pub(crate) fn secrets(
        &self,
        id: &str,
        stored: &StoredEndpoint,
    ) -> Result<Vec<Vec<u8>>, WebhookError> {
        let mut secrets = vec![self.open(id, "secret", &stored.secret)?];
        if let Some(former) = &stored.former_secret
            && stored.former_until_us > self.now().unix_us
        {
            secrets.push(self.open(id, "former_secret", former)?);
        }
        Ok(secrets)
    }

    pub(crate) async fn patch(&self, id: &str, patch: Value) -> Result<(), WebhookError> {
        let patch = patch_of(&patch)?;
        let action = Action::Patch { id: DocumentId::Text(id.into()), patch };
        let written = self.0.endpoints.write(action, Precondition::None).await?;
        written.map(|_| ()).map_err(|rejection| refused(rejection, id))
    }

    /// The place after the last change.
    pub(crate) async fn end_of_feed(&self) -> Result<String, StoreError> {
        let request = FeedRequest { since: Since::Now, collection: None, limit: 1, bodies: false };
        Ok(self.0.store.changes(request).await?.next.to_string())
    }

    /// Lets the feed keep the documents that are told.
    pub(crate) fn keep(&self, topics: &[Topic]) {
        for topic in topics {
            if let Topic::Documents(collection) = topic {
                let keep = Keep { bodies: true, ..self.0.options.rules.keep(collection) };
                self.0.store.keep(collection, keep);
            }
        }
    }

    pub(crate) async fn find(&self, id: &str) -> Result<(String, StoredEndpoint), WebhookError> {
        let missing = || WebhookError::NotFound(id.chars().take(100).collect());
        let key = DocumentId::parse(id).map_err(|_| missing())?;
        let document = self.0.endpoints.get(&key).await?.ok_or_else(missing)?;
        StoredEndpoint::read(&document)
    }

    fn check(
        &self,
        url: Option<&str>,
        topics: Option<&[Topic]>,
        description: Option<&str>,
    ) -> Result<(), WebhookError> {
        let invalid = |field, message: String| Err(WebhookError::Invalid { field, message });
        if let Some(url) = url {
            if url.len() > URL_BYTES_MAX {
                return invalid("url", format!("expected at most {URL_BYTES_MAX} bytes"));
            }
            if let Some(sender) = &self.0.options.sender
                && let Err(message) = sender.check(url)
            {
                return invalid("url", message);
            }
        }
        if topics.is_some_and(|topics| topics.is_empty() || topics.len() > TOPICS_MAX) {
            return invalid("topics", format!("expected 1 to {TOPICS_MAX} topics"));
        }
        if description.is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
            return invalid(
                "description",
                format!("expected at most {DESCRIPTION_MAX} characters"),
            );
        }
        Ok(())
    }

    fn new_secret(&self, id: &str) -> Result<(Vec<u8>, String), WebhookError> {
        // Hexadecimal text of the system's random bytes, as bytes again.
        let text = random_text::<SECRET_BYTES>()?;
        let secret: Vec<u8> = (0..text.len())
            .step_by(2)
            .filter_map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
            .collect();
        let sealed = self.seal(id, "secret", &secret)?;
        Ok((secret, sealed))
    }

    fn seal(&self, id: &str, field: &str, secret: &[u8]) -> Result<String, WebhookError> {
        let id = DocumentId::Text(id.into());
        let place = SealedPlace { collection: self.0.endpoints.collection(), id: &id, field };
        Ok(self.0.options.sealer.seal(place, secret)?)
    }

    fn open(&self, id: &str, field: &str, sealed: &str) -> Result<Vec<u8>, WebhookError> {
        let id = DocumentId::Text(id.into());
        let place = SealedPlace { collection: self.0.endpoints.collection(), id: &id, field };
        Ok(self.0.options.sealer.open(place, sealed)?)
    }

    fn entry(
        &self,
        by: &Actor,
        action: &str,
        object_id: &str,
        before: Value,
        after: Value,
    ) -> Result<isobase_store::WriteOperation, NoRandomness> {
        let object_type = "webhook";
        self.0.audit.operation(&AuditEntry { by, action, object_type, object_id, before, after })
    }

    /// Writes an entry of the audit after what it tells of.
    async fn tell(&self, by: &Actor, action: &str, id: &str, before: Value, after: Value) {
        let (object_type, object_id) = ("webhook", id);
        let entry = AuditEntry { by, action, object_type, object_id, before, after };
        if let Err(error) = self.0.audit.write(&entry).await {
            tracing::warn!(%error, "an entry of the audit is missing: {error}");
        }
    }
}

fn of(endpoint: &Endpoint) -> Value {
    json!({
        "url": endpoint.url, "topics": endpoint.topics, "description": endpoint.description,
        "disabled": endpoint.disabled,
    })
}

fn patch_of(patch: &Value) -> Result<Patch, WebhookError> {
    let text = patch.to_string();
    Patch::merge(text.as_bytes()).map_err(|error| WebhookError::Unreadable(error.to_string()))
}

fn refused(rejection: Rejection, id: &str) -> WebhookError {
    match rejection {
        Rejection::NotFound => WebhookError::NotFound(id.to_owned()),
        rejection => WebhookError::Rejected(rejection),
    }
}

fn wrong(faults: &[InvalidParameter]) -> WebhookError {
    let message = faults.first().map(ToString::to_string).unwrap_or_default();
    WebhookError::Invalid { field: "cursor", message }
}

/// Microseconds of a duration.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
