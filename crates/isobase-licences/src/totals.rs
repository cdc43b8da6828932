//! How many licences stand how, and how many installations came when.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use isobase_types::{
    CollectionName, Count, Document, Filter, Order, PageRequest, Query, Timestamp,
};

use crate::{
    Holder, Licence, LicenceError, Licences, holder,
    licence::{DAY_US, collection},
};

/// Licences that are read at a time.
const PAGE: u32 = 1_000;
/// How long a count may go on.
const BUDGET: Duration = Duration::from_secs(2);
/// A licence that ends within this time ends soon.
const SOON_DAYS: i64 = 30;
/// Days of which the installations that came are counted.
const DAYS_SHOWN: usize = 30;

/// How many licences stand how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenceTotals {
    /// By the word of their standing.
    pub by_standing: BTreeMap<&'static str, u64>,
    /// Those that can be used and end within 30 days.
    pub ending_soon: u64,
    /// Installations that came on each of the last 30 days and are still there, today's last.
    pub activations: Vec<u64>,
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

    fn add_holder(&mut self, holder: &Holder, now: Timestamp) {
        let today = now.unix_us.div_euclid(DAY_US);
        let came = holder.installations.iter().filter_map(|it| it.activated_at.as_deref());
        for moment in came.filter_map(Timestamp::parse) {
            let days_ago = usize::try_from(today - moment.unix_us.div_euclid(DAY_US));
            let place = days_ago.ok().and_then(|days| DAYS_SHOWN.checked_sub(days + 1));
            if let Some(count) = place.and_then(|place| self.activations.get_mut(place)) {
                *count += 1;
            }
        }
    }
}

impl Licences {
    /// How many licences stand how, and how many installations came: reads all of them, for four
    /// seconds at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn totals(&self) -> Result<LicenceTotals, LicenceError> {
        let now = self.now();
        let mut totals = LicenceTotals { activations: vec![0; DAYS_SHOWN], ..Default::default() };
        let of_licences = |totals: &mut LicenceTotals, documents: &[Document]| {
            Licence::all_of(documents).iter().for_each(|licence| totals.add(licence, now));
        };
        let of_holders = |totals: &mut LicenceTotals, documents: &[Document]| {
            let holders = documents.iter().filter_map(|document| Holder::of(document).ok());
            holders.for_each(|holder| totals.add_holder(&holder, now));
        };
        let licences = self.each(&collection(), |some| of_licences(&mut totals, some)).await?;
        let holders =
            self.each(&holder::collection(), |some| of_holders(&mut totals, some)).await?;
        Ok(LicenceTotals { complete: licences && holders, ..totals })
    }

    /// Reads a collection part by part; says whether that was all of it.
    async fn each(
        &self,
        collection: &CollectionName,
        mut take: impl FnMut(&[Document]),
    ) -> Result<bool, LicenceError> {
        let (began, mut after) = (Instant::now(), None);
        loop {
            let query = Query {
                filter: Filter::all(),
                order: Order::default(),
                page: PageRequest::Cursor { limit: PAGE, after },
                fields: Vec::new(),
                count: Count::None,
            };
            let page = self.store.list(collection, &query).await?;
            take(&page.documents);
            let Some(next) = page.next else { return Ok(true) };
            if began.elapsed() >= BUDGET {
                return Ok(false);
            }
            after = Some(next.cursor().to_owned());
        }
    }
}
