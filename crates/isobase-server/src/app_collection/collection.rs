//! The declaration of a collection.

use isobase_store::Schema;
use isobase_types::{CollectionName, Order};

use super::texts::Texts;

/// A collection that an app declares: what stands under `[collections.NAME]` of `isobase.toml`.
#[derive(Clone, Debug)]
pub struct AppCollection {
    /// Its name, and the last segment of its path.
    pub name: CollectionName,
    /// One of its documents in a word: the events are named after it (`item_created`), and the
    /// texts speak of it. Default: the name in the singular.
    pub item: String,
    /// The schema of its documents. Without one they may hold anything.
    pub schema: Option<Schema>,
    /// The order of its listings when the caller asks for none. Empty: by id.
    pub order: Order,
    /// Documents of a page when the caller does not say. Without it a listing that asks for no
    /// page is a plain array of everything.
    pub page_size: Option<u32>,
    /// The fields that a caller may give a new document; none means all but the read-only ones.
    pub create: Option<Vec<String>>,
    /// The fields that a caller may change; none means all but the read-only ones.
    pub update: Option<Vec<String>>,
    /// The field that tells when a document was created, which callers do not set: its schema has
    /// the default `timestamp`.
    pub timestamp: Option<String>,
    /// Booleans that are shown as 0 and 1.
    pub as_number: Vec<String>,
    /// The words of refusals, where they are not the usual ones.
    pub texts: Texts,
}

/// Names below `/api` that belong to the service.
const RESERVED: [&str; 8] =
    ["register", "login", "logout", "me", "sessions", "events", "upload", "v1"];

impl AppCollection {
    /// A collection of which nothing but its name is declared.
    #[must_use]
    pub fn new(name: CollectionName) -> Self {
        let item = singular(name.as_str());
        Self {
            name,
            item,
            schema: None,
            order: Order::default(),
            page_size: None,
            create: None,
            update: None,
            timestamp: None,
            as_number: Vec::new(),
            texts: Texts::default(),
        }
    }

    /// Why it has no routes below `/api`, if it has none. It is reached under `/records` then.
    #[must_use]
    pub fn has_no_routes(&self) -> Option<&'static str> {
        let name = self.name.as_str();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if RESERVED.contains(&name) {
            return Some("the path is taken by the service");
        }
        (!name.bytes().all(is_plain)).then_some("its name has other characters than a-z, 0-9, _, -")
    }
}

/// The singular of a name, as far as a rule of thumb goes: a declaration may say it better.
fn singular(name: &str) -> String {
    let sibilant = ["xes", "ches", "shes", "sses", "zes"];
    match name {
        name if name.ends_with("ies") && name.len() > 4 => format!("{}y", &name[..name.len() - 3]),
        name if sibilant.iter().any(|end| name.ends_with(end)) => name[..name.len() - 2].to_owned(),
        name if name.ends_with('s') && !name.ends_with("ss") && name.len() > 1 => {
            name[..name.len() - 1].to_owned()
        }
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(name: &str) -> AppCollection {
        AppCollection::new(CollectionName::new(name).unwrap())
    }

    #[test]
    fn names_of_collections_have_a_singular() {
        for (name, item) in [
            ("items", "item"),
            ("stories", "story"),
            ("boxes", "box"),
            ("branches", "branch"),
            ("messages", "message"),
            ("post_tags", "post_tag"),
            ("address", "address"),
            ("chat", "chat"),
            ("s", "s"),
            ("ties", "tie"),
        ] {
            assert_eq!(collection(name).item, item);
        }
    }

    #[test]
    fn names_of_the_service_have_no_routes() {
        for name in ["sessions", "v1", "a b", "a.b", "ü"] {
            assert!(collection(name).has_no_routes().is_some(), "{name}");
        }
        assert_eq!(collection("post_tags-2").has_no_routes(), None);
    }
}
