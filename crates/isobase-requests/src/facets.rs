//! Values by which the log can be narrowed: those that its fields have, the most frequent first.

use std::{collections::HashMap, time::Instant};

use isobase_types::{Filter, Literal, Operator, Order, Timestamp};

use crate::{Entry, RequestQuery, Requests, RequestsError, query::compare};

/// Parts of the time that a sample is taken from: the newest entries alone would show seconds of a
/// busy log.
const PARTS: i64 = 8;
/// Entries of each part that are looked at.
const ENTRIES_OF_PART: u32 = 125;
/// Most values of one field.
const VALUES_MAX: usize = 50;

/// A value, and how many entries of the sample have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The value.
    pub value: String,
    /// In the sample; none has one that is known otherwise.
    pub count: u64,
}

/// The values of the fields that entries are found by, at most 50 of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Services: those of the sample, then all others of the log in the order of their names.
    pub services: Vec<Facet>,
    /// Endpoints.
    pub endpoints: Vec<Facet>,
    /// Methods.
    pub methods: Vec<Facet>,
    /// Who asked.
    pub users: Vec<Facet>,
    /// Models.
    pub models: Vec<Facet>,
    /// Statuses.
    pub statuses: Vec<Facet>,
    /// Hundreds of statuses: `2xx`, …, `none`.
    pub classes: Vec<Facet>,
    /// How many entries were looked at.
    pub sample: u64,
    /// They are all that the query chooses, so that the counts are exact.
    pub whole: bool,
}

impl Requests {
    /// The values by which the entries between two moments can be narrowed, as a sample of them shows: at most
    /// 1,000 entries from all parts of the time, as far as the budget of a search reaches.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn facets(
        &self,
        query: &RequestQuery,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Facets, RequestsError> {
        self.prepare().await?;
        let (entries, whole) = self.sample(query, (from, to)).await?;
        let of = |value: fn(&Entry) -> Option<String>| most_frequent(entries.iter().map(value));
        let mut services = of(|entry| Some(entry.service.clone()));
        for value in self.services().await? {
            if services.len() < VALUES_MAX && !services.iter().any(|known| known.value == value) {
                services.push(Facet { value, count: 0 });
            }
        }
        Ok(Facets {
            services,
            endpoints: of(|entry| Some(entry.endpoint.clone())),
            methods: of(|entry| Some(entry.method.clone())),
            users: of(|entry| entry.user_identifier.clone()),
            models: of(|entry| entry.usage.model.clone()),
            statuses: of(|entry| entry.status_code.map(|status| status.to_string())),
            classes: of(|entry| Some(entry.class().to_owned())),
            sample: entries.len() as u64,
            whole,
        })
    }

    /// Some entries of each part of a time, and whether they are all that are chosen.
    async fn sample(
        &self,
        query: &RequestQuery,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<(Vec<Entry>, bool), RequestsError> {
        let began = Instant::now();
        let length = (to.unix_us - from.unix_us).max(0) / PARTS;
        let text = query.text.as_deref().map(str::to_lowercase);
        let (mut entries, mut whole) = (Vec::new(), true);
        for part in (0..PARTS).rev() {
            if began.elapsed() >= self.search_budget() {
                return Ok((entries, false));
            }
            let begin = Timestamp { unix_us: from.unix_us + part * length };
            let end = match part {
                last if last == PARTS - 1 => to,
                _ => Timestamp { unix_us: begin.unix_us + length },
            };
            let of_part = RequestQuery { from: Some(begin), to: Some(end), ..query.clone() };
            let (documents, next) = self.page(of_part.filter(), ENTRIES_OF_PART, None).await?;
            whole &= next.is_none();
            entries.extend(documents.iter().filter_map(Entry::read));
        }
        let wanted = |entry: &Entry| text.as_ref().is_none_or(|text| entry.contains(text));
        entries.retain(|entry: &Entry| entry.dropped.is_none() && wanted(entry));
        Ok((entries, whole))
    }

    /// The services of the log in the order of their names: one look into an index for each.
    async fn services(&self) -> Result<Vec<String>, RequestsError> {
        let order = Order::parse("service,-at").expect("the order is valid, as the tests show");
        let mut services: Vec<String> = Vec::new();
        while services.len() < VALUES_MAX {
            let filter = match services.last() {
                Some(last) => compare("service", Operator::Greater(Literal::Text(last.clone()))),
                None => Filter::all(),
            };
            let (documents, _) = self.page_in(order.clone(), filter, 1, None).await?;
            let Some(entry) = documents.first().and_then(Entry::read) else { break };
            services.push(entry.service);
        }
        Ok(services)
    }
}

/// The most frequent values first, of equally frequent ones in their order.
fn most_frequent(values: impl Iterator<Item = Option<String>>) -> Vec<Facet> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for value in values.flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let mut facets: Vec<Facet> =
        counts.into_iter().map(|(value, count)| Facet { value, count }).collect();
    facets.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    facets.truncate(VALUES_MAX);
    facets
}
