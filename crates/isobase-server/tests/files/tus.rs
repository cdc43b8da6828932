//! Uploads in several requests, through the service in process.

use std::time::Duration;

use http::Method;
use isobase_server::{FilesOptions, MediaTypes};

use super::Uploads;
use crate::records::support::{Ask, Reply};

const PATH: &str = "/api/uploads/tus";
const BYTES: &str = "application/offset+octet-stream";

fn tus(method: Method, target: &str, headers: &[(&str, &str)]) -> Ask {
    let ask = Ask::new(method, target).header("tus-resumable", "1.0.0");
    headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value))
}

impl Uploads {
    async fn begin(&self, headers: &[(&str, &str)]) -> Reply {
        self.service.send(tus(Method::POST, PATH, headers)).await
    }

    /// The address of a new upload of so many bytes.
    async fn begun(&self, length: &str, more: &[(&str, &str)]) -> String {
        let headers = [&[("upload-length", length)], more].concat();
        let reply = self.begin(&headers).await;
        reply.has_status(201);
        reply.header("location").unwrap().to_owned()
    }

    async fn add(&self, url: &str, offset: &str, bytes: &str, more: &[(&str, &str)]) -> Reply {
        let headers = [&[("upload-offset", offset), ("content-type", BYTES)], more].concat();
        self.service.send(tus(Method::PATCH, url, &headers).body(bytes)).await
    }

    async fn look(&self, url: &str) -> Reply {
        self.service.send(tus(Method::HEAD, url, &[])).await
    }

    async fn offset(&self, url: &str) -> Option<String> {
        let reply = self.look(url).await;
        reply.has_status(200);
        reply.header("upload-offset").map(str::to_owned)
    }

    async fn files(&self) -> usize {
        let listed = self.service.get("/api/v1/uploads").await.json();
        listed["uploads"].as_array().unwrap().len()
    }
}

fn file_of(reply: &Reply) -> &str {
    reply.header("content-location").unwrap()
}

#[tokio::test]
async fn pieces_become_a_file() {
    let uploads = Uploads::new(100);
    let told = uploads.service.send(Ask::new(Method::OPTIONS, "/api/uploads/tus/")).await;
    told.has_status(204);
    assert_eq!(told.header("tus-version"), Some("1.0.0"));
    assert_eq!(told.header("tus-max-size"), Some("100"));
    assert!(told.header("tus-extension").unwrap().contains("creation-with-upload"));

    let metadata = ("upload-metadata", "filename YS5wbmc=,private");
    let url = uploads.begun("10", &[metadata]).await;
    let begun = uploads.look(&url).await;
    assert_eq!(begun.header("upload-offset"), Some("0"));
    assert_eq!(begun.header("upload-length"), Some("10"));
    assert_eq!(begun.header(metadata.0), Some(metadata.1));
    assert!(begun.header("upload-expires").unwrap().ends_with(" GMT"));
    assert_eq!(begun.header("cache-control"), Some("no-store"));

    let first = uploads.add(&url, "0", "01234", &[]).await;
    first.has_status(204);
    assert_eq!(
        (first.header("upload-offset"), first.header("content-location")),
        (Some("5"), None)
    );
    assert_eq!(uploads.files().await, 0);
    let again = uploads.add(&url, "0", "01234", &[]).await;
    again.is_problem(409, "upload_offset");
    assert_eq!(again.header("upload-offset"), Some("5"));
    let last = uploads.add(&url, "5", "56789", &[]).await;
    last.has_status(204);
    let file = file_of(&last);
    assert!(file.ends_with(".png"), "{file}");
    uploads.service.get(file).await.is(200, "0123456789");
    // An answer that was lost is found again.
    let whole = uploads.look(&url).await;
    assert_eq!((whole.header("upload-offset"), file_of(&whole)), (Some("10"), file));
    assert_eq!(uploads.service.get(&url).await.json()["url"], file);
    // The address is forgotten, and the file stays.
    uploads.service.send(tus(Method::DELETE, &url, &[])).await.has_status(204);
    uploads.look(&url).await.has_status(404);
    uploads.service.get(file).await.has_status(200);
    assert_eq!((uploads.files().await, uploads.on_disk()), (1, 1));
}

