//! Pages of the documentation do what they say: their blocks are run from top to bottom.
//!
//! Lines of `sh` blocks that begin with `isobase ` are commands. One that begins with `curl ` is a
//! request where `# {…}` behind it is an answer, of the same shape. An `http` block is a request to
//! the service, and the `json` block behind it holds members of its answer; its other members are
//! not compared, and `"…"` stands for any value. `json 400` asks for that status, and so does `http
//! 204`. Lines behind that of the request, such as `Tus-Resumable: 1.0.0`, are its headers. `/ID` is
//! the end of the last `Location`, `FILENAME` the last `filename` of an answer.

use std::{fs, path::Path, time::Duration};

use isobase_testkit::{TestServer, unique_name, wait_until};
use rusqlite::Connection;
use serde_json::Value;

use super::{command::App, databases::on_servers};

/// A fenced block: what it is, and its text.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = fs::read_to_string(path).unwrap();
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block { info: info.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The words of a command; quotation marks keep blanks.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for character in command.chars() {
        match (character, quote) {
            ('\'' | '"', None) => quote = Some(character),
            (c, Some(q)) if c == q => quote = None,
            (' ', None) => words.push(String::new()),
            (c, _) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn has_members(answer: &Value, wanted: &Value) -> bool {
    match (answer, wanted) {
        (_, Value::String(any)) if any == "…" => true,
        (Value::Object(answer), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| answer.get(name).is_some_and(|found| has_members(found, wanted))),
        (Value::Array(answer), Value::Array(wanted)) => {
            answer.len() == wanted.len()
                && answer.iter().zip(wanted).all(|(answer, wanted)| has_members(answer, wanted))
        }
        _ => answer == wanted,
    }
}

/// Whether a value has the members of another, each of the same type.
fn has_shape(answer: &Value, shown: &Value) -> bool {
    match (answer, shown) {
        (Value::Object(answer), Value::Object(shown)) => {
            answer.len() == shown.len()
                && shown.iter().all(|(name, shown)| {
                    answer.get(name).is_some_and(|answer| has_shape(answer, shown))
                })
        }
        (answer, shown) => std::mem::discriminant(answer) == std::mem::discriminant(shown),
    }
}

/// Runs the commands of a block, and the requests whose answers it shows.
fn run_lines(page: &str, app: &App, server: &TestServer, text: &str, filename: &mut String) {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("isobase ") {
            run_command(app, command);
        } else if let Some(request) = line.strip_prefix("curl ")
            && let Some(shown) = lines.next_if(|line| line.starts_with("# {"))
        {
            let said = curl(server, request);
            let shown: Value = serde_json::from_str(&shown[2..]).unwrap();
            assert!(has_shape(&said, &shown), "{page}: {line}: {said}");
            if let Some(name) = said["filename"].as_str() {
                name.clone_into(filename);
            }
        }
    }
}

fn run_command(app: &App, command: &str) {
    let words = words(command.split("  #").next().unwrap());
    app.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).ok();
}

/// Sends what curl would send; gives the answer, which is no refusal.
fn curl(server: &TestServer, arguments: &str) -> Value {
    let (mut method, mut url, mut body) = ("GET", String::new(), Vec::new());
    let mut headers: Vec<(String, String)> = Vec::new();
    let words = words(&arguments.replace("\\\"", "\u{1}"));
    let mut words = words.iter().map(|word| word.replace('\u{1}', "\""));
    while let Some(word) = words.next() {
        match word.as_str() {
            "-X" => {
                method = if words.next().unwrap() == "POST" { "POST" } else { panic!("{word}") }
            }
            "-H" => {
                let header = words.next().unwrap();
                let (name, value) = header.split_once(": ").unwrap();
                headers.push((name.to_owned(), value.to_owned()));
            }
            "-d" => body = words.next().unwrap().into_bytes(),
            "-F" => {
                let field = words.next().unwrap();
                let (name, file) = field.split_once("=@").unwrap();
                let form = "multipart/form-data; boundary=b";
                headers.push(("content-type".to_owned(), form.to_owned()));
                body = format!(
                    "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
                     \r\nbytes\r\n--b--\r\n"
                )
                .into_bytes();
                method = "POST";
            }
            other => url = other.to_owned(),
        }
    }
    let path = url.strip_prefix("http://127.0.0.1:8002").unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let said = server.request(method, path, &headers, &body).unwrap();
    assert_eq!(said.status, 200, "{arguments}: {}", said.text());
    said.json().unwrap()
}

/// Runs a page in a folder, over a service of that folder. `{name}` is replaced before.
fn run(page: &str, app: &App, server: &TestServer, replace: &dyn Fn(&str) -> String) {
    let mut answer: Option<(u16, Value)> = None;
    let (mut location, mut filename) = (String::new(), String::new());
    for Block { info, text } in blocks(page) {
        let text = replace(&text).replace("/ID", &location).replace("$FILENAME", &filename);
        let text = text.replace("FILENAME", &filename);
        match info.split(' ').next().unwrap() {
            "sh" => run_lines(page, app, server, &text, &mut filename),
            "http" => {
                let (head, body) = text.split_once('\n').unwrap();
                let (method, path) = head.split_once(' ').unwrap();
                let (headers, body) = headers_of(body);
                let said = server.request(method, path, &headers, body.as_bytes()).unwrap();
                let json: Value = serde_json::from_slice(&said.body).unwrap_or(Value::Null);
                let wanted = info.split(' ').nth(1).map(|text| text.parse::<u16>().unwrap());
                assert!(wanted.is_none_or(|it| it == said.status), "{page}: {text}: {json}");
                if let Some((_, id)) = said.header("location").and_then(|it| it.rsplit_once('/')) {
                    location = format!("/{id}");
                }
                if let Some(name) = json["filename"].as_str() {
                    filename = name.to_owned();
                }
                assert!(said.status < 500, "{page}: {text}: {json}");
                answer = Some((said.status, json));
            }
            "json" => {
                let (status, answer) = answer.take().unwrap();
                let wanted: u16 = info.split(' ').nth(1).map_or(200, |text| text.parse().unwrap());
                assert_eq!(status, wanted, "{page}: {text}: {answer}");
                let wanted: Value = serde_json::from_str(&text).unwrap();
                assert!(has_members(&answer, &wanted), "{page}: {text}: {answer}");
            }
            _ => {}
        }
    }
}

/// The headers of a request, and its body behind a blank line; JSON needs neither.
fn headers_of(text: &str) -> (Vec<(&str, &str)>, &str) {
    let (head, body) = match text.split_once("\n\n") {
        Some((head, body)) if !head.starts_with(['{', '[']) => (head, body),
        _ if text.starts_with(['{', '[']) => ("", text),
        _ => (text, ""),
    };
    let mut headers: Vec<_> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type", "application/json"));
    }
    (headers, body.trim_end_matches('\n'))
}

