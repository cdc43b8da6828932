//! The annotations of fields in the collections that one batch writes to.

use std::{collections::HashMap, sync::Arc};

use isobase_engine::{
    Action, Current, Others, ProposedWrite, Rejection, WriteBatch, WriteCheck, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId, json::Patch};

use super::{FieldRules, Schema, field_rules::Generated};
use crate::StoreError;

/// Travels with a batch; see [`isobase_engine::WriteCheck::amend`].
#[derive(Clone, Debug)]
pub(crate) struct FieldsCheck {
    rules: Vec<(CollectionName, Arc<FieldRules>)>,
    made: Generated,
    /// A document of a batch is put as a whole, and something of it stays as it was.
    needs_before: bool,
    /// Patches of the store itself, by their documents: what they do stays.
    own: HashMap<(CollectionName, DocumentId), String>,
}

impl FieldsCheck {
    /// Makes what a batch creates whole; `None` if no schema says anything of fields.
    ///
    /// # Errors
    /// When a patch would tell of what is never shown.
    pub(crate) fn prepare(
        batch: &mut WriteBatch,
        schemas: &[(CollectionName, Schema)],
        user: Option<&DocumentId>,
    ) -> Result<Option<Self>, StoreError> {
        let rules = schemas
            .iter()
            .filter_map(|(name, schema)| Some((name.clone(), Arc::clone(schema.rules()?))));
        let rules: Vec<_> = rules.collect();
        if rules.is_empty() {
            return Ok(None);
        }
        let (made, own) = (Generated::now(user.cloned()), HashMap::new());
        let mut check = Self { rules, made, needs_before: false, own };
        for (place, operation) in batch.operations.iter_mut().enumerate() {
            let Some(rules) = check.rules_of(&operation.collection).cloned() else { continue };
            match &mut operation.action {
                Action::Create { body } => *body = rules.created(body, &check.made, &place),
                Action::Put { .. } => check.needs_before |= rules.needs_before(),
                Action::Patch { patch: Patch::Json(patch), .. } => {
                    rules.check_patch(&operation.collection, patch)?;
                }
                Action::Patch { .. } | Action::Delete { .. } => {}
            }
        }
        Ok(Some(check))
    }

    /// The same beside operations of the store itself.
    pub(crate) fn beside(&self, operations: &[WriteOperation]) -> Self {
        let patch = |it: &WriteOperation| match &it.action {
            Action::Patch { id, patch: Patch::Merge(text) } => {
                Some(((it.collection.clone(), id.clone()), text.clone()))
            }
            _ => None,
        };
        Self { own: operations.iter().filter_map(patch).collect(), ..self.clone() }
    }

    /// The statement of a schema about the fields of a collection.
    pub(crate) fn rules_of(&self, collection: &CollectionName) -> Option<&Arc<FieldRules>> {
        self.rules.iter().find(|(name, _)| name == collection).map(|(_, rules)| rules)
    }
}

impl WriteCheck for FieldsCheck {
    fn needs_before(&self) -> bool {
        self.needs_before
    }

    fn shows(&self, _collection: &CollectionName, _id: &DocumentId, _: Current<'_>) -> bool {
        true
    }

    fn amend(
        &self,
        operation: &WriteOperation,
        before: Option<Current<'_>>,
        after: &str,
    ) -> Option<String> {
        let WriteOperation { collection, action, .. } = operation;
        let rules = self.rules_of(collection)?;
        let amended = match (before, action) {
            (None, Action::Put { id, .. }) => rules.created(after, &self.made, &(collection, id)),
            (Some(before), Action::Put { .. }) => rules.changed(before.body, after, true),
            (Some(before), Action::Patch { id, patch }) => {
                // The caller may patch the same document in the same batch.
                let own = self.own.get(&(collection.clone(), id.clone()));
                if own.is_some_and(|own| matches!(patch, Patch::Merge(text) if text == own)) {
                    return None;
                }
                rules.changed(before.body, after, false)
            }
            // A create was made whole before it came here.
            _ => return None,
        };
        (amended != after).then_some(amended)
    }

    fn check(&self, _: &ProposedWrite<'_>, _: &mut dyn Others) -> Result<(), Rejection> {
        Ok(())
    }
}
