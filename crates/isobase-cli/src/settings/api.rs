//! How the settings file lets a collection be shown: names, order, pages, words.

use isobase::types::Order;
use isobase_server::{FieldTexts, Texts};
use toml::{Spanned, de::DeValue};

/// How a collection is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ApiSettings {
    /// One of its documents in a word.
    pub(crate) event: Option<String>,
    /// The order of its listings.
    pub(crate) order: Option<Order>,
    /// Documents of a page when the caller does not say.
    pub(crate) page_size: Option<u32>,
    /// The fields that a caller may give a new document.
    pub(crate) create: Option<Vec<String>>,
    /// The fields that a caller may change.
    pub(crate) update: Option<Vec<String>>,
    /// The field that tells when a document was created.
    pub(crate) timestamp: Option<String>,
    /// Booleans that are shown as 0 and 1.
    pub(crate) as_number: Option<Vec<String>>,
    /// The words of refusals.
    pub(crate) texts: Texts,
}

/// The keys that [`ApiSettings::read`] knows.
pub(super) const KEYS: [&str; 8] =
    ["event", "order", "page_size", "create", "update", "timestamp", "as_number", "texts"];

/// A wrong value: its place in the file, and what was expected.
pub(super) type Wrong = (usize, String);

impl ApiSettings {
    /// Takes a key of a collection.
    ///
    /// # Errors
    /// The place, and a description of right values.
    pub(super) fn read(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Result<(), Wrong> {
        match key {
            "event" => self.event = Some(word(value)?),
            "order" => {
                let text = text(value, "the fields to sort by, as in \"-created_at,id\"")?;
                let order = Order::parse(&text);
                self.order = Some(order.map_err(|error| wrong(value, error.to_string()))?);
            }
            "page_size" => {
                let number = value.get_ref().as_integer().and_then(|it| it.as_str().parse().ok());
                let number = number.filter(|number| *number > 0);
                let expected = "a whole number from 1, as in 20";
                self.page_size = Some(number.ok_or_else(|| wrong(value, expected))?);
            }
            "create" => self.create = Some(names(value)?),
            "update" => self.update = Some(names(value)?),
            "timestamp" => {
                self.timestamp = Some(text(value, "the name of a field, as in \"created_at\"")?);
            }
            "as_number" => self.as_number = Some(names(value)?),
            _ => self.texts = texts(value)?,
        }
        Ok(())
    }

    /// The first field that is named and not declared.
    pub(super) fn undeclared(&self, is_declared: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
        let lists =
            [("create", &self.create), ("update", &self.update), ("as_number", &self.as_number)];
        let listed = lists
            .into_iter()
            .flat_map(|(key, names)| names.iter().flatten().map(move |name| (key, name.as_str())));
        let told = self.texts.fields.keys().map(|name| ("texts", name.as_str()));
        let stamp = self.timestamp.iter().map(|name| ("timestamp", name.as_str()));
        listed.chain(stamp).chain(told).find(|(_, name)| !is_declared(name))
    }
}

/// A name that stands in names of events.
fn word(value: &Spanned<DeValue<'_>>) -> Result<String, Wrong> {
    let expected = "a word of a-z, 0-9 and _, as in \"item\"";
    let word = text(value, expected)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if word.is_empty() || !word.bytes().all(fits) {
        return Err(wrong(value, expected));
    }
    Ok(word)
}

fn text(value: &Spanned<DeValue<'_>>, expected: &str) -> Result<String, Wrong> {
    value.get_ref().as_str().map(str::to_owned).ok_or_else(|| wrong(value, expected))
}

fn names(value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Wrong> {
    let expected = "a list of names of fields, as in [\"name\", \"done\"]";
    let list = value.get_ref().as_array().ok_or_else(|| wrong(value, expected))?;
    list.iter().map(|item| text(item, expected)).collect()
}

/// `texts = { not_found = "…", title = { required = "…" } }`
fn texts(value: &Spanned<DeValue<'_>>) -> Result<Texts, Wrong> {
    const EXPECTED: &str = "texts by their names: not_found, required, no_fields; or by field, as \
         in title = { required = \"…\", too_long = \"…\", taken = \"…\" }";
    let table = value.get_ref().as_table().ok_or_else(|| wrong(value, EXPECTED))?;
    let mut texts = Texts::default();
    for (key, value) in table {
        let name = key.get_ref();
        if value.get_ref().is_table() {
            texts.fields.insert(name.to_string(), field_texts(value, EXPECTED)?);
            continue;
        }
        let told = Some(text(value, EXPECTED)?);
        match &**name {
            "not_found" => texts.not_found = told,
            "required" => texts.required = told,
            "no_fields" => texts.no_fields = told,
            _ => return Err((key.span().start, format!("{name} is no text; expected {EXPECTED}"))),
        }
    }
    Ok(texts)
}

fn field_texts(value: &Spanned<DeValue<'_>>, expected: &str) -> Result<FieldTexts, Wrong> {
    let mut texts = FieldTexts::default();
    for (key, value) in value.get_ref().as_table().into_iter().flatten() {
        let told = Some(text(value, expected)?);
        match &**key.get_ref() {
            "required" => texts.required = told,
            "too_long" => texts.too_long = told,
            "taken" => texts.taken = told,
            name => {
                return Err((key.span().start, format!("{name} is no text; expected {expected}")));
            }
        }
    }
    Ok(texts)
}

fn wrong(value: &Spanned<DeValue<'_>>, expected: impl Into<String>) -> Wrong {
    (value.span().start, expected.into())
}
