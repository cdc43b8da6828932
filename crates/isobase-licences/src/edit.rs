//! Actions of people on licences.

use isobase_auth::SealError;
use isobase_store::{Action, Precondition, Rejection, WriteOperation};
use isobase_types::{DocumentId, Timestamp};
use serde_json::Value;

use crate::{
    Actor, AtLimit, Licence, LicenceError, LicenceKey, Licences, Standing,
    activation::{check_email, check_text, licence_write},
    audit::Entry,
    document::body,
    licence::{self, DAY_US},
    licences::{ATTEMPTS_MAX, pauses},
    moment::{parse_moment, seconds_text},
    together::{came_too_late, write_together},
};

/// Longest time of a licence: ten years.
pub(crate) const DAYS_MAX: u32 = 3_650;
/// Longest note.
const NOTE_BYTES_MAX: usize = 4_000;
const TAGS_MAX: usize = 20;
const TAG_BYTES_MAX: usize = 64;
/// Largest limit of a licence: all that an e-mail may have.
const LIMIT_MAX: u32 = crate::INSTALLATIONS_MAX as u32;
/// How long a deleted licence can be restored.
const BIN_DAYS: i64 = 30;

/// How long a licence is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Period {
    /// So many days from now.
    Days(u32),
    /// So many days from the first activation.
    DaysOfUse(u32),
    /// Until a moment.
    Until(Timestamp),
    /// For ever.
    Unlimited,
}

/// The agreement beside the time; members that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The limit of installations: of its own, or with `Some(None)` that of the e-mail.
    pub max_installations: Option<Option<u32>>,
    /// The behaviour at the limit.
    pub at_limit: Option<AtLimit>,
    /// How many more [`AtLimit::AllowN`] lets in.
    pub allow_n: Option<u32>,
    /// For how many days it can be used after its expiry.
    pub grace_days: Option<u32>,
    /// A note.
    pub note: Option<String>,
    /// Words to find it by.
    pub tags: Option<Vec<String>>,
}

/// A licence that is to be made.
#[derive(Clone, Debug)]
pub struct NewLicence {
    /// Whose it is.
    pub email: String,
    /// Its key; none: a random one.
    pub key: Option<String>,
    /// Its time.
    pub period: Period,
    /// The rest.
    pub terms: Terms,
}

impl Licences {
    /// Makes a licence.
    ///
    /// # Errors
    /// When a value cannot be what it is given for, another licence has the key, or the database
    /// fails.
    pub async fn create(&self, new: &NewLicence, actor: &Actor) -> Result<Licence, LicenceError> {
        let now = self.now();
        let licence = self.made_of(new, now)?;
        self.prepare().await?;
        self.insert(licence, None, (now, actor)).await
    }

    /// A licence that is not stored yet.
    pub(crate) fn made_of(
        &self,
        new: &NewLicence,
        now: Timestamp,
    ) -> Result<Licence, LicenceError> {
        check_email(&new.email)?;
        let mut licence = Licence {
            email: new.email.to_lowercase(),
            created_at: seconds_text(now),
            version: 1,
            ..Licence::default()
        };
        let key = match &new.key {
            Some(text) => self.own_key(text)?,
            None => LicenceKey::generate(&self.options.key_prefix)?,
        };
        self.set_key(&mut licence, &key)?;
        set_period(&mut licence, &new.period, now)?;
        set_terms(&mut licence, &new.terms)?;
        Ok(licence)
    }

