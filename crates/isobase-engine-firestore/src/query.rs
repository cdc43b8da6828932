//! Queries: parts of a collection by a key, by the name of documents, or by time.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use proto::{
    StructuredQuery,
    structured_query::{
        CollectionSelector, CompositeFilter, Direction, FieldFilter, FieldReference, Filter, Order,
        Projection, composite_filter, field_filter::Operator, filter::FilterType,
    },
};

/// The field of the name of a document.
pub(crate) const NAME: &str = "__name__";

/// A query of one collection, being put together.
pub(crate) struct Query {
    native: StructuredQuery,
    filters: Vec<Filter>,
}

impl Query {
    /// All documents of a collection.
    pub(crate) fn of(collection: impl Into<String>) -> Self {
        let from = CollectionSelector { collection_id: collection.into(), all_descendants: false };
        let native = StructuredQuery { from: vec![from], ..StructuredQuery::default() };
        Self { native, filters: Vec::new() }
    }

    /// All documents of the database, those within documents too.
    pub(crate) fn of_everything() -> Self {
        let from = CollectionSelector { collection_id: String::new(), all_descendants: true };
        let native = StructuredQuery { from: vec![from], ..StructuredQuery::default() };
        Self { native, filters: Vec::new() }
    }

    /// Only those whose field compares so.
    pub(crate) fn only(mut self, path: &str, operator: Operator, value: proto::Value) -> Self {
        let filter =
            FieldFilter { field: Some(field(path)), op: operator.into(), value: Some(value) };
        self.filters.push(Filter { filter_type: Some(FilterType::FieldFilter(filter)) });
        self
    }

    /// In the order of a field. Firestore adds the name in the same direction.
    pub(crate) fn by(mut self, path: &str, reverse: bool) -> Self {
        let direction = if reverse { Direction::Descending } else { Direction::Ascending };
        let order = Order { field: Some(field(path)), direction: direction.into() };
        self.native.order_by.push(order);
        self
    }

    /// At most this many.
    pub(crate) fn at_most(mut self, limit: u32) -> Self {
        self.native.limit = Some(i32::try_from(limit).unwrap_or(i32::MAX));
        self
    }

    /// Their names only.
    pub(crate) fn names(self) -> Self {
        self.part(NAME)
    }

    /// Their names and one field.
    pub(crate) fn part(mut self, path: &str) -> Self {
        self.native.select = Some(Projection { fields: vec![field(path)] });
        self
    }

    /// The finished query.
    pub(crate) fn build(mut self) -> StructuredQuery {
        let filter = match self.filters.len() {
            0 | 1 => self.filters.pop(),
            _ => {
                let op = composite_filter::Operator::And.into();
                let composite = CompositeFilter { op, filters: self.filters };
                Some(Filter { filter_type: Some(FilterType::CompositeFilter(composite)) })
            }
        };
        self.native.r#where = filter;
        self.native
    }
}

fn field(path: &str) -> FieldReference {
    FieldReference { field_path: path.to_owned() }
}
