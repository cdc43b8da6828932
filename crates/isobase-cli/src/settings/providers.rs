//! `[providers.NAME]`: services whose accounts sign in here.

use isobase_auth::{Algorithm, Members, Provider, ProviderKind};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::similar::most_similar;

/// The keys of the table of a provider.
pub(super) const KEYS: [&str; 16] = [
    "issuer",
    "authorize_url",
    "token_url",
    "userinfo_url",
    "subject",
    "name",
    "email",
    "email_verified",
    "secret_in",
    "client_id",
    "client_secret",
    "client_secret_variable",
    "label",
    "scopes",
    "link_by_email",
    "algorithms",
];

/// Keys of providers without OpenID Connect alone.
const OAUTH_KEYS: [&str; 8] = [
    "authorize_url",
    "token_url",
    "userinfo_url",
    "subject",
    "name",
    "email",
    "email_verified",
    "secret_in",
];

/// A provider as the file has it.
#[derive(Clone, Debug)]
pub(crate) struct DeclaredProvider {
    /// Without the secret of a variable.
    pub(crate) provider: Provider,
    /// The variable that holds the secret.
    pub(crate) secret_variable: Option<String>,
}

/// Something wrong in a table.
pub(super) struct Mistake {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Reads the table of a provider.
pub(super) fn read(
    id: &Spanned<std::borrow::Cow<'_, str>>,
    table: &DeTable<'_>,
) -> Result<DeclaredProvider, Vec<Mistake>> {
    let mut reader = Reader { table, start: id.span().start, mistakes: Vec::new() };
    reader.unknown_keys();
    let kind = reader.kind();
    let usual: &[&str] = match kind {
        ProviderKind::OpenId { .. } => &["openid", "profile", "email"],
        ProviderKind::OAuth { .. } => &[],
    };
    let usual = || usual.iter().map(|scope| (*scope).to_owned()).collect();
    let algorithms = reader.algorithms();
    let id = id.get_ref().to_string();
    let provider = Provider {
        label: reader.text("label").unwrap_or_else(|| id.clone()),
        id,
        kind,
        client_id: reader.must("client_id"),
        client_secret: reader.text("client_secret").map(Into::into),
        scopes: reader.list("scopes").unwrap_or_else(usual),
        link_by_email: reader.flag("link_by_email"),
        algorithms,
    };
    let secret_variable = reader.text("client_secret_variable");
    if secret_variable.is_some() && provider.client_secret.is_some() {
        let hint = "say it with one of them";
        reader.wrong("client_secret_variable", "stands beside client_secret", hint);
    }
    if reader.mistakes.is_empty()
        && let Err(error) = provider.check()
    {
        let (offset, message) = (reader.start, error.to_string());
        reader.mistakes.push(Mistake { offset, message, hint: "correct it".to_owned() });
    }
    match reader.mistakes.is_empty() {
        true => Ok(DeclaredProvider { provider, secret_variable }),
        false => Err(reader.mistakes),
    }
}

struct Reader<'a, 'b> {
    table: &'a DeTable<'b>,
    start: usize,
    mistakes: Vec<Mistake>,
}

impl Reader<'_, '_> {
    fn wrong(&mut self, key: &str, message: &str, hint: &str) {
        let offset = self.table.get(key).map_or(self.start, |value| value.span().start);
        let (message, hint) = (format!("{key} {message}"), hint.to_owned());
        self.mistakes.push(Mistake { offset, message, hint });
    }

    fn unknown_keys(&mut self) {
        for key in self.table.keys().filter(|key| !KEYS.contains(&&**key.get_ref())) {
            let meant = most_similar(key.get_ref(), KEYS).unwrap_or("client_id");
            self.mistakes.push(Mistake {
                offset: key.span().start,
                message: format!("{} is no setting of a provider", key.get_ref()),
                hint: format!("did you mean {meant}?"),
            });
        }
    }

    /// OpenID Connect where there is an issuer, else OAuth 2 alone.
    fn kind(&mut self) -> ProviderKind {
        let Some(issuer) = self.text("issuer") else {
            if !self.table.contains_key("authorize_url") {
                let hint = "write issuer = \"https://accounts.example.com\", or authorize_url, \
                            token_url and userinfo_url of a provider without OpenID Connect";
                self.wrong("issuer", "is missing", hint);
                return self.open_id(String::new());
            }
            return ProviderKind::OAuth {
                authorize_url: self.must("authorize_url"),
                token_url: self.must("token_url"),
                userinfo_url: self.must("userinfo_url"),
                members: self.members(),
                secret_in_form: self.is_secret_in_form(),
            };
        };
        self.open_id(issuer)
    }

    fn open_id(&mut self, issuer: String) -> ProviderKind {
        for key in OAUTH_KEYS.into_iter().filter(|key| self.table.contains_key(*key)) {
            let hint = "an issuer says that itself: leave it out, or leave out issuer";
            self.wrong(key, "stands beside issuer", hint);
        }
        ProviderKind::OpenId { issuer }
    }

    /// The signatures that are taken; all of them unless the table names some.
    fn algorithms(&mut self) -> Vec<Algorithm> {
        let Some(names) = self.list("algorithms") else { return Algorithm::ALL.to_vec() };
        let found = names.iter().map(|name| name.parse().ok()).collect::<Option<Vec<_>>>();
        found.unwrap_or_else(|| {
            let all = Algorithm::ALL.map(Algorithm::as_str).join(", ");
            self.wrong("algorithms", "names another signature", &format!("they are {all}"));
            Algorithm::ALL.to_vec()
        })
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.table.get(key)?;
        match value.get_ref().as_str().filter(|text| !text.is_empty()) {
            Some(text) => Some(text.to_owned()),
            None => {
                self.wrong(key, "is no text", &format!("write {key} = \"…\""));
                None
            }
        }
    }

    fn must(&mut self, key: &str) -> String {
        if !self.table.contains_key(key) {
            self.wrong(key, "is missing", &format!("write {key} = \"…\""));
        }
        self.text(key).unwrap_or_default()
    }

    fn members(&mut self) -> Members {
        let usual = Members::default();
        Members {
            subject: self.text("subject").unwrap_or(usual.subject),
            name: self.text("name").unwrap_or(usual.name),
            email: self.text("email").unwrap_or(usual.email),
            email_verified: self.text("email_verified").unwrap_or(usual.email_verified),
        }
    }

    fn is_secret_in_form(&mut self) -> bool {
        match self.text("secret_in").as_deref() {
            None | Some("header") => false,
            Some("form") => true,
            Some(_) => {
                self.wrong("secret_in", "is another place", "write \"header\" or \"form\"");
                false
            }
        }
    }

    fn flag(&mut self, key: &str) -> bool {
        let Some(value) = self.table.get(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong(key, "is neither true nor false", &format!("write {key} = true"));
            false
        })
    }

    fn list(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.table.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong(key, "is no list of texts", &format!("write {key} = [\"…\"]"));
            return None;
        };
        let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
        let texts = texts.collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty());
        if texts.is_none() {
            self.wrong(key, "is no list of texts", &format!("write {key} = [\"…\"]"));
        }
        texts
    }
}