    /// Stores a new licence, under an id of another program if that is free.
    pub(crate) async fn insert(
        &self,
        licence: Licence,
        id: Option<i64>,
        (now, actor): (Timestamp, &Actor),
    ) -> Result<Licence, LicenceError> {
        let own = id.filter(|id| *id > 0).map(DocumentId::Integer);
        let write = match own {
            Some(DocumentId::Integer(id)) => {
                let licence = Licence { id, ..licence.clone() };
                licence_write(&licence, None)
            }
            _ => WriteOperation {
                collection: licence::collection(),
                action: Action::Create { body: body(&licence) },
                precondition: Precondition::None,
            },
        };
        let audit = created_entry(&licence, now, actor);
        match write_together(&self.store, vec![write, audit]).await? {
            Ok(written) => match written.first().map(|written| (&written.id, &written.revision)) {
                Some((DocumentId::Integer(id), revision)) => {
                    Ok(Licence { id: *id, revision: Some(revision.clone()), ..licence })
                }
                _ => Err(LicenceError::Busy),
            },
            Err(Rejection::NotUnique { .. }) => Err(LicenceError::KeyExists),
            // Another document has the id.
            Err(rejection) if id.is_some() && came_too_late(&rejection) => {
                Box::pin(self.insert(licence, None, (now, actor))).await
            }
            Err(rejection) if came_too_late(&rejection) => Err(LicenceError::Busy),
            Err(rejection) => Err(rejection.into()),
        }
    }

    /// Changes a licence from what it is.
    pub(crate) async fn change(
        &self,
        id: i64,
        (actor, action): (&Actor, &'static str),
        change: impl Fn(&mut Licence, Timestamp) -> Result<(), LicenceError>,
    ) -> Result<Licence, LicenceError> {
        let mut pauses = pauses();
        for _ in 0..ATTEMPTS_MAX {
            let now = self.now();
            let before = self.get(id).await?;
            let mut licence = before.clone();
            change(&mut licence, now)?;
            if licence == before {
                return Ok(licence);
            }
            // A former version kept it readable.
            if let Some(key) = licence.key.take() {
                licence.sealed_key = self.sealed(&key, &licence.key_hash)?;
                licence.fresh_key = Some(key);
            }
            licence.version += 1;
            let mut entry = Entry::new(now, actor, action);
            entry.object_id = id.to_string();
            (entry.before, entry.after) = differences(&before, &licence);
            let writes = vec![
                licence_write(&licence, licence.revision.clone()),
                entry.write(&format!("l-{id}"), licence.version),
            ];
            match write_together(&self.store, writes).await? {
                Ok(written) => {
                    licence.revision = written.first().map(|written| written.revision.clone());
                    return Ok(licence);
                }
                Err(rejection) if came_too_late(&rejection) => pauses.wait().await,
                Err(Rejection::NotUnique { .. }) => return Err(LicenceError::KeyExists),
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(LicenceError::Busy)
    }

    /// Edits a licence; what is none stays as it is.
    ///
    /// # Errors
    /// As [`Licences::create`], or [`LicenceError::NotFound`].
    pub async fn edit(
        &self,
        id: i64,
        (email, key, period): (Option<&str>, Option<&str>, Option<&Period>),
        terms: &Terms,
        actor: &Actor,
    ) -> Result<Licence, LicenceError> {
        email.map(check_email).transpose()?;
        let key = key.map(|text| self.own_key(text)).transpose()?;
        let changed = self.change(id, (actor, "license.edited"), |licence, now| {
            if let Some(email) = email {
                licence.email = email.to_lowercase();
            }
            if let Some(key) = &key
                && key.hash() != licence.key_hash
            {
                self.set_key(licence, key)?;
            }
            if let Some(period) = period {
                set_period(licence, period, now)?;
            }
            set_terms(licence, terms)
        });
        changed.await
    }

    /// Makes a licence with a key, or sets time and status of the one that has the key. Says
    /// whether it made one.
    ///
    /// # Errors
    /// As [`Licences::create`], or when the key is that of another e-mail.
    pub async fn upsert(
        &self,
        (email, key): (&str, &str),
        period: &Period,
        status: &str,
        actor: &Actor,
    ) -> Result<Licence, LicenceError> {
        check_email(email)?;
        let own = self.own_key(key)?;
        check_status(status)?;
        for _ in 0..ATTEMPTS_MAX {
            let Some(found) = self.find_by_key(&own).await? else {
                let new = NewLicence {
                    email: email.to_owned(),
                    key: Some(key.to_owned()),
                    period: period.clone(),
                    terms: Terms::default(),
                };
                match self.create(&new, actor).await {
                    Err(LicenceError::KeyExists) => continue,
                    Ok(made) if status == "active" => return Ok(made),
                    Ok(made) => return self.set_status(made.id, status, actor).await,
                    Err(error) => return Err(error),
                }
            };
            if found.email != email.to_lowercase() {
                return Err(LicenceError::KeyOfAnother);
            }
            let changed = self.change(found.id, (actor, "license.upserted"), |licence, now| {
                licence.deleted_at = None;
                set_period(licence, period, now)?;
                stand(licence, status, now);
                Ok(())
            });
            return changed.await;
        }
        Err(LicenceError::Busy)
    }

    async fn set_status(
        &self,
        id: i64,
        status: &str,
        actor: &Actor,
    ) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.upserted"), |licence, now| {
            stand(licence, status, now);
            Ok(())
        });
        changed.await
    }

