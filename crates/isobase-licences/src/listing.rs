//! Licences as lists show them.

use std::collections::{BTreeSet, HashMap};

use isobase_types::{Count, Filter, Literal, Operator, Order, PageRequest, Query, Timestamp};

use crate::{
    Holder, Licence, LicenceError, LicenceKey, Licences, Standing, holder,
    licence::collection,
    licences::{compare, equals, order, read_all},
};

/// The order of every list: the newest first, of one second the one that was made first.
const ORDER: &str = "-created_at,id";

/// E-mails whose installations are read at a time: as many ids as one plan looks for.
const HOLDERS_TOGETHER: usize = 50;

/// Which licences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenceQuery {
    /// Of this e-mail.
    pub email: Option<String>,
    /// With this key.
    pub key: Option<LicenceKey>,
    /// That stand so; none: all that are not in the bin. Those in their days of grace count as
    /// expired.
    pub standing: Option<Standing>,
    /// With this text in their e-mail or note, or with a key that ends so.
    pub text: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// That expire before this moment.
    pub expires_before: Option<Timestamp>,
    /// That expire at this moment or after it.
    pub expires_after: Option<Timestamp>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct LicencePage {
    /// The licences.
    pub licences: Vec<Licence>,
    /// Where the list goes on.
    pub cursor: Option<String>,
}

impl Licences {
    /// A page of licences, the newest first.
    ///
    /// # Errors
    /// When the cursor is foreign or the database fails.
    pub async fn list(
        &self,
        query: &LicenceQuery,
        limit: u32,
        after: Option<String>,
    ) -> Result<LicencePage, LicenceError> {
        self.prepare().await?;
        let query = Query {
            filter: self.filter(query),
            order: order(ORDER),
            page: PageRequest::Cursor { limit, after },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = self.store.list(&collection(), &query).await?;
        let cursor = page.next.as_ref().map(|next| next.cursor().to_owned());
        Ok(LicencePage { licences: Licence::all_of(&page.documents), cursor })
    }

    /// How many installations each of these licences has, by their ids; those that have none are left
    /// out. Reads the installations of their e-mails, some at a time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_installations(
        &self,
        licences: &[Licence],
    ) -> Result<HashMap<i64, usize>, LicenceError> {
        let emails: BTreeSet<&str> = licences.iter().map(|licence| &*licence.email).collect();
        let emails: Vec<&str> = emails.into_iter().collect();
        let mut counts = HashMap::new();
        for some in emails.chunks(HOLDERS_TOGETHER) {
            let ids = some.iter().map(|email| Literal::Text(Holder::id(email).to_string()));
            let asked = (compare("id", Operator::In(ids.collect())), Order::default());
            let documents =
                read_all(&self.store, &holder::collection(), asked, HOLDERS_TOGETHER).await?;
            // One that cannot be read hides no other.
            let holders = documents.iter().filter_map(|document| Holder::of(document).ok());
            for licence in holders.flat_map(|it| it.installations).filter_map(|it| it.licence) {
                *counts.entry(licence).or_default() += 1;
            }
        }
        Ok(counts)
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
        let documents = read_all(&self.store, &collection(), asked, max).await?;
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
            filters.push(containing(text));
        }
        let moment = |moment: Timestamp| Literal::Text(moment.to_string());
        if let Some(before) = query.expires_before {
            filters.push(compare("expires_at", Operator::Less(moment(before))));
        }
        if let Some(after) = query.expires_after {
            filters.push(compare("expires_at", Operator::GreaterOrEqual(moment(after))));
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
            Standing::Expired | Standing::Grace => {
                let over = compare("expires_at", Operator::LessOrEqual(now));
                in_force().into_iter().chain([over]).collect()
            }
            Standing::Active => {
                let not_over = compare("expires_at", Operator::Greater(now));
                let any = Filter::Or(vec![none("expires_at"), not_over]);
                in_force().into_iter().chain([any, Filter::Not(Box::new(started))]).collect()
            }
        })
    }
}

/// Where a text is sought: nothing of it means anything but itself.
fn containing(text: &str) -> Filter {
    let mut pattern = String::from("%");
    for character in text.chars().take(200) {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    let like =
        |field| compare(field, Operator::Like { pattern: pattern.clone(), ignore_case: true });
    Filter::Or(vec![like("email"), like("note"), like("key_last4")])
}
