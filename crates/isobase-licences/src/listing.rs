//! Licences as lists show them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use isobase_store::{ErrorKind, StoreError};
use isobase_types::{
    Count, Filter, Literal, Operator, PageRequest, Query, Timestamp, like_contains,
};

use crate::{
    About, Holder, Licence, LicenceError, LicenceKey, Licences, Occupancy, Standing, Usage,
    licence::collection,
    licences::{compare, equals, order},
};

/// The order of every list: the newest first, of one second the one that was made first.
const ORDER: &str = "-created_at,id";

/// How long a list by installations may go on before it says how far it has come.
const SEARCH_BUDGET: Duration = Duration::from_millis(500);

/// Licences that are looked through at once for an installation.
const SEARCH_PAGE: u32 = 1_000;

/// Up to how many licences are counted.
const COUNT_MAX: u64 = 10_000;

/// Which licences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenceQuery {
    /// Of this e-mail.
    pub email: Option<String>,
    /// With this key.
    pub key: Option<LicenceKey>,
    /// That stand so; none: all that are not in the bin. Those in their days of grace count as
    /// expired, too.
    pub standing: Option<Standing>,
    /// With this text in their e-mail or note, or with this key, or one that ends so.
    pub text: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// That expire before this moment.
    pub expires_before: Option<Timestamp>,
    /// That expire at this moment or after it.
    pub expires_after: Option<Timestamp>,
    /// That were made before this moment.
    pub created_before: Option<Timestamp>,
    /// That were made at this moment or after it.
    pub created_after: Option<Timestamp>,
    /// Of which an installation has this text in its id or label, its version or platform, in small or
    /// capital letters.
    pub installation: Option<String>,
    /// That are so full.
    pub occupancy: Option<Occupancy>,
    /// Of which an installation was seen at this moment or after it.
    pub seen_since: Option<Timestamp>,
    /// Of which no installation was seen at this moment or after it; also those that have none.
    pub not_seen_since: Option<Timestamp>,
}

impl LicenceQuery {
    /// Whether it asks for what no filter of the database tells: how installations are used, and
    /// whether the days of grace of a licence are over.
    fn looks_at_each(&self) -> bool {
        let Self { standing, occupancy, seen_since, not_seen_since, installation, .. } = self;
        *standing == Some(Standing::Grace)
            || occupancy.is_some()
            || seen_since.is_some()
            || not_seen_since.is_some()
            || installation.is_some()
    }

    /// Whether a licence that is used so is chosen.
    fn chooses(&self, usage: &Usage) -> bool {
        // Moments are stored in one form, so that their texts order as they do.
        let seen = usage.last_seen.as_deref();
        let since = |moment: Timestamp| seen.is_some_and(|seen| seen >= &*moment.to_string());
        self.occupancy.is_none_or(|occupancy| usage.occupancy() == occupancy)
            && self.seen_since.is_none_or(since)
            && self.not_seen_since.is_none_or(|moment| !since(moment))
    }
}

/// A page of a list.
#[derive(Clone, Debug, Default)]
pub struct LicencePage {
    /// The licences.
    pub licences: Vec<Licence>,
    /// How they are used, by their ids.
    pub usage: HashMap<i64, Usage>,
    /// Where the list goes on.
    pub cursor: Option<String>,
    /// Of a list by installations that ended at its budget: back to which creation it has come.
    pub searched_to: Option<String>,
}

impl Licences {
    /// A page of licences, the newest first, and how they are used. By installations they are sought
    /// one part after the other, each with one look at their installations, for half a second at
    /// most; the cursor goes on there.
    ///
    /// # Errors
    /// When the cursor is foreign or the database fails.
    pub async fn list(
        &self,
        query: &LicenceQuery,
        limit: u32,
        mut after: Option<String>,
    ) -> Result<LicencePage, LicenceError> {
        self.prepare().await?;
        let (began, filter) = (Instant::now(), self.filter(query));
        let mut found = LicencePage::default();
        loop {
            let left = limit - u32::try_from(found.licences.len()).unwrap_or(limit);
            // Few have it: more are looked through at once, and more than the limit may be found.
            let are_few = query.installation.is_some() || query.standing == Some(Standing::Grace);
            let left = if are_few { SEARCH_PAGE } else { left };
            let page = PageRequest::Cursor { limit: left, after };
            let (filter, order) = (filter.clone(), order(ORDER));
            let asked = Query { filter, order, page, fields: Vec::new(), count: Count::None };
            let page = self.store.list(&collection(), &asked).await?;
            let mut licences = Licence::all_of(&page.documents);
            let reached = licences.last().map(|licence| licence.created_at.clone());
            if query.standing == Some(Standing::Grace) {
                let now = self.now();
                licences.retain(|licence| licence.standing(now) == Standing::Grace);
            }
            let holders = self.holders(&licences).await?;
            let mut usage = self.usage_among(&licences, &holders);
            usage.retain(|_, usage| query.chooses(usage));
            if let Some(text) = &query.installation {
                let text = text.to_lowercase();
                for licence in &licences {
                    let holder = holders.get(&licence.email);
                    if !holder.is_some_and(|holder| self.has_installed(licence, holder, &text)) {
                        usage.remove(&licence.id);
                    }
                }
            }
            found.licences.extend(licences.into_iter().filter(|it| usage.contains_key(&it.id)));
            found.usage.extend(usage);
            found.cursor = page.next.as_ref().map(|next| next.cursor().to_owned());
            let is_full = found.licences.len() >= limit as usize;
            if found.cursor.is_none() || is_full || !query.looks_at_each() {
                return Ok(found);
            }
            if began.elapsed() >= SEARCH_BUDGET {
                return Ok(LicencePage { searched_to: reached, ..found });
            }
            after = found.cursor.take();
        }
    }

