//! Listings: pages, and whole collections as a stream.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use isobase_http::{Body, BodyError, Problem};
use isobase_store::{
    DocumentPage, Expansion, OthersSeen, PagePosition, StoreError, Totals, View as Documents,
};
use isobase_types::{CollectionName, Document, FieldPath, PageRequest, Query, QueryLimits};

use super::request;
use crate::{
    Call,
    answer::splice,
    failure::Failure,
    records::{
        State,
        wire::{CursorPage, NumberedPage, Spliced, View},
    },
    request::{NDJSON, Parameters, refuse_parameters},
};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Until when the listing has what other programs wrote into the database.
const OTHERS_SEEN: HeaderName = HeaderName::from_static("x-others-seen");

/// `GET /records/{collection}`
pub(crate) async fn list_records(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    let (query, view, expand) = read_query(&state, &call)?;
    let format = if request::accepts_lines(&call.headers) { Format::Lines } else { Format::Array };
    let documents = state.view(&call);
    let expansion = request::expansion(&documents, &collection, &expand).await?;
    // Before it is read: a look that ends meanwhile may not be in it.
    let others_seen = documents.others_seen(&collection);
    let mut page = documents.list(&collection, &query).await?;
    documents.expand(&expansion, &mut page.documents).await?;
    let (totals, next) = (page.totals, next_query(call.query(), &query, &page));
    let body = match query.page {
        PageRequest::All if page.next.is_some() => {
            let (request_id, next) = (call.request_id, Next::Ready(page));
            let (opening, first) = (true, true);
            let sending = Sending {
                documents,
                request_id,
                collection,
                query,
                expansion,
                view,
                format,
                opening,
                first,
                next,
            };
            Body::stream(sending.pieces())
        }
        PageRequest::All => Body::full(render_whole(format, &view, &page.documents)),
        _ if format == Format::Lines => Body::full(render_whole(format, &view, &page.documents)),
        PageRequest::Cursor { .. } => Body::full(render_cursor_page(&view, &page)),
        PageRequest::Numbered { .. } => Body::full(render_numbered_page(&view, &page)),
    };
    let mut response = body.into_response(StatusCode::OK, format.media_type());
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    if let Some(Totals { documents, .. }) = totals {
        headers.insert(TOTAL_COUNT, HeaderValue::from(documents));
    }
    if let Some(seen) = others_seen_value(others_seen) {
        headers.insert(OTHERS_SEEN, seen);
    }
    if let Some(next) = next
        && let Ok(link) = HeaderValue::try_from(format!("<?{next}>; rel=\"next\""))
    {
        headers.insert(header::LINK, link);
    }
    Ok(response)
}

/// `None` if there is nothing to be said: no one else writes.
fn others_seen_value(seen: OthersSeen) -> Option<HeaderValue> {
    match seen {
        OthersSeen::Always => None,
        OthersSeen::Never => Some(HeaderValue::from_static("never")),
        OthersSeen::Until(at) => HeaderValue::try_from(at.to_string()).ok(),
    }
}

/// How documents stand one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A JSON array.
    Array,
    /// One document a line.
    Lines,
}

impl Format {
    fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Array => "application/json",
            Self::Lines => NDJSON,
        })
    }
}

fn read_query(state: &State, call: &Call) -> Result<(Query, View, Vec<FieldPath>), Problem> {
    let limits = QueryLimits {
        page_size_max: state.page_size_max,
        page_size_default: QueryLimits::default().page_size_default.min(state.page_size_max),
    };
    let mut parameters = Parameters::parse(call.query());
    let meta = parameters.take_flag("meta");
    let expand = parameters.take_paths("expand");
    let (rest, mut faults) = parameters.into_rest();
    match Query::parse(&rest, &limits) {
        Ok(query) if faults.is_empty() => {
            let view = View { fields: query.fields.clone(), meta };
            Ok((query, view, expand))
        }
        Ok(_) => Err(refuse_parameters(faults)),
        Err(more) => {
            faults.extend(more);
            Err(refuse_parameters(faults))
        }
    }
}

/// The query string of the next page; `None` if there is none, or when everything was asked for.
fn next_query(sent: &str, query: &Query, page: &DocumentPage) -> Option<String> {
    let (name, value) = match &query.page {
        PageRequest::All => return None,
        PageRequest::Cursor { .. } => ("cursor", page.next.as_ref()?.cursor().to_owned()),
        PageRequest::Numbered { page: number, .. } => {
            let pages = page.totals.and_then(|totals| totals.pages)?;
            (u64::from(*number) < pages).then(|| ("page", (number + 1).to_string()))?
        }
    };
    // A cursor is URL-safe text and needs no encoding. The link is relative to the request, so
    // that it holds behind a proxy that has a prefix of its own.
    let others = sent.split('&').filter(|pair| {
        !pair.is_empty() && pair.split('=').next().is_some_and(|given| given != name)
    });
    let mut next: String = others.flat_map(|pair| [pair, "&"]).collect();
    // Writing to a String cannot fail.
    let _ = write!(next, "{name}={value}");
    Some(next)
}

