//! The words in which requests are refused.

use std::collections::BTreeMap;

/// Texts of refusals that a declaration gives in place of the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// There is no such document. Usual: `Item not found`.
    pub not_found: Option<String>,
    /// Fields that a new document must have are missing. Usual: `user_id and name required`.
    pub required: Option<String>,
    /// A change names no field that may be changed. Usual: `No fields to update`.
    pub no_fields: Option<String>,
    /// Of single fields.
    pub fields: BTreeMap<String, FieldTexts>,
}

/// Texts of refusals of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldTexts {
    /// It is missing. Usual: the text of the collection.
    pub required: Option<String>,
    /// It is longer than its schema allows. Usual: `title too long (max 200 characters)`.
    pub too_long: Option<String>,
    /// Another document has the same value. Usual: `email already taken`.
    pub taken: Option<String>,
}

impl Texts {
    /// The texts of a field.
    pub(crate) fn of(&self, field: &str) -> Option<&FieldTexts> {
        self.fields.get(field)
    }
}

/// A list as people write it: `a`, `a and b`, `a, b and c`.
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A word with a capital letter and blanks: `post_tag` is `Post tag`.
pub(crate) fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(char::to_uppercase);
    let whole: String = first.into_iter().flatten().chain(characters).collect();
    whole.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_read_as_people_write() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["user_id", "name"]), "user_id and name");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
        assert_eq!(capitalised("post_tag"), "Post tag");
        assert_eq!(capitalised(""), "");
    }
}
