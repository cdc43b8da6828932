//! A system collection as accounts, keys and other features use it.

use isobase_store::{
    Action, Atomicity, IndexDefinition, Precondition, Store, StoreError, WriteBatch,
    WriteOperation, WriteOutcome,
};
use isobase_types::{
    CollectionName, Comparison, Count, Document, DocumentId, FieldPath, Filter, Literal, Operator,
    Order, PageRequest, Query,
};
use tokio::sync::OnceCell;

/// Values that are sought at a time: as many as one plan looks for.
const SOUGHT_TOGETHER: usize = 50;

/// Writes that are carried out at a time.
const WRITTEN_AT_ONCE: usize = 100;

/// A system collection with its indexes, which are declared before the first write.
#[derive(Debug)]
pub struct Documents {
    store: Store,
    collection: CollectionName,
    unique: Vec<String>,
    indexed: &'static [&'static str],
    ready: OnceCell<()>,
}

impl Documents {
    /// The collection of this name, over any handle of the store.
    #[must_use]
    pub fn new(
        store: &Store,
        collection: &str,
        unique: &[&str],
        indexed: &'static [&'static str],
    ) -> Self {
        let collection = CollectionName::new(collection).expect("our names are valid");
        let unique = unique.iter().map(|field| (*field).to_owned()).collect();
        Self { store: store.system(), collection, unique, indexed, ready: OnceCell::new() }
    }

    /// Makes the values of another field unique.
    pub(crate) fn add_unique(&mut self, field: String) {
        self.unique.push(field);
    }

    /// The store, with system collections.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The name of the collection.
    #[must_use]
    pub fn collection(&self) -> &CollectionName {
        &self.collection
    }

    /// The document with this id, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        self.store.get(&self.collection, id).await
    }

    /// Carries out one write.
    ///
    /// # Errors
    /// When the database fails; the outcome is what became of the write.
    pub async fn write(
        &self,
        action: Action,
        precondition: Precondition,
    ) -> Result<WriteOutcome, StoreError> {
        self.ready.get_or_try_init(|| self.declare()).await?;
        let collection = self.collection.clone();
        let operation = WriteOperation { collection, action, precondition };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let mut report = self.store.write(batch, Atomicity::EachAlone).await?;
        let outcome = report.outcomes.pop();
        Ok(outcome.expect("the contract has one outcome for each operation"))
    }

    /// Carries out many writes, each alone and whatever is there; what is refused is left out.
    pub(crate) async fn write_each(
        &self,
        actions: impl Iterator<Item = Action>,
    ) -> Result<(), StoreError> {
        let operation = |action| {
            let (collection, precondition) = (self.collection.clone(), Precondition::None);
            WriteOperation { collection, action, precondition }
        };
        let operations: Vec<_> = actions.map(operation).collect();
        if operations.is_empty() {
            return Ok(());
        }
        self.ready.get_or_try_init(|| self.declare()).await?;
        for part in operations.chunks(WRITTEN_AT_ONCE) {
            let batch = WriteBatch { operations: part.to_vec(), ..WriteBatch::default() };
            self.store.write(batch, Atomicity::EachAlone).await?;
        }
        Ok(())
    }

    /// Carries out one write together with others, such as an entry of the audit: all or none.
    ///
    /// # Errors
    /// When the database fails; the outcome is what became of the first write.
    pub async fn write_with(
        &self,
        action: Action,
        precondition: Precondition,
        others: Vec<WriteOperation>,
    ) -> Result<WriteOutcome, StoreError> {
        self.ready.get_or_try_init(|| self.declare()).await?;
        let collection = self.collection.clone();
        let mut operations = vec![WriteOperation { collection, action, precondition }];
        operations.extend(others);
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::AllOrNothing).await?;
        let outcome = report.outcomes.into_iter().next();
        Ok(outcome.expect("the contract has one outcome for each operation"))
    }

    async fn declare(&self) -> Result<(), StoreError> {
        let order = |field: &str| Order::parse(field).expect("our fields are valid");
        for field in &self.unique {
            let definition = IndexDefinition::unique(order(field)).expect("it has one field");
            self.store.create_index(&self.collection, &definition).await?;
        }
        for field in self.indexed {
            let definition = IndexDefinition::new(order(field)).expect("it has one field");
            self.store.create_index(&self.collection, &definition).await?;
        }
        Ok(())
    }

    /// The documents with a value in a field, or all, by their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, field: Option<(&str, Literal)>) -> Result<Vec<Document>, StoreError> {
        self.list_where(query(field, PageRequest::All)).await
    }

    async fn list_where(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        let mut page = self.store.list(&self.collection, &query).await?;
        let mut documents = std::mem::take(&mut page.documents);
        while let Some(position) = &page.next {
            page = self.store.list_next(&self.collection, &query, position).await?;
            documents.append(&mut page.documents);
        }
        Ok(documents)
    }

    /// The documents with one of these values in a field, by their ids.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn list_in(
        &self,
        field: &str,
        values: Vec<Literal>,
    ) -> Result<Vec<Document>, StoreError> {
        let mut found = Vec::new();
        for some in values.chunks(SOUGHT_TOGETHER) {
            found.append(&mut self.list_where(query_in(field, some.to_vec())).await?);
        }
        Ok(found)
    }

    /// One of the documents with a value in a field, or any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(
        &self,
        field: Option<(&str, Literal)>,
    ) -> Result<Option<Document>, StoreError> {
        let page = PageRequest::Cursor { limit: 1, after: None };
        let page = self.store.list(&self.collection, &query(field, page)).await?;
        Ok(page.documents.into_iter().next())
    }
}

fn query(field: Option<(&str, Literal)>, page: PageRequest) -> Query {
    match field {
        Some((field, literal)) => Query { page, ..query_in(field, vec![literal]) },
        None => of_filter(Filter::all(), page),
    }
}

/// All documents with one of these values in a field.
fn query_in(field: &str, values: Vec<Literal>) -> Query {
    let path = FieldPath::parse(field).expect("our fields are valid");
    let comparison = Comparison { path, operator: Operator::In(values) };
    of_filter(Filter::Compare(comparison), PageRequest::All)
}

fn of_filter(filter: Filter, page: PageRequest) -> Query {
    Query { filter, order: Order::default(), page, fields: Vec::new(), count: Count::None }
}

/// An id as it stands in a document that refers to another.
pub(crate) fn literal(id: &DocumentId) -> Literal {
    match id {
        DocumentId::Integer(integer) => Literal::Integer(*integer),
        DocumentId::Text(text) => Literal::Text(text.to_string()),
    }
}
