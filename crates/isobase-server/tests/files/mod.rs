//! Uploaded files, through the service in process.

mod fields;
mod managed;
#[cfg(feature = "thumbnails")]
mod thumbs;
mod tus;

use std::fs;

use http::Method;
use isobase_server::{FilesOptions, ServerConfig};
use tempfile::TempDir;

use crate::records::support::{Ask, Reply, Service, Settings};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123456789";

struct Uploads {
    service: Service,
    folder: TempDir,
}

impl Uploads {
    fn new(file_bytes_max: u64) -> Self {
        Self::with(file_bytes_max, |options| options)
    }

    fn with(file_bytes_max: u64, change: impl FnOnce(FilesOptions) -> FilesOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = change(FilesOptions::new(folder.path().join("uploads"), file_bytes_max));
        let config = ServerConfig { files: Some(options), ..ServerConfig::default() };
        Self { service: Service::with(Settings { config, ..Settings::default() }), folder }
    }

    /// Another service on the same database, with a disk of its own.
    fn beside(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = FilesOptions::new(folder.path().join("uploads"), 1_000);
        let config = ServerConfig { files: Some(options), ..ServerConfig::default() };
        Self { service: self.service.beside(config), folder }
    }

    async fn send(&self, body: Vec<u8>) -> Reply {
        let ask = Ask::new(Method::POST, "/api/upload").body(body);
        self.service.send(ask.header("content-type", "multipart/form-data; boundary=b")).await
    }

    async fn upload(&self, filename: &str, bytes: &[u8]) -> Reply {
        self.send(form("file", filename, bytes)).await
    }

    async fn url(&self, filename: &str, bytes: &[u8]) -> String {
        let reply = self.upload(filename, bytes).await;
        reply.has_status(200);
        reply.json()["url"].as_str().unwrap().to_owned()
    }

    /// The files in the folder, with those that are not there yet.
    fn on_disk(&self) -> usize {
        let count = |path: &str| {
            let entries = fs::read_dir(self.folder.path().join(path)).into_iter().flatten();
            entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
        };
        count("uploads") + count("uploads/.partial") + count("uploads/.transfers")
    }
}

pub(super) fn form(field: &str, filename: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--b\r\n\
         Content-Disposition: form-data; name=\"{field}\"; filename=\"{filename}\"\r\n\
         Content-Type: text/html\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

#[tokio::test]
async fn a_file_is_read_as_it_was_sent() {
    let uploads = Uploads::new(1 << 20);
    let reply = uploads.upload("photo.PNG", PNG).await;
    reply.has_status(200);
    let told = reply.json();
    let name = told["filename"].as_str().unwrap();
    assert!(name.len() == 40 && name.ends_with(".PNG"), "{name}");
    assert_eq!(told["url"], format!("/uploads/{name}"));
    assert_eq!(told["size"], PNG.len());
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
    let url = uploads.url("x.txt", &bytes).await;
    let read = uploads.service.get(&url).await;
    read.has_status(200);
    assert!(read.text.as_bytes() == bytes);
    assert_eq!(read.header("content-length"), Some("300000"));
    assert_eq!(read.header("content-type"), Some("text/plain; charset=utf-8"));
    // System collections are not shown.
    uploads
        .service
        .get("/records/isobase_uploads")
        .await
        .is_problem(422, "invalid_collection_name");
    uploads.service.get("/collections").await.lacks("uploads");
    assert_eq!(uploads.on_disk(), 2);
}

#[tokio::test]
async fn what_could_run_is_saved_instead() {
    let uploads = Uploads::new(1 << 20);
    for (name, bytes, media_type, shown) in [
        ("a.html", &b"<script>alert(1)</script>"[..], "text/plain; charset=utf-8", false),
        ("a.png", b"<!doctype html><script>", "text/plain; charset=utf-8", false),
        ("a.svg", b"<svg xmlns='x'><script/></svg>", "image/svg+xml", false),
        ("a.html", b"just text", "text/plain; charset=utf-8", true),
        ("a", b"a\0b", "application/octet-stream", false),
    ] {
        let url = uploads.url(name, bytes).await;
        let read = uploads.service.get(&url).await;
        read.has_status(200);
        assert_eq!(read.header("content-type"), Some(media_type), "{name}");
        assert_eq!(read.header("content-disposition"), (!shown).then_some("attachment"), "{name}");
        assert_eq!(read.header("x-content-type-options"), Some("nosniff"));
        let policy = read.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    }
}

#[tokio::test]
async fn parts_and_known_states_are_told() {
    let uploads = Uploads::new(1 << 20);
    let url = uploads.url("a.txt", b"0123456789").await;
    let ask = |name: &'static str, value: String| {
        let service = uploads.service.clone();
        let ask = Ask::new(Method::GET, &url).header(name, &value);
        async move { service.send(ask).await }
    };
    let part = ask("range", "bytes=2-4".into()).await;
    part.is(206, "234");
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(part.header("content-length"), Some("3"));
    let none = ask("range", "bytes=10-".into()).await;
    none.is(416, "");
    assert_eq!(none.header("content-range"), Some("bytes */10"));
    let whole = uploads.service.get(&url).await;
    let known = ask("if-none-match", whole.etag().to_owned()).await;
    known.is(304, "");
    assert_eq!(known.etag(), whole.etag());
    let head = uploads.service.send(Ask::new(Method::HEAD, &url)).await;
    head.is(200, "");
    assert_eq!(head.header("content-length"), Some("10"));
    uploads.service.get(&uploads.url("empty", b"").await).await.is(200, "");
}