#[test]
fn the_page_of_uploads_does_what_it_says() {
    let app = App::new();
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    fs::create_dir(app.path().join("other-app")).unwrap();
    // The folder of the service is the app of the page, and all places are near.
    let [old, new] = [b"old", b"new"].map(|bytes| super::uploads::upload(&server, bytes));
    let near = |text: &str| {
        let text =
            text.replace("copy my-app", "copy .").replace("$OLD", &old).replace("$NEW", &new);
        text.replace("postgres://me:secret@db/app", "sqlite://copied/isobase.db")
            .replace("s3://my-bucket/my-app", "copied-files")
    };
    run("uploads.md", &app, &server, &near);
    assert!(app.path().join("copied-files").is_dir());
    let files = fs::read_dir(app.path().join("other-app/data/uploads")).unwrap();
    assert!(files.count() > 1, "the files of the service and a folder of ours");
}

#[test]
fn settings_of_the_pages_are_taken() {
    let app = App::new();
    fs::create_dir(app.path().join("schemas")).unwrap();
    app.write("schemas/orders.json", "{}");
    let secrets = [("GOOGLE_CLIENT_SECRET", "s"), ("FORGE_CLIENT_SECRET", "s")];
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut taken = 0;
    for page in fs::read_dir(docs).unwrap() {
        let page = page.unwrap().file_name().into_string().unwrap();
        if !page.ends_with(".md") {
            continue;
        }
        for Block { info, text } in blocks(&page) {
            if info.split(' ').next() == Some("toml") {
                app.write("isobase.toml", &text);
                let said = app.run_with(&["config", "print"], &secrets);
                assert!(said.code == Some(0) && said.err.is_empty(), "{page}: {text}: {said:?}");
                taken += 1;
            }
        }
    }
    assert!(taken > 15, "{taken}");
}

