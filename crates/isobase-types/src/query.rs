//! Questions to a collection, as a URL asks them.

mod condition;
mod group;
mod parse;
mod template;

use crate::{FieldPath, Filter, Order, json};

pub use template::{Facts, FilterTemplate, InvalidTemplate, NewDocument, TEMPLATE_BYTES_MAX, User};

/// Most fields in `fields`.
pub const FIELDS_MAX: usize = 64;

/// A question to a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Which documents.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Which part of the answer.
    pub page: PageRequest,
    /// Which fields of each document; empty means all. `id` is always there.
    pub fields: Vec<FieldPath>,
    /// Whether to count all documents that meet the filter.
    pub count: Count,
}

/// Which part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageRequest {
    /// Everything, streamed.
    All,
    /// Up to `limit` documents after the place of the cursor; keyset paging.
    Cursor {
        /// 1 to the page limit of the service.
        limit: u32,
        /// The opaque cursor of the page before, `None` for the first page.
        after: Option<String>,
    },
    /// Page `page` (from 1) of `limit` documents each, with totals.
    Numbered {
        /// From 1.
        page: u32,
        /// 1 to the page limit of the service.
        limit: u32,
    },
}

/// Whether to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// No total.
    #[default]
    None,
    /// The exact total of documents that meet the filter.
    Exact,
}

/// Bounds of a query; a setting of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Largest `limit`.
    pub page_size_max: u32,
    /// The `limit` when `page` or `cursor` stands without one.
    pub page_size_default: u32,
}

/// 1000 and 100 documents.
impl Default for QueryLimits {
    fn default() -> Self {
        Self { page_size_max: 1000, page_size_default: 100 }
    }
}

impl Query {
    /// Reads the decoded parameters of a URL, in their order. The language is described in
    /// `docs/query.md`.
    ///
    /// # Errors
    /// Every [`InvalidParameter`] there is, in the order of the parameters; at least one.
    pub fn parse(
        parameters: &[(String, String)],
        limits: &QueryLimits,
    ) -> Result<Self, Vec<InvalidParameter>> {
        parse::parse(parameters, limits)
    }
}

/// A parameter that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {parameter:?} is not valid: {message}, found {value:?}")]
pub struct InvalidParameter {
    /// Its name, cut to 100 characters.
    pub parameter: String,
    /// Its value, cut to 100 characters.
    pub value: String,
    /// The expectation: lower case, without a final stop.
    pub message: String,
}

impl InvalidParameter {
    /// A refusal that says what was expected.
    #[must_use]
    pub fn new(parameter: &str, value: &str, message: impl Into<String>) -> Self {
        Self {
            parameter: json::cut(parameter, 100),
            value: json::cut(value, 100),
            message: message.into(),
        }
    }
}
