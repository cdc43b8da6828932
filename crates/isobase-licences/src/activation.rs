//! Activations and validations: what an installation is told, and what becomes of it.

use isobase_store::{Action, IfMissing, Precondition, Rejection, WriteOperation};
use isobase_types::Timestamp;
use serde_json::json;

use crate::{
    About, Actor, Answer, Code, Holder, INSTALLATIONS_MAX, Installation, Licence, LicenceError,
    LicenceKey, Licences, Standing,
    audit::Entry,
    document::body,
    holder::{self, Admission},
    licence::{self, DAY_US},
    licences::{ATTEMPTS_MAX, pauses},
    moment::parse_moment,
    together::{came_too_late, write_together},
};

/// How much later an installation must be seen to be noted again: a validation is a read then.
const TOUCH_EVERY_US: i64 = 60_000_000;

/// Longest e-mail, in bytes. Source: RFC 5321, 4.5.3.1 (64 before the sign, 255 after it).
pub(crate) const EMAIL_BYTES_MAX: usize = 320;
/// Longest id of an installation: what other programs keep in 255 characters, of four bytes each.
const INSTALLATION_BYTES_MAX: usize = 1_020;

/// Longest text that a client says of an installation, in bytes. Ours: with all installations of an
/// e-mail they are 60 kB of its document.
const ABOUT_BYTES_MAX: usize = 100;

/// A client's request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// Whose licence it is.
    pub email: String,
    /// The machine, as the client has chosen to call it.
    pub installation_id: String,
    /// The key.
    pub license_key: String,
    /// What the client says of the machine.
    pub about: About,
}

impl Licences {
    /// Gives an installation a place of a licence. The same installation is given the same place
    /// however often it asks.
    ///
    /// # Errors
    /// When a value cannot be what it is given for, or the database fails. That a licence does not
    /// let it in is an answer.
    pub async fn activate(
        &self,
        asked: &Activation,
        actor: &Actor,
    ) -> Result<Answer, LicenceError> {
        check_installation(&asked.installation_id)?;
        check_about(&asked.about)?;
        let key = self.read_key(&asked.license_key);
        let email = asked.email.to_lowercase();
        let _turn = self.turn(&email).await;
        let mut pauses = pauses();
        for _ in 0..ATTEMPTS_MAX {
            let now = self.now();
            let licence = match self.judge_key(&key, &email, now).await? {
                Ok(licence) => licence,
                Err(refused) => return Ok(refused),
            };
            let holder = Holder::read(&self.store, &email).await?;
            match self.admit(licence, holder, asked, (now, actor)).await? {
                Some(answer) => return Ok(answer),
                None => pauses.wait().await,
            }
        }
        Err(LicenceError::Busy)
    }

    /// Whether the licence of a key lets anything in.
    pub(crate) async fn judge_key(
        &self,
        key: &LicenceKey,
        email: &str,
        now: Timestamp,
    ) -> Result<Result<Licence, Answer>, LicenceError> {
        let Some(licence) = self.find_by_key(key).await? else {
            let code = if key.is_mistyped() { Code::MalformedKey } else { Code::InvalidLicense };
            return Ok(Err(Answer::new(code, KEY_NOT_FOUND)));
        };
        if licence.email != email {
            let told = Answer::new(Code::EmailMismatch, "Email does not match license key");
            return Ok(Err(told));
        }
        Ok(match refusal(&licence, now) {
            None => Ok(licence),
            Some(Code::LicenseExpired) => Err(expired(&licence)),
            Some(code) => Err(Answer::new(code, KEY_NOT_FOUND)),
        })
    }

    /// Writes what an activation comes to; `None` if another write came between.
    async fn admit(
        &self,
        mut licence: Licence,
        mut holder: Holder,
        asked: &Activation,
        (now, actor): (Timestamp, &Actor),
    ) -> Result<Option<Answer>, LicenceError> {
        let installation = asked.installation_id.as_str();
        let (places, now_text) = (self.places(&licence), now.to_string());
        let before = holder.clone();
        let admission = holder.admit(&licence, &places, installation, &now_text);
        holder.describe(installation, &asked.about);
        let begins = begin(&mut licence, now);
        let told = self.admitted(&licence, &holder, &admission);
        if admission == Admission::Refused || (holder == before && !begins) {
            return Ok(Some(told));
        }
        if holder.installations.len() > INSTALLATIONS_MAX {
            return Err(LicenceError::TooManyInstallations { max: INSTALLATIONS_MAX });
        }
        let mut entry = Entry::new(now, actor, "installation.activated");
        if let Admission::Replaced(gone) = &admission {
            entry.action = "installation.replaced";
            entry.before = json!(gone);
        } else {
            entry.before = json!(before.find(installation));
        }
        entry.after = json!(holder.find(installation));
        let mut operations = self.holder_writes(&mut holder, entry);
        if begins {
            licence.version += 1;
            operations.push(licence_write(&licence, licence.revision.clone()));
        }
        match write_together(&self.store, operations).await? {
            Ok(_) => Ok(Some(told)),
            Err(rejection) if came_too_late(&rejection) => Ok(None),
            Err(rejection) => Err(rejection.into()),
        }
    }

