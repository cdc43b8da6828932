//! The one task that reads the feed for the endpoints, and sends.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use isobase_auth::{LEASE_LASTS, LEASE_RENEWED, Lease, random_text};
use isobase_store::{
    Action, Atomicity, FeedPage, FeedRequest, IfMissing, Precondition, Rejection, Since,
    WriteBatch, WriteOperation,
};
use isobase_types::{DocumentId, hex};
use isobase_writer::Pauses;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Delivery, DeliveryState, PENDING_MAX, Sender, Topic, WebhookError, Webhooks,
    attempt::{Due, attempt, is_gone},
    endpoint::StoredEndpoint,
    event::{Event, body, event},
    queries::{over, pending},
};

/// The document that says which process delivers.
const LEASE: &str = "webhooks";
/// Deliveries under way at the same time, in all and to one endpoint.
const SENDING_MAX: usize = 16;
const SENDING_TO_ONE_MAX: usize = 4;
/// Changes that are read at a time.
const CHANGES: u32 = 200;
/// A place is noted after this many changes of no interest: they are read again after a restart.
const NOTED_AFTER: u64 = 5_000;
/// Deliveries that are over and stay, the latest.
const KEPT: usize = 2_000;
/// How often those before are deleted, and how many in one write.
const TIDIED: Duration = Duration::from_secs(600);
const TIDIED_TOGETHER: usize = 200;
/// Pauses after the database has failed, and between looks whether another process still delivers: the
/// first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(4);

impl Webhooks {
    /// Delivers until it is stopped: this process, or another one of the database. A process that is
    /// killed is followed by another one after thirty seconds, or at once by itself, by its name.
    pub fn run(self, stop: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Some(sender) = self.0.options.sender.clone() else { return };
            let node = self.0.options.node.clone();
            let Ok(random) = random_text::<8>() else { return };
            let holder = if node.is_empty() { random } else { node };
            let clock = self.0.options.clock.clone();
            let lease = Lease::new(&self.0.store, LEASE, holder, clock);
            let mut work = Work {
                webhooks: self,
                sender,
                lease,
                endpoints: HashMap::new(),
                waiting: BTreeMap::new(),
                under_way: HashSet::new(),
                sending: JoinSet::new(),
                examined: HashMap::new(),
            };
            let mut pauses = Pauses::new(PAUSE_FIRST, PAUSE_MAX);
            loop {
                let round = tokio::select! {
                    round = work.deliver() => round,
                    () = stop.cancelled() => break,
                };
                work.sending.abort_all();
                work.under_way.clear();
                match round {
                    Ok(Round::GoOn) => {
                        pauses.restart();
                        continue;
                    }
                    Ok(Round::Elsewhere) => {}
                    Err(error) => tracing::warn!(%error, "webhooks wait: {error}"),
                }
                tokio::select! {
                    () = pauses.wait() => {}
                    () = stop.cancelled() => break,
                }
            }
            work.lease.release().await;
        })
    }
}

/// Why the task looks again.
enum Round {
    /// Something may have changed.
    GoOn,
    /// Another process delivers.
    Elsewhere,
}

/// The state of the task while it delivers.
struct Work {
    pub(crate) webhooks: Webhooks,
    pub(crate) sender: std::sync::Arc<dyn Sender>,
    /// The right to deliver.
    lease: Lease,
    endpoints: HashMap<String, StoredEndpoint>,
    /// By the ids of the deliveries.
    waiting: BTreeMap<String, Due>,
    under_way: HashSet<String>,
    sending: JoinSet<(String, Result<Option<Due>, WebhookError>)>,
    /// Changes since the place of an endpoint was noted.
    examined: HashMap<String, u64>,
}

