//! The installations of an e-mail: one document, so that one comparison decides who gets the last
//! free place.

use isobase_store::Store;
use isobase_types::{CollectionName, Document, DocumentId, Revision, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{AtLimit, Licence, LicenceError};

/// Where the installations are: a document for each e-mail.
pub const HOLDERS_COLLECTION: &str = "isobase_installations";

/// Most installations of one e-mail. Ours: with the longest ids and texts they are 370 kB of a document,
/// and DynamoDB takes 400 kB.
pub const INSTALLATIONS_MAX: usize = 200;

/// How many of those that lost their place are remembered.
const FREED_MAX: usize = 20;

/// The installations of an e-mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The revision that a write of it compares; none while it is not stored.
    #[serde(skip)]
    pub(crate) revision: Option<Revision>,
    /// Whose they are, in small letters.
    pub email: String,
    /// In the order in which they came.
    pub installations: Vec<Installation>,
    /// Ids of those that lost their place, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) freed: Vec<String>,
    /// How often it was written: the number of its last entry in the audit.
    #[serde(default)]
    pub(crate) version: u64,
}

/// One installation. Times are `2026-11-20T14:09:00.000000Z`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// As the client has chosen it.
    pub installation_id: String,
    /// When it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<String>,
    /// When it last asked, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// The licence it was activated with; `None` if a client has only noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<i64>,
    /// Its licence has a limit of its own, so it takes no place of the e-mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// What the client says of it.
    #[serde(flatten)]
    pub about: About,
}

/// What a client says of its installation, for those who look after licences. Nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What people call the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The version of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

impl About {
    /// Takes what is said; what is not said stays. Returns whether something is other than before.
    fn take(&mut self, said: &Self) -> bool {
        let before = self.clone();
        for (known, said) in [
            (&mut self.label, &said.label),
            (&mut self.app_version, &said.app_version),
            (&mut self.platform, &said.platform),
        ] {
            if said.is_some() {
                known.clone_from(said);
            }
        }
        *self != before
    }
}

/// The outcome of an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It was there already.
    Known,
    /// It took a free place.
    Added,
    /// It took the place of these, the longest unseen first; at least one.
    Replaced(Vec<Installation>),
    /// There is no place.
    Refused,
}

/// How many installations a licence may have, and what happens to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The limit.
    pub(crate) limit: u32,
    pub(crate) at_limit: AtLimit,
    pub(crate) allow_n: u32,
    /// The licence whose own limit it is; none: that of the e-mail.
    pub(crate) own: Option<i64>,
}

impl Places {
    /// Whether an installation takes one of them.
    fn counts(&self, installation: &Installation) -> bool {
        match self.own {
            Some(licence) => installation.licence == Some(licence),
            None => !installation.apart,
        }
    }
}

impl Holder {
    /// The document of an e-mail. Any text is an e-mail, and none is told by the id.
    pub(crate) fn id(email: &str) -> DocumentId {
        DocumentId::Text(format!("e-{}", hex(&Sha256::digest(email.as_bytes()))).into())
    }

    /// Reads those of an e-mail; empty when it has none.
    pub(crate) async fn read(store: &Store, email: &str) -> Result<Self, LicenceError> {
        match store.get(&collection(), &Self::id(email)).await? {
            Some(document) => Self::of(&document),
            None => Ok(Self { email: email.to_owned(), ..Self::default() }),
        }
    }

