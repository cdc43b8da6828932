//! Bodies about accounts.

use isobase_http::Problem;
use isobase_types::{
    FieldPath,
    json::{self, Kind},
};

use crate::{Call, accounts::problems, request::document};

/// A body, which is a JSON object. Its type is not asked for: the clients of these routes have
/// always sent what they liked.
pub(super) struct Body(String);

impl Body {
    pub(super) async fn read(call: &mut Call) -> Result<Self, Problem> {
        document(call.take_body()).await.map(Self)
    }

    /// A text; `None` if it is missing, null or empty. Numbers are read as texts, and zero and
    /// `false` as missing: a form that was read by a program in Python was.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        let path = FieldPath::parse(name).expect("our fields are valid");
        let Some(value) = json::find(&self.0, &path) else { return Ok(None) };
        let text = match value.kind() {
            Kind::Null => return Ok(None),
            Kind::String => value.as_str_decoded().map(std::borrow::Cow::into_owned),
            Kind::Number => {
                let text = value.as_text();
                let is_zero = !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
                (!is_zero).then(|| text.to_owned())
            }
            Kind::Bool if value.as_bool() == Some(false) => None,
            _ => return Err(problems::invalid(name, "expected a text")),
        };
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A text that must be there.
    pub(super) fn needed(&self, name: &str) -> Result<String, Problem> {
        self.text(name)?.ok_or_else(|| problems::missing(name))
    }

    /// A boolean; `None` if it is missing.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let path = FieldPath::parse(name).expect("our fields are valid");
        match json::find(&self.0, &path) {
            None => Ok(None),
            Some(value) => match value.as_bool() {
                Some(flag) => Ok(Some(flag)),
                None => Err(problems::invalid(name, "expected true or false")),
            },
        }
    }
}

/// Who signs in: a name or an e-mail address, and a password.
pub(super) struct Credentials {
    pub(super) identifier: String,
    pub(super) password: String,
}

impl Credentials {
    /// The content of a body; `None` if something is missing.
    pub(super) fn of(body: &Body) -> Result<Option<Self>, Problem> {
        let identifier = match body.text("username")? {
            Some(name) => Some(name),
            None => body.text("email")?,
        };
        let password = body.text("password")?;
        Ok(identifier.zip(password).map(|(identifier, password)| Self { identifier, password }))
    }
}

/// Who is to get an account.
pub(super) struct Registration {
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) password: String,
}

impl Registration {
    /// The content of a body. Without a name the address is one.
    pub(super) fn of(body: &Body) -> Result<Self, Problem> {
        let email = body.text("email")?;
        let name = body.text("username")?.or_else(|| email.clone());
        let named = name.zip(body.text("password")?);
        let (name, password) = named.ok_or_else(problems::incomplete)?;
        Ok(Self { name, email, password })
    }

    pub(super) fn new_account(&self) -> isobase_auth::NewAccount<'_> {
        let (name, password) = (self.name.as_str(), self.password.as_str());
        isobase_auth::NewAccount { name, email: self.email.as_deref(), password }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_clients_send_them() {
        let read = |value: &str| Body(format!("{{\"username\":{value}}}")).text("username");
        let texts = [("\"ann\"", "ann"), ("5", "5"), ("1.50", "1.50"), ("\" \"", " ")];
        for (value, text) in texts {
            assert_eq!(read(value).unwrap().as_deref(), Some(text), "{value}");
        }
        for missing in ["null", "\"\"", "0", "0.0", "-0", "false"] {
            assert_eq!(read(missing).unwrap(), None, "{missing}");
        }
        for wrong in ["true", "[]", "{}", "[1]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Body("{}".to_owned()).text("username").unwrap(), None);
    }
}