    /// Suspends a licence until it is reinstated.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when it is suspended, revoked or deleted already.
    pub async fn suspend(&self, id: i64, actor: &Actor) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.suspended"), |licence, now| {
            let expected = "only one that is in use can be suspended";
            refuse(
                licence,
                now,
                &[Standing::Suspended, Standing::Revoked, Standing::Deleted],
                expected,
            )?;
            licence.suspended_at = Some(now.to_string());
            Ok(())
        });
        changed.await
    }

    /// Lets a suspended licence be used again; its installations are still there.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when it is not suspended.
    pub async fn reinstate(&self, id: i64, actor: &Actor) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.reinstated"), |licence, now| {
            expect(licence, now, Standing::Suspended, "only a suspended one can be reinstated")?;
            licence.suspended_at = None;
            Ok(())
        });
        changed.await
    }

    /// Revokes a licence for good; it stays in the list.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when it is revoked or deleted already.
    pub async fn revoke(&self, id: i64, actor: &Actor) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.revoked"), |licence, now| {
            let expected = "only one that is not revoked or deleted can be revoked";
            refuse(licence, now, &[Standing::Revoked, Standing::Deleted], expected)?;
            licence.revoked_at = Some(now.to_string());
            Ok(())
        });
        changed.await
    }

    /// Puts a licence into the bin. Its installations stay, and are let in no more.
    ///
    /// # Errors
    /// [`LicenceError::NotFound`], also when it is there already.
    pub async fn delete(&self, id: i64, actor: &Actor) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.deleted"), |licence, now| {
            if licence.deleted_at.is_some() {
                return Err(LicenceError::NotFound);
            }
            licence.deleted_at = Some(now.to_string());
            Ok(())
        });
        changed.await
    }

    /// Takes a licence out of the bin, within 30 days.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when it is not there, or for longer.
    pub async fn restore(&self, id: i64, actor: &Actor) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.restored"), |licence, now| {
            let expected = "only one that was deleted within 30 days can be restored";
            expect(licence, now, Standing::Deleted, expected)?;
            let deleted = licence.deleted_at.as_deref().and_then(|text| parse_moment(text).ok());
            let ends = deleted.map(|deleted| deleted.unix_us.saturating_add(BIN_DAYS * DAY_US));
            if ends.is_some_and(|ends| now.unix_us > ends) {
                return Err(LicenceError::WrongStanding { standing: "deleted", expected });
            }
            licence.deleted_at = None;
            Ok(())
        });
        changed.await
    }

    /// Makes a licence good for longer: by days after its expiry, or after now if that is over; or
    /// as another period says.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when it is revoked or deleted, or never expires.
    pub async fn extend(
        &self,
        id: i64,
        period: &Period,
        actor: &Actor,
    ) -> Result<Licence, LicenceError> {
        let changed = self.change(id, (actor, "license.extended"), |licence, now| {
            let expected = "only one that is not revoked or deleted can be extended";
            refuse(licence, now, &[Standing::Revoked, Standing::Deleted], expected)?;
            let Period::Days(days) = period else { return set_period(licence, period, now) };
            check_days(*days)?;
            if licence.from_first_activation {
                let sum = licence.duration_days.unwrap_or_default().saturating_add(*days);
                licence.duration_days = Some(sum);
                return Ok(());
            }
            let Some(expiry) = licence.expiry() else {
                let expected = "only one that expires can be extended by days";
                return Err(LicenceError::WrongStanding { standing: "unlimited", expected });
            };
            let from = expiry.max(now);
            set_expiry(licence, after_days(from, *days)?);
            Ok(())
        });
        changed.await
    }

    /// Gives a licence a new key; the old one is none any more. Installations stay.
    ///
    /// # Errors
    /// [`LicenceError::WrongStanding`] when it is revoked or deleted.
    pub async fn rotate_key(&self, id: i64, actor: &Actor) -> Result<Licence, LicenceError> {
        let key = LicenceKey::generate(&self.options.key_prefix)?;
        let changed = self.change(id, (actor, "license.key_rotated"), |licence, now| {
            let expected = "only one that is not revoked or deleted can get a new key";
            refuse(licence, now, &[Standing::Revoked, Standing::Deleted], expected)?;
            self.set_key(licence, &key)
        });
        changed.await
    }

    fn own_key(&self, text: &str) -> Result<LicenceKey, LicenceError> {
        let key = self.read_key(text);
        match key.is_storable() {
            true => Ok(key),
            false => {
                let message = "expected 1 to 1,020 bytes of UTF-8 without control characters";
                Err(LicenceError::invalid("license_key", message))
            }
        }
    }

    pub(crate) fn set_key(
        &self,
        licence: &mut Licence,
        key: &LicenceKey,
    ) -> Result<(), LicenceError> {
        licence.key_hash = key.hash();
        licence.key_last4 = key.last_four();
        licence.fresh_key = Some(key.as_str().to_owned());
        (licence.key, licence.sealed_key) = (None, self.sealed(key.as_str(), &licence.key_hash)?);
        Ok(())
    }

    /// A key as it is stored; `None` if it cannot be sealed: then only its hash is kept.
    fn sealed(&self, key: &str, hash: &str) -> Result<Option<String>, LicenceError> {
        let Some(sealer) = &self.options.sealer else { return Ok(None) };
        match licence::at_place(hash, |place| sealer.seal(place, key.as_bytes())) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(SealError::Random(error)) => Err(LicenceError::Random(error.to_string())),
            Err(error) => {
                tracing::warn!(%error, "only the hash of a licence key is kept: {error}");
                Ok(None)
            }
        }
    }
}