/// Appends documents; `first` says whether one was written before, and is kept.
fn render(
    format: Format,
    view: &View,
    documents: &[Document],
    first: &mut bool,
    out: &mut Vec<u8>,
) {
    for document in documents {
        if format == Format::Array && !std::mem::take(first) {
            out.push(b',');
        }
        view.write(document, out);
        if format == Format::Lines {
            out.push(b'\n');
        }
    }
}

fn buffer(view: &View, documents: &[Document]) -> Vec<u8> {
    let bytes: usize = documents.iter().map(|document| view.size_hint(document)).sum();
    Vec::with_capacity(bytes + 128)
}

fn render_array(view: &View, documents: &[Document], out: &mut Vec<u8>) {
    out.push(b'[');
    render(Format::Array, view, documents, &mut true, out);
    out.push(b']');
}

fn render_whole(format: Format, view: &View, documents: &[Document]) -> Vec<u8> {
    let mut out = buffer(view, documents);
    match format {
        Format::Array => render_array(view, documents, &mut out),
        Format::Lines => render(format, view, documents, &mut true, &mut out),
    }
    out
}

fn render_cursor_page(view: &View, page: &DocumentPage) -> Vec<u8> {
    let mut out = buffer(view, &page.documents);
    out.extend_from_slice(b"{\"items\":");
    render_array(view, &page.documents, &mut out);
    let next = page.next.as_ref().map(PagePosition::cursor);
    let total = page.totals.map(|totals| totals.documents);
    splice(&mut out, &CursorPage { items: Spliced, next, total });
    out
}

fn render_numbered_page(view: &View, page: &DocumentPage) -> Vec<u8> {
    let mut out = buffer(view, &page.documents);
    out.extend_from_slice(b"{\"items\":");
    render_array(view, &page.documents, &mut out);
    match page.totals {
        Some(Totals { documents: total, page, pages }) => {
            let page = page.unwrap_or_default().into();
            let pages = pages.unwrap_or_default();
            splice(&mut out, &NumberedPage { items: Spliced, total, page, pages });
        }
        // Not reached: a numbered page is always counted.
        None => out.push(b'}'),
    }
    out
}

/// A listing that is being sent.
struct Sending {
    documents: Documents,
    request_id: HeaderValue,
    collection: CollectionName,
    query: Query,
    expansion: Expansion,
    view: View,
    format: Format,
    /// Nothing was sent yet.
    opening: bool,
    /// No document was sent yet.
    first: bool,
    next: Next,
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
    /// The pieces of the listing. A part is fetched when the client has taken the one before, so
    /// one part is in memory at a time. A failure breaks the answer off: what was sent is no
    /// whole array, and the connection is cut, so the client sees it.
    fn pieces(self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
        stream::try_unfold(self, |mut sending| async move {
            let piece = sending.next_piece().await?;
            Ok(piece.map(|piece| (piece, sending)))
        })
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let page = match std::mem::replace(&mut self.next, Next::End) {
                Next::Ready(page) => page,
                Next::At(position) => self.fetch(&position).await?,
                Next::End => return Ok(None),
            };
            let piece = self.render_part(page);
            // A part may be empty and still have a next one: the filter met none of it.
            if !piece.is_empty() {
                return Ok(Some(piece.into()));
            }
        }
    }

    fn render_part(&mut self, page: DocumentPage) -> Vec<u8> {
        let mut out = buffer(&self.view, &page.documents);
        let array = self.format == Format::Array;
        if std::mem::take(&mut self.opening) && array {
            out.push(b'[');
        }
        render(self.format, &self.view, &page.documents, &mut self.first, &mut out);
        match page.next {
            Some(position) => self.next = Next::At(position),
            None if array => out.push(b']'),
            None => {}
        }
        out
    }

    async fn fetch(&self, position: &PagePosition) -> Result<DocumentPage, BodyError> {
        let found = async {
            let documents = &self.documents;
            let mut page = documents.list_next(&self.collection, &self.query, position).await?;
            documents.expand(&self.expansion, &mut page.documents).await?;
            Ok(page)
        };
        found.await.map_err(|error: StoreError| {
            let request_id = self.request_id.to_str().unwrap_or_default();
            tracing::error!(request_id, %error, "a listing broke off: {error}");
            error.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_other_parameters() {
        let numbered = Query {
            filter: isobase_types::Filter::all(),
            order: isobase_types::Order::default(),
            page: PageRequest::Numbered { page: 2, limit: 10 },
            fields: Vec::new(),
            count: isobase_types::Count::None,
        };
        let mut page = DocumentPage {
            documents: Vec::new(),
            next: None,
            totals: Some(Totals { documents: 21, page: Some(2), pages: Some(3) }),
        };
        let sent = "a%5Bgte%5D=1&page=2&limit=10&&pages=x";
        assert_eq!(
            next_query(sent, &numbered, &page).as_deref(),
            Some("a%5Bgte%5D=1&limit=10&pages=x&page=3")
        );
        page.totals = Some(Totals { documents: 20, page: Some(2), pages: Some(2) });
        assert_eq!(next_query(sent, &numbered, &page), None);
    }
}
