//! One caller's view of a store under the rules.

mod changes;
mod check;
mod named;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use isobase_engine::{CollectionInfo, FeedPlace, OthersSeen, WriteBatch, WriteReport};
use isobase_types::{
    CollectionName, Count, Document, DocumentId, FieldPath, Filter, PageRequest, Query, Timestamp,
};

use crate::{
    Action, Atomicity, Caller, DocumentPage, IfMissing, PagePosition, Precondition, Rejection,
    Right, RuleAction, RuleBook, SchemaInfo, Store, StoreError, WriteOperation,
};

pub use changes::Shown;
use check::RuleCheck;

/// Documents that a deletion of a collection deletes at a time, where rules look at each.
const DELETE_PAGE: u32 = 500;

/// One caller's view of a store under the rules, for reads and writes. The same methods as the
/// [`Store`] has; whatever the rules do not let it see is not there. Cheap to make and to clone.
///
/// Time stands still in a view (`@now`): make one for each request.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) store: Store,
    rules: Arc<RuleBook>,
    caller: Caller,
    now: Timestamp,
}

impl View {
    /// The view that a caller has now.
    #[must_use]
    pub fn new(store: Store, rules: Arc<RuleBook>, caller: Caller) -> Self {
        Self::at(store, rules, caller, Timestamp::from_system_time(SystemTime::now()))
    }

    /// The view that a caller has at a time.
    #[must_use]
    pub fn at(store: Store, rules: Arc<RuleBook>, caller: Caller, now: Timestamp) -> Self {
        let store = match caller.user() {
            Some(user) => store.asked_by(Some(user.id().clone())),
            None => store,
        };
        Self { store, rules, caller, now }
    }

    /// The store below, for what is not about documents (limits, options, health).
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The same, with what is never shown: rules may look at it. Whatever leaves the view is hidden
    /// here.
    pub(crate) fn whole(&self) -> Store {
        self.store.whole()
    }

    /// The same, for documents that name only files of the caller, as the keeper of uploads writes
    /// their owners.
    fn writing(&self) -> Store {
        let store = self.store.clone();
        match (self.caller.is_bound(), self.caller.user()) {
            (true, Some(user)) => store.with_files_of(&format!("account:{}", user.id())),
            (true, None) => store.with_files_of("anonymous"),
            (false, _) => store,
        }
    }

    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The right of the caller to the documents of a collection.
    #[must_use]
    pub fn right(&self, collection: &CollectionName, action: RuleAction) -> Right {
        self.rules.right(collection, action, &self.caller, self.now)
    }

    /// Whether the caller may see a document.
    #[must_use]
    pub fn shows(&self, collection: &CollectionName, document: &Document) -> bool {
        self.right(collection, RuleAction::View).reaches(&document.body, &document.id)
    }

