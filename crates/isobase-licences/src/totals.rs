//! How many licences stand how.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use isobase_types::{Count, Filter, Order, PageRequest, Query, Timestamp};

use crate::{
    Licence, LicenceError, Licences,
    licence::{DAY_US, collection},
};

/// Licences that are read at a time.
const PAGE: u32 = 1_000;
/// How long a count may go on.
const BUDGET: Duration = Duration::from_secs(2);
/// A licence that ends within this time ends soon.
const SOON_DAYS: i64 = 30;

/// How many licences stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenceTotals {
    /// By the word of their standing.
    pub by_standing: BTreeMap<&'static str, u64>,
    /// Those that can be used and end within 30 days.
    pub ending_soon: u64,
    /// All were counted. Else the time for it was over, and there are more.
    pub complete: bool,
}

impl LicenceTotals {
    fn add(&mut self, licence: &Licence, now: Timestamp) {
        let standing = licence.standing(now).as_str();
        *self.by_standing.entry(standing).or_default() += 1;
        let soon = now.unix_us.saturating_add(SOON_DAYS * DAY_US);
        let ends = licence.expiry().is_some_and(|expiry| expiry.unix_us < soon);
        self.ending_soon += u64::from(ends && standing == "active");
    }
}

impl Licences {
    /// How many licences stand how: reads all of them, for two seconds at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals(&self) -> Result<LicenceTotals, LicenceError> {
        let (began, now) = (Instant::now(), self.now());
        let (mut totals, mut after) = (LicenceTotals::default(), None);
        loop {
            let query = Query {
                filter: Filter::all(),
                order: Order::default(),
                page: PageRequest::Cursor { limit: PAGE, after },
                fields: Vec::new(),
                count: Count::None,
            };
            let page = self.store.list(&collection(), &query).await?;
            Licence::all_of(&page.documents).iter().for_each(|licence| totals.add(licence, now));
            let Some(next) = page.next else {
                return Ok(LicenceTotals { complete: true, ..totals });
            };
            if began.elapsed() >= BUDGET {
                return Ok(totals);
            }
            after = Some(next.cursor().to_owned());
        }
    }
}
