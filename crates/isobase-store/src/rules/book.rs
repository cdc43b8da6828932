//! The rules of all collections.

use std::collections::BTreeMap;

use isobase_engine::Keep;
use isobase_types::{CollectionName, Facts, Filter, NewDocument, Timestamp};

use super::{Caller, Right, Rule, RuleAction};
use crate::Store;

/// The rules of one collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules(BTreeMap<RuleAction, Rule>);

impl Rules {
    /// The same with a rule, in place of one that was there.
    #[must_use]
    pub fn with(mut self, action: RuleAction, rule: Rule) -> Self {
        self.0.insert(action, rule);
        self
    }

    /// The rule that is said for an action, if there is one.
    #[must_use]
    pub fn own(&self, action: RuleAction) -> Option<&Rule> {
        self.0.get(&action)
    }

    /// The rule that holds for an action. Of `list` and `view`, one stands for the other where
    /// only one is there.
    #[must_use]
    pub fn rule(&self, action: RuleAction) -> Option<&Rule> {
        let other = match action {
            RuleAction::List => Some(RuleAction::View),
            RuleAction::View => Some(RuleAction::List),
            RuleAction::Create | RuleAction::Update | RuleAction::Delete => None,
        };
        self.0.get(&action).or_else(|| self.0.get(&other?))
    }
}

/// The rights of everybody in declared collections where no rule says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unruled {
    /// Everything: on an address that only this machine reaches.
    Open,
    /// Nothing.
    #[default]
    Closed,
}

/// The rules of all collections of a service.
///
/// A collection is *declared* by having an entry, also one without rules. Collections that are not
/// declared belong to those whom no rule binds, and in an open service to everybody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleBook {
    collections: BTreeMap<CollectionName, Rules>,
    unruled: Unruled,
}

impl RuleBook {
    /// A book without a rule.
    #[must_use]
    pub fn new(unruled: Unruled) -> Self {
        Self { collections: BTreeMap::new(), unruled }
    }

    /// The same with another answer to what everybody may do where no rule says it.
    #[must_use]
    pub fn unruled(self, unruled: Unruled) -> Self {
        Self { unruled, ..self }
    }

    /// Whether there is any rule.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.collections.values().any(|rules| !rules.0.is_empty())
    }

    /// The same with a collection and its rules.
    #[must_use]
    pub fn with(mut self, collection: CollectionName, rules: Rules) -> Self {
        self.collections.insert(collection, rules);
        self
    }

    /// Whether no collection is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.collections.is_empty()
    }

    /// Declared collections and their rules, by name.
    pub fn collections(&self) -> impl Iterator<Item = (&CollectionName, &Rules)> {
        self.collections.iter()
    }

    /// The rules of a collection; `None` when it is not declared.
    #[must_use]
    pub fn rules(&self, collection: &CollectionName) -> Option<&Rules> {
        self.collections.get(collection)
    }

    /// The rights of anybody in declared collections, without an account and whatever a document
    /// holds: for the operator, who is told at the start.
    #[must_use]
    pub fn open_to_all(&self) -> Vec<(&CollectionName, Vec<RuleAction>)> {
        let anybody = Caller::anonymous();
        let now = Timestamp::default();
        let open = |collection| {
            RuleAction::ALL
                .into_iter()
                .filter(|action| self.right(collection, *action, &anybody, now) == Right::All)
                .collect()
        };
        self.collections
            .keys()
            .map(|collection| (collection, open(collection)))
            .filter(|(_, open): &(_, Vec<_>)| !open.is_empty())
            .collect()
    }

    /// Whether anybody may do something in a declared collection, in a service that only this
    /// machine reaches.
    #[must_use]
    pub fn trusts_place(&self) -> bool {
        let (anybody, now) = (Caller::anonymous(), Timestamp::default());
        let is_closed = |collection| {
            let right = |action| self.right(collection, action, &anybody, now);
            RuleAction::ALL.into_iter().all(|action| right(action) == Right::Nothing)
        };
        self.unruled == Unruled::Open && !self.collections.keys().all(is_closed)
    }

    /// The right of a caller to the documents of a collection as they are. A rule about the new
    /// document allows here what nothing else in it forbids: see [`RuleBook::rule_of_write`].
    #[must_use]
    pub fn right(
        &self,
        collection: &CollectionName,
        action: RuleAction,
        caller: &Caller,
        now: Timestamp,
    ) -> Right {
        match self.find(collection, action, caller) {
            Found::Everything => Right::All,
            Found::Nothing => Right::Nothing,
            Found::Rule(rule) => Right::of(bind(rule, caller, now, None)),
        }
    }

    /// The rule that binds a caller who writes, if there is one.
    pub(crate) fn find(
        &self,
        collection: &CollectionName,
        action: RuleAction,
        caller: &Caller,
    ) -> Found<'_> {
        let only_reads = matches!(action, RuleAction::List | RuleAction::View);
        if caller.is_service() || (only_reads && caller.reads_everything()) {
            return Found::Everything;
        }
        let Some(rules) = self.collections.get(collection) else {
            return if caller.is_open() { Found::Everything } else { Found::Nothing };
        };
        match (rules.rule(action), self.unruled) {
            (Some(rule), _) => Found::Rule(rule),
            (None, Unruled::Open) => Found::Everything,
            (None, Unruled::Closed) => Found::Nothing,
        }
    }

    /// The parts that the change feed must keep of a collection so that its changes can be shown to those
    /// who may see them: nothing where the rules look at no document.
    #[must_use]
    pub fn keep(&self, collection: &CollectionName) -> Keep {
        let Some(rules) = self.collections.get(collection) else { return Keep::default() };
        let seen = [RuleAction::List, RuleAction::View].into_iter();
        let rules: Vec<&Rule> = seen.filter_map(|action| rules.rule(action)).collect();
        let mut former: Vec<_> = rules.iter().flat_map(|rule| rule.fields()).collect();
        former.sort_unstable();
        former.dedup();
        Keep { bodies: !former.is_empty(), former }
    }

    /// Lets the change feed keep what [`RuleBook::keep`] says of every collection.
    pub fn keep_in(&self, store: &Store) {
        for collection in self.collections.keys() {
            let keep = self.keep(collection);
            if keep != Keep::default() {
                store.keep(collection, keep);
            }
        }
    }
}

/// What there is about an action.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Everything,
    Nothing,
    Rule(&'a Rule),
}

/// The filter that a rule is for somebody now.
pub(crate) fn bind(
    rule: &Rule,
    caller: &Caller,
    now: Timestamp,
    new: Option<NewDocument<'_>>,
) -> Filter {
    rule.template().bind(&Facts { user: caller.user(), now, new })
}