#[tokio::test]
async fn one_request_may_do() {
    let uploads = Uploads::new(100);
    let empty = uploads.begin(&[("upload-length", "0"), ("upload-metadata", "")]).await;
    empty.has_status(201);
    uploads.service.get(file_of(&empty)).await.is(200, "");
    let headers = [("upload-length", "5"), ("content-type", BYTES)];
    let whole = uploads.service.send(tus(Method::POST, PATH, &headers).body("hello")).await;
    whole.has_status(201);
    assert_eq!(whole.header("upload-offset"), Some("5"));
    uploads.service.get(file_of(&whole)).await.is(200, "hello");
    let part = uploads.service.send(tus(Method::POST, "/api/uploads/tus/", &headers).body("he"));
    let part = part.await;
    assert_eq!(part.header("upload-offset"), Some("2"));
    let url = part.header("location").unwrap();
    let by_post = [("x-http-method-override", "PATCH"), ("upload-offset", "2"), headers[1]];
    uploads.service.send(tus(Method::POST, url, &by_post).body("llo")).await.has_status(204);
    assert_eq!(uploads.files().await, 3);
}

#[tokio::test]
async fn wrong_requests_keep_nothing() {
    let uploads = Uploads::with(100, |it| FilesOptions { unfinished_max: 2, ..it });
    let wrong = "invalid_resumable_upload";
    for (headers, status, code) in [
        (&[][..], 400, wrong),
        (&[("upload-length", "-1")], 400, wrong),
        (&[("upload-length", "1e3")], 400, wrong),
        (&[("upload-defer-length", "2")], 400, wrong),
        (&[("upload-defer-length", "1"), ("upload-length", "1")], 400, wrong),
        (&[("upload-length", "101")], 413, "file_too_large"),
        (&[("upload-length", "1"), ("upload-metadata", "filename a.txt")], 400, wrong),
        (&[("upload-length", "1"), ("upload-concat", "whole")], 400, wrong),
        (&[("upload-concat", "final;")], 400, wrong),
        (&[("upload-concat", "final;/api/uploads/tus/../../x")], 400, wrong),
    ] {
        let reply = uploads.begin(headers).await;
        reply.is_problem(status, code);
        assert_eq!(reply.header("tus-resumable"), Some("1.0.0"), "{headers:?}");
    }
    let old = Ask::new(Method::POST, PATH).header("tus-resumable", "0.2.2");
    let old = uploads.service.send(old.header("upload-length", "1")).await;
    old.is_problem(412, "upload_protocol");
    assert_eq!(old.header("tus-version"), Some("1.0.0"));
    assert_eq!(uploads.on_disk(), 0);

    let url = uploads.begun("5", &[]).await;
    uploads.add(&url, "0", "too long", &[]).await.is_problem(413, "upload_too_long");
    uploads.add(&url, "x", "a", &[]).await.is_problem(400, wrong);
    uploads.add(&url, "1", "a", &[]).await.is_problem(409, "upload_offset");
    uploads.add(&url, "0", "a", &[("upload-checksum", "md4 YQ==")]).await.is_problem(400, wrong);
    let json = tus(Method::PATCH, &url, &[("upload-offset", "0")]).json("{}");
    uploads.service.send(json).await.is_problem(415, "upload_content_type");
    assert_eq!(uploads.offset(&url).await.as_deref(), Some("0"));
    for other in ["0000000000000000000000000000000000000000", "x", "%2E%2E"] {
        let other = format!("{PATH}/{other}");
        uploads.add(&other, "0", "a", &[]).await.is_problem(404, "upload_not_found");
        uploads.look(&other).await.has_status(404);
    }

    uploads.begun("5", &[]).await;
    let third = uploads.begin(&[("upload-length", "5")]).await;
    third.is_problem(429, "too_many_uploads");
    uploads.service.send(tus(Method::DELETE, &url, &[])).await.has_status(204);
    uploads.add(&url, "0", "hello", &[]).await.is_problem(404, "upload_not_found");
    uploads.begun("5", &[]).await;
    assert_eq!((uploads.files().await, uploads.on_disk()), (0, 2));
}

