//! Counts over time.

use std::collections::BTreeMap;

use isobase_types::{Filter, Literal, Operator, Order, Timestamp};

use crate::{
    Bucket, LeftOut, Requests, RequestsError, STEP_SECONDS,
    query::{compare, without},
    rollup::{Rollup, collection},
};

/// Most counts that one chart reads. Ours: 30 days of five services with 15 endpoints.
const ROLLUPS_MAX: usize = 650_000;

impl Requests {
    /// The counts between two moments, in buckets of a length that is a multiple of five
    /// minutes; those in which nothing happened are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stats(
        &self,
        (from, to): (Timestamp, Timestamp),
        step_seconds: i64,
        (service, endpoint): (Option<&str>, Option<&str>),
        left_out: &[LeftOut],
    ) -> Result<Vec<Bucket>, RequestsError> {
        self.prepare().await?;
        let step = step_seconds.max(STEP_SECONDS);
        let seconds = |moment: Timestamp| moment.unix_us.div_euclid(1_000_000);
        let first = seconds(from) - seconds(from).rem_euclid(STEP_SECONDS);
        let mut filters = vec![
            compare("at", Operator::GreaterOrEqual(Literal::Integer(first))),
            compare("at", Operator::Less(Literal::Integer(seconds(to)))),
        ];
        for (field, value) in [("service", service), ("endpoint", endpoint)] {
            if let Some(value) = value {
                filters.push(compare(field, Operator::In(vec![Literal::Text(value.to_owned())])));
            }
        }
        filters.extend(without(left_out));
        let filter = Filter::And(filters);
        let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
        let asked = (filter, Order::default());
        for document in self.store.list_all(&collection(), asked, ROLLUPS_MAX).await? {
            let Ok(rollup) = serde_json::from_str::<Rollup>(&document.body) else { continue };
            let at = rollup.at - rollup.at.rem_euclid(step);
            buckets.entry(at).or_insert_with(|| Bucket::beginning(at)).add(&rollup);
        }
        Ok(buckets.into_values().collect())
    }
}
