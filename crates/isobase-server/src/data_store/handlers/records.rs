//! The records of a namespace, one after another.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode};
use isobase_http::Body;
use isobase_store::{DocumentPage, StoreError, View};
use isobase_types::{Count, Document, Filter, Order, PageRequest, Query};

use super::{caller, identity, record};
use crate::{
    Call,
    data_store::{State, state::collection},
    failure::Failure,
    request::no_parameters,
};

/// `GET /data-store/namespaces/{namespace}/records`
pub(crate) async fn list_data(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let filter = identity::filter(&caller::user(&call)?, Some(&record::namespace(&call)?));
    let mut pages = Pages::of(state.view(&call), filter);
    let first = pages.next().await?.unwrap_or_default();
    let pieces = stream::try_unfold(Some((pages, first, true)), |state| async move {
        let Some((mut pages, documents, opening)) = state else { return Ok(None) };
        let mut piece = if opening { b"[".to_vec() } else { Vec::new() };
        for (index, document) in documents.iter().enumerate() {
            if !opening || index > 0 {
                piece.push(b',');
            }
            record::render(&document.id, &document.body, &mut piece);
        }
        // A failure breaks the answer off: what was sent is no whole array.
        let next = pages.next().await?;
        if next.is_none() {
            piece.push(b']');
        }
        Ok(Some((Bytes::from(piece), next.map(|documents| (pages, documents, false)))))
    });
    let json = HeaderValue::from_static("application/json");
    Ok(Body::stream(pieces).into_response(StatusCode::OK, json))
}

/// A listing read part by part: one part is in memory at a time.
pub(super) struct Pages {
    documents: View,
    query: Query,
    page: Option<DocumentPage>,
    ended: bool,
}

impl Pages {
    pub(super) fn of(documents: View, filter: Filter) -> Self {
        let (order, page) = (Order::default(), PageRequest::All);
        let query = Query { filter, order, page, fields: Vec::new(), count: Count::None };
        Self { documents, query, page: None, ended: false }
    }

    /// The next documents, at least one; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Document>>, StoreError> {
        while !self.ended {
            let collection = collection();
            let next = self.page.as_ref().and_then(|page| page.next.as_ref());
            let mut page = match next {
                Some(position) => {
                    self.documents.list_next(&collection, &self.query, position).await?
                }
                None => self.documents.list(&collection, &self.query).await?,
            };
            let documents = std::mem::take(&mut page.documents);
            self.ended = page.next.is_none();
            self.page = Some(page);
            if !documents.is_empty() {
                return Ok(Some(documents));
            }
        }
        Ok(None)
    }
}
