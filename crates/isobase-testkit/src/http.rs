//! A small blocking HTTP client for black-box tests.
//!
//! It adds nothing that was not asked for but `Host`, `Content-Length` and
//! `Connection`, so a test decides about every other byte. [`raw`] sends any bytes.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::wire::AnswerReader;

/// Until a test says otherwise, an answer must come within this time.
pub const DEADLINE: Duration = Duration::from_secs(30);

const READ_BYTES: usize = 64 * 1024;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The fields in the order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first field `name` (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; wrong UTF-8 shows as U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON; the error shows status and body.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| {
            format!("{} with a body that is not JSON: {}", self.status, self.text())
        })
    }
}

/// Sends one request on its own connection.
///
/// # Errors
/// When the server cannot be reached, cuts the answer off, or is silent for [`DEADLINE`].
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response> {
    let mut connection = Connection::open(address)?;
    let mut with_close = headers.to_vec();
    with_close.push(("connection", "close"));
    connection.request(method, path, &with_close, body)
}

/// Sends `bytes` as they are and gives back all that comes until the server
/// closes, or is silent for `silence`.
///
/// # Errors
/// When the server cannot be reached. A reset connection is an end like any other.
pub fn raw(address: SocketAddr, bytes: &[u8], silence: Duration) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address)?;
    connection.send(bytes)?;
    connection.read_to_end(silence)
}

/// The bytes of a request, for [`Connection::send`] or for prepared loads.
///
/// `Host` and `Content-Length` are added unless `headers` names them;
/// `Content-Length` only with a body or a method that usually has one.
pub fn request_bytes(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let named = |name: &str| headers.iter().any(|(field, _)| field.eq_ignore_ascii_case(name));
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    if !named("host") {
        let _ = write!(head, "host: {host}\r\n");
    }
    let has_body = !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
    if has_body && !named("content-length") && !named("transfer-encoding") {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A connection that stays open between requests.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    /// Bytes that arrived behind the last answer.
    rest: Vec<u8>,
    deadline: Duration,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When no one listens on `address`.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)
            .with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { address, stream, rest: Vec::new(), deadline: DEADLINE })
    }

    /// Sets how long an answer may take; [`DEADLINE`] at first.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is late or no HTTP.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Response> {
        let host = self.address.to_string();
        let sent = self.send(&request_bytes(&host, method, path, headers, body));
        // A server may answer and close before it has read the whole body, for
        // one that is too large: then the answer counts.
        match (self.read_response(method == "HEAD"), sent) {
            (Ok(response), _) => Ok(response),
            (Err(_), Err(error)) | (Err(error), Ok(())) => {
                Err(error.context(format!("{method} {path}")))
            }
        }
    }

    /// Sends `bytes` as they are.
    ///
    /// # Errors
    /// When the connection is broken or the server takes nothing for the deadline.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.set_write_timeout(Some(self.deadline))?;
        self.stream.write_all(bytes).context("send")
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn finish_sending(&mut self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Reads one answer; `head_only` when the request was `HEAD`.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is late or no HTTP.
    pub fn read_response(&mut self, head_only: bool) -> Result<Response> {
        let end = Instant::now() + self.deadline;
        let mut reader = AnswerReader::default();
        let mut body = Vec::new();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let taken = reader.feed(&self.rest, head_only, |part| body.extend_from_slice(part))?;
            self.rest.drain(..taken);
            if reader.is_done() {
                break;
            }
            let read = self.read_some(&mut buffer, end)?;
            if read == 0 {
                if reader.finish() {
                    break;
                }
                bail!("the server closed before the end of its answer");
            }
            self.rest.extend_from_slice(&buffer[..read]);
        }
        Ok(Response { status: reader.status(), headers: reader.fields(), body })
    }

    /// Reads whatever comes next, for streams without an end. Empty once the
    /// server has closed.
    ///
    /// # Errors
    /// When nothing comes within the deadline.
    pub fn read_part(&mut self) -> Result<Vec<u8>> {
        if !self.rest.is_empty() {
            return Ok(std::mem::take(&mut self.rest));
        }
        let mut buffer = vec![0; READ_BYTES];
        let read = self.read_some(&mut buffer, Instant::now() + self.deadline)?;
        buffer.truncate(read);
        Ok(buffer)
    }

    /// Reads until the server closes, resets, or is silent for `silence`.
    ///
    /// # Errors
    /// When the socket fails in another way.
    pub fn read_to_end(&mut self, silence: Duration) -> Result<Vec<u8>> {
        let mut all = std::mem::take(&mut self.rest);
        let mut buffer = vec![0; READ_BYTES];
        self.stream.set_read_timeout(Some(silence))?;
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(all),
                Ok(read) => all.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_end(error.kind()) => return Ok(all),
                Err(error) => return Err(error).context("read"),
            }
        }
    }

    fn read_some(&mut self, buffer: &mut [u8], end: Instant) -> Result<usize> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("no answer within {} s", self.deadline.as_secs_f32());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(buffer) {
                Ok(read) => return Ok(read),
                Err(error) if is_late(error.kind()) || error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("read"),
            }
        }
    }
}

fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_end(kind: ErrorKind) -> bool {
    is_late(kind) || matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_only_host_and_length() {
        let bytes = request_bytes("h:1", "POST", "/records/a", &[("x-y", "z")], b"{}");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "POST /records/a HTTP/1.1\r\nhost: h:1\r\ncontent-length: 2\r\nx-y: z\r\n\r\n{}"
        );
    }

    #[test]
    fn leaves_named_fields_to_the_test() {
        let bytes = request_bytes("h", "PUT", "/", &[("Content-Length", "9"), ("Host", "")], b"{}");
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text, "PUT / HTTP/1.1\r\nContent-Length: 9\r\nHost: \r\n\r\n{}");
    }
}