#[tokio::test]
async fn bytes_with_another_sum_are_not_kept() {
    let uploads = Uploads::new(100);
    let url = uploads.begun("10", &[]).await;
    let sha1 = ("upload-checksum", "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=");
    uploads.add(&url, "0", "hellO", &[sha1]).await.is_problem(460, "upload_checksum");
    assert_eq!(uploads.offset(&url).await.as_deref(), Some("0"));
    uploads.add(&url, "0", "hello", &[sha1]).await.has_status(204);
    let sha256 = ("upload-checksum", "sha256 SG6kYiTRu0+2gPNPfJrZao8k7Ii+c+qOWmxlJg6cuKc=");
    uploads.add(&url, "5", "world", &[sha1]).await.is_problem(460, "upload_checksum");
    let last = uploads.add(&url, "5", "world", &[sha256]).await;
    last.has_status(204);
    uploads.service.get(file_of(&last)).await.is(200, "helloworld");
    assert_eq!(uploads.on_disk(), 1);
}

#[tokio::test]
async fn parts_become_one_file_once() {
    let uploads = Uploads::new(100);
    let part = ("upload-concat", "partial");
    let (first, second) = (uploads.begun("5", &[part]).await, uploads.begun("0", &[part]).await);
    let third = uploads.begun("3", &[part]).await;
    let all = format!("final;http://localhost:8002{first} {second} {third}");
    let last = [("upload-concat", &*all), ("upload-metadata", "filename YS50eHQ=")];
    uploads.add(&first, "0", "hello", &[]).await.has_status(204);
    uploads.begin(&last).await.is_problem(400, "invalid_resumable_upload");
    uploads.add(&third, "0", " du", &[]).await.has_status(204);
    assert_eq!(uploads.look(&third).await.header("upload-concat"), Some("partial"));
    assert_eq!(uploads.files().await, 0);
    let joined = uploads.begin(&last).await;
    joined.has_status(201);
    uploads.service.get(file_of(&joined)).await.is(200, "hello du");
    let url = joined.header("location").unwrap();
    uploads.add(url, "0", "x", &[]).await.is_problem(403, "forbidden");
    let look = uploads.look(url).await;
    assert!(look.header("upload-concat").unwrap().starts_with("final;/api/uploads/tus/"));
    // The answer was lost.
    let again = uploads.begin(&last).await;
    assert_eq!((again.header("location"), file_of(&again)), (Some(url), file_of(&joined)));
    assert_eq!((uploads.files().await, uploads.on_disk()), (1, 1));
}

#[tokio::test]
async fn a_failing_database_loses_no_upload() {
    let uploads = Uploads::new(100);
    let url = uploads.begun("5", &[]).await;
    uploads.service.fail_after(100, 0);
    uploads.add(&url, "0", "hello", &[]).await.is_problem(503, "unavailable");
    // A client that is told of a failure here begins anew.
    let busy = uploads.look(&url).await;
    busy.has_status(423);
    assert!(busy.header("retry-after").is_some());
    uploads.service.fail_after(100, 100);
    let whole = uploads.look(&url).await;
    whole.has_status(200);
    assert_eq!(whole.header("upload-offset"), Some("5"));
    uploads.service.get(file_of(&whole)).await.is(200, "hello");
    assert_eq!((uploads.files().await, uploads.on_disk()), (1, 1));
}

#[tokio::test]
async fn what_rests_too_long_is_forgotten() {
    let uploads = Uploads::with(100, |it| FilesOptions { unfinished_for: Duration::ZERO, ..it });
    let url = uploads.begun("5", &[]).await;
    assert_eq!(uploads.on_disk(), 1);
    uploads.add(&url, "0", "hello", &[]).await.is_problem(404, "upload_not_found");
    uploads.look(&url).await.has_status(404);
    assert_eq!((uploads.files().await, uploads.on_disk()), (0, 0));
}

