//! The fields of a record as text: what is not changed keeps its spelling.

use isobase_types::json::{self, Raw};

/// The members of an object, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The members of canonical text; none of anything but an object.
    pub(super) fn read(text: &str) -> Self {
        let decoded = |(key, value): (Raw<'_>, Raw<'_>)| {
            Some((key.as_str_decoded()?.into_owned(), value.as_text().to_owned()))
        };
        Self(Raw::new(text).members().filter_map(decoded).collect())
    }

    /// The text of a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The decoded text of a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(Raw::new(self.get(name)?).as_str_decoded()?.into_owned())
    }

    /// Sets a value to JSON text.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Sets a value to a string, or to null.
    pub(super) fn set_text(&mut self, name: &str, value: Option<&str>) {
        self.set(name, value.map_or_else(|| "null".to_owned(), quoted));
    }

    /// Takes over the members of another object.
    pub(super) fn merge(&mut self, other: Self) {
        for (name, value) in other.0 {
            self.set(&name, value);
        }
    }

    /// The names that are none of these.
    pub(super) fn unknown<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|(name, _)| name.as_str()).filter(|name| !known.contains(name))
    }

    /// The object as text.
    pub(super) fn to_text(&self) -> String {
        let mut out = b"{".to_vec();
        for (name, value) in &self.0 {
            if out.len() > 1 {
                out.push(b',');
            }
            json::write_string(name, &mut out);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
        // Made of text only.
        String::from_utf8(out).unwrap_or_default()
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::write_string(text, &mut out);
    // Made of text only.
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_what_is_not_named() {
        let mut fields = Fields::read(r#"{"a":1.0,"b":{"x":1},"c":[1]}"#);
        fields.merge(Fields::read(r#"{"b":{"y":2},"d":null}"#));
        fields.set_text("e", Some("\""));
        assert_eq!(fields.to_text(), r#"{"a":1.0,"b":{"y":2},"c":[1],"d":null,"e":"\""}"#);
        assert_eq!(Fields::read("[1]"), Fields::default());
    }
}