    /// The writes of the installations of an e-mail and of what the audit keeps of it.
    fn holder_writes(&self, holder: &mut Holder, mut entry: Entry<'_>) -> Vec<WriteOperation> {
        holder.version += 1;
        let id = Holder::id(&holder.email);
        (entry.object_type, entry.object_id) = ("installations", holder.email.clone());
        let audit = entry.write(&id.to_string(), holder.version);
        let precondition = match &holder.revision {
            Some(revision) => Precondition::RevisionIn(vec![revision.clone()]),
            None => Precondition::Missing,
        };
        let action = Action::Put { id, body: body(holder), if_missing: IfMissing::Create };
        vec![WriteOperation { collection: holder::collection(), action, precondition }, audit]
    }

    /// Writes the installations of an e-mail with an entry of the audit.
    pub(crate) async fn write_holder(
        &self,
        holder: &mut Holder,
        entry: Entry<'_>,
    ) -> Result<Result<(), Rejection>, LicenceError> {
        let operations = self.holder_writes(holder, entry);
        Ok(write_together(&self.store, operations).await?.map(|_| ()))
    }

    /// The answer to an installation after [`Holder::admit`].
    pub(crate) fn admitted(
        &self,
        licence: &Licence,
        holder: &Holder,
        admission: &Admission,
    ) -> Answer {
        let places = self.places(licence);
        let (code, message) = match admission {
            Admission::Known => (Code::OkReinstall, "License activated (reinstall detected)"),
            Admission::Added => (Code::Ok, "License activated successfully"),
            Admission::Replaced(_) => {
                (Code::OkReplaced, "License activated (replaced oldest installation)")
            }
            Admission::Refused => (Code::InstallationLimit, "Installation limit reached"),
        };
        let replaced = match admission {
            Admission::Replaced(gone) => gone.first().map(|it| it.installation_id.clone()),
            _ => None,
        };
        Answer {
            expiry: licence.expiry_shown(),
            active_count: Some(holder.count(&places)),
            limit: Some(places.limit),
            replaced,
            licence: Some(licence.id),
            ..Answer::new(code, message)
        }
    }

