//! The pages of an app folder, and that nothing else of it is served.

use std::{fs, path::Path};

use http::Method;
use isobase_server::{PagesConfig, ServerConfig};

use crate::records::support::{Ask, Reply, Service, Settings};

struct Site {
    folder: tempfile::TempDir,
    service: Service,
}

impl Site {
    fn new(single_page: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path();
        fs::create_dir_all(app.join("public/sub")).unwrap();
        fs::create_dir_all(app.join("data")).unwrap();
        for (name, text) in [
            ("index.html", "<p>index</p>"),
            ("isobase.toml", "secret = 1"),
            ("data/isobase.db", "secret"),
            ("public/.env", "secret"),
            ("public/app.js", "let a = 1;"),
            ("public/app.js.gz", "zipped"),
            ("public/app.3f9a1c2b.css", "a{}"),
            ("public/sub/index.html", "sub"),
            ("public/empty.txt", ""),
        ] {
            fs::write(app.join(name), text).unwrap();
        }
        let pages = PagesConfig { folder: app.to_owned(), single_page };
        let config = ServerConfig { pages: Some(pages), ..ServerConfig::default() };
        let service = Service::with(Settings { config, ..Settings::default() });
        Self { folder, service }
    }

    fn public(&self) -> std::path::PathBuf {
        self.folder.path().join("public")
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let ask = Ask::new(Method::GET, path);
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.header(name, *value));
        self.service.send(ask).await
    }
}

#[tokio::test]
async fn pages_say_that_an_owner_acts_as_somebody() {
    let site = Site::new(true);
    let acts = [("cookie", "isobase_session=a; isobase_own_session=b"), ("accept", "text/html")];
    for path in ["/", "/sub/", "/of/the/script"] {
        let page = site.ask(path, &acts).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.ends_with("src=\"/admin/assets/acting.js\"></script>\n"),
            "{}",
            page.text
        );
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("etag"), None);
        let known = site.ask(path, &[acts[0], acts[1], ("if-none-match", "*")]).await;
        assert_eq!(known.status, 200);
    }
    site.ask("/app.js", &acts).await.is(200, "let a = 1;");
    site.ask("/", &[("cookie", "isobase_session=a")]).await.is(200, "<p>index</p>");
}

#[tokio::test]
async fn pages_are_served_beside_the_routes() {
    let site = Site::new(false);
    let index = site.service.get("/").await;
    index.is(200, "<p>index</p>");
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(index.header("cache-control"), Some("no-cache"));
    assert_eq!(index.header("x-content-type-options"), Some("nosniff"));
    site.service.get("/index.html").await.is(200, "<p>index</p>");
    let script = site.service.get("/app.js").await;
    script.is(200, "let a = 1;");
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    let style = site.service.get("/app.3f9a1c2b.css").await;
    assert_eq!(style.header("cache-control"), Some("public, max-age=31536000, immutable"));
    site.service.get("/sub/").await.is(200, "sub");
    site.service.get("/empty.txt").await.is(200, "");
    let folder = site.service.get("/sub?a=1").await;
    folder.has_status(308);
    assert_eq!(folder.header("location"), Some("/sub/?a=1"));
    site.service.get("/health").await.contains("database");
    site.service.get("/records/a").await.is(200, "[]");
    site.service.get("/records/a/").await.has_status(307);
    site.service.get("/nothing").await.is_problem(404, "route_not_found");
    site.service.post("/nothing", "{}").await.is_problem(404, "route_not_found");
    site.service.post("/", "{}").await.is_problem(404, "route_not_found");
    let description = site.service.get("/openapi.json").await.json();
    assert!(description["paths"]["/{path}"]["get"].is_object(), "{}", description["paths"]);
}

#[tokio::test]
async fn nothing_else_of_the_folder_is_served() {
    let site = Site::new(true);
    std::os::unix::fs::symlink("../isobase.toml", site.public().join("link")).unwrap();
    let paths = [
        "/isobase.toml",
        "/data/isobase.db",
        "/.env",
        "/public/.env",
        "/link",
        "/%2e%2e/isobase.toml",
        "/sub/%2e%2e/%2e%2e/isobase.toml",
        "/..%2fisobase.toml",
        "/%2e%2e%2fisobase.toml",
        "/..%5cisobase.toml",
        "/sub/../../isobase.toml",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/app.js%00",
        "/%c0%ae%c0%ae/isobase.toml",
    ];
    for path in paths {
        let reply = site.service.get(path).await;
        assert!([400, 404].contains(&reply.status.as_u16()), "{path}: {}", reply.text);
        reply.lacks("secret");
    }
    // A page in its place is the page of `/`, never the file.
    for path in paths {
        site.ask(path, &[("accept", "text/html")]).await.lacks("secret").lacks("root:");
    }
}

