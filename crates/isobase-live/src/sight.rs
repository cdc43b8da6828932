//! Who may see what.

use std::sync::Arc;

use isobase_store::{Caller, Right, RuleAction, RuleBook};
use isobase_types::{Change, CollectionName, FieldPath, Filter, Timestamp};

/// The view that somebody has of a collection. The rules are asked at every event, with the documents
/// of that event.
#[derive(Clone, Debug)]
pub struct Sight {
    rules: Arc<RuleBook>,
    caller: Caller,
    collection: CollectionName,
    /// Two of one collection with equal keys see the same.
    key: Box<str>,
}

/// Whether a document is seen; `before` is none when the feed did not keep what tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) before: Option<bool>,
    pub(crate) after: bool,
}

impl Sight {
    /// The view that a caller has of a collection under the rules.
    #[must_use]
    pub fn new(rules: Arc<RuleBook>, caller: Caller, collection: CollectionName) -> Self {
        let key = key(&rules, &caller, &collection);
        Self { rules, caller, collection, key }
    }

    /// Whether nothing is seen now, whatever the documents hold.
    #[must_use]
    pub fn is_blind(&self, now: Timestamp) -> bool {
        self.right(now) == Right::Nothing
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The view of a change; `body` is that of the document after it.
    pub(crate) fn of(&self, change: &Change, body: Option<&str>, now: Timestamp) -> Seen {
        let (right, former) = (self.right(now), change.kept.former.text());
        let before = match (&right, &change.id) {
            (Right::Where(filter), Some(id)) => match former {
                Some(former) => Some(filter.matches(former, id)),
                None => only_id(filter).then(|| filter.matches("{}", id)),
            },
            (right, _) => Some(*right != Right::Nothing),
        };
        let after = match (body, &change.id) {
            (Some(body), Some(id)) => right.reaches(body, id),
            _ => false,
        };
        Seen { before, after }
    }

    /// The feed finds documents and shows them: both rules hold.
    fn right(&self, now: Timestamp) -> Right {
        let right = |action| self.rules.right(&self.collection, action, &self.caller, now);
        right(RuleAction::List).and(right(RuleAction::View))
    }
}

/// A filter by id alone needs no field.
fn only_id(filter: &Filter) -> bool {
    filter.fields().iter().all(|path: &&FieldPath| path.is_id())
}

/// What the rules look at of a caller; those of whom it is equal see the same.
fn key(rules: &RuleBook, caller: &Caller, collection: &CollectionName) -> Box<str> {
    if caller.reads_everything() {
        return "service".into();
    }
    let seen = [RuleAction::List, RuleAction::View].into_iter();
    let rules = rules.rules(collection);
    let mut texts = seen.filter_map(|action| rules?.rule(action)).map(|rule| rule.as_text());
    if texts.any(|text| text.contains("@user")) {
        return format!("{caller:?}").into();
    }
    if *caller == Caller::open() { "open".into() } else { "anybody".into() }
}

#[cfg(test)]
mod tests {
    use isobase_store::{Rule, Rules, Unruled};
    use isobase_types::{DocumentId, User};

    use super::*;

    fn sight(rule: Option<&str>, caller: Caller) -> Sight {
        let name = CollectionName::new("items").unwrap();
        let rules = rule.map(|text| {
            let rule = Rule::parse(RuleAction::List, text).unwrap();
            Rules::default().with(RuleAction::List, rule)
        });
        let book = RuleBook::new(Unruled::Open).with(name.clone(), rules.unwrap_or_default());
        Sight::new(Arc::new(book), caller, name)
    }

    #[test]
    fn those_who_see_the_same_are_asked_once() {
        let user = |id| Caller::account(Arc::new(User::new(DocumentId::Integer(id), "a", "user")));
        let (one, other) = (|| user(1), || user(2));
        let mine = Some("owner=@user.id");
        assert_ne!(sight(mine, one()).key(), sight(mine, other()).key());
        assert_eq!(sight(mine, one()).key(), sight(mine, one()).key());
        for rule in [None, Some("public=true")] {
            assert_eq!(sight(rule, one()).key(), sight(rule, other()).key());
            assert_ne!(sight(rule, one()).key(), sight(rule, Caller::service()).key());
        }
    }
}
