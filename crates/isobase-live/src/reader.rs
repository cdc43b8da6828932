//! Reading the feed.

use std::{borrow::Cow, sync::Arc};

use isobase_store::{Caller, FeedPage, FeedRequest, Since, Store, StoreError, View};
use isobase_types::{Change, ChangeKind};

/// Changes of the first page, and most of any.
const CHANGES_FIRST: u32 = 16;
const CHANGES_MAX: u32 = 256;

/// What a page should have in texts: the next one has fewer changes when this one had more.
const PAGE_BYTES: usize = 1 << 20;

/// Reads the feed page by page, with what entries keep of their documents.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) store: Store,
    /// Knows the fields that are never shown.
    view: View,
    limit: u32,
}

impl Reader {
    pub(crate) fn new(store: Store) -> Self {
        let view = View::new(store.clone(), Arc::default(), Caller::anonymous());
        Self { store, view, limit: CHANGES_FIRST }
    }

    /// The changes after a place.
    pub(crate) async fn read(&mut self, since: Since) -> Result<FeedPage, StoreError> {
        let request = FeedRequest { since, collection: None, limit: self.limit, bodies: true };
        let page = self.store.changes(request).await?;
        let bytes: usize = page.changes.iter().map(|change| change.kept.bytes()).sum();
        if bytes > PAGE_BYTES {
            self.limit = (self.limit / 4).max(1);
        } else if bytes < PAGE_BYTES / 4 {
            self.limit = (self.limit * 2).min(CHANGES_MAX);
        }
        Ok(page)
    }

    /// The document after a change. An entry that keeps no body is of before bodies were kept, or
    /// its body was too much for one commit: then it is the document as it is now. If that is
    /// gone, its deletion is told later.
    pub(crate) async fn row(&self, change: &Change) -> Result<Option<Row>, StoreError> {
        let whole: Box<str> = match change.kept.body.text() {
            Some(text) => text.into(),
            None => {
                let leaves_one = matches!(change.kind, ChangeKind::Created | ChangeKind::Updated);
                let Some(id) = change.id.as_ref().filter(|_| leaves_one) else { return Ok(None) };
                match self.store.get(&change.collection, id).await? {
                    Some(document) => document.body.into(),
                    None => return Ok(None),
                }
            }
        };
        let shown = match self.view.shown(&change.collection, &whole).await? {
            Cow::Borrowed(_) => None,
            Cow::Owned(shown) => Some(shown.into()),
        };
        Ok(Some(Row { whole, shown }))
    }
}

/// A document after a change.
#[derive(Debug)]
pub(crate) struct Row {
    /// What rules and filters look at.
    pub(crate) whole: Box<str>,
    /// Without the fields that no one is shown, if it has some.
    shown: Option<Box<str>>,
}

impl Row {
    /// The message.
    pub(crate) fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.whole)
    }
}

/// Whether what is after a place can never be read again.
pub(crate) fn is_gone(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::ChangesGone { .. }
            | StoreError::ForeignPlace(_)
            | StoreError::FutureSequence { .. }
    )
}