#[tokio::test]
async fn known_files_are_not_sent_again() {
    let site = Site::new(false);
    let first = site.service.get("/app.js").await;
    let (tag, date) = (first.etag().to_owned(), first.header("last-modified").unwrap().to_owned());
    let again = site.ask("/app.js", &[("if-none-match", &tag)]).await;
    again.is(304, "");
    assert_eq!(again.etag(), tag);
    site.ask("/app.js", &[("if-modified-since", &date)]).await.is(304, "");
    site.ask("/app.js", &[("if-none-match", "\"x\"")]).await.is(200, "let a = 1;");
    fs::write(site.public().join("app.js"), "let a = 2 + 2;").unwrap();
    let changed = async {
        loop {
            let reply = site.ask("/app.js", &[("if-none-match", &tag)]).await;
            if reply.status == 200 {
                return reply;
            }
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, changed).await.unwrap().is(200, "let a = 2 + 2;");
}

#[tokio::test]
async fn encoded_files_are_sent_to_those_who_take_them() {
    let site = Site::new(false);
    let zipped = site.ask("/app.js", &[("accept-encoding", "gzip, br")]).await;
    zipped.is(200, "zipped");
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.header("content-type"), Some("text/javascript; charset=utf-8"));
    let plain = site.ask("/app.js", &[("accept-encoding", "br")]).await;
    plain.is(200, "let a = 1;");
    assert_eq!(plain.header("content-encoding"), None);
    assert_ne!(plain.etag(), zipped.etag());
    let varies = |reply: &Reply| {
        reply.headers.get_all("vary").iter().any(|value| value == "accept-encoding")
    };
    assert!(varies(&plain) && varies(&zipped));
}

#[tokio::test]
async fn parts_of_small_and_large_files_are_sent() {
    let site = Site::new(false);
    let large: String = (0..60_000).map(|number| format!("{number:05}\n")).collect();
    fs::write(site.public().join("large.txt"), &large).unwrap();
    let whole = site.service.get("/large.txt").await;
    whole.is(200, &large);
    assert_eq!(whole.header("content-length"), Some(&*large.len().to_string()));
    for (path, text) in [("/app.js", "let a = 1;"), ("/large.txt", &large)] {
        let last = text.len() - 1;
        for (range, part, shown) in [
            ("bytes=0-4", &text[..5], format!("bytes 0-4/{}", text.len())),
            ("bytes=-3", &text[last - 2..], format!("bytes {}-{last}/{}", last - 2, text.len())),
        ] {
            let reply = site.ask(path, &[("range", range), ("accept-encoding", "gzip")]).await;
            reply.is(206, part);
            assert_eq!(reply.header("content-range"), Some(&*shown));
            assert_eq!(reply.header("content-length"), Some(&*part.len().to_string()));
        }
        let beyond = site.ask(path, &[("range", "bytes=9999999-")]).await;
        beyond.is_problem(416, "range_not_satisfiable");
        assert_eq!(beyond.header("content-range"), Some(&*format!("bytes */{}", text.len())));
        let stale = site.ask(path, &[("range", "bytes=0-4"), ("if-range", "\"x\"")]).await;
        stale.is(200, text);
        let head = site.service.send(Ask::new(Method::HEAD, path)).await;
        head.is(200, "");
        assert_eq!(head.header("content-length"), Some(&*text.len().to_string()));
    }
}

#[tokio::test]
async fn a_single_page_app_shows_its_page_everywhere() {
    let site = Site::new(true);
    let page = [("accept", "text/html,application/xhtml+xml")];
    site.ask("/users/7", &page).await.is(200, "<p>index</p>");
    site.ask("/app.js", &page).await.is(200, "let a = 1;");
    site.ask("/users/7", &[("accept", "*/*")]).await.is_problem(404, "route_not_found");
    for path in ["/api/nothing", "/records/a/b/c"] {
        site.ask(path, &page).await.is_problem(404, "route_not_found");
    }
    let plain = Site::new(false);
    plain.ask("/users/7", &page).await.is_problem(404, "route_not_found");
}

#[tokio::test]
async fn a_folder_without_an_index_keeps_the_service_at_the_root() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("public")).unwrap();
    fs::write(Path::new(folder.path()).join("public/a.txt"), "a").unwrap();
    let pages = PagesConfig { folder: folder.path().to_owned(), single_page: false };
    let config = ServerConfig { pages: Some(pages), ..ServerConfig::default() };
    let service = Service::with(Settings { config, ..Settings::default() });
    service.get("/").await.contains("running");
    service.get("/a.txt").await.is(200, "a");
}