    /// Whether an installation of a licence has a text in what is known of it, in small letters.
    fn has_installed(&self, licence: &Licence, holder: &Holder, text: &str) -> bool {
        let mut installed = self.installations_of(licence, holder);
        installed.any(|it| {
            let About { label, app_version, platform } = &it.about;
            let texts = [
                Some(&it.installation_id),
                label.as_ref(),
                app_version.as_ref(),
                platform.as_ref(),
            ];
            texts.into_iter().flatten().any(|known| known.to_lowercase().contains(text))
        })
    }

    /// How many licences there are, counted up to 10,000, and whether there may be more. `None` for what
    /// only their installations tell, and where the database would look at too many others.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(&self, query: &LicenceQuery) -> Result<Option<(u64, bool)>, LicenceError> {
        if query.looks_at_each() {
            return Ok(None);
        }
        self.prepare().await?;
        match self.store.engine().count(&collection(), &self.filter(query), COUNT_MAX).await {
            Ok(licences) => Ok(Some((licences.min(COUNT_MAX), licences > COUNT_MAX))),
            // That many were looked at, and few are in the bin: without a filter all are chosen.
            Err(error) if error.kind == ErrorKind::LimitExceeded => {
                let is_all = *query == LicenceQuery::default();
                Ok(is_all.then_some((COUNT_MAX, true)))
            }
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    /// Licences, the newest first, up to a bound.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_up_to(
        &self,
        query: &LicenceQuery,
        max: usize,
    ) -> Result<Vec<Licence>, LicenceError> {
        self.prepare().await?;
        let asked = (self.filter(query), order(ORDER));
        let documents = self.store.list_all(&collection(), asked, max).await?;
        Ok(Licence::all_of(&documents))
    }

    fn filter(&self, query: &LicenceQuery) -> Filter {
        let mut filters = vec![self.standing_filter(query.standing)];
        if let Some(email) = &query.email {
            filters.push(equals("email", &email.to_lowercase()));
        }
        if let Some(key) = &query.key {
            filters.push(equals("key_hash", &key.hash()));
        }
        if let Some(tag) = &query.tag {
            filters.push(compare("tags", Operator::Contains(Literal::Text(tag.clone()))));
        }
        if let Some(text) = &query.text {
            let is_its_key = equals("key_hash", &self.read_key(text).hash());
            filters.push(Filter::Or(vec![containing(text), is_its_key]));
        }
        let moment = |moment: Timestamp| Literal::Text(moment.to_string());
        if let Some(before) = query.expires_before {
            filters.push(compare("expires_at", Operator::Less(moment(before))));
        }
        if let Some(after) = query.expires_after {
            filters.push(compare("expires_at", Operator::GreaterOrEqual(moment(after))));
        }
        if let Some(before) = query.created_before {
            filters.push(compare("created_at", Operator::Less(moment(before))));
        }
        if let Some(after) = query.created_after {
            filters.push(compare("created_at", Operator::GreaterOrEqual(moment(after))));
        }
        Filter::And(filters)
    }

    fn standing_filter(&self, standing: Option<Standing>) -> Filter {
        let none = |field: &str| compare(field, Operator::Null);
        let some = |field: &str| Filter::Not(Box::new(none(field)));
        let in_force = || {
            let fields = ["deleted_at", "revoked_at", "suspended_at", "expiry_text"];
            fields.map(none).into_iter().collect::<Vec<_>>()
        };
        let now = Literal::Text(self.now().to_string());
        let Some(standing) = standing else { return none("deleted_at") };
        let started = compare("from_first_activation", Operator::In(vec![Literal::Bool(true)]));
        Filter::And(match standing {
            Standing::Deleted => vec![some("deleted_at")],
            Standing::Revoked => vec![none("deleted_at"), some("revoked_at")],
            Standing::Suspended => {
                vec![none("deleted_at"), none("revoked_at"), some("suspended_at")]
            }
            Standing::Unreadable => vec![none("deleted_at"), some("expiry_text")],
            Standing::NotStarted => in_force().into_iter().chain([started]).collect(),
            Standing::Expired => {
                let over = compare("expires_at", Operator::LessOrEqual(now));
                in_force().into_iter().chain([over]).collect()
            }
            // Whether its days are over is seen of each.
            Standing::Grace => {
                let over = compare("expires_at", Operator::LessOrEqual(now));
                let has_days = compare("grace_days", Operator::Greater(Literal::Integer(0)));
                in_force().into_iter().chain([over, has_days]).collect()
            }
            Standing::Active => {
                let not_over = compare("expires_at", Operator::Greater(now));
                let any = Filter::Or(vec![none("expires_at"), not_over]);
                in_force().into_iter().chain([any, Filter::Not(Box::new(started))]).collect()
            }
        })
    }
}

/// Where a text is sought.
fn containing(text: &str) -> Filter {
    let pattern = like_contains(text);
    let like =
        |field| compare(field, Operator::Like { pattern: pattern.clone(), ignore_case: true });
    Filter::Or(vec![like("email"), like("note"), like("key_last4")])
}