#[tokio::test]
async fn wrong_forms_keep_nothing() {
    let uploads = Uploads::new(100);
    let service = &uploads.service;
    service.post("/api/upload", "{}").await.is_problem(422, "invalid_upload");
    let whole = form("file", "a.txt", b"hello");
    for body in [
        form("other", "a.txt", b"x"),
        form("file", "", b"x"),
        whole[..whole.len() - 9].to_vec(),
        b"--b--\r\n".to_vec(),
        Vec::new(),
        [&whole[..whole.len() - 7], &form("file", "b.txt", b"y")].concat(),
    ] {
        let reply = uploads.send(body).await;
        reply.is_problem(422, "invalid_upload");
    }
    uploads.upload("a", &[b'x'; 101]).await.is_problem(413, "file_too_large");
    uploads.upload("a", &[b'x'; 100]).await.has_status(200);
    assert_eq!(uploads.on_disk(), 1);
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing() {
    let uploads = Uploads::new(1 << 20);
    uploads.service.fail_after(0, 0);
    uploads.upload("a.txt", b"x").await.is_problem(503, "unavailable");
    assert_eq!(uploads.on_disk(), 0);
}

#[tokio::test]
async fn names_never_leave_the_folder() {
    let uploads = Uploads::new(1 << 20);
    fs::write(uploads.folder.path().join("secret"), "secret").unwrap();
    for name in ["..%2Fsecret", "%2e%2e", ".partial", "a%00b", "secret", "x.png", "%2Fetc%2Fpasswd"]
    {
        let reply = uploads.service.get(&format!("/uploads/{name}")).await;
        assert!(matches!(reply.status.as_u16(), 400 | 404), "{name}: {}", reply.status);
        reply.lacks("secret\n");
    }
    for name in ["../../x.txt", "..\\..\\x.txt", "/etc/passwd.txt", "\u{202e}x.txt"] {
        let reply = uploads.upload(name, b"x").await.json();
        let kept = reply["filename"].as_str().unwrap();
        assert!(kept.len() == 40 && kept.ends_with(".txt"), "{kept}");
    }
}

#[tokio::test]
async fn a_file_that_the_disk_lost_is_not_found() {
    let uploads = Uploads::new(1 << 20);
    let url = uploads.url("a.txt", b"x").await;
    fs::remove_dir_all(uploads.folder.path().join("uploads")).unwrap();
    uploads.service.get(&url).await.is_problem(404, "file_not_found");
}

#[tokio::test]
async fn administrators_find_and_delete_files() {
    let uploads = Uploads::new(1_000);
    let url = uploads.url("a<b>.png", PNG).await;
    uploads.url("b.txt", b"text").await;
    let page = uploads.service.get("/api/v1/uploads?limit=1").await.json();
    let next = format!("/api/v1/uploads?limit=1&cursor={}", page["next"].as_str().unwrap());
    let rest = uploads.service.get(&next).await.json();
    let listed = [&page["uploads"][0], &rest["uploads"][0]];
    let file = listed.iter().find(|file| file["url"] == *url).unwrap();
    assert_eq!(file["original"], "a<b>.png");
    assert_eq!(file["size"], PNG.len());
    let one = format!("/api/v1/uploads/{}", file["filename"].as_str().unwrap());
    uploads.service.delete(&one).await.is(200, "{\"ok\":true}");
    uploads.service.get(&url).await.is_problem(404, "file_not_found");
    uploads.service.delete(&one).await.is_problem(404, "file_not_found");
    assert_eq!(uploads.on_disk(), 1);
    for name in ["%2E%2E", "isobase.db", "x"] {
        let none = uploads.service.delete(&format!("/api/v1/uploads/{name}")).await;
        assert!(none.status.is_client_error(), "{name}");
    }
}
