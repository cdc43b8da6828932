//! Fields that nobody sees.

use isobase_types::{Document, FieldPath, Filter, Order, json};

use crate::{SchemaInfo, StoreError, cascade::without};

/// The fields of a collection that are written and never shown: `writeOnly` of its schema.
#[derive(Debug, Default)]
pub(super) struct Hidden(Vec<FieldPath>);

impl Hidden {
    pub(super) fn of(schema: Option<SchemaInfo>) -> Self {
        let Some(info) = schema else { return Self::default() };
        let fields = info.schema.fields().iter().filter(|field| field.write_only);
        Self(fields.map(|field| field.path.clone()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses a question whose answer would tell of them.
    pub(super) fn refuse(&self, filter: &Filter, order: &Order) -> Result<(), StoreError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let asked = filter.fields().into_iter().chain(order.0.iter().map(|field| &field.path));
        match asked.into_iter().find(|asked| self.0.iter().any(|hidden| touch(hidden, asked))) {
            Some(field) => Err(StoreError::HiddenField { field: field.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn remove_from(&self, body: &mut String) {
        for field in &self.0 {
            if json::find(body, field).is_some() {
                *body = json::merge_patch(body, &without(field));
            }
        }
    }

    pub(super) fn remove_from_all(&self, documents: &mut [Document]) {
        if !self.0.is_empty() {
            documents.iter_mut().for_each(|document| self.remove_from(&mut document.body));
        }
    }
}

/// Whether one of two paths leads to the other.
fn touch(a: &FieldPath, b: &FieldPath) -> bool {
    a.steps().iter().zip(b.steps()).all(|(a, b)| a == b)
}