/// The entry of the audit for a licence that is made.
pub(crate) fn created_entry(licence: &Licence, now: Timestamp, actor: &Actor) -> WriteOperation {
    let mut entry = Entry::new(now, actor, "license.created");
    entry.object_id.clone_from(&licence.email);
    entry.after = licence.for_audit();
    // A key may be given out again after another licence has had it.
    let subject = format!("c-{}-{:016x}", licence.key_hash, rand::random::<u64>());
    entry.write(&subject, licence.version)
}

/// The words that other programs have for what people do to a licence.
pub(crate) fn check_status(status: &str) -> Result<(), LicenceError> {
    match status {
        "active" | "suspended" | "inactive" | "revoked" => Ok(()),
        _ => {
            Err(LicenceError::invalid("status", "expected active, suspended, inactive or revoked"))
        }
    }
}

/// Sets what people do to a licence by its word.
pub(crate) fn stand(licence: &mut Licence, status: &str, now: Timestamp) {
    let since = |old: Option<String>| old.or_else(|| Some(now.to_string()));
    (licence.suspended_at, licence.revoked_at) = match status {
        "active" => (None, None),
        "revoked" => (licence.suspended_at.take(), since(licence.revoked_at.take())),
        _ => (since(licence.suspended_at.take()), None),
    };
}

fn set_period(licence: &mut Licence, period: &Period, now: Timestamp) -> Result<(), LicenceError> {
    match period {
        Period::Days(days) => {
            check_days(*days)?;
            set_expiry(licence, after_days(now, *days)?);
            licence.duration_days = Some(*days);
        }
        Period::DaysOfUse(days) => {
            check_days(*days)?;
            (licence.expires_at, licence.expiry_text) = (None, None);
            (licence.from_first_activation, licence.duration_days) = (true, Some(*days));
        }
        Period::Until(moment) => set_expiry(licence, *moment),
        Period::Unlimited => {
            (licence.expires_at, licence.expiry_text) = (None, None);
            licence.from_first_activation = false;
        }
    }
    Ok(())
}

