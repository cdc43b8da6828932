//! Listings of an app's collection.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use isobase_http::{Body, BodyError};
use isobase_store::{DocumentPage, Expansion, PagePosition, StoreError, View};
use isobase_types::{Document, FieldPath, PageRequest, Query};

use super::{super::State, query};
use crate::{
    Call,
    answer::splice,
    app::wire::{CursorPage, NumberedPage},
    failure::Failure,
    records::handlers::request,
};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `GET /api/{collection}`
pub(crate) async fn list_items(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let (mut query, expand) = query::read(&state, call.query())?;
    let only = std::mem::take(&mut query.fields);
    let view = state.view(&call);
    let expansion = request::expansion(&view, &state.collection.name, &expand).await?;
    let mut page = view.list(&state.collection.name, &query).await?;
    view.expand(&expansion, &mut page.documents).await?;
    let total = page.totals.map(|totals| totals.documents);
    let body = match query.page {
        PageRequest::All if page.next.is_some() => {
            let request_id = call.request_id;
            let sending =
                Sending { state, view, query, expansion, only, request_id, opening: true };
            Body::stream(sending.pieces(page))
        }
        PageRequest::All => {
            let mut out = Vec::new();
            render_array(&state, &only, &page.documents, &mut out);
            Body::full(out)
        }
        PageRequest::Cursor { .. } | PageRequest::Numbered { .. } => {
            Body::full(render_page(&state, &only, &page))
        }
    };
    let mut response = body.into_response(StatusCode::OK, JSON);
    if let Some(total) = total {
        response.headers_mut().insert(TOTAL_COUNT, HeaderValue::from(total));
    }
    Ok(response)
}

fn render(
    state: &State,
    only: &[FieldPath],
    documents: &[Document],
    mut first: bool,
    out: &mut Vec<u8>,
) {
    out.reserve(documents.iter().map(|document| document.body.len() + 32).sum());
    for document in documents {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        state.rows.write(&document.id, &document.body, only, out);
    }
}

fn render_array(state: &State, only: &[FieldPath], documents: &[Document], out: &mut Vec<u8>) {
    out.push(b'[');
    render(state, only, documents, true, out);
    out.push(b']');
}

fn render_page(state: &State, only: &[FieldPath], page: &DocumentPage) -> Vec<u8> {
    let mut out = b"{\"items\":".to_vec();
    render_array(state, only, &page.documents, &mut out);
    match page.totals {
        Some(totals) if totals.page.is_some() => {
            let page = totals.page.unwrap_or_default();
            let pages = totals.pages.unwrap_or_default();
            splice(&mut out, &NumberedPage { total: totals.documents, page, pages });
        }
        totals => {
            let next = page.next.as_ref().map(PagePosition::cursor);
            splice(&mut out, &CursorPage { next, total: totals.map(|totals| totals.documents) });
        }
    }
    out
}

/// A listing that is being sent.
struct Sending {
    state: Arc<State>,
    view: View,
    query: Query,
    expansion: Expansion,
    only: Vec<FieldPath>,
    request_id: HeaderValue,
    /// No document was sent yet.
    opening: bool,
}

/// The next part of a listing.
enum Next {
    /// A part that is here.
    Ready(DocumentPage),
    /// A part that must be fetched.
    At(PagePosition),
    /// Nothing.
    End,
}

impl Sending {
    /// The pieces of the listing: a part is fetched when the client has taken the one before. A
    /// failure cuts the connection, so that no one takes a part for the whole.
    fn pieces(
        self,
        page: DocumentPage,
    ) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
        stream::try_unfold((self, Next::Ready(page)), |(mut sending, mut next)| async move {
            loop {
                let page = match next {
                    Next::Ready(page) => page,
                    Next::At(position) => sending.fetch(&position).await?,
                    Next::End => return Ok(None),
                };
                let (piece, rest) = sending.render_part(page);
                if !piece.is_empty() {
                    return Ok(Some((piece.into(), (sending, rest))));
                }
                next = rest;
            }
        })
    }

    fn render_part(&mut self, page: DocumentPage) -> (Vec<u8>, Next) {
        let mut out = Vec::new();
        if !page.documents.is_empty() {
            let first = std::mem::take(&mut self.opening);
            if first {
                out.push(b'[');
            }
            render(&self.state, &self.only, &page.documents, first, &mut out);
        }
        match page.next {
            Some(position) => (out, Next::At(position)),
            None => {
                out.extend_from_slice(if self.opening { b"[]" } else { b"]" });
                (out, Next::End)
            }
        }
    }

    async fn fetch(&self, position: &PagePosition) -> Result<DocumentPage, BodyError> {
        let name = &self.state.collection.name;
        let found = async {
            let mut page = self.view.list_next(name, &self.query, position).await?;
            self.view.expand(&self.expansion, &mut page.documents).await?;
            Ok::<_, StoreError>(page)
        };
        found.await.map_err(|error| {
            let request_id = self.request_id.to_str().unwrap_or_default();
            tracing::error!(request_id, %error, "a listing broke off: {error}");
            error.into()
        })
    }
}
