//! How licences are used: their installations counted, and when one was last seen.

use std::collections::{BTreeSet, HashMap};

use isobase_types::{Literal, Operator, Order};

use crate::{Holder, Installation, Licence, LicenceError, Licences, holder, licences::compare};

/// E-mails whose installations are read at a time: as many ids as one plan looks for.
const HOLDERS_TOGETHER: usize = 50;

/// How a licence is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Its installations. Those that a client noted for the e-mail alone count for each licence of
    /// the e-mail that has no limit of its own.
    pub installations: usize,
    /// How many places there are: its own, or those of the e-mail over all its licences.
    pub places: u32,
    /// How many of these places are taken.
    pub places_taken: usize,
    /// When one of its installations was last seen; `None` if none was.
    pub last_seen: Option<String>,
}

/// How full a licence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupancy {
    /// It has no installation.
    None,
    /// It has some, and there are free places.
    BelowLimit,
    /// It has some, and every place is taken.
    AtLimit,
    /// More are there than there are places.
    OverLimit,
}

impl Occupancy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::BelowLimit, Self::AtLimit, Self::OverLimit];

    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::BelowLimit => "below_limit",
            Self::AtLimit => "at_limit",
            Self::OverLimit => "over_limit",
        }
    }
}

impl Usage {
    /// How full the licence is.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        let places = self.places as usize;
        match self.places_taken {
            _ if self.installations == 0 => Occupancy::None,
            taken if taken < places => Occupancy::BelowLimit,
            taken if taken == places => Occupancy::AtLimit,
            _ => Occupancy::OverLimit,
        }
    }
}

impl Licences {
    /// How these licences are used, by their ids. Reads the installations of their e-mails, 50
    /// e-mails at a time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(&self, licences: &[Licence]) -> Result<HashMap<i64, Usage>, LicenceError> {
        let holders = self.holders(licences).await?;
        Ok(self.usage_among(licences, &holders))
    }

    /// The installations of their e-mails, by e-mail.
    pub(crate) async fn holders(
        &self,
        licences: &[Licence],
    ) -> Result<HashMap<String, Holder>, LicenceError> {
        let emails: BTreeSet<&str> = licences.iter().map(|licence| &*licence.email).collect();
        let emails: Vec<&str> = emails.into_iter().collect();
        let mut holders: HashMap<String, Holder> = HashMap::new();
        for some in emails.chunks(HOLDERS_TOGETHER) {
            let ids = some.iter().map(|email| Literal::Text(Holder::id(email).to_string()));
            let asked = (compare("id", Operator::In(ids.collect())), Order::default());
            let collection = holder::collection();
            let documents = self.store.list_all(&collection, asked, HOLDERS_TOGETHER).await?;
            // One that cannot be read hides no other.
            let read = documents.iter().filter_map(|document| Holder::of(document).ok());
            holders.extend(read.map(|holder| (holder.email.clone(), holder)));
        }
        Ok(holders)
    }

    pub(crate) fn usage_among(
        &self,
        licences: &[Licence],
        holders: &HashMap<String, Holder>,
    ) -> HashMap<i64, Usage> {
        let used = licences
            .iter()
            .map(|licence| (licence.id, self.usage_of(licence, holders.get(&licence.email))));
        used.collect()
    }

    /// Those that count for a licence.
    pub(crate) fn installations_of<'a>(
        &self,
        licence: &Licence,
        holder: &'a Holder,
    ) -> impl Iterator<Item = &'a Installation> {
        let (id, has_own_limit) = (licence.id, self.places(licence).own.is_some());
        holder.installations.iter().filter(move |it| match it.licence {
            Some(of) => of == id,
            None => !has_own_limit,
        })
    }

    fn usage_of(&self, licence: &Licence, holder: Option<&Holder>) -> Usage {
        let places = self.places(licence);
        let empty = Usage { places: places.limit, ..Usage::default() };
        let Some(holder) = holder else { return empty };
        let own: Vec<&Installation> = self.installations_of(licence, holder).collect();
        Usage {
            installations: own.len(),
            places_taken: holder.count(&places),
            last_seen: own.iter().filter_map(|it| it.last_seen.clone()).max(),
            ..empty
        }
    }
}