impl Work {
    /// Delivers as long as this process is the one that does.
    async fn deliver(&mut self) -> Result<Round, WebhookError> {
        // Without endpoints nothing is asked of the database but whether there are any.
        let webhooks = self.webhooks.clone();
        let made = webhooks.0.changed.notified();
        if webhooks.stored().await?.is_empty() {
            // Anyone who makes one in another process is heard a little later.
            let _ = timeout(LEASE_LASTS, made).await;
            return Ok(Round::GoOn);
        }
        if !self.lease.take().await? {
            return Ok(Round::Elsewhere);
        }
        let mut renewed = Instant::now();
        let mut tidied: Option<Instant> = None;
        self.load().await?;
        loop {
            let changed = webhooks.0.changed.notified();
            let read_more = self.read_feed().await?;
            self.send_due();
            if tidied.is_none_or(|tidied| tidied.elapsed() >= TIDIED) {
                self.tidy().await?;
                tidied = Some(Instant::now());
            }
            let until_renewed = LEASE_RENEWED.saturating_sub(renewed.elapsed());
            let pause =
                if read_more { Duration::ZERO } else { self.until_due().min(until_renewed) };
            let place = self.place();
            tokio::select! {
                Some(done) = self.sending.join_next(), if !self.sending.is_empty() => {
                    if let Ok((id, outcome)) = done {
                        self.under_way.remove(&id);
                        self.note(id, outcome)?;
                    }
                }
                () = changed => self.load().await?,
                () = wait_for_change(&webhooks, place), if !read_more => {}
                () = sleep(pause) => {}
            }
            if renewed.elapsed() >= LEASE_RENEWED {
                if !self.lease.take().await? {
                    return Ok(Round::Elsewhere);
                }
                renewed = Instant::now();
                // Other processes may have changed them.
                self.load().await?;
            }
        }
    }

    /// Reads the endpoints, and the deliveries that wait.
    async fn load(&mut self) -> Result<(), WebhookError> {
        let stored = self.webhooks.stored().await?;
        let mut endpoints = HashMap::new();
        for (id, mut endpoint) in stored {
            // What was read since the place was noted is not read again.
            if let Some(known) = self.endpoints.get(&id)
                && known.disabled.is_none()
                && endpoint.disabled.is_none()
            {
                endpoint.place.clone_from(&known.place);
            }
            self.webhooks.keep(&endpoint.wanted());
            endpoints.insert(id, endpoint);
        }
        self.endpoints = endpoints;
        let mut waiting = BTreeMap::new();
        let query = pending();
        let (store, collection) = (&self.webhooks.0.store, self.webhooks.0.deliveries.collection());
        let mut page = store.list(collection, &query).await?;
        loop {
            for document in &page.documents {
                let Ok(delivery) = Delivery::read(document) else { continue };
                let due = Due { endpoint: delivery.endpoint, next_us: delivery.next_us };
                waiting.insert(delivery.id, due);
            }
            let Some(position) = &page.next else { break };
            page = store.list_next(collection, &query, position).await?;
        }
        self.waiting = waiting;
        Ok(())
    }

    /// Where the feed is waited for: the place of any endpoint that is told and has room.
    fn place(&self) -> Option<String> {
        let counts = self.counts();
        let told = self.endpoints.iter().filter(|(id, endpoint)| has_room(&counts, id, endpoint));
        told.filter_map(|(_, endpoint)| endpoint.place.clone()).next()
    }

