//! Reading a database, whether it is opened here or behind a service.

use std::collections::VecDeque;

use anyhow::Result;
use isobase::types::{
    CollectionName, Count, DocumentId, Filter, Order, PageRequest, Query,
    json::{Raw, canonicalise_document},
};

use crate::{service_failure::client_failure, target::Target};

/// Documents that are read at a time.
const PAGE: u32 = 500;

/// A document as far as it is looked at.
pub(super) struct Read {
    pub(super) id: DocumentId,
    pub(super) body: String,
}

/// The documents of a collection, some at a time.
pub(super) struct Documents<'a> {
    target: &'a Target,
    collection: &'a CollectionName,
    after: Option<String>,
    waiting: VecDeque<Read>,
    ended: bool,
}

impl<'a> Documents<'a> {
    pub(super) fn of(target: &'a Target, collection: &'a CollectionName) -> Self {
        Self { target, collection, after: None, waiting: VecDeque::new(), ended: false }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Read>> {
        while self.waiting.is_empty() && !self.ended {
            self.fetch().await?;
        }
        Ok(self.waiting.pop_front())
    }

    async fn fetch(&mut self) -> Result<()> {
        match self.target {
            Target::Direct { store, .. } => {
                let page = PageRequest::Cursor { limit: PAGE, after: self.after.take() };
                let (filter, order) = (Filter::all(), Order::default());
                let query = Query { filter, order, page, fields: Vec::new(), count: Count::None };
                let page = store.list(self.collection, &query).await?;
                let read = page.documents.into_iter().map(|it| Read { id: it.id, body: it.body });
                self.waiting.extend(read);
                self.after = page.next.map(|next| next.cursor().to_owned());
            }
            Target::Service(client) => {
                let limit = PAGE.to_string();
                let mut parameters = vec![("limit", limit.as_str())];
                parameters.extend(self.after.as_deref().map(|after| ("cursor", after)));
                let page = client.list(self.collection.as_str(), &parameters).await;
                let page = page.map_err(client_failure)?;
                self.waiting.extend(page.documents.iter().filter_map(|text| sent(text)));
                self.after = page.next;
            }
        }
        self.ended = self.after.is_none();
        Ok(())
    }
}

/// A document as a service sends it: the id is its last member.
fn sent(text: &str) -> Option<Read> {
    let (_, id) = Raw::new(text).members().last()?;
    let id = id.as_str_decoded().unwrap_or_else(|| id.as_text().into());
    let id = DocumentId::parse(&id).ok()?;
    Some(Read { id, body: canonicalise_document(text.as_bytes()).ok()? })
}

/// The declared indexes of a collection, each as its definition is written.
pub(super) async fn indexes(target: &Target, collection: &CollectionName) -> Result<Vec<String>> {
    match target {
        Target::Direct { store, .. } => {
            let indexes = store.indexes(collection).await?;
            Ok(indexes.into_iter().map(|index| index.definition.to_string()).collect())
        }
        Target::Service(client) => {
            let indexes = client.indexes(collection.as_str()).await.map_err(client_failure)?;
            let text = |fields: String, unique: bool| match unique {
                true => format!("unique({fields})"),
                false => fields,
            };
            Ok(indexes.into_iter().map(|index| text(index.fields, index.unique)).collect())
        }
    }
}

/// The names of the collections that have a document.
pub(super) async fn collections(target: &Target) -> Result<Vec<String>> {
    match target {
        Target::Direct { store, .. } => {
            let collections = store.collections().await?;
            Ok(collections.into_iter().map(|it| it.name.as_str().to_owned()).collect())
        }
        Target::Service(client) => Ok(client.collections().await.map_err(client_failure)?),
    }
}
