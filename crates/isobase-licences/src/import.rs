//! Licences and installations of another program.

use isobase_store::Rejection;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    Actor, Holder, INSTALLATIONS_MAX, Installation, Licence, LicenceError, Licences,
    activation::{check_email, check_text},
    edit::{check_status, stand},
    licences::{ATTEMPTS_MAX, pauses},
    moment::{parse_moment, seconds_text},
    together::came_too_late,
};

/// A licence of another program, as its table has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedLicence {
    /// Its id there, kept where it is free.
    #[serde(default)]
    pub id: Option<i64>,
    /// Whose it is.
    pub email: String,
    /// Its key.
    pub license_key: String,
    /// Its expiry in any form; `None` if it never expires.
    #[serde(default)]
    pub expiry_date: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<String>,
    /// `active`, `suspended`, `inactive` or `revoked`.
    #[serde(default)]
    pub status: Option<String>,
}

/// An installation of another program, as its table has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedInstallation {
    /// Whose it is.
    pub email: String,
    /// Its id.
    pub installation_id: String,
    /// When it came.
    #[serde(default)]
    pub activated_at: Option<String>,
    /// When it was last seen.
    #[serde(default)]
    pub last_seen: Option<String>,
}

/// The outcome of rows of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows that came.
    pub read: u64,
    /// Not there before.
    pub created: u64,
    /// There, and otherwise.
    pub updated: u64,
    /// There as they are.
    pub unchanged: u64,
    /// Refused; `errors` says why.
    pub failed: u64,
}

/// The outcome of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Of licences.
    pub licenses: Tally,
    /// Of installations.
    pub installations: Tally,
    /// Refused rows, and rows that were taken over with a remark: at most 1,000 texts.
    pub errors: Vec<String>,
}

/// Most texts of a report.
const ERRORS_MAX: usize = 1_000;

enum Fate {
    Created,
    Updated,
    Unchanged,
}

impl Tally {
    fn add(&mut self, fate: &Fate) {
        self.read += 1;
        match fate {
            Fate::Created => self.created += 1,
            Fate::Updated => self.updated += 1,
            Fate::Unchanged => self.unchanged += 1,
        }
    }
}

impl ImportReport {
    fn note(&mut self, text: String) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(text);
        }
    }
}

