//! Which files somebody looks for.

use isobase_store::is_upload_name;
use isobase_types::{Comparison, FieldPath, Filter, Literal, Operator, like_escaped};

/// Whether documents name a file, in fields of the type `file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// One does, or none did when files were last swept, which was less than a while ago.
    Named,
    /// One did, and none does: it is deleted when its time is over.
    Unused,
    /// None ever did. Others than those fields may hold its address.
    NeverNamed,
}

impl FileState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Named, Self::Unused, Self::NeverNamed];

    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Unused => "unused",
            Self::NeverNamed => "never_named",
        }
    }
}

/// Which files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileQuery {
    /// With this text in what their senders call them, in small or capital letters, or with this
    /// name.
    pub text: Option<String>,
    /// Sent by this one.
    pub owner: Option<String>,
    /// Of a type that begins so: `image/`.
    pub media_type: Option<String>,
    /// Named so by documents.
    pub state: Option<FileState>,
    /// Private ones, or those that are not.
    pub private: Option<bool>,
}

impl FileQuery {
    pub(crate) fn filter(&self) -> Filter {
        let is = |field: &str, literal| compare(field, Operator::In(vec![literal]));
        let text = |text: &str| Literal::Text(text.to_owned());
        let not = |filter| Filter::Not(Box::new(filter));
        let mut filters = Vec::new();
        if let Some(asked) = &self.text {
            let pattern = format!("%{}%", like_escaped(asked));
            let original = compare("original", Operator::Like { pattern, ignore_case: true });
            filters.push(match is_upload_name(asked) {
                true => Filter::Or(vec![original, is("id", text(asked))]),
                false => original,
            });
        }
        if let Some(owner) = &self.owner {
            filters.push(is("owner", text(owner)));
        }
        if let Some(beginning) = &self.media_type {
            let pattern = format!("{}%", like_escaped(beginning));
            filters.push(compare("media_type", Operator::Like { pattern, ignore_case: true }));
        }
        let claimed = || is("claimed", Literal::Bool(true));
        let in_use = || compare("unused_us", Operator::Null);
        match self.state {
            None => {}
            Some(FileState::NeverNamed) => filters.push(not(claimed())),
            Some(FileState::Named) => filters.extend([claimed(), in_use()]),
            Some(FileState::Unused) => filters.extend([claimed(), not(in_use())]),
        }
        let private = || is("private", Literal::Bool(true));
        match self.private {
            None => {}
            Some(true) => filters.push(private()),
            Some(false) => filters.push(not(private())),
        }
        Filter::And(filters)
    }
}

fn compare(field: &str, operator: Operator) -> Filter {
    let path = FieldPath::parse(field).expect("the fields of this crate are valid");
    Filter::Compare(Comparison { path, operator })
}
