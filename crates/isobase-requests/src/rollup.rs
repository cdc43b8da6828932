//! Counts for charts: buckets of five minutes for each service, endpoint and class of status, with
//! histograms that can be added up.

use std::collections::{BTreeMap, HashMap};

use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreError, WriteBatch, WriteOperation,
};
use isobase_types::{
    CollectionName, DocumentId, Timestamp, hex,
    json::{self, Patch},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Entry;

/// Where the counts are.
pub const ROLLUPS_COLLECTION: &str = "isobase_request_rollups";

/// The length of a bucket.
pub const STEP_SECONDS: i64 = 300;

/// Longest endpoint of a bucket, in characters.
const GROUP_CHARACTERS_MAX: usize = 200;

/// Places of a histogram for each doubling: each is at most a fifth longer than the one before.
const PLACES_PER_DOUBLING: f64 = 4.0;

/// The counts of a bucket as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rollup {
    /// When it begins, in seconds since 1970.
    pub(crate) at: i64,
    service: String,
    endpoint: String,
    class: String,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    sum_ms: f64,
    /// How many took how long, by the place in the histogram.
    #[serde(default)]
    h: BTreeMap<String, u64>,
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    cost: f64,
    #[serde(default)]
    dropped: u64,
}

/// Counts of entries that were just written, by the ids of their buckets.
#[derive(Debug, Default)]
pub(crate) struct Sums(HashMap<String, Rollup>);

impl Sums {
    pub(crate) fn add(&mut self, entry: &Entry) {
        let at = bucket_of(&entry.at);
        let endpoint = group(&entry.endpoint);
        let names = [&entry.service, &endpoint, entry.class()];
        let mut hasher = Sha256::new();
        for name in names {
            hasher.update((name.len() as u64).to_be_bytes());
            hasher.update(name);
        }
        let id = format!("{at:012}-{}", hex(&hasher.finalize()[..10]));
        let rollup = self.0.entry(id).or_insert_with(|| Rollup {
            at,
            service: entry.service.clone(),
            endpoint,
            class: entry.class().to_owned(),
            ..Rollup::default()
        });
        if let Some(dropped) = entry.dropped {
            rollup.dropped += u64::from(dropped);
            return;
        }
        rollup.count += 1;
        if let Some(ms) = entry.duration_ms {
            rollup.sum_ms += ms;
            *rollup.h.entry(place(ms).to_string()).or_default() += 1;
        }
        rollup.input_tokens += entry.usage.input_tokens.unwrap_or_default();
        rollup.output_tokens += entry.usage.output_tokens.unwrap_or_default();
        rollup.cost += entry.usage.cost.unwrap_or_default();
    }
}

/// When the bucket of a moment begins, in seconds since 1970.
fn bucket_of(at: &str) -> i64 {
    let seconds = Timestamp::parse(at).unwrap_or_default().unix_us / 1_000_000;
    seconds - seconds.rem_euclid(STEP_SECONDS)
}

/// An endpoint without what differs from call to call: numbers, ids and the query.
fn group(endpoint: &str) -> String {
    let path = endpoint.split(['?', '#']).next().unwrap_or_default();
    let segments = path.split('/').map(|segment| {
        let digits = segment.bytes().filter(u8::is_ascii_digit).count();
        let is_id = !segment.is_empty()
            && (digits == segment.len() || (segment.len() >= 16 && digits * 4 >= segment.len()));
        if is_id { ":id" } else { segment }
    });
    segments.collect::<Vec<_>>().join("/").chars().take(GROUP_CHARACTERS_MAX).collect()
}

/// The place of a duration in a histogram: 0 up to one millisecond.
fn place(ms: f64) -> u32 {
    match ms {
        ms if ms <= 1.0 => 0,
        ms => (ms.log2() * PLACES_PER_DOUBLING).ceil() as u32,
    }
}

/// The longest duration of a place.
fn longest(place: u32) -> f64 {
    (f64::from(place) / PLACES_PER_DOUBLING).exp2()
}

/// The counts of some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bucket {
    /// When it begins, in seconds since 1970.
    pub at: i64,
    /// Requests.
    pub count: u64,
    /// Requests by class of status: `2xx`, …, `none`.
    pub by_class: BTreeMap<String, u64>,
    /// How long all of them took together.
    pub sum_ms: f64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// The price of that.
    pub cost: f64,
    /// Reports that services had no room for.
    pub dropped: u64,
    histogram: BTreeMap<u32, u64>,
}

impl Bucket {
    /// One in which nothing happened yet.
    #[must_use]
    pub fn beginning(at: i64) -> Self {
        Self { at, ..Self::default() }
    }