#[tokio::test]
async fn a_length_may_be_told_later() {
    let uploads = Uploads::new(10);
    let deferred = ("upload-defer-length", "1");
    let begun = uploads.begin(&[deferred]).await;
    begun.has_status(201);
    let url = begun.header("location").unwrap();
    uploads.add(url, "0", "hello", &[]).await.has_status(204);
    let looked = uploads.look(url).await;
    assert_eq!((looked.header("upload-offset"), looked.header(deferred.0)), (Some("5"), Some("1")));
    assert_eq!(looked.header("upload-length"), None);
    uploads.add(url, "5", " world", &[]).await.is_problem(413, "file_too_large");
    let wrong = "invalid_resumable_upload";
    uploads.add(url, "5", "", &[("upload-length", "4")]).await.is_problem(400, wrong);
    uploads.add(url, "5", "", &[("upload-length", "11")]).await.is_problem(413, "file_too_large");
    uploads.add(url, "5", "!", &[("upload-length", "7")]).await.has_status(204);
    uploads.add(url, "6", "!", &[("upload-length", "8")]).await.is_problem(400, wrong);
    let told = uploads.look(url).await;
    assert_eq!((told.header("upload-length"), told.header(deferred.0)), (Some("7"), None));
    let last = uploads.add(url, "6", "!", &[]).await;
    last.has_status(204);
    uploads.service.get(file_of(&last)).await.is(200, "hello!!");
    // Its end may be all that is told.
    let begun = uploads.begin(&[deferred]).await;
    let url = begun.header("location").unwrap();
    uploads.add(url, "0", "all", &[]).await.has_status(204);
    let last = uploads.add(url, "3", "", &[("upload-length", "3")]).await;
    uploads.service.get(file_of(&last)).await.is(200, "all");
}

#[tokio::test]
async fn types_that_are_not_taken_are_told_early() {
    let types = MediaTypes::new(["image/*"]).unwrap();
    let uploads = Uploads::with(10_000, |it| FilesOptions { types, ..it });
    let refused = uploads.upload("photo.png", b"no picture at all").await;
    refused.is_problem(415, "file_type_not_taken");
    assert!(refused.text.contains("text/plain") && refused.text.contains("image/*"));
    uploads.upload("photo.txt", super::PNG).await.has_status(200);
    // A short one is known when it is whole, a long one by its first bytes.
    let short = uploads.begun("4", &[]).await;
    uploads.add(&short, "0", "text", &[]).await.is_problem(415, "file_type_not_taken");
    uploads.look(&short).await.has_status(404);
    let long = uploads.begun("9000", &[]).await;
    uploads.add(&long, "0", &"x".repeat(600), &[]).await.is_problem(415, "file_type_not_taken");
    assert_eq!(uploads.offset(&long).await.as_deref(), Some("0"));
    assert_eq!((uploads.files().await, uploads.on_disk()), (1, 2));
}

/// Two nodes share a database and a bucket, and each has a disk of its own.
#[tokio::test]
async fn an_upload_of_another_node_is_told_and_goes_on_there() {
    let one = Uploads::new(100);
    let other = one.beside();
    let url = one.begun("10", &[]).await;
    one.add(&url, "0", "01234", &[]).await.has_status(204);
    for refused in [other.look(&url).await, other.add(&url, "5", "56789", &[]).await] {
        assert_eq!(refused.status, 423, "{}", refused.text);
        assert!(refused.header("retry-after").is_some());
    }
    other.service.get(&url).await.is_problem(423, "upload_elsewhere");
    let last = one.add(&url, "5", "56789", &[]).await;
    last.has_status(204);
    one.service.get(file_of(&last)).await.is(200, "0123456789");
    // That it is whole every node knows.
    assert_eq!(file_of(&other.look(&url).await), file_of(&last));
}
