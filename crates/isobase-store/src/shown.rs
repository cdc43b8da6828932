//! Documents as callers see them: without what their schema never shows.

use isobase_engine::WriteReport;
use isobase_types::{Change, CollectionName, Document, FieldPath, Filter, KeptText, Query};

use crate::{Store, StoreError, told::Told};

impl Store {
    /// Refuses to choose fields of documents that are never shown.
    ///
    /// # Errors
    /// [`StoreError::WriteOnlyField`], or when the engine fails.
    pub async fn check_fields(
        &self,
        collection: &CollectionName,
        fields: &[FieldPath],
    ) -> Result<(), StoreError> {
        if fields.is_empty() {
            return Ok(());
        }
        let rules = self.schemas.rules(&*self.engine, collection).await?;
        let hidden =
            fields.iter().find(|it| rules.as_ref().is_some_and(|rules| rules.is_hidden(it)));
        match hidden {
            Some(field) => Err(StoreError::WriteOnlyField {
                collection: collection.clone(),
                field: field.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses a question that would tell of what is never shown.
    pub(crate) async fn check_query(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<(), StoreError> {
        if self.is_whole() {
            return Ok(());
        }
        match self.schemas.rules(&*self.engine, collection).await? {
            Some(rules) if rules.hides() => rules.check_query(collection, query),
            _ => Ok(()),
        }
    }

    /// The same of a filter alone.
    pub(crate) async fn check_filter(
        &self,
        collection: &CollectionName,
        filter: &Filter,
    ) -> Result<(), StoreError> {
        if self.is_whole() {
            return Ok(());
        }
        match self.schemas.rules(&*self.engine, collection).await? {
            Some(rules) if rules.hides() => rules.check_filter(collection, filter),
            _ => Ok(()),
        }
    }

    /// Removes the fields that are never shown.
    pub(crate) async fn hide(
        &self,
        collection: &CollectionName,
        documents: &mut [Document],
    ) -> Result<(), StoreError> {
        if documents.is_empty() || self.is_whole() {
            return Ok(());
        }
        if let Some(rules) = self.schemas.rules(&*self.engine, collection).await? {
            documents.iter_mut().for_each(|document| rules.hide(&mut document.body));
        }
        Ok(())
    }

    /// The same of the bodies that changes keep.
    pub(crate) async fn hide_in_changes(&self, changes: &mut [Change]) -> Result<(), StoreError> {
        if self.is_whole() {
            return Ok(());
        }
        for change in changes {
            let KeptText::Text(body) = &mut change.kept.body else { continue };
            if let Some(rules) = self.schemas.rules(&*self.engine, &change.collection).await?
                && rules.hides()
            {
                let mut shown = std::mem::take(body).into_string();
                rules.hide(&mut shown);
                *body = shown.into();
            }
        }
        Ok(())
    }

    /// Gives the report of a batch of one the body that its document has, as it is shown.
    pub(crate) async fn tell(&self, told: Option<Told>, report: &mut WriteReport) {
        let Some(Told { collection, rules, sent, mut prepared }) = told else { return };
        let Some(Ok(written)) = report.outcomes.first_mut() else { return };
        if report.replayed && sent.is_some() {
            // What was made for the document is in the document only. Where that has changed since
            // or cannot be read, the answer says what was sent: the write happened.
            let found = self.engine.get(&collection, &written.id).await.ok().flatten();
            let same = found.filter(|found| found.revision == written.revision);
            written.body = same.map(|found| found.body);
            prepared = sent.map(|sent| rules.without_read_only(&sent));
        }
        written.body = written.body.take().or(prepared);
        if let Some(body) = written.body.as_mut().filter(|_| !self.is_whole()) {
            rules.hide(body);
        }
    }
}
