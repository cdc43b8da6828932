//! One rule.

use std::{fmt, str::FromStr};

use isobase_types::{FieldPath, FilterTemplate, InvalidTemplate};

/// The action that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleAction {
    /// To find documents: in listings, counts and the change feed.
    List,
    /// To read a document.
    View,
    /// To store a new one.
    Create,
    /// To change one.
    Update,
    /// To delete one.
    Delete,
}

impl RuleAction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::List, Self::View, Self::Create, Self::Update, Self::Delete];

    /// The action in one word: `list`, `view`, `create`, `update` or `delete`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::View => "view",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for RuleAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuleAction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(|| {
            format!("there is no action {text:?}; use list, view, create, update or delete")
        })
    }
}

/// Who may do one thing with which documents of a collection: a filter with facts about who
/// asks, as [`FilterTemplate`] reads it. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule(FilterTemplate);

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// The text cannot be read.
    #[error(transparent)]
    Text(#[from] InvalidTemplate),
    /// A rule that is asked of documents as they are looks at one that is written.
    #[error(
        "@new is a document as it is written, which only the rules create and update can look \
         at; the fields of the document in a {action} rule stand by themselves"
    )]
    New {
        /// The action that the rule is about.
        action: RuleAction,
    },
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(action: RuleAction, text: &str) -> Result<Self, InvalidRule> {
        let template = FilterTemplate::parse(text)?;
        let writes = matches!(action, RuleAction::Create | RuleAction::Update);
        if template.reads_new() && !writes {
            return Err(InvalidRule::New { action });
        }
        Ok(Self(template))
    }

    /// The text it was read from.
    #[must_use]
    pub fn as_text(&self) -> &str {
        self.0.as_text()
    }

    pub(crate) fn template(&self) -> &FilterTemplate {
        &self.0
    }

    /// The fields that it names, of documents as they are and as they would become.
    #[must_use]
    pub fn named_fields(&self) -> Vec<FieldPath> {
        self.0.named_fields()
    }

    /// The fields of documents that it looks at, without the id.
    pub(crate) fn fields(&self) -> impl Iterator<Item = FieldPath> {
        self.0.fields().into_iter().filter(|path| !path.is_id())
    }
}
