//! Handlers of paths that no route has.

mod files;
mod headers;

use std::{io::SeekFrom, sync::Arc, time::SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::{Body, BodyError, Problem};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use self::headers::Coding;
use super::{
    problems,
    state::{Found, Page, State, Stored},
};
use crate::{Call, failure::Failure, range::Part, session_cookie};

/// Bytes of a large file that are read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Paths below these are never shown as a page of a single-page app: a mistake in a script would
/// look like an answer.
const NO_PAGES: [&str; 5] = ["/api/", "/records/", "/uploads/", "/data-store/", "/admin/"];

/// `GET` of any other path
pub(super) async fn get_page(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let path = call.uri.path();
    let found = look(&state, path).await?;
    match &*found {
        Found::Page(page) => send(&call, page).await,
        Found::Folder => Ok(to_folder(&call)?),
        Found::Nothing if shows_index(&state, &call) => match &*look(&state, "/").await? {
            Found::Page(page) => send(&call, page).await,
            Found::Folder | Found::Nothing => Err(problems::not_found().into()),
        },
        Found::Nothing => Err(problems::not_found().into()),
    }
}

/// Finds a path, off the threads that answer requests.
async fn look(state: &Arc<State>, path: &str) -> Result<Arc<Found>, Problem> {
    if let Some(found) = state.recall(path) {
        return Ok(found);
    }
    let (searching, wanted) = (state.clone(), path.to_owned());
    let looked = tokio::task::spawn_blocking(move || files::find(&searching.config, &wanted)).await;
    let found = looked.map_err(|error| Problem::internal(error.to_string()))?;
    let found = Arc::new(found.map_err(|error| problems::unreadable(&error))?);
    state.remember(path, found.clone());
    Ok(found)
}

fn shows_index(state: &State, call: &Call) -> bool {
    let path = call.uri.path();
    state.config.single_page
        && headers::accepts_pages(&call.headers)
        && !NO_PAGES.iter().any(|below| path.starts_with(below))
}

/// Sends a client to the folder's path, from which the page's relative links are meant.
fn to_folder(call: &Call) -> Result<Response<Body>, Problem> {
    let path = call.uri.path();
    if path.starts_with("//") {
        // As a relative place it would be another host.
        return Err(problems::not_found());
    }
    let query = call.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = HeaderValue::try_from(format!("{path}/{query}"));
    let mut response = Body::no_content(StatusCode::PERMANENT_REDIRECT);
    let location = location.map_err(|_| problems::not_found())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// What a page ends with while an owner acts as somebody else: its script says so on the page.
const ACTING: &str = "\n<script type=\"module\" src=\"/admin/assets/acting.js\"></script>\n";
/// Larger pages are not marked: they would be held in memory.
const MARKED_BYTES_MAX: u64 = 4 << 20;

/// A page for an owner who acts as somebody else, marked as that. It is kept nowhere.
async fn send_marked(stored: &Stored, name: &str) -> Result<Response<Body>, Failure> {
    let mut bytes = match &stored.bytes {
        Some(bytes) => bytes.to_vec(),
        None => tokio::fs::read(&stored.path).await.map_err(|it| problems::unreadable(&it))?,
    };
    bytes.extend_from_slice(ACTING.as_bytes());
    let mut response = Body::full(bytes).into_response(StatusCode::OK, headers::content_type(name));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::VARY, HeaderValue::from_static("cookie"));
    Ok(response)
}

async fn send(call: &Call, page: &Page) -> Result<Response<Body>, Failure> {
    let acts = session_cookie::own_token(&call.headers).is_some();
    if acts && headers::is_page(&page.name) && page.plain.length <= MARKED_BYTES_MAX {
        return send_marked(&page.plain, &page.name).await;
    }
    let (coding, stored) = choose(call, page);
    let source = Source::of(stored).await.map_err(|error| problems::unreadable(&error))?;
    let (length, modified) = (source.length, source.modified);
    let tag = headers::tag(length, modified, coding);
    let mut response = if headers::is_known(&call.headers, &tag, modified) {
        Body::no_content(StatusCode::NOT_MODIFIED)
    } else {
        let part = headers::part(&call.method, &call.headers, length, (&tag, modified));
        match part {
            Part::Whole => source.answer(0, length, StatusCode::OK).await?,
            Part::Bytes(first, last) => {
                let count = last - first + 1;
                let mut answer = source.answer(first, count, StatusCode::PARTIAL_CONTENT).await?;
                let range = part.content_range(length);
                answer.headers_mut().extend(range.map(|it| (header::CONTENT_RANGE, it)));
                answer
            }
            Part::Unsatisfiable => return Err(problems::not_satisfiable(length).into()),
        }
    };
    let answered = response.headers_mut();
    answered.insert(header::ETAG, tag);
    let date = HeaderValue::try_from(httpdate::fmt_http_date(modified));
    answered.extend(date.ok().map(|date| (header::LAST_MODIFIED, date)));
    answered.insert(header::CACHE_CONTROL, headers::cache_control(&page.name));
    answered.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if response.status() != StatusCode::NOT_MODIFIED {
        let answered = response.headers_mut();
        answered.insert(header::CONTENT_TYPE, headers::content_type(&page.name));
        let coding = coding.name().map(HeaderValue::from_static);
        answered.extend(coding.map(|coding| (header::CONTENT_ENCODING, coding)));
    }
    if page.br.is_some() || page.gzip.is_some() {
        let vary = HeaderValue::from_static("accept-encoding");
        response.headers_mut().append(header::VARY, vary);
    }
    Ok(response)
}

/// Which of the forms of a file is sent. Parts are those of the plain one.
fn choose<'a>(call: &Call, page: &'a Page) -> (Coding, &'a Stored) {
    if !call.headers.contains_key(header::RANGE) {
        for (coding, stored) in [(Coding::Br, &page.br), (Coding::Gzip, &page.gzip)] {
            if let (Some(stored), Some(name)) = (stored, coding.name())
                && headers::accepts(&call.headers, name)
            {
                return (coding, stored);
            }
        }
    }
    (Coding::Plain, &page.plain)
}