#[test]
fn the_page_of_accounts_prints_what_it_shows() {
    let app = App::new();
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    for block in blocks("auth.md") {
        match &*block.info {
            "console" => {
                for line in block.text.lines().filter_map(|it| it.strip_prefix("$ isobase ")) {
                    run_command(&app, line);
                }
            }
            "text" if block.text.contains("owner") => {
                for line in block.text.lines() {
                    let shown = line.split("http://").next().unwrap().trim();
                    // It answers before it has told everything.
                    wait_until(shown, Duration::from_secs(60), || {
                        Ok(server.log().contains(shown).then_some(()))
                    })
                    .unwrap();
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_page_of_licences_does_what_it_says() {
    let app = App::new();
    super::licences::original(&app.path().join("licenses.db"));
    let builder = TestServer::builder().data(app.path().join("data"));
    let server = builder.env("LICENSE_SECRET", "s".repeat(32)).start().unwrap();
    let key =
        server.request("GET", "/api/v1/license/public-key", &[], b"").unwrap().json().unwrap();
    let key = key["public_key"].as_str().unwrap().to_owned();
    run("licences.md", &app, &server, &|text| text.replace("PUBLIC_KEY", &key));
}

#[test]
fn the_page_of_the_request_log_does_what_it_says() {
    let app = App::new();
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    run("requests.md", &app, &server, &str::to_owned);
}

#[test]
fn the_page_of_imports_does_what_it_says() {
    let app = App::new();
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    run("imports.md", &app, &server, &str::to_owned);
}

#[test]
fn what_comes_from_elsewhere_comes_back_from_every_engine() {
    let app = App::new();
    let records = Connection::open(app.path().join("data.db")).unwrap();
    records
        .execute_batch(
            r#"CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL,
                data TEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
            INSERT INTO records (collection, data) VALUES ('teams', '{"name": "Köln"}'),
                ('people', '{"name": "Ann", "team": 1, "score": 0.50}'), ('people', '{"team": 1}');
            DELETE FROM records WHERE id = 3"#,
        )
        .unwrap();
    drop(records);
    let servers = on_servers(&unique_name("walk").replace('_', "-"));
    let [postgres, couchdb, dynamodb, firestore] = &servers[..] else { return };
    let replace = |text: &str| {
        let text = text.replace("$POSTGRES", &postgres.0).replace("$COUCHDB", &couchdb.0);
        text.replace("$DYNAMODB", &dynamodb.0).replace("$FIRESTORE", &firestore.0)
    };
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    run("walkthrough.md", &app, &server, &replace);
    let exported = |url: &str, collection: &str| {
        let said = app.run(&["export", "-c", collection, "--url", url]);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out
    };
    for collection in ["people", "teams"] {
        let start = exported("sqlite://start.db", collection);
        assert_eq!(start.lines().count(), 1);
        assert_eq!(exported("sqlite://end.db", collection), start);
    }
}