    pub(crate) fn of(document: &Document) -> Result<Self, LicenceError> {
        let read = serde_json::from_str(&document.body);
        let holder: Self = read.map_err(|error| LicenceError::Unreadable {
            collection: HOLDERS_COLLECTION,
            id: document.id.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self { revision: Some(document.revision.clone()), ..holder })
    }

    pub(crate) fn find(&self, installation: &str) -> Option<&Installation> {
        self.installations.iter().find(|it| it.installation_id == installation)
    }

    /// Whether it had a place and lost it.
    pub(crate) fn was_freed(&self, installation: &str) -> bool {
        self.freed.iter().any(|freed| freed == installation)
    }

    /// How many installations take one of the places.
    pub(crate) fn count(&self, places: &Places) -> usize {
        self.installations.iter().filter(|it| places.counts(it)).count()
    }

    /// Gives an installation a place, if there is one.
    pub(crate) fn admit(
        &mut self,
        licence: &Licence,
        places: &Places,
        installation: &str,
        now: &str,
    ) -> Admission {
        let there = self.installations.iter().position(|it| it.installation_id == installation);
        if let Some(place) = there
            && places.counts(&self.installations[place])
        {
            let known = &mut self.installations[place];
            known.licence = Some(licence.id);
            known.apart = places.own.is_some();
            see(known, now);
            return Admission::Known;
        }
        let taken = self.count(places);
        let limit = places.limit as usize;
        let replaced = match places.at_limit {
            _ if taken < limit => Vec::new(),
            AtLimit::AllowN if taken < limit + places.allow_n as usize => Vec::new(),
            AtLimit::AllowN | AtLimit::Reject => return Admission::Refused,
            AtLimit::ReplaceOldest if limit == 0 => return Admission::Refused,
            AtLimit::ReplaceOldest => self.free_oldest(places, taken - limit + 1),
        };
        // One of another licence moves over.
        let moved = self.find(installation).cloned();
        self.installations.retain(|it| it.installation_id != installation);
        self.freed.retain(|freed| freed != installation);
        self.installations.push(Installation {
            installation_id: installation.to_owned(),
            activated_at: Some(now.to_owned()),
            last_seen: Some(now.to_owned()),
            licence: Some(licence.id),
            apart: places.own.is_some(),
            // One that moves over from another licence is the same machine.
            about: moved.map(|it| it.about).unwrap_or_default(),
        });
        match replaced.is_empty() {
            true => Admission::Added,
            false => Admission::Replaced(replaced),
        }
    }

    /// Takes so many of those that were not seen for longest away.
    fn free_oldest(&mut self, places: &Places, count: usize) -> Vec<Installation> {
        let mut taking: Vec<Installation> =
            self.installations.iter().filter(|it| places.counts(it)).cloned().collect();
        taking.sort_by(|a, b| age(a).cmp(&age(b)));
        taking.truncate(count);
        for gone in &taking {
            self.free(&gone.installation_id);
        }
        taking
    }

    /// The one that was not seen for longest.
    pub(crate) fn oldest(&self) -> Option<&Installation> {
        self.installations.iter().min_by(|a, b| age(a).cmp(&age(b)))
    }

    /// Takes one away, and remembers that it had a place.
    pub(crate) fn free(&mut self, installation: &str) -> Option<Installation> {
        let place = self.installations.iter().position(|it| it.installation_id == installation)?;
        self.freed.retain(|freed| freed != installation);
        self.freed.push(installation.to_owned());
        let forgotten = self.freed.len().saturating_sub(FREED_MAX);
        self.freed.drain(..forgotten);
        Some(self.installations.remove(place))
    }

    /// Notes what a client says of an installation; returns whether something changed.
    pub(crate) fn describe(&mut self, installation: &str, said: &About) -> bool {
        let found = self.installations.iter_mut().find(|it| it.installation_id == installation);
        found.is_some_and(|it| it.about.take(said))
    }

    /// Notes that one was seen; says whether it is there.
    pub(crate) fn touch(&mut self, installation: &str, now: &str) -> bool {
        let found = self.installations.iter_mut().find(|it| it.installation_id == installation);
        found.map(|it| see(it, now)).is_some()
    }
}

/// A clock that goes back makes no one older.
fn see(installation: &mut Installation, now: &str) {
    if installation.last_seen.as_deref() < Some(now) {
        installation.last_seen = Some(now.to_owned());
    }
}

/// What decides who was not seen for longest: nothing known is oldest.
fn age(installation: &Installation) -> (Option<&str>, Option<&str>, &str) {
    let Installation { last_seen, activated_at, installation_id, .. } = installation;
    (last_seen.as_deref(), activated_at.as_deref(), installation_id)
}

pub(crate) fn collection() -> CollectionName {
    CollectionName::new(HOLDERS_COLLECTION).expect("it is a valid name, as the tests show")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(limit: u32, at_limit: AtLimit) -> Places {
        Places { limit, at_limit, allow_n: 1, own: None }
    }

    fn licence(id: i64) -> Licence {
        Licence { id, ..Licence::default() }
    }

    #[test]
    fn the_limit_holds_under_every_policy() {
        for (at_limit, most) in
            [(AtLimit::ReplaceOldest, 2), (AtLimit::Reject, 2), (AtLimit::AllowN, 3)]
        {
            let (mut holder, places) = (Holder::default(), places(2, at_limit));
            for (time, name) in ["a", "b", "c", "d", "a"].iter().enumerate() {
                holder.admit(&licence(1), &places, name, &time.to_string());
                assert!(holder.count(&places) <= most, "{at_limit:?}");
            }
            assert_eq!(holder.count(&places), most, "{at_limit:?}");
        }
    }

    #[test]
    fn the_one_not_seen_for_longest_goes() {
        let (mut holder, places) = (Holder::default(), places(2, AtLimit::ReplaceOldest));
        let admit = |holder: &mut Holder, name, now| holder.admit(&licence(1), &places, name, now);
        assert_eq!(admit(&mut holder, "a", "1"), Admission::Added);
        assert_eq!(admit(&mut holder, "b", "2"), Admission::Added);
        assert_eq!(admit(&mut holder, "a", "3"), Admission::Known);
        let Admission::Replaced(gone) = admit(&mut holder, "c", "4") else { panic!("{holder:?}") };
        assert_eq!(gone[0].installation_id, "b");
        assert!(holder.was_freed("b") && !holder.was_freed("a"));
        assert!(matches!(admit(&mut holder, "b", "5"), Admission::Replaced(_)));
        assert!(!holder.was_freed("b"));
    }

    #[test]
    fn a_lower_limit_frees_all_that_are_too_many() {
        let mut holder = Holder::default();
        for name in ["a", "b", "c", "d"] {
            holder.admit(&licence(1), &places(4, AtLimit::Reject), name, name);
        }
        let low = places(2, AtLimit::ReplaceOldest);
        holder.admit(&licence(1), &low, "e", "e");
        assert_eq!(holder.count(&low), 2);
        assert!(holder.find("d").is_some() && holder.find("e").is_some());
        assert_eq!(
            holder.admit(&licence(1), &places(0, AtLimit::ReplaceOldest), "f", "f"),
            Admission::Refused
        );
    }

    #[test]
    fn a_licence_with_its_own_limit_takes_no_place_of_the_email() {
        let mut holder = Holder::default();
        let shared = places(1, AtLimit::Reject);
        let own = Places { own: Some(2), ..places(2, AtLimit::Reject) };
        assert_eq!(holder.admit(&licence(2), &own, "a", "1"), Admission::Added);
        assert_eq!(holder.admit(&licence(1), &shared, "b", "2"), Admission::Added);
        assert_eq!(holder.admit(&licence(1), &shared, "a", "3"), Admission::Refused);
        assert_eq!(holder.admit(&licence(2), &own, "b", "4"), Admission::Added);
        assert_eq!((holder.count(&own), holder.count(&shared)), (2, 0));
        assert_eq!(holder.admit(&licence(2), &own, "c", "5"), Admission::Refused);
    }

    #[test]
    fn a_clock_that_goes_back_makes_nobody_older() {
        let mut holder = Holder::default();
        holder.admit(&licence(1), &places(2, AtLimit::Reject), "a", "2026-11-30");
        holder.touch("a", "2026-11-29");
        assert_eq!(holder.find("a").unwrap().last_seen.as_deref(), Some("2026-11-30"));
    }

    #[test]
    fn any_text_is_an_email() {
        for email in ["", "7", "a@b.c", "\u{0}", &"x".repeat(10_000)] {
            assert!(matches!(Holder::id(email), DocumentId::Text(_)), "{email}");
        }
        assert_ne!(Holder::id("a"), Holder::id("b"));
    }
}
