//! Bodies: what is kept exactly, and what is refused with nothing stored.

use http::Method;

use super::support::{Ask, Service, Settings};

#[tokio::test]
async fn values_are_kept_as_they_were_written() {
    let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    let long = "9".repeat(300);
    let kept = [
        "{}".to_owned(),
        r#"{"a":1.0,"b":1e5,"c":-0.0,"d":-0,"e":1E+2}"#.to_owned(),
        r#"{"n":123456789012345678901234567890}"#.to_owned(),
        format!(r#"{{"n":{long}}}"#),
        r#"{"n":1e-400}"#.to_owned(),
        r#"{"z":1,"a":2,"m":3}"#.to_owned(),
        r#"{"a":null,"b":true,"c":false,"d":"","e":[],"f":{}}"#.to_owned(),
        "{\"a\":\"\u{e9}\u{2603}\u{1f600}\"}".to_owned(),
        r#"{"a":"\u0000"}"#.to_owned(),
        r#"{"a":{"id":1},"b":[{"id":2}]}"#.to_owned(),
        format!(r#"{{"a":{deep}}}"#),
        r#"{"":1," ":2,"a.b":3}"#.to_owned(),
    ];
    for body in kept {
        let service = Service::new();
        let open = body.strip_suffix('}').unwrap();
        let comma = if body == "{}" { "" } else { "," };
        let expected = format!("{open}{comma}\"id\":1}}");
        service.post("/records/c", body.as_str()).await.is(201, &expected);
        service.get("/records/c/1").await.is(200, &expected);
        service.get("/records/c").await.is(200, &format!("[{expected}]"));
        service.put("/records/c/1", body.as_str()).await.is(200, &expected);
    }
}

#[tokio::test]
async fn equal_texts_are_stored_alike() {
    let service = Service::new();
    let made = service.post("/records/c", "\t{ \"a\" :\n[1 , 2],\"b\\/\":\"\\u0041\\u2603\" }\r\n");
    made.await.is(201, "{\"a\":[1,2],\"b/\":\"A\u{2603}\",\"id\":1}");
}

/// Bodies that are refused: what they are, the code, and a part of the answer.
fn refused_bodies() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let deep = |levels: usize| {
        format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels)).into_bytes()
    };
    let text = |text: &str| text.as_bytes().to_vec();
    let json = "invalid_json";
    let object = "not_an_object";
    vec![
        ("nothing", text(""), json, "found nothing"),
        ("blanks", text(" \n"), json, "found nothing"),
        ("null", text("null"), object, "Input should be a valid dictionary"),
        ("an array", text("[1]"), object, "Input should be a valid dictionary"),
        ("a string", text("\"x\""), object, "Input should be a valid dictionary"),
        ("a number", text("7"), object, "Input should be a valid dictionary"),
        ("a boolean", text("true"), object, "Input should be a valid dictionary"),
        ("a word", text("hello"), json, "at byte 0"),
        ("an unfinished object", text("{\"a\":1"), json, "at byte 6"),
        ("an unquoted key", text("{a:1}"), json, "at byte 1"),
        ("a last comma", text("{\"a\":1,}"), json, "at byte 7"),
        ("single quotes", text("{'a':1}"), json, "at byte 1"),
        ("a comment", text("{\"a\":1/*x*/}"), json, "at byte 6"),
        ("more after it", text("{} x"), json, "at byte 3"),
        ("two objects", text("{}{}"), json, "at byte 2"),
        ("a NUL after it", text("{}\0"), json, "at byte 2"),
        ("a byte order mark", text("\u{feff}{}"), json, "at byte 0"),
        ("a leading zero", text("{\"a\":01}"), json, "at byte"),
        ("a plus", text("{\"a\":+1}"), json, "at byte 5"),
        ("a bare dot", text("{\"a\":1.}"), json, "at byte"),
        ("NaN", text("{\"a\":NaN}"), json, "NaN"),
        ("Infinity", text("{\"a\":Infinity}"), json, "Infinity"),
        ("-Infinity", text("{\"a\":[-Infinity]}"), json, "Infinity"),
        ("a huge number", text("{\"a\":1e400}"), json, "1e400"),
        ("a duplicate key", text("{\"a\":1,\"b\":2,\"a\":3}"), json, "twice"),
        ("a nested duplicate", text("{\"x\":[{\"a\":1,\"\\u0061\":3}]}"), json, "/x/0"),
        ("a lone high surrogate", text("{\"a\":\"\\ud800\"}"), json, "surrogate"),
        ("a lone low surrogate", text("{\"a\":\"\\udc00x\"}"), json, "surrogate"),
        ("a surrogate as key", text("{\"\\ud800\":1}"), json, "surrogate"),
        ("a raw control character", text("{\"a\":\"\n\"}"), json, "at byte 6"),
        ("bytes that are not UTF-8", b"{\"a\":\"\xff\"}".to_vec(), json, "UTF-8"),
        ("an overlong byte sequence", b"{\"a\":\"\xc0\x80\"}".to_vec(), json, "UTF-8"),
        ("UTF-16", b"{\0}\0".to_vec(), json, "at byte 1"),
        ("too many levels", deep(128), json, "128 levels"),
        ("20 MiB of brackets", b"[".repeat(20 << 20), object, "Input should be"),
        ("a million objects", b"{\"a\":".repeat(1_000_000), json, "128 levels"),
    ]
}

/// A service that takes 32 MiB: the largest of the bodies must fail by what it is.
fn roomy() -> Service {
    let mut settings = Settings::default();
    settings.config.http.body_bytes_max = 32 << 20;
    Service::with(settings)
}