impl Licences {
    /// Takes licences and installations over. A licence is known by its key and an installation by
    /// its e-mail and id, so what is here already is not made twice. A row that is refused stops
    /// none of the others. `dry` writes nothing and says what would become of each.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import(
        &self,
        (licences, installations): (&[ImportedLicence], &[ImportedInstallation]),
        dry: bool,
        actor: &Actor,
    ) -> Result<ImportReport, LicenceError> {
        let mut report = ImportReport::default();
        for row in licences {
            match self.import_licence(row, dry, actor).await {
                Ok(fate) => report.licenses.add(&fate),
                Err(error) if is_of_the_row(&error) => {
                    report.licenses.read += 1;
                    report.licenses.failed += 1;
                    let last = self.read_key(&row.license_key).last_four();
                    report.note(format!("license of {:?}, key …{last}: {error}", cut(&row.email)));
                }
                Err(error) => return Err(error),
            }
            if row.expiry_date.as_deref().is_some_and(|text| parse_moment(text).is_err()) {
                report.note(format!(
                    "license of {:?}: the expiry {:?} is no moment; it is kept, and lets nothing in \
                     until it is edited",
                    cut(&row.email),
                    cut(row.expiry_date.as_deref().unwrap_or_default())
                ));
            }
        }
        for row in installations {
            match self.import_installation(row, dry, actor).await {
                Ok(fate) => report.installations.add(&fate),
                Err(error) if is_of_the_row(&error) => {
                    report.installations.read += 1;
                    report.installations.failed += 1;
                    let (email, id) = (cut(&row.email), cut(&row.installation_id));
                    report.note(format!("installation {id:?} of {email:?}: {error}"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    async fn import_licence(
        &self,
        row: &ImportedLicence,
        dry: bool,
        actor: &Actor,
    ) -> Result<Fate, LicenceError> {
        let status = row.status.as_deref().unwrap_or("active");
        check_status(status)?;
        check_email(&row.email)?;
        let now = self.now();
        let apply = |licence: &mut Licence| {
            if status != licence.status() {
                stand(licence, status, now);
            }
            set_expiry(licence, row.expiry_date.as_deref());
        };
        let key = self.read_key(&row.license_key);
        if !key.is_storable() {
            return Err(LicenceError::invalid("license_key", "it is empty, too long or not text"));
        }
        if let Some(found) = self.find_by_key(&key).await? {
            if found.email != row.email.to_lowercase() {
                return Err(LicenceError::KeyOfAnother);
            }
            let mut changed = found.clone();
            apply(&mut changed);
            if changed == found {
                return Ok(Fate::Unchanged);
            }
            if !dry {
                let write = self.change(found.id, (actor, "license.imported"), |licence, _| {
                    apply(licence);
                    Ok(())
                });
                write.await?;
            }
            return Ok(Fate::Updated);
        }
        let created = row.created_at.as_deref().and_then(|text| parse_moment(text).ok());
        let mut licence = Licence {
            email: row.email.to_lowercase(),
            created_at: seconds_text(created.unwrap_or(now)),
            version: 1,
            ..Licence::default()
        };
        self.set_key(&mut licence, &key)?;
        apply(&mut licence);
        if !dry {
            self.insert(licence, row.id, (now, actor)).await?;
        }
        Ok(Fate::Created)
    }

    async fn import_installation(
        &self,
        row: &ImportedInstallation,
        dry: bool,
        actor: &Actor,
    ) -> Result<Fate, LicenceError> {
        check_email(&row.email)?;
        check_text("installation_id", &row.installation_id, 1_020)?;
        let email = row.email.to_lowercase();
        let moment = |text: &Option<String>| {
            text.as_deref().and_then(|text| parse_moment(text).ok()).map(|at| at.to_string())
        };
        let (activated_at, last_seen) = (moment(&row.activated_at), moment(&row.last_seen));
        let licence = self.newest_of(&email).await?;
        let _turn = self.turn(&email).await;
        let mut pauses = pauses();
        for _ in 0..ATTEMPTS_MAX {
            let now = self.now();
            let mut holder = Holder::read(&self.store, &email).await?;
            let before = holder.clone();
            let found = holder
                .installations
                .iter()
                .position(|it| it.installation_id == row.installation_id);
            let fate = match found {
                Some(place) => {
                    let known = &mut holder.installations[place];
                    known.last_seen = known.last_seen.take().max(last_seen.clone());
                    if holder == before { Fate::Unchanged } else { Fate::Updated }
                }
                None if holder.installations.len() == INSTALLATIONS_MAX => {
                    return Err(LicenceError::TooManyInstallations { max: INSTALLATIONS_MAX });
                }
                None => {
                    holder.installations.push(Installation {
                        installation_id: row.installation_id.clone(),
                        activated_at: activated_at.clone(),
                        last_seen: last_seen.clone(),
                        licence: licence.as_ref().map(|licence| licence.id),
                        apart: licence.as_ref().is_some_and(|it| it.max_installations.is_some()),
                        ..Installation::default()
                    });
                    Fate::Created
                }
            };
            if dry || holder == before {
                return Ok(fate);
            }
            let mut entry = crate::audit::Entry::new(now, actor, "installation.imported");
            entry.after = json!(holder.find(&row.installation_id));
            match self.write_holder(&mut holder, entry).await? {
                Ok(()) => return Ok(fate),
                Err(rejection) if came_too_late(&rejection) => pauses.wait().await,
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(LicenceError::Busy)
    }
}

/// Whether an error says something of the row, and not of the database.
fn set_expiry(licence: &mut Licence, text: Option<&str>) {
    let text = text.filter(|text| !text.trim().is_empty());
    (licence.expires_at, licence.expiry_text) = match text.map(parse_moment) {
        None => (None, None),
        Some(Ok(moment)) => (Some(moment.to_string()), None),
        Some(Err(_)) => (None, text.map(cut)),
    };
    licence.from_first_activation = false;
}

fn is_of_the_row(error: &LicenceError) -> bool {
    match error {
        LicenceError::Store(_) | LicenceError::Busy | LicenceError::Random(_) => false,
        LicenceError::Rejected(rejection) => matches!(rejection, Rejection::Unholdable { .. }),
        _ => true,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
