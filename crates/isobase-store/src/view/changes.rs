//! The change feed as one caller sees it.

use isobase_types::{Change, ChangeKind, CollectionName, DocumentId, Filter, Kept, KeptText};

use super::View;
use crate::{FeedPage, FeedRequest, Right, RuleAction, Since, StoreError};

/// Most entries of the feed that one request looks through for those that the caller may see.
///
/// Ours: half a second of reading. A page that ends here may be empty and says that there is more.
const EXAMINED_MAX: usize = 20_000;

/// A change as a caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    No,
    /// This happened: a document that came within its reach was created, and one that left it
    /// deleted.
    As(ChangeKind),
    /// The feed did not keep what tells: the rule is younger than the change.
    Unknown,
}

impl View {
    /// A change as the caller sees it, by what its entry keeps
    /// ([`RuleBook::keep`](crate::RuleBook::keep)): rights at the time of the change.
    ///
    /// A deletion of a whole collection is shown to all who might have found a document of it.
    #[must_use]
    pub fn shows_change(&self, change: &Change) -> Shown {
        let (filter, id) = match (self.feed_right(&change.collection), &change.id) {
            (Right::Nothing, _) => return Shown::No,
            (Right::All, _) | (Right::Where(_), None) => return Shown::As(change.kind),
            (Right::Where(filter), Some(id)) => (filter, id),
        };
        let after = reached(&filter, &change.kept.body, id);
        match change.kind {
            ChangeKind::Created => match after {
                Some(true) => Shown::As(ChangeKind::Created),
                Some(false) => Shown::No,
                None => Shown::Unknown,
            },
            ChangeKind::Updated => match (reached(&filter, &change.kept.former, id), after) {
                (_, None) => Shown::Unknown,
                (Some(false), Some(true)) => Shown::As(ChangeKind::Created),
                (_, Some(true)) => Shown::As(ChangeKind::Updated),
                (Some(true), Some(false)) => Shown::As(ChangeKind::Deleted),
                (_, Some(false)) => Shown::No,
            },
            ChangeKind::Deleted => match reached(&filter, &change.kept.former, id) {
                Some(true) => Shown::As(ChangeKind::Deleted),
                _ => Shown::No,
            },
            ChangeKind::CollectionDeleted => Shown::As(change.kind),
        }
    }

    /// A page of the changes that the caller may see; see [`Store::changes`](crate::Store::changes).
    ///
    /// Of a change whose entry keeps too little, the document as it is now decides.
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`] when it may find nothing in the collection it asks for; else as
    /// there.
    pub async fn changes(&self, request: FeedRequest) -> Result<FeedPage, StoreError> {
        if let Some(collection) = &request.collection
            && self.feed_right(collection) == Right::Nothing
        {
            return Err(self.not_allowed(collection, RuleAction::List));
        }
        if self.caller.reads_everything() {
            return self.store.changes(request).await;
        }
        let max = self.store.options().changes_page_max;
        let limit = request.limit.clamp(1, max) as usize;
        // Bodies tell who may see a change; a caller that did not ask for them is not given them.
        let mut part = FeedRequest { bodies: true, ..request.clone() };
        let (mut shown, mut examined) = (Vec::new(), 0);
        loop {
            let mut page = self.whole().changes(part.clone()).await?;
            examined += page.changes.len();
            let mut changes = std::mem::take(&mut page.changes).into_iter();
            while let Some(change) = changes.next() {
                let place = page.place_of(&change);
                if let Some(change) = self.seen(change, request.bodies).await? {
                    shown.push(change);
                    if shown.len() == limit {
                        // What was not looked at may be the caller's too.
                        let (next, more) = match changes.len() {
                            0 => (page.next, page.more),
                            _ => (place, true),
                        };
                        return Ok(FeedPage { changes: shown, next, more });
                    }
                }
            }
            if !page.more || examined >= EXAMINED_MAX {
                return Ok(FeedPage { changes: shown, next: page.next, more: page.more });
            }
            part.since = Since::Place(page.next);
            part.limit = max;
        }
    }

    /// A change as the caller sees it, if it does.
    async fn seen(&self, mut change: Change, bodies: bool) -> Result<Option<Change>, StoreError> {
        let kind = match self.shows_change(&change) {
            Shown::No => return Ok(None),
            Shown::As(kind) => kind,
            Shown::Unknown => {
                let Some(id) = &change.id else { return Ok(None) };
                let now = self.store.stored(&change.collection, id).await?;
                let right = self.feed_right(&change.collection);
                if !now.is_some_and(|document| right.reaches(&document.body, id)) {
                    return Ok(None);
                }
                change.kind
            }
        };
        if kind == ChangeKind::Deleted && change.kind != kind {
            change.revision = None;
            change.kept.body = KeptText::None;
        }
        change.kind = kind;
        change.kept = Kept { former: KeptText::None, ..change.kept };
        if !bodies {
            change.kept = change.kept.without_body();
        } else {
            self.store.hide_in_changes(std::slice::from_mut(&mut change)).await?;
        }
        Ok(Some(change))
    }

    /// The feed finds documents and shows them: both rules hold.
    fn feed_right(&self, collection: &CollectionName) -> Right {
        let list = self.right(collection, RuleAction::List);
        list.and(self.right(collection, RuleAction::View))
    }
}

/// Whether a document whose fields were kept is within reach; `None` when they were not kept.
fn reached(filter: &Filter, kept: &KeptText, id: &DocumentId) -> Option<bool> {
    match kept {
        KeptText::Text(body) => Some(filter.matches(body, id)),
        // A filter by id alone needs no field.
        KeptText::None | KeptText::Omitted if filter.fields().iter().all(|path| path.is_id()) => {
            Some(filter.matches("{}", id))
        }
        KeptText::None | KeptText::Omitted => None,
    }
}