#[tokio::test]
async fn refused_bodies_store_nothing() {
    let service = roomy();
    for (what, body, code, part) in refused_bodies() {
        let refused = service.post("/records/c", body).await;
        assert_eq!(refused.status.as_u16(), 422, "{what}: {}", refused.text);
        refused.is_problem(422, code).contains(part);
        service.assert_empty(what).await;
    }
}

#[tokio::test]
async fn refused_bodies_change_nothing() {
    let service = roomy();
    let made = service.post("/records/c", r#"{"a":0}"#).await;
    for (what, body, code, _) in refused_bodies() {
        for method in [Method::PUT, Method::PATCH] {
            let ask = Ask::new(method, "/records/c/1").json(body.clone());
            service.send(ask).await.is_problem(422, code);
        }
        let ask = Ask::new(Method::PUT, "/records/c/x?upsert=true").json(body);
        service.send(ask).await.is_problem(422, code);
        let read = service.get("/records/c").await;
        read.is(200, r#"[{"a":0,"id":1}]"#);
        assert_eq!(service.get("/records/c/1").await.etag(), made.etag(), "{what}");
    }
}

#[tokio::test]
async fn json_is_taken_under_its_names_and_without_one() {
    let service = Service::new();
    for value in ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"] {
        let ask = Ask::new(Method::POST, "/records/c").header("content-type", value).body("{}");
        service.send(ask).await.has_status(201);
    }
    service.send(Ask::new(Method::POST, "/records/c").body("{}")).await.has_status(201);
}

#[tokio::test]
async fn other_types_of_bodies_are_refused() {
    let service = Service::new();
    let types = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
    ];
    for value in types {
        for (method, target) in [
            (Method::POST, "/records/c"),
            (Method::PUT, "/records/c/x?upsert=true"),
            (Method::PATCH, "/records/c/x"),
            (Method::POST, "/records/c/batch"),
        ] {
            let ask = Ask::new(method, target).header("content-type", value).body("{}");
            let refused = service.send(ask).await;
            refused.is_problem(422, "not_an_object").contains(value.split(';').next().unwrap());
            assert_eq!(refused.blamed(), ["content-type"]);
        }
    }
    service.assert_empty("of their types").await;
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let mut settings = Settings::default();
    settings.config.http.body_bytes_max = 64;
    let service = Service::with(settings);
    let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(56));
    assert_eq!(fits.len(), 64);
    service.put("/records/c/a?upsert=true", fits.as_str()).await.has_status(201);
    service.post("/records/c", fits.as_str()).await.has_status(201);
    service.delete("/records/c?confirm=c").await.has_status(200);
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(57));
    service.post("/records/c", large.as_str()).await.is_problem(413, "body_too_large");
    service.put("/records/c/a?upsert=true", large).await.is_problem(413, "body_too_large");
    service.assert_empty("too large").await;
}

#[tokio::test]
async fn bodies_may_be_gzip_or_zstd() {
    let mut settings = Settings::default();
    settings.config.http.body_bytes_max = 1_000;
    let service = Service::with(settings);
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let post = |body: Vec<u8>, kind: &str, encoding: &str| {
        let ask = Ask::new(Method::POST, "/records/c").body(body).header("content-type", kind);
        service.send(ask.header("content-encoding", encoding))
    };
    let (json, lines) = ("application/json", "application/x-ndjson");
    post(gzip("{\"a\":1}"), json, "gzip").await.is(201, "{\"a\":1,\"id\":1}");
    post(b"{\"a\":2}".to_vec(), json, "identity").await.has_status(201);
    post(gzip("{}\n{}\n"), lines, "GZIP").await.has_status(200).contains("\"created\":2");
    // As the program zstd 1.5.4 packs {"a":3}, two lines, and a hundred thousand spaces.
    let packed: [&[u8]; 3] = [
        b"\x28\xb5\x2f\xfd\x04\x58\x39\x00\x00\x7b\x22\x61\x22\x3a\x33\x7d\xaa\x50\x53\xfc",
        b"\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00\x7b\x7d\x0a\x7b\x7d\x0a\xfa\xc5\xe0\x6e",
        b"\x28\xb5\x2f\xfd\x04\x58\x55\x00\x00\x10\x20\x20\x01\x00\x9b\x86\x39\xc0\x02\x5d\xa7\x21\x05",
    ];
    let [one, two, bomb] = packed.map(<[u8]>::to_vec);
    post(one.clone(), json, "zstd").await.is(201, "{\"a\":3,\"id\":5}");
    post(two, lines, "Zstd").await.has_status(200).contains("\"created\":2");
    post(bomb, json, "zstd").await.is_problem(413, "body_too_large");
    post(one[..9].to_vec(), json, "zstd").await.is_problem(400, "body_malformed");
    post(b"{}".to_vec(), json, "zstd").await.is_problem(400, "body_malformed");
    for encoding in ["br", "gzip, gzip", "gzip, zstd"] {
        let refused = post(gzip("{}"), json, encoding).await;
        refused.is_problem(415, "unsupported_encoding");
        assert_eq!(refused.header("accept-encoding"), Some("gzip, zstd"), "{encoding}");
    }
    post(b"{}".to_vec(), json, "gzip").await.is_problem(400, "body_malformed");
    let bomb = gzip(&" ".repeat(100_000));
    assert!(bomb.len() < 1_000);
    post(bomb, json, "gzip").await.is_problem(413, "body_too_large");
    service.get("/stats").await.contains("\"total_records\":7");
}