    /// The document with this id, if there is one that the caller may see.
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`] when it may see none of the collection; else as [`Store::get`].
    pub async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, StoreError> {
        let right = self.allowed(collection, RuleAction::View)?;
        let Some(mut document) = self.store.stored(collection, id).await? else { return Ok(None) };
        if !right.reaches(&document.body, &document.id) {
            return Ok(None);
        }
        self.hide(collection, std::slice::from_mut(&mut document)).await?;
        Ok(Some(document))
    }

    /// One page of a listing of what the caller may find; see [`Store::list`].
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`] when it may find nothing; else as [`Store::list`].
    pub async fn list(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<DocumentPage, StoreError> {
        let query = self.ruled(collection, query).await?;
        let mut page = self.whole().list(collection, &query).await?;
        self.hide(collection, &mut page.documents).await?;
        Ok(page)
    }

    /// The next part of a listing.
    ///
    /// # Errors
    /// As [`View::list`].
    pub async fn list_next(
        &self,
        collection: &CollectionName,
        query: &Query,
        position: &PagePosition,
    ) -> Result<DocumentPage, StoreError> {
        let query = self.ruled(collection, query).await?;
        let mut page = self.whole().list_next(collection, &query, position).await?;
        self.hide(collection, &mut page.documents).await?;
        Ok(page)
    }

    /// How many documents that the caller may find meet a filter.
    ///
    /// # Errors
    /// As [`View::list`].
    pub async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
    ) -> Result<u64, StoreError> {
        let query = Query {
            filter: filter.clone(),
            order: isobase_types::Order::default(),
            page: PageRequest::All,
            fields: Vec::new(),
            count: Count::None,
        };
        let query = self.ruled(collection, &query).await?;
        self.whole().count(collection, &query.filter).await
    }

    /// Until when listings of a collection have what other programs wrote.
    #[must_use]
    pub fn others_seen(&self, collection: &CollectionName) -> OthersSeen {
        self.store.others_seen(collection)
    }

    /// Carries out a batch; see [`Store::write`]. Rules decide inside the commit, with the
    /// document as it is then: what the caller may not see is missing for it, and what a rule does
    /// not let it do is [`Rejection::Forbidden`].
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`] when the batch is one operation that no document would let the
    /// caller do; else as [`Store::write`].
    pub async fn write(
        &self,
        mut batch: WriteBatch,
        atomicity: Atomicity,
    ) -> Result<WriteReport, StoreError> {
        if let [operation] = &*batch.operations {
            self.refuse_hopeless(operation)?;
        }
        if let Some(check) = RuleCheck::of(&self.rules, &self.caller, self.now, &batch) {
            batch.checks.insert(0, Arc::new(check));
        }
        self.writing().write(batch, atomicity).await
    }

    /// The collections with a document that the caller may find, and how many.
    ///
    /// # Errors
    /// As [`Store::collections`], and when the documents of one are too many to be counted.
    pub async fn collections(&self) -> Result<Vec<CollectionInfo>, StoreError> {
        let mut seen = Vec::new();
        for info in self.store.collections().await? {
            let documents = match self.right(&info.name, RuleAction::List) {
                Right::All => info.documents,
                Right::Nothing => 0,
                Right::Where(filter) => self.whole().count(&info.name, &filter).await?,
            };
            if documents > 0 {
                seen.push(CollectionInfo { documents, ..info });
            }
        }
        Ok(seen)
    }

    /// The schema of a collection, for those who may find every document of it: it names hidden
    /// fields too.
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`] to others; else as [`Store::schema`].
    pub async fn schema(
        &self,
        collection: &CollectionName,
    ) -> Result<Option<SchemaInfo>, StoreError> {
        match self.right(collection, RuleAction::List) {
            Right::All => self.store.schema(collection).await,
            Right::Nothing | Right::Where(_) => Err(self.not_allowed(collection, RuleAction::List)),
        }
    }

    /// Deletes the documents of a collection that the caller may find and delete; says how many.
    ///
    /// # Errors
    /// [`StoreError::NotAllowed`] when it may delete none; else as [`Store::delete_collection`].
    pub async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, StoreError> {
        let delete = self.allowed(collection, RuleAction::Delete)?;
        let found = self.allowed(collection, RuleAction::List)?;
        let seen = self.allowed(collection, RuleAction::View)?;
        match delete.and(found).and(seen) {
            Right::All => self.store.delete_collection(collection).await,
            Right::Nothing => Err(self.not_allowed(collection, RuleAction::Delete)),
            Right::Where(filter) => self.delete_where(collection, filter).await,
        }
    }

    async fn delete_where(
        &self,
        collection: &CollectionName,
        filter: Filter,
    ) -> Result<u64, StoreError> {
        let max = u32::try_from(self.store.options().batch_operations_max).unwrap_or(u32::MAX);
        let query = Query {
            filter,
            order: isobase_types::Order::default(),
            page: PageRequest::Cursor { limit: DELETE_PAGE.min(max), after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        let mut deleted = 0;
        let mut page = self.whole().list(collection, &query).await?;
        loop {
            let operations: Vec<WriteOperation> = page
                .documents
                .into_iter()
                .map(|document| WriteOperation {
                    collection: collection.clone(),
                    action: Action::Delete { id: document.id },
                    precondition: Precondition::None,
                })
                .collect();
            if !operations.is_empty() {
                let batch = WriteBatch { operations, ..WriteBatch::default() };
                let report = self.write(batch, Atomicity::EachAlone).await?;
                for outcome in report.outcomes {
                    match outcome {
                        Ok(_) => deleted += 1,
                        // It is gone, or no longer theirs to delete.
                        Err(Rejection::NotFound | Rejection::Forbidden { .. }) => {}
                        Err(rejection) => {
                            return Err(StoreError::DeletionStopped { deleted, rejection });
                        }
                    }
                }
            }
            let Some(position) = page.next else { return Ok(deleted) };
            page = self.whole().list_next(collection, &query, &position).await?;
        }
    }

    /// Refuses a filter by a field that the caller never sees: its answer would tell of it.
    ///
    /// # Errors
    /// [`StoreError::WriteOnlyField`]; and when the engine fails.
    pub async fn check_filter(
        &self,
        collection: &CollectionName,
        filter: &Filter,
    ) -> Result<(), StoreError> {
        self.store.check_filter(collection, filter).await
    }

    /// A body as the caller is shown it: without the fields that it never sees.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn shown<'b>(
        &self,
        collection: &CollectionName,
        body: &'b str,
    ) -> Result<Cow<'b, str>, StoreError> {
        let rules = self.store.schemas.rules(&*self.store.engine, collection).await?;
        let Some(rules) = rules.filter(|rules| rules.hides()) else {
            return Ok(Cow::Borrowed(body));
        };
        let mut shown = body.to_owned();
        rules.hide(&mut shown);
        Ok(Cow::Owned(shown))
    }

    /// Waits until something may have happened after a place; see [`Store::wait_for_change`].
    ///
    /// # Errors
    /// As there.
    pub async fn wait_for_change(
        &self,
        after: FeedPlace,
        collection: Option<&CollectionName>,
    ) -> Result<(), StoreError> {
        self.store.wait_for_change(after, collection).await
    }

    /// The query with what the caller may find.
    async fn ruled<'q>(
        &self,
        collection: &CollectionName,
        query: &'q Query,
    ) -> Result<Cow<'q, Query>, StoreError> {
        let right = self.allowed(collection, RuleAction::List)?;
        self.store.check_query(collection, query).await?;
        let Right::Where(rule) = right else { return Ok(Cow::Borrowed(query)) };
        let filter = match query.filter.is_all() {
            true => rule,
            false => Filter::And(vec![rule, query.filter.clone()]),
        };
        let (order, page) = (query.order.clone(), query.page.clone());
        let query = Query { filter, order, page, fields: query.fields.clone(), count: query.count };
        Ok(Cow::Owned(query))
    }

    /// Refuses to choose fields that are never shown; see [`Store::check_fields`].
    ///
    /// # Errors
    /// As there.
    pub async fn check_fields(
        &self,
        collection: &CollectionName,
        fields: &[FieldPath],
    ) -> Result<(), StoreError> {
        self.store.check_fields(collection, fields).await
    }

    /// Removes the fields that are never shown.
    pub(crate) async fn hide(
        &self,
        collection: &CollectionName,
        documents: &mut [Document],
    ) -> Result<(), StoreError> {
        self.store.hide(collection, documents).await
    }

    /// The rights of the caller, if there are any.
    fn allowed(
        &self,
        collection: &CollectionName,
        action: RuleAction,
    ) -> Result<Right, StoreError> {
        match self.right(collection, action) {
            Right::Nothing => Err(self.not_allowed(collection, action)),
            right => Ok(right),
        }
    }

    fn not_allowed(&self, collection: &CollectionName, action: RuleAction) -> StoreError {
        let anonymous = self.caller.user().is_none();
        StoreError::NotAllowed { collection: collection.clone(), action, anonymous }
    }

    /// Refuses what no document would allow, so that the answer can say who must ask.
    fn refuse_hopeless(&self, operation: &WriteOperation) -> Result<(), StoreError> {
        let WriteOperation { collection, action, .. } = operation;
        let actions: &[RuleAction] = match action {
            Action::Create { .. } => &[RuleAction::Create],
            Action::Put { if_missing: IfMissing::Create, .. } => {
                &[RuleAction::Update, RuleAction::Create]
            }
            Action::Put { .. } | Action::Patch { .. } => &[RuleAction::Update],
            Action::Delete { .. } => &[RuleAction::Delete],
        };
        let hopeless = |action: &&RuleAction| {
            check::is_hopeless(&self.rules, collection, **action, &self.caller, self.now)
        };
        match actions.iter().filter(hopeless).count() == actions.len() {
            true => Err(self.not_allowed(collection, actions[0])),
            false => Ok(()),
        }
    }
}
