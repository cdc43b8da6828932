//! The rules of a write, asked inside the commit.

use std::sync::Arc;

use isobase_engine::{Current, Others, ProposedWrite, Rejection, WriteBatch, WriteCheck};
use isobase_types::{ChangeKind, CollectionName, DocumentId, NewDocument, Timestamp};

use super::named::Named;
use crate::{
    Caller, Right, Rule, RuleAction, RuleBook,
    rules::{Found, bind},
};

/// What the rules say of a batch. It binds what the caller asked for; what a deletion does to
/// documents that refer to what it deletes is the schema's matter, and not the caller's.
#[derive(Debug)]
pub(super) struct RuleCheck {
    collections: Vec<(CollectionName, Bound)>,
    named: Named,
    caller: Caller,
    now: Timestamp,
}

/// The rules of one collection for one caller.
#[derive(Debug)]
struct Bound {
    view: Right,
    create: Decision,
    update: Decision,
    delete: Right,
}

/// The statement of a rule about a write.
#[derive(Debug)]
enum Decision {
    /// The same whatever is written.
    Right(Right),
    /// It looks at what is written.
    New(Rule),
}

impl Decision {
    fn of(found: Found<'_>, caller: &Caller, now: Timestamp) -> Self {
        match found {
            Found::Everything => Self::Right(Right::All),
            Found::Nothing => Self::Right(Right::Nothing),
            Found::Rule(rule) if rule.template().reads_new() => Self::New(rule.clone()),
            Found::Rule(rule) => Self::Right(Right::of(bind(rule, caller, now, None))),
        }
    }

    fn is_all(&self) -> bool {
        matches!(self, Self::Right(Right::All))
    }
}

/// Whether no document would let the caller do it.
pub(super) fn is_hopeless(
    rules: &RuleBook,
    collection: &CollectionName,
    action: RuleAction,
    caller: &Caller,
    now: Timestamp,
) -> bool {
    let found = rules.find(collection, action, caller);
    matches!(Decision::of(found, caller, now), Decision::Right(Right::Nothing))
}

impl RuleCheck {
    /// The check of a batch; `None` if no rule says anything about it.
    pub(super) fn of(
        rules: &Arc<RuleBook>,
        caller: &Caller,
        now: Timestamp,
        batch: &WriteBatch,
    ) -> Option<Self> {
        if caller.is_service() {
            return None;
        }
        let mut collections: Vec<(CollectionName, Bound)> = Vec::new();
        for operation in &batch.operations {
            let name = &operation.collection;
            if collections.last().is_some_and(|(last, _)| last == name)
                || collections.iter().any(|(known, _)| known == name)
            {
                continue;
            }
            let decision = |action| Decision::of(rules.find(name, action, caller), caller, now);
            let bound = Bound {
                view: rules.right(name, RuleAction::View, caller, now),
                create: decision(RuleAction::Create),
                update: decision(RuleAction::Update),
                delete: rules.right(name, RuleAction::Delete, caller, now),
            };
            collections.push((name.clone(), bound));
        }
        if collections.iter().all(|(_, bound)| bound.allows_all()) {
            return None;
        }
        let named = batch.operations.iter().filter_map(|operation| {
            let id = operation.action.id()?;
            Some((operation.collection.clone(), id.clone()))
        });
        let named = named.collect();
        Some(Self { collections, named, caller: caller.clone(), now })
    }

    /// The rules that bind an operation; `None` where the caller did not ask for it.
    fn bound(&self, collection: &CollectionName, id: Option<&DocumentId>) -> Option<&Bound> {
        if let Some(id) = id
            && !self.named.contains(&(collection.clone(), id.clone()))
        {
            return None;
        }
        self.collections.iter().find(|(name, _)| name == collection).map(|(_, bound)| bound)
    }

    fn allows_create(&self, bound: &Bound, id: Option<&DocumentId>, after: &str) -> bool {
        match &bound.create {
            Decision::Right(right) => right.reaches_new(after, id),
            Decision::New(rule) => {
                let new = NewDocument { id, before: after, after };
                let filter = bind(rule, &self.caller, self.now, Some(new));
                Right::of(filter).reaches_new(after, id)
            }
        }
    }

    /// Without a word about the new document a rule holds of it as of the old one: no one writes a
    /// document out of their own reach.
    fn allows_update(&self, bound: &Bound, id: &DocumentId, before: &str, after: &str) -> bool {
        match &bound.update {
            Decision::Right(right) => right.reaches(before, id) && right.reaches(after, id),
            Decision::New(rule) => {
                let new = NewDocument { id: Some(id), before, after };
                bind(rule, &self.caller, self.now, Some(new)).matches(before, id)
            }
        }
    }
}

impl Bound {
    fn allows_all(&self) -> bool {
        self.view == Right::All
            && self.create.is_all()
            && self.update.is_all()
            && self.delete == Right::All
    }
}

impl WriteCheck for RuleCheck {
    fn needs_before(&self) -> bool {
        true
    }

    fn shows(&self, collection: &CollectionName, id: &DocumentId, document: Current<'_>) -> bool {
        self.bound(collection, Some(id)).is_none_or(|bound| bound.view.reaches(document.body, id))
    }

    fn check(&self, write: &ProposedWrite<'_>, _: &mut dyn Others) -> Result<(), Rejection> {
        let Some(bound) = self.bound(write.collection, write.id) else { return Ok(()) };
        let action = match write.kind() {
            ChangeKind::Created => RuleAction::Create,
            ChangeKind::Updated => RuleAction::Update,
            ChangeKind::Deleted | ChangeKind::CollectionDeleted => RuleAction::Delete,
        };
        let allowed = match (write.before, write.after, write.id) {
            (None, Some(after), id) => self.allows_create(bound, id, after),
            (Some(before), Some(after), Some(id)) => {
                self.allows_update(bound, id, before.body, after)
            }
            (Some(before), None, Some(id)) => bound.delete.reaches(before.body, id),
            // An engine proposes nothing else.
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        // A caller that may store nothing at all is told the same of a free id as of one whose document
        // it may not see.
        if write.id.is_some()
            && matches!(bound.create, Decision::Right(Right::Nothing))
            && action == RuleAction::Create
        {
            return Err(Rejection::NotFound);
        }
        Err(forbidden(write.collection, action))
    }
}

fn forbidden(collection: &CollectionName, action: RuleAction) -> Rejection {
    let message = format!(
        "the {action} rule of the collection {:?} does not allow this",
        collection.as_str()
    );
    Rejection::Forbidden { code: format!("{action}_rule"), message }
}
