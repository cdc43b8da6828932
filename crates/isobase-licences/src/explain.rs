//! Why a client is told what it is told: each rule in its order.

use crate::{
    Activation, Answer, Code, Holder, LicenceError, Licences, Standing, activation::refusal,
    holder::Admission,
};

/// A rule, and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, for programs.
    pub rule: &'static str,
    /// Whether it holds.
    pub passed: bool,
    /// The value that was looked at.
    pub detail: String,
}

/// The outcome that an activation would have, and why. Nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The rules that were looked at, in their order.
    pub rules: Vec<Rule>,
    /// The answer that the client would get.
    pub answer: Answer,
}

impl Licences {
    /// Explains what an activation would come to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn explain(&self, asked: &Activation) -> Result<Explanation, LicenceError> {
        let (now, email) = (self.now(), asked.email.to_lowercase());
        let key = self.read_key(&asked.license_key);
        let mut rules = Vec::new();
        let mut rule = |rule, passed, detail: String| rules.push(Rule { rule, passed, detail });
        let checksum =
            if key.is_mistyped() { "the checksum does not fit" } else { "nothing is wrong" };
        rule("key_is_well_formed", !key.is_mistyped(), checksum.to_owned());
        let answer = match self.judge_key(&key, &email, now).await? {
            Err(refused) => {
                if let Some(licence) = self.find_by_key(&key).await? {
                    rule("key_is_known", true, format!("licence {}", licence.id));
                    let same = licence.email == email;
                    rule(
                        "email_matches",
                        same,
                        format!("the licence is that of {}", licence.email),
                    );
                    if same {
                        let standing = licence.standing(now);
                        let expiry = licence.expiry_shown().unwrap_or_else(|| "never".to_owned());
                        let passed = refusal(&licence, now).is_none();
                        let detail = format!("{}, expiry {expiry}", standing.as_str());
                        rule("licence_is_in_force", passed, detail);
                    }
                } else if !key.is_mistyped() {
                    rule("key_is_known", false, "no licence has this key".to_owned());
                }
                refused
            }
            Ok(licence) => {
                rule("key_is_known", true, format!("licence {}", licence.id));
                rule("email_matches", true, licence.email.clone());
                let standing = licence.standing(now);
                let expiry = licence.expiry_shown().unwrap_or_else(|| "never".to_owned());
                let detail = format!("{}, expiry {expiry}", standing.as_str());
                rule("licence_is_in_force", true, detail);
                let mut holder = Holder::read(&self.store, &email).await?;
                let places = self.places(&licence);
                let taken = holder.count(&places);
                let admission =
                    holder.admit(&licence, &places, &asked.installation_id, &now.to_string());
                let whose = if places.own.is_some() { "licence" } else { "e-mail" };
                let (limit, policy) = (places.limit, places.at_limit.as_str());
                let detail =
                    format!("{taken} of {limit} places of the {whose} are taken; {policy}");
                let known = admission == Admission::Known;
                rule("installation_is_known", known, asked.installation_id.clone());
                if !known {
                    rule("there_is_a_place", admission != Admission::Refused, detail);
                }
                let mut told = self.admitted(&licence, &holder, &admission);
                if standing == Standing::Grace && told.code == Code::OkReinstall {
                    told.message.push_str(", in its days of grace");
                }
                told
            }
        };
        Ok(Explanation { rules, answer })
    }
}