    /// Whether an installation may be used: reads, and notes once a minute that it was seen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn validate(&self, email: &str, installation: &str) -> Result<Answer, LicenceError> {
        self.validate_described(email, installation, &About::default()).await
    }

    /// The same; what the client says of the machine is noted when it is other than before.
    ///
    /// # Errors
    /// When a text is too long, or the database fails.
    pub async fn validate_described(
        &self,
        email: &str,
        installation: &str,
        about: &About,
    ) -> Result<Answer, LicenceError> {
        check_about(about)?;
        let (email, now) = (email.to_lowercase(), self.now());
        let holder = Holder::read(&self.store, &email).await?;
        let Some(found) = holder.find(installation).cloned() else {
            let code = match holder.was_freed(installation) {
                true => Code::InstallationFreed,
                false => Code::InstallationNotFound,
            };
            return Ok(Answer::new(code, "Installation not found or deactivated"));
        };
        let licence = match found.licence {
            Some(id) => licence::read(&self.store, id).await?,
            None => self.newest_of(&email).await?,
        };
        // The licence may have gone to another customer since.
        let Some(licence) = licence.filter(|licence| licence.email == email) else {
            return Ok(Answer::new(Code::NoActiveLicense, NO_LICENCE));
        };
        let code = match refusal(&licence, now) {
            None if licence.standing(now) == Standing::Grace => Code::Grace,
            None => Code::Ok,
            Some(Code::LicenseExpired) => return Ok(expired(&licence)),
            Some(Code::InvalidLicense) => {
                return Ok(Answer::new(Code::NoActiveLicense, NO_LICENCE));
            }
            Some(code) => return Ok(Answer::new(code, NO_LICENCE)),
        };
        let mut seen = holder.clone();
        if seen.describe(installation, about) || is_stale(found.last_seen.as_deref(), now) {
            // The next validation notes it otherwise.
            let _ = self.note_seen(seen, installation, now).await;
        }
        let places = self.places(&licence);
        Ok(Answer {
            expiry: licence.expiry_shown(),
            active_count: Some(holder.count(&places)),
            limit: Some(places.limit),
            licence: Some(licence.id),
            ..Answer::new(code, "Installation validated")
        })
    }

    /// Writes that an installation was seen, unless somebody else writes meanwhile. No one did
    /// anything, so the audit has no entry.
    async fn note_seen(
        &self,
        mut holder: Holder,
        installation: &str,
        now: Timestamp,
    ) -> Result<Result<(), Rejection>, LicenceError> {
        holder.touch(installation, &now.to_string());
        holder.version += 1;
        let precondition = Precondition::RevisionIn(holder.revision.iter().cloned().collect());
        let id = Holder::id(&holder.email);
        let action = Action::Put { id, body: body(&holder), if_missing: IfMissing::Refuse };
        let write = WriteOperation { collection: holder::collection(), action, precondition };
        Ok(write_together(&self.store, vec![write]).await?.map(|_| ()))
    }

    /// Notes that an installation was seen.
    ///
    /// # Errors
    /// [`LicenceError::InstallationNotFound`], or when the database fails.
    pub async fn touch_installation(
        &self,
        email: &str,
        installation: &str,
    ) -> Result<(), LicenceError> {
        let email = email.to_lowercase();
        let _turn = self.turn(&email).await;
        let mut pauses = pauses();
        for _ in 0..ATTEMPTS_MAX {
            let holder = Holder::read(&self.store, &email).await?;
            if holder.find(installation).is_none() {
                return Err(LicenceError::InstallationNotFound);
            }
            match self.note_seen(holder, installation, self.now()).await? {
                Ok(()) => return Ok(()),
                Err(rejection) if came_too_late(&rejection) => pauses.wait().await,
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(LicenceError::Busy)
    }

    /// The installations of an e-mail, the one that was seen last first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn installations(&self, email: &str) -> Result<Vec<Installation>, LicenceError> {
        let mut all = Holder::read(&self.store, &email.to_lowercase()).await?.installations;
        all.sort_by(|a, b| {
            let id = a.installation_id.cmp(&b.installation_id);
            b.last_seen.cmp(&a.last_seen).then(a.activated_at.cmp(&b.activated_at)).then(id)
        });
        Ok(all)
    }

    /// Notes an installation without asking a licence: for clients that decide themselves, as the
    /// older licence service does. It counts no limit.
    ///
    /// # Errors
    /// [`LicenceError::InstallationExists`] unless it may be there already, or when the database
    /// fails.
    pub async fn add_installation(
        &self,
        (email, installation): (&str, &str),
        may_exist: bool,
        actor: &Actor,
    ) -> Result<(), LicenceError> {
        check_email(email)?;
        check_installation(installation)?;
        let change = self.change_holder(email, actor, "installation.added", |holder, now| {
            match holder.touch(installation, now) {
                true if may_exist => return Ok(holder.find(installation).cloned()),
                true => return Err(LicenceError::InstallationExists),
                false => {}
            }
            if holder.installations.len() == INSTALLATIONS_MAX {
                return Err(LicenceError::TooManyInstallations { max: INSTALLATIONS_MAX });
            }
            holder.installations.push(noted(installation, now));
            Ok(None)
        });
        change.await.map(|_| ())
    }

    /// Puts an installation in the place of the one that was not seen for longest; says which.
    ///
    /// # Errors
    /// [`LicenceError::NothingToReplace`], or when the database fails.
    pub async fn replace_oldest(
        &self,
        (email, installation): (&str, &str),
        actor: &Actor,
    ) -> Result<String, LicenceError> {
        check_installation(installation)?;
        let gone = self.change_holder(email, actor, "installation.replaced", |holder, now| {
            if holder.find(installation).is_some() {
                return Err(LicenceError::NothingToReplace);
            }
            let oldest = holder.oldest().map(|oldest| oldest.installation_id.clone());
            let gone = oldest.and_then(|oldest| holder.free(&oldest));
            let gone = gone.ok_or(LicenceError::NothingToReplace)?;
            let mut new = noted(installation, now);
            (new.licence, new.apart) = (gone.licence, gone.apart);
            holder.installations.push(new);
            Ok(Some(gone))
        });
        Ok(gone.await?.map(|gone| gone.installation_id).unwrap_or_default())
    }

    /// Frees the place of an installation.
    ///
    /// # Errors
    /// [`LicenceError::InstallationNotFound`], or when the database fails.
    pub async fn free_installation(
        &self,
        (email, installation): (&str, &str),
        actor: &Actor,
    ) -> Result<(), LicenceError> {
        let gone = self.change_holder(email, actor, "installation.freed", |holder, _| {
            holder.free(installation).map(Some).ok_or(LicenceError::InstallationNotFound)
        });
        gone.await.map(|_| ())
    }

    /// Changes the installations of an e-mail from what they are; gives what the change says was
    /// there before.
    async fn change_holder(
        &self,
        email: &str,
        actor: &Actor,
        action: &'static str,
        change: impl Fn(&mut Holder, &str) -> Result<Option<Installation>, LicenceError>,
    ) -> Result<Option<Installation>, LicenceError> {
        let email = email.to_lowercase();
        let _turn = self.turn(&email).await;
        let mut pauses = pauses();
        for _ in 0..ATTEMPTS_MAX {
            let now = self.now();
            let mut holder = Holder::read(&self.store, &email).await?;
            let before = holder.clone();
            let gone = change(&mut holder, &now.to_string())?;
            if holder == before {
                return Ok(gone);
            }
            let mut entry = Entry::new(now, actor, action);
            entry.before = json!(gone);
            entry.after =
                json!(holder.installations.iter().rfind(|it| !before.installations.contains(it)));
            match self.write_holder(&mut holder, entry).await? {
                Ok(()) => return Ok(gone),
                Err(rejection) if came_too_late(&rejection) => pauses.wait().await,
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(LicenceError::Busy)
    }
}

/// What clients of the older service show of any licence that lets nothing in.
const KEY_NOT_FOUND: &str = "License key not found or inactive";
const NO_LICENCE: &str = "No active license found";

/// Why a licence lets nothing in; `None` if it does.
pub(crate) fn refusal(licence: &Licence, now: Timestamp) -> Option<Code> {
    match licence.standing(now) {
        Standing::Active | Standing::NotStarted | Standing::Grace => None,
        Standing::Expired => Some(Code::LicenseExpired),
        Standing::Suspended => Some(Code::LicenseSuspended),
        Standing::Revoked => Some(Code::LicenseRevoked),
        Standing::Deleted | Standing::Unreadable => Some(Code::InvalidLicense),
    }
}

fn expired(licence: &Licence) -> Answer {
    let expiry = licence.expiry_shown();
    let message = format!("License expired on {}", expiry.as_deref().unwrap_or_default());
    Answer { expiry, ..Answer::new(Code::LicenseExpired, message) }
}

/// Begins the time of a licence that waits for its first activation; says whether it did.
pub(crate) fn begin(licence: &mut Licence, now: Timestamp) -> bool {
    let (true, None, Some(days)) =
        (licence.from_first_activation, &licence.expires_at, licence.duration_days)
    else {
        return false;
    };
    let expiry = Timestamp { unix_us: now.unix_us.saturating_add(i64::from(days) * DAY_US) };
    licence.expires_at = Some(expiry.to_string());
    licence.from_first_activation = false;
    true
}

/// Whether it is time to note an installation again.
fn is_stale(last_seen: Option<&str>, now: Timestamp) -> bool {
    let seen = last_seen.and_then(|text| parse_moment(text).ok());
    seen.is_none_or(|seen| now.unix_us >= seen.unix_us.saturating_add(TOUCH_EVERY_US))
}

/// An installation that a client notes itself.
fn noted(installation: &str, now: &str) -> Installation {
    Installation {
        installation_id: installation.to_owned(),
        activated_at: Some(now.to_owned()),
        last_seen: Some(now.to_owned()),
        ..Installation::default()
    }
}

/// The write of a licence that was read.
pub(crate) fn licence_write(
    licence: &Licence,
    revision: Option<isobase_types::Revision>,
) -> WriteOperation {
    let id = isobase_types::DocumentId::Integer(licence.id);
    let precondition = match revision {
        Some(revision) => Precondition::RevisionIn(vec![revision]),
        None => Precondition::Missing,
    };
    let action = Action::Put { id, body: body(licence), if_missing: IfMissing::Create };
    WriteOperation { collection: licence::collection(), action, precondition }
}

pub(crate) fn check_email(email: &str) -> Result<(), LicenceError> {
    check_text("email", email, EMAIL_BYTES_MAX)
}

fn check_installation(installation: &str) -> Result<(), LicenceError> {
    check_text("installation_id", installation, INSTALLATION_BYTES_MAX)
}

fn check_about(about: &About) -> Result<(), LicenceError> {
    let texts = [
        ("label", &about.label),
        ("app_version", &about.app_version),
        ("platform", &about.platform),
    ];
    for (field, text) in texts {
        text.as_deref().map(|text| check_text(field, text, ABOUT_BYTES_MAX)).transpose()?;
    }
    Ok(())
}

pub(crate) fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), LicenceError> {
    if (1..=max).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("expected 1 to {max} bytes of UTF-8 without control characters");
    Err(LicenceError::invalid(field, message))
}