/// A file that is about to be sent.
struct Source {
    content: Content,
    length: u64,
    modified: SystemTime,
}

enum Content {
    Kept(Bytes),
    File(tokio::fs::File),
}

impl Source {
    /// Opens a file that is not kept in memory: what is said of it is said of the opened one.
    async fn of(stored: &Stored) -> std::io::Result<Self> {
        if let Some(bytes) = &stored.bytes {
            let content = Content::Kept(bytes.clone());
            return Ok(Self { content, length: stored.length, modified: stored.modified });
        }
        let file = tokio::fs::File::open(&stored.path).await?;
        let metadata = file.metadata().await?;
        let (length, modified) = (metadata.len(), metadata.modified()?);
        Ok(Self { content: Content::File(file), length, modified })
    }

    async fn answer(
        self,
        first: u64,
        count: u64,
        status: StatusCode,
    ) -> Result<Response<Body>, Problem> {
        let body = match self.content {
            Content::Kept(bytes) => {
                // A kept file is far smaller than the address space.
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                Body::full(bytes.slice(place(first)..place(first + count)))
            }
            Content::File(mut file) => {
                let sought = file.seek(SeekFrom::Start(first)).await;
                sought.map_err(|error| problems::unreadable(&error))?;
                Body::stream(pieces(file, count))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(count));
        Ok(response)
    }
}

/// So many bytes of a file. One that became shorter meanwhile cuts the connection.
fn pieces(
    file: tokio::fs::File,
    count: u64,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    stream::try_unfold((file, count), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = BytesMut::with_capacity(wanted);
        let read = (&mut file).take(wanted as u64).read_buf(&mut piece).await?;
        if read == 0 {
            return Err("the file became shorter while it was sent".into());
        }
        Ok(Some((piece.freeze(), (file, left - read as u64))))
    })
}