fn set_expiry(licence: &mut Licence, expiry: Timestamp) {
    licence.expires_at = Some(expiry.to_string());
    licence.expiry_text = None;
    licence.from_first_activation = false;
}

fn check_days(days: u32) -> Result<(), LicenceError> {
    match days {
        1..=DAYS_MAX => Ok(()),
        _ => {
            Err(LicenceError::invalid("days", format!("expected an integer from 1 to {DAYS_MAX}")))
        }
    }
}

/// A moment after others; never in a year that has five digits.
fn after_days(from: Timestamp, days: u32) -> Result<Timestamp, LicenceError> {
    let moment = Timestamp { unix_us: from.unix_us.saturating_add(i64::from(days) * DAY_US) };
    match parse_moment(&moment.to_string()) {
        Ok(moment) => Ok(moment),
        Err(_) => Err(LicenceError::invalid("days", "expected an expiry before the year 10000")),
    }
}

fn set_terms(licence: &mut Licence, terms: &Terms) -> Result<(), LicenceError> {
    let number = |field: &'static str, number: u32, max: u32| match number <= max {
        true => Ok(()),
        false => Err(LicenceError::invalid(field, format!("expected an integer up to {max}"))),
    };
    if let Some(limit) = terms.max_installations {
        limit.map(|limit| number("max_installations", limit, LIMIT_MAX)).transpose()?;
        licence.max_installations = limit;
    }
    if let Some(at_limit) = terms.at_limit {
        licence.at_limit = Some(at_limit);
    }
    if let Some(allow_n) = terms.allow_n {
        number("allow_n", allow_n, LIMIT_MAX)?;
        licence.allow_n = Some(allow_n);
    }
    if let Some(days) = terms.grace_days {
        number("grace_days", days, DAYS_MAX)?;
        licence.grace_days = days;
    }
    if let Some(note) = &terms.note {
        if note.len() > NOTE_BYTES_MAX {
            let message = format!("expected at most {NOTE_BYTES_MAX} bytes");
            return Err(LicenceError::invalid("note", message));
        }
        licence.note = Some(note.clone()).filter(|note| !note.is_empty());
    }
    if let Some(tags) = &terms.tags {
        if tags.len() > TAGS_MAX {
            let message = format!("expected at most {TAGS_MAX} tags");
            return Err(LicenceError::invalid("tags", message));
        }
        tags.iter().try_for_each(|tag| check_text("tags", tag, TAG_BYTES_MAX))?;
        licence.tags.clone_from(tags);
    }
    Ok(())
}

fn refuse(
    licence: &Licence,
    now: Timestamp,
    standings: &[Standing],
    expected: &'static str,
) -> Result<(), LicenceError> {
    let standing = licence.standing(now);
    match standings.contains(&standing) {
        true => Err(LicenceError::WrongStanding { standing: standing.as_str(), expected }),
        false => Ok(()),
    }
}

fn expect(
    licence: &Licence,
    now: Timestamp,
    wanted: Standing,
    expected: &'static str,
) -> Result<(), LicenceError> {
    let standing = licence.standing(now);
    match standing == wanted {
        true => Ok(()),
        false => Err(LicenceError::WrongStanding { standing: standing.as_str(), expected }),
    }
}

/// The members that differ, as they were and as they are.
fn differences(before: &Licence, after: &Licence) -> (Value, Value) {
    let (mut old, mut new) = (before.for_audit(), after.for_audit());
    let (Some(old_members), Some(new_members)) = (old.as_object_mut(), new.as_object_mut()) else {
        return (old, new);
    };
    let same: Vec<String> = old_members
        .iter()
        .filter(|(name, value)| new_members.get(*name) == Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in same {
        old_members.remove(&name);
        new_members.remove(&name);
    }
    (old, new)
}