    /// Reads a part of the feed for every endpoint, and writes the deliveries; says whether there is
    /// more.
    async fn read_feed(&mut self) -> Result<bool, WebhookError> {
        let counts = self.counts();
        let mut at: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for (id, endpoint) in &self.endpoints {
            if has_room(&counts, id, endpoint) {
                at.entry(endpoint.place.clone()).or_default().push(id.clone());
            }
        }
        let mut more = false;
        for (place, ids) in at {
            let since = place.as_deref().map_or(Ok(Since::Now), Since::parse);
            let since = since.unwrap_or(Since::Now);
            let request = FeedRequest { since, collection: None, limit: CHANGES, bodies: true };
            match self.webhooks.0.store.changes(request).await {
                Ok(page) => {
                    self.take_page(&page, &ids).await?;
                    more |= page.more;
                }
                Err(error) if is_gone(&error) => self.tell_gap(&ids).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(more)
    }

    async fn take_page(&mut self, page: &FeedPage, ids: &[String]) -> Result<(), WebhookError> {
        let wanted: Vec<(String, Vec<Topic>)> = ids
            .iter()
            .filter_map(|id| Some((id.clone(), self.endpoints.get(id)?.wanted())))
            .collect();
        let mut deliveries = Vec::new();
        for change in &page.changes {
            for (endpoint, topics) in &wanted {
                let Some(event) = event(&self.webhooks.0.store, change, topics).await? else {
                    continue;
                };
                let place = page.place_of(change).to_string();
                deliveries.push(delivery(endpoint, &place, change.at.unix_us, event));
            }
        }
        let told: HashSet<String> = deliveries.iter().map(|it| it.endpoint.clone()).collect();
        self.write(deliveries).await?;
        let next = page.next.to_string();
        for id in ids {
            if let Some(endpoint) = self.endpoints.get_mut(id) {
                endpoint.place = Some(next.clone());
            }
            let examined = self.examined.entry(id.clone()).or_default();
            *examined += page.changes.len() as u64;
            // To note it is a change too: one that is of no interest must not lead to the next.
            if told.contains(id) || *examined >= NOTED_AFTER {
                *examined = 0;
                match self.webhooks.patch(id, json!({ "place": next })).await {
                    // It was deleted meanwhile.
                    Ok(()) | Err(WebhookError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Tells endpoints that the feed no longer keeps what they have not heard yet.
    async fn tell_gap(&mut self, ids: &[String]) -> Result<(), WebhookError> {
        let now = self.webhooks.now();
        let next = self.webhooks.end_of_feed().await?;
        tracing::warn!("webhooks go on without what the change feed no longer keeps");
        let data = json!({ "reason": "the change feed no longer keeps what happened before" });
        let deliveries = ids.iter().map(|id| {
            let event = body("webhook.gap".to_owned(), &now.to_string(), &data);
            delivery(id, &next, now.unix_us, event)
        });
        self.write(deliveries.collect()).await?;
        for id in ids {
            if let Some(endpoint) = self.endpoints.get_mut(id) {
                endpoint.place = Some(next.clone());
            }
            self.webhooks.patch(id, json!({ "place": next })).await?;
        }
        Ok(())
    }

    /// Writes deliveries. One that is there was written before this process read the same changes.
    pub(crate) async fn write(&mut self, deliveries: Vec<Delivery>) -> Result<(), WebhookError> {
        for part in deliveries.chunks(CHANGES as usize) {
            let operations: Vec<_> = part
                .iter()
                .map(|delivery| WriteOperation {
                    collection: self.webhooks.0.deliveries.collection().clone(),
                    action: Action::Put {
                        id: DocumentId::Text(delivery.id.as_str().into()),
                        body: delivery.stored(),
                        if_missing: IfMissing::Create,
                    },
                    precondition: Precondition::Missing,
                })
                .collect();
            let batch = WriteBatch { operations, ..WriteBatch::default() };
            let report = self.webhooks.0.store.write(batch, Atomicity::EachAlone).await?;
            for (delivery, outcome) in part.iter().zip(report.outcomes) {
                match outcome {
                    Ok(_) => {
                        let Delivery { endpoint, next_us, .. } = delivery.clone();
                        self.waiting.insert(delivery.id.clone(), Due { endpoint, next_us });
                    }
                    Err(Rejection::AlreadyExists) => {}
                    Err(rejection) => return Err(WebhookError::Rejected(rejection)),
                }
            }
        }
        Ok(())
    }

    /// Sends what is due, within the bounds.
    fn send_due(&mut self) {
        let now = self.webhooks.now().unix_us;
        let mut to_one = self.under_way_to_one();
        let mut begun = Vec::new();
        for (id, due) in &self.waiting {
            if self.under_way.len() + begun.len() >= SENDING_MAX {
                break;
            }
            let count = to_one.entry(due.endpoint.clone()).or_default();
            if due.next_us > now || self.under_way.contains(id) || *count >= SENDING_TO_ONE_MAX {
                continue;
            }
            let endpoint = self.endpoints.get(&due.endpoint);
            if endpoint.is_some_and(|endpoint| endpoint.disabled.is_some()) {
                continue;
            }
            *count += 1;
            begun.push((id.clone(), due.clone()));
        }
        for (id, due) in begun {
            self.under_way.insert(id.clone());
            let (webhooks, sender) = (self.webhooks.clone(), self.sender.clone());
            self.sending.spawn(async move {
                let outcome = attempt(&webhooks, &*sender, &id, due).await;
                (id, outcome)
            });
        }
    }

    /// Takes in what became of an attempt.
    fn note(
        &mut self,
        id: String,
        outcome: Result<Option<Due>, WebhookError>,
    ) -> Result<(), WebhookError> {
        match outcome {
            Ok(Some(due)) => {
                self.waiting.insert(id, due);
            }
            Ok(None) => {
                self.waiting.remove(&id);
            }
            // It is sent again after the database has answered.
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// How long until something is due that may be sent then. What may not waits for the end of one
    /// that is under way.
    fn until_due(&self) -> Duration {
        let to_one = self.under_way_to_one();
        let now = self.webhooks.now().unix_us;
        let may_be_sent = |(id, due): &(&String, &Due)| {
            !self.under_way.contains(*id)
                && to_one.get(&due.endpoint).is_none_or(|count| *count < SENDING_TO_ONE_MAX)
                && self.endpoints.get(&due.endpoint).is_none_or(|it| it.disabled.is_none())
        };
        if self.under_way.len() >= SENDING_MAX {
            return LEASE_RENEWED;
        }
        let next = self.waiting.iter().filter(may_be_sent).map(|(_, due)| due.next_us).min();
        let pause = next.map_or(i64::MAX, |next| next.saturating_sub(now));
        Duration::from_micros(pause.max(0).unsigned_abs())
    }

    /// How many deliveries are under way to each endpoint.
    fn under_way_to_one(&self) -> HashMap<String, usize> {
        let mut to_one = HashMap::new();
        for due in self.under_way.iter().filter_map(|id| self.waiting.get(id)) {
            *to_one.entry(due.endpoint.clone()).or_default() += 1;
        }
        to_one
    }

    fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for due in self.waiting.values() {
            *counts.entry(due.endpoint.clone()).or_default() += 1;
        }
        counts
    }

    /// Deletes the oldest of the deliveries that are over.
    async fn tidy(&self) -> Result<(), WebhookError> {
        let (store, collection) = (&self.webhooks.0.store, self.webhooks.0.deliveries.collection());
        let query = over();
        let mut page = store.list(collection, &query).await?;
        let mut seen = 0;
        let mut old = Vec::new();
        loop {
            for document in page.documents {
                let is_over = Delivery::read(&document)
                    .map_or(true, |delivery| delivery.state != DeliveryState::Pending);
                seen += usize::from(is_over);
                if is_over && seen > KEPT {
                    old.push(document.id);
                }
            }
            let Some(position) = page.next else { break };
            page = store.list_next(collection, &query, &position).await?;
        }
        for part in old.chunks(TIDIED_TOGETHER) {
            let operation = |id: &DocumentId| WriteOperation {
                collection: collection.clone(),
                action: Action::Delete { id: id.clone() },
                precondition: Precondition::None,
            };
            let operations = part.iter().map(operation).collect();
            let batch = WriteBatch { operations, ..WriteBatch::default() };
            store.write(batch, Atomicity::EachAlone).await?;
        }
        Ok(())
    }
}

/// A delivery whose id follows from the place of its change: to read the change again does not make
/// another one. The time goes before, so that later ones are greater.
pub(crate) fn delivery(endpoint: &str, place: &str, at_us: i64, event: Event) -> Delivery {
    let hash = Sha256::digest(format!("{endpoint}\n{place}"));
    let mark = hex(&hash[..8]);
    Delivery {
        id: format!("msg_{at_us:016x}{mark}"),
        endpoint: endpoint.to_owned(),
        kind: event.kind,
        state: DeliveryState::Pending,
        created_at: isobase_types::Timestamp { unix_us: at_us }.to_string(),
        attempts: 0,
        next_us: at_us,
        log: Vec::new(),
        body: event.body,
    }
}

fn has_room(counts: &HashMap<String, usize>, id: &str, endpoint: &StoredEndpoint) -> bool {
    endpoint.disabled.is_none() && counts.get(id).is_none_or(|count| *count < PENDING_MAX)
}

/// Waits until something may have happened. Without a place, or when the database does not tell, for
/// ever: others wake up.
async fn wait_for_change(webhooks: &Webhooks, place: Option<String>) {
    let place = place.and_then(|place| place.parse().ok());
    let waited = match place {
        Some(place) => webhooks.0.store.wait_for_change(place, None).await,
        None => return std::future::pending().await,
    };
    if waited.is_err() {
        std::future::pending().await
    }
}