    /// How long the given share of the requests took at most; `None` if no duration is known. At
    /// most a fifth too long.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.histogram.values().sum();
        let wanted = ((all as f64) * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.histogram.iter().find_map(|(place, count)| {
            seen += count;
            (seen >= wanted).then(|| longest(*place))
        })
    }

    /// Takes what happened in another one into this one.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum_ms += other.sum_ms;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cost += other.cost;
        self.dropped += other.dropped;
        for (class, count) in &other.by_class {
            *self.by_class.entry(class.clone()).or_default() += count;
        }
        for (place, count) in &other.histogram {
            *self.histogram.entry(*place).or_default() += count;
        }
    }

    pub(crate) fn add(&mut self, rollup: &Rollup) {
        self.count += rollup.count;
        if rollup.count > 0 {
            *self.by_class.entry(rollup.class.clone()).or_default() += rollup.count;
        }
        self.sum_ms += rollup.sum_ms;
        self.input_tokens += rollup.input_tokens;
        self.output_tokens += rollup.output_tokens;
        self.cost += rollup.cost;
        self.dropped += rollup.dropped;
        for (place, count) in &rollup.h {
            if let Ok(place) = place.parse() {
                *self.histogram.entry(place).or_default() += count;
            }
        }
    }
}

/// Adds counts to their buckets. A process that is killed before leaves them out.
pub(crate) async fn write(store: &Store, sums: Sums) -> Result<(), StoreError> {
    let mut operations = Vec::with_capacity(sums.0.len() * 2);
    for (id, rollup) in sums.0 {
        let id = DocumentId::Text(id.into());
        let Some(patch) = increments(&rollup) else { continue };
        let Rollup { at, service, endpoint, class, .. } = rollup;
        let empty = Rollup { at, service, endpoint, class, ..Rollup::default() };
        // The first one fails where the bucket is there, and the second one finds one.
        let text = serde_json::to_vec(&empty).unwrap_or_default();
        let Ok(body) = json::canonicalise_document(&text) else { continue };
        let put = Action::Put { id: id.clone(), body, if_missing: IfMissing::Create };
        for (action, precondition) in
            [(put, Precondition::Missing), (Action::Patch { id, patch }, Precondition::None)]
        {
            operations.push(WriteOperation { collection: collection(), action, precondition });
        }
    }
    if !operations.is_empty() {
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        store.write(batch, Atomicity::EachAlone).await?;
    }
    Ok(())
}

fn increments(rollup: &Rollup) -> Option<Patch> {
    let mut increment = serde_json::Map::new();
    increment.insert("count".to_owned(), rollup.count.into());
    increment.insert("sum_ms".to_owned(), rollup.sum_ms.into());
    for (name, number) in [
        ("input_tokens", rollup.input_tokens),
        ("output_tokens", rollup.output_tokens),
        ("dropped", rollup.dropped),
    ] {
        if number > 0 {
            increment.insert(name.to_owned(), number.into());
        }
    }
    if rollup.cost > 0.0 {
        increment.insert("cost".to_owned(), rollup.cost.into());
    }
    for (place, count) in &rollup.h {
        increment.insert(format!("h.\"{place}\""), (*count).into());
    }
    let update = serde_json::json!({ "increment": increment });
    Patch::update(update.to_string().as_bytes()).ok()
}

pub(crate) fn collection() -> CollectionName {
    CollectionName::new(ROLLUPS_COLLECTION).expect("it is a valid name, as the tests show")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_grouped_by_what_stays() {
        let cases = [
            ("/v1/users/123/orders?page=2", "/v1/users/:id/orders"),
            ("/v1/0190f2c1-7b3e-7cc2-98c4-dc0c0c07398f", "/v1/:id"),
            ("/v1/chat/completions", "/v1/chat/completions"),
            ("", ""),
        ];
        for (endpoint, grouped) in cases {
            assert_eq!(group(endpoint), grouped);
        }
    }

    #[test]
    fn moments_fall_into_their_bucket() {
        assert_eq!(bucket_of("1970-01-01T00:04:59.999999Z"), 0);
        assert_eq!(bucket_of("1970-01-01T00:05:00.000000Z"), 300);
        assert_eq!(bucket_of("2026-11-20T14:09:00.123456Z"), 1_795_183_500);
        assert_eq!(bucket_of("rubbish"), 0);
    }

    #[test]
    fn a_quantile_is_at_most_a_fifth_too_long() {
        let mut bucket = Bucket::default();
        for ms in 1..=1_000 {
            *bucket.histogram.entry(place(f64::from(ms))).or_default() += 1;
        }
        for (share, exact) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let found = bucket.quantile(share).unwrap();
            assert!(found >= exact && found <= exact * 1.2, "{share}: {found}");
        }
        assert_eq!(Bucket::default().quantile(0.5), None);
    }
}
