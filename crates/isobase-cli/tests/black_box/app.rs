//! An app folder: its collections as its API, on any port.

use std::{fs, net::TcpListener, process::Command, time::Duration};

use isobase_testkit::{ForeignDatabase, TestServer, browser, wait_until};
use serde_json::{Value, json};

use super::command::{App, root, succeed};

const ITEMS: &str = r#"{"type":"object","required":["user_id","name"],"properties":{
    "user_id":{"type":"integer","minimum":1},"name":{"type":"string"},"done":{"type":"boolean"}}}"#;

#[test]
fn a_declared_collection_has_routes_of_its_own() {
    let app = App::new();
    app.write("items.json", ITEMS);
    let settings = "[collections.items]\nschema = \"items.json\"\norder = \"-id\"\n\
        create = [\"user_id\", \"name\"]\ntexts = { not_found = \"No such thing\" }\n\
        [collections.sessions]\n[collections.notes]\ntimestamp = \"made\"\n\
        fields.text = \"string\"\nfields.made = \"string\"\n";
    let settings = app.write("isobase.toml", settings);
    let server = TestServer::builder().arg("--config").arg(settings).start().unwrap();
    let ask = |method: &str, path: &str, body: Value| {
        let json = [("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        server.request(method, path, &json, body.as_bytes()).unwrap()
    };
    for name in ["a", "b"] {
        let body = json!({ "user_id": "1", "name": name, "done": true });
        assert_eq!(ask("POST", "/api/items", body).status, 200);
    }
    let listed = ask("GET", "/api/items?fields=name", Value::Null);
    assert_eq!(listed.text(), r#"[{"id":2,"name":"b"},{"id":1,"name":"a"}]"#);
    // The time of creation is filled in by whichever way a document comes, and kept where it is sent.
    for (sent, length) in [(json!({ "made": "then" }), 4), (json!({ "text": "a" }), 19)] {
        let made = ask("POST", "/records/notes", sent).json().unwrap();
        assert_eq!(made["made"].as_str().map(str::len), Some(length), "{made}");
    }
    let missing = ask("DELETE", "/api/items/9", Value::Null);
    assert_eq!(
        (missing.status, &missing.json().unwrap()["detail"]),
        (404, &json!("No such thing"))
    );
    assert!(server.log().contains("sessions is at /records/sessions only"), "{}", server.log());
}

#[test]
fn wrong_declarations_name_their_place() {
    let app = App::new();
    app.write("items.json", ITEMS);
    for (line, parts) in [
        ("order = \"-\"", &["isobase.toml:2", "collections.items.order"] as &[&str]),
        ("event = \"An item\"", &["isobase.toml:2", "collections.items.event", "a word of a-z"]),
        ("page_size = 0", &["isobase.toml:2", "collections.items.page_size", "from 1"]),
        ("create = \"name\"", &["isobase.toml:2", "collections.items.create", "a list"]),
        ("texts = { lost = \"x\" }", &["isobase.toml:2", "collections.items.texts", "not_found"]),
        ("ordre = \"id\"", &["isobase.toml:2", "did you mean collections.items.order"]),
        (
            "schema = \"items.json\"\nupdate = [\"dune\"]",
            &["isobase.toml:1", "update names \"dune\"", "did you mean done?"],
        ),
    ] {
        app.write("isobase.toml", &format!("[collections.items]\n{line}\n"));
        app.run(&["serve", ".", "0"]).fails(2, parts);
    }
    let twice = app.run(&["serve", ".", "3000", "--port", "3001"]);
    twice.fails(2, &["--port", "cannot be used with"]);
    fs::remove_file(app.path().join("isobase.toml")).unwrap();
    app.run(&["serve", ".", "x"]).fails(2, &["setting port is \"x\" (flag PORT)"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    app.run(&["serve", ".", &port]).fails(1, &[&port, "in use"]);
}

#[test]
fn names_that_nothing_declares_are_doubted() {
    let app = App::new();
    app.write("items.json", ITEMS);
    app.write(
        "isobase.toml",
        "[collections.items]\nschema = \"items.json\"\nindexes = [\"nmae\"]\n\
         rules.list = \"user_id=@user.id\"\nrules.update = \"@new.dune=true & _meta.n=1\"\n\
         [collections.teams]\nfields.owner = { type = \"reference\", to = \"isobase_accounts\" }\n\
         fields.item = { type = \"reference\", to = \"itms\" }\nrules.list = \"ownr = @user.id\"\n\
         order = \"-made,id\"\n[collections.free]\nrules.list = \"anything=1\"\n",
    );
    let told = app.run(&["config", "print"]);
    for part in [
        "isobase.toml:3: collections.items.indexes names \"nmae\", which is no declared field; did you mean name?",
        "isobase.toml:5: collections.items.rules.update names \"dune\"",
        "isobase.toml:8: collections.teams.fields.item.to names \"itms\", which is no declared collection; did you mean items?",
        "isobase.toml:9: collections.teams.rules.list names \"ownr\", which is no declared field; did you mean owner?",
    ] {
        assert!(told.err.contains(part), "{part:?} is not in {told:?}");
    }
    assert!(told.err.contains("collections.teams.order names \"made\""), "{told:?}");
    assert_eq!(told.err.matches("warning:").count(), 5, "{told:?}");
}

#[test]
fn seeds_are_read_once_into_a_new_database() {
    let app = App::new();
    fs::create_dir(app.path().join("seed")).unwrap();
    let lines: String = (1..=45).map(|number| format!("{{\"n\":{number}}}\n\n")).collect();
    app.write("seed/notes.ndjson", &lines);
    app.write("seed/people.ndjson", "{\"id\":7,\"name\":\"a\"}\n{\"name\":\"b\",\"id\":\"x/y\"}\n");
    app.write("isobase.toml", "[collections.notes]\n[collections.people]\nschema = \"p.json\"\n");
    app.write("p.json", r#"{"required":["name"]}"#);
    let mut server = TestServer::builder().arg(app.path()).start().unwrap();
    let count = |server: &TestServer, path: &str| {
        let listed = server.request("GET", path, &[], b"").unwrap();
        listed.json().unwrap().as_array().map_or(0, Vec::len)
    };
    assert_eq!((count(&server, "/api/notes"), count(&server, "/api/people")), (45, 2));
    let own = server.request("GET", "/api/people/x%2Fy", &[], b"").unwrap();
    assert_eq!(own.text(), r#"{"id":"x/y","name":"b"}"#);
    server.request("DELETE", "/api/people/7", &[], b"").unwrap();
    app.write("seed/more.ndjson", "{}\n{\n");
    server.terminate().unwrap();
    let database = format!("sqlite://{}", server.data().join("isobase.db").display());
    let again = app.run_with(&["serve", ".", "0"], &[("RECORDS_URL", &database)]);
    again.fails(1, &["seed/more.ndjson:2: ", "mend the line"]);
    app.write("seed/more.ndjson", "{}\n{\"a\":1}\n");
    server.start_again().unwrap();
    assert_eq!(count(&server, "/records/more"), 2);
    assert_eq!((count(&server, "/api/notes"), count(&server, "/api/people")), (45, 1));
}

#[test]
fn a_watched_file_is_taken_when_it_changes() {
    let app = App::new();
    app.write("isobase.toml", "[collections.notes]\n");
    app.write("index.html", "<p>hello</p>");
    let server = TestServer::builder().arg(app.path()).arg("--watch").start().unwrap();
    let get = |path: &str| server.request("GET", path, &[], b"").unwrap();
    assert_eq!((get("/").text().as_str(), get("/api/notes").status), ("<p>hello</p>", 200));
    assert_eq!(get("/api/people").status, 404);
    let patience = Duration::from_secs(60);
    app.write("isobase.toml", "[collections.people]\nordre = \"id\"\n");
    wait_until("the mistake is told", patience, || {
        Ok(server.log().contains("unknown setting collections.people.ordre").then_some(()))
    })
    .unwrap();
    assert_eq!(get("/api/notes").status, 200);
    app.write("isobase.toml", "# people\n[collections.people]\norder = \"-id\"\n");
    wait_until("the new collection", patience, || {
        // Where one service follows the other, a connection may end without an answer.
        let answer = server.request("GET", "/api/people", &[], b"");
        Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .unwrap();
    assert_eq!(get("/api/notes").status, 404);
    app.write("isobase.toml", "records_url = \"memory:\"\n");
    wait_until("the refusal", patience, || {
        Ok(server.log().contains("setting records_url cannot change").then_some(()))
    })
    .unwrap();
}

/// An app that `isobase new` makes, and what it is served from.
struct New {
    app: App,
}

impl New {
    fn of(template: &str) -> Self {
        let app = App::new();
        let said = app.run(&["new", "it", "--template", template]);
        assert!(said.err.contains("start it: isobase serve it"), "{said:?}");
        said.ok();
        Self { app }
    }

    fn served(&self, url: &str) -> TestServer {
        let folder = self.app.path().join("it");
        TestServer::builder().records_url(url).arg(folder).start().unwrap()
    }
}

/// Asks a server; gives the status and the body.
fn ask(server: &TestServer, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let json = [("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = server.request(method, path, &json, body.as_bytes()).unwrap();
    (reply.status, reply.json().unwrap_or_default())
}

/// The to-do app as its page uses it, on an empty database: the same answers whichever it is.
fn check_todo(url: &str, credentials: &[(&str, String)]) {
    let new = New::of("todo");
    let server = TestServer::builder().records_url(url).arg(new.app.path().join("it"));
    let server = credentials.iter().fold(server, |server, (name, value)| server.env(*name, value));
    let server = server.start().unwrap();
    let page = server.request("GET", "/", &[], b"").unwrap().text();
    assert!(page.contains("connectSSE()") && !page.contains("https://"), "{page}");
    for path in ["/isobase.toml", "/schemas/items.json", "/data/isobase.db", "/.gitignore"] {
        assert_eq!(ask(&server, "GET", path, &Value::Null).0, 404, "{path}");
    }
    for (user, name) in [(1, "milk"), (1, "bread"), (2, "tea")] {
        let (status, row) =
            ask(&server, "POST", "/api/items", &json!({ "user_id": user, "name": name }));
        assert_eq!((status, &row["name"], &row["done"]), (200, &json!(name), &json!(0)));
    }
    let wrong = ask(&server, "POST", "/api/items", &json!({ "name": "x" }));
    assert_eq!((wrong.0, &wrong.1["detail"]), (400, &json!("user_id and name required")));
    let changed = ask(&server, "PUT", "/api/items/1", &json!({ "done": 1 }));
    assert_eq!((changed.0, &changed.1["done"]), (200, &json!(1)));
    let (_, list) = ask(&server, "GET", "/api/items?user_id=1&page=1&limit=20", &Value::Null);
    assert_eq!((&list["total"], &list["pages"]), (&json!(2), &json!(1)));
    let (_, rows) = ask(&server, "GET", "/api/items?done=1&fields=name", &Value::Null);
    assert_eq!(rows, json!([{ "id": 1, "name": "milk" }]));
    assert_eq!(ask(&server, "DELETE", "/api/items/1", &Value::Null), (200, json!({ "ok": true })));
    let gone = ask(&server, "DELETE", "/api/items/1", &Value::Null);
    assert_eq!((gone.0, &gone.1["detail"]), (404, &json!("Item not found")));
    let nothing = ask(&server, "PUT", "/api/items/2", &json!({ "user_id": 3 }));
    assert_eq!((nothing.0, &nothing.1["detail"]), (400, &json!("No fields to update")));
    let ann = json!({ "username": "ann", "password": "correct horse" });
    let registered = ask(&server, "POST", "/api/register", &ann);
    assert_eq!((registered.0, &registered.1["username"]), (200, &json!("ann")));
    assert_eq!(ask(&server, "POST", "/api/login", &ann), registered);
    let wrong = json!({ "username": "ann", "password": "another" });
    assert_eq!(ask(&server, "POST", "/api/login", &wrong).0, 401);
    let (status, session) = ask(&server, "POST", "/api/sessions", &ann);
    assert_eq!((status, &session["user"]), (200, &registered.1));
}

#[test]
fn people_use_a_new_todo_app_in_a_browser() {
    let Some(browser) = browser() else { return };
    let script = root().join("tests/browser/app.mjs");
    succeed(Command::new("node").arg(script).args([&browser.packages, &browser.program]));
}

/// An empty schema of the PostgreSQL of the suite.
fn postgres_schema() -> Option<String> {
    let server = isobase_testkit::postgres_url()?;
    let separator = if server.contains('?') { '&' } else { '?' };
    Some(format!("{server}{separator}schema={}", isobase_testkit::unique_name("app")))
}

#[test]
fn the_data_of_an_app_moves_with_its_accounts() {
    let Some(postgres) = postgres_schema() else { return };
    let new = New::of("todo");
    let folder = new.app.path().join("it");
    let mut before = TestServer::builder().arg(&folder).start().unwrap();
    let ann = json!({ "username": "ann", "password": "correct horse" });
    let (status, account) = ask(&before, "POST", "/api/register", &ann);
    assert_eq!(status, 200, "{account}");
    let sign_in = |server: &TestServer| {
        let (status, session) = ask(server, "POST", "/api/sessions", &ann);
        assert_eq!((status, &session["user"]), (200, &account));
        format!("Bearer {}", session["token"].as_str().unwrap())
    };
    let as_ann = |server: &TestServer, bearer: &str, method: &str, path: &str, body: &str| {
        let headers = [("authorization", bearer), ("content-type", "application/json")];
        let answer = server.request(method, path, &headers, body.as_bytes()).unwrap();
        (answer.status, answer.json().unwrap())
    };
    let bearer = sign_in(&before);
    for name in ["milk", "bread"] {
        let item = json!({ "user_id": account["id"], "name": name }).to_string();
        assert_eq!(as_ann(&before, &bearer, "POST", "/api/items", &item).0, 200);
    }
    let listed = as_ann(&before, &bearer, "GET", "/api/items", "");
    before.terminate().unwrap();

    let sqlite = format!("sqlite://{}", before.data().join("isobase.db").display());
    new.app.run(&["copy", &sqlite, &postgres]).ok();
    let after = TestServer::builder().records_url(&postgres).arg(&folder).start().unwrap();
    // Sessions stay where they were begun.
    assert_eq!(as_ann(&after, &bearer, "GET", "/api/items", "").0, 401);
    let wrong = json!({ "username": "ann", "password": "another" });
    assert_eq!(ask(&after, "POST", "/api/login", &wrong).0, 401);
    assert_eq!(ask(&after, "POST", "/api/register", &ann).0, 400);
    let bearer = sign_in(&after);
    assert_eq!(as_ann(&after, &bearer, "GET", "/api/items", ""), listed);
    let item = json!({ "user_id": account["id"], "name": "tea" }).to_string();
    let (_, added) = as_ann(&after, &bearer, "POST", "/api/items", &item);
    let ids = listed.1.as_array().unwrap().iter().map(|item| item["id"].as_i64());
    assert!(added["id"].as_i64() > ids.max().unwrap(), "{added} {}", listed.1);
}

#[test]
fn a_new_todo_app_works_in_memory() {
    check_todo("memory:", &[]);
}

#[test]
fn a_new_todo_app_works_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check_todo(&format!("sqlite://{}", folder.path().join("it.db").display()), &[]);
}

#[test]
fn a_new_todo_app_works_on_postgres() {
    let Some(url) = postgres_schema() else { return };
    check_todo(&url, &[]);
}

#[test]
fn a_new_todo_app_works_on_document_databases() {
    for database in ForeignDatabase::all("app") {
        check_todo(&database.url(), &database.credentials());
    }
}

#[test]
fn a_new_blog_has_pages_tags_and_their_pairs() {
    let blog = New::of("blog");
    let server = blog.served("memory:");
    let (_, page) = ask(&server, "GET", "/api/posts", &Value::Null);
    assert_eq!((&page["total"], &page["items"][0]["title"]), (&json!(1), &json!("Hello")));
    let (_, wrong) = ask(&server, "POST", "/api/posts", &json!({ "user_id": 1 }));
    assert_eq!(wrong["detail"], "Title is required");
    wait_until("the unique index", Duration::from_secs(60), || {
        let (_, there) = ask(&server, "GET", "/indexes/tags", &Value::Null);
        Ok((there["indexes"][0]["state"] == "ready").then_some(()))
    })
    .unwrap();
    let (_, tag) = ask(&server, "POST", "/api/tags", &json!({ "name": "rust" }));
    let again = ask(&server, "POST", "/api/tags", &json!({ "name": "rust" }));
    assert_eq!((again.0, &again.1["detail"]), (409, &json!("There is such a tag")));
    let pair = json!({ "post_id": page["items"][0]["id"], "tag_id": tag["id"] });
    assert_eq!(ask(&server, "POST", "/api/post_tags", &pair).0, 200);
    let unknown = json!({ "post_id": 99, "tag_id": tag["id"] });
    assert_eq!(ask(&server, "POST", "/api/post_tags", &unknown).0, 422);
    let post = format!("/api/posts/{}", page["items"][0]["id"]);
    assert_eq!(ask(&server, "DELETE", &post, &Value::Null).0, 200);
    assert_eq!(ask(&server, "GET", "/api/post_tags", &Value::Null).1, json!([]));
}

#[test]
fn a_new_chat_and_an_empty_app_are_served() {
    let new = New::of("chat");
    let chat = new.served("memory:");
    for text in ["hello", "hi"] {
        let message = json!({ "name": "ann", "text": text });
        assert_eq!(ask(&chat, "POST", "/api/messages", &message).0, 200);
    }
    let (_, last) = ask(&chat, "GET", "/api/messages?sort=-id&limit=1&fields=text", &Value::Null);
    assert_eq!(last["items"], json!([{ "id": 2, "text": "hi" }]));
    let empty = New::of("empty");
    let server = empty.served("memory:");
    assert!(server.request("GET", "/", &[], b"").unwrap().text().contains("It runs"));
    let again = empty.app.run(&["new", "it"]);
    again.fails(2, &["isobase.toml is there already", "choose another folder"]);
    empty.app.run(&["new", "other", "--template", "shop"]).fails(2, &["todo", "blog", "chat"]);
}

#[test]
fn a_schema_is_compared_with_the_database() {
    let app = App::new();
    app.write("items.json", ITEMS);
    app.write("isobase.toml", "[collections.items]\n");
    app.run(&["schema", "diff"]).ok();
    app.write(
        "in.ndjson",
        "{\"name\":\"a\"}\n{\"user_id\":1,\"name\":\"a\"}\n{\"user_id\":2,\"name\":7}\n",
    );
    app.run(&["import", "in.ndjson", "--collection", "items"]).ok();
    app.run(&["schema", "check"]).ok();
    let declared = "[collections.items]\nschema = \"items.json\"\nindexes = [\"-user_id\"]\n\
        unique = [\"name\"]\n[collections.notes]\n";
    app.write("isobase.toml", declared);
    let diff = app.run(&["schema", "diff"]);
    for part in [
        "+ items: index -user_id is built at the next start",
        "! items: index unique(name) cannot be built: 1 document has the values of others",
        "! items: documents that do not fit: 2",
        "notes: has no documents yet",
    ] {
        assert!(diff.out.contains(part), "{part:?} is not in {diff:?}");
    }
    diff.fails(1, &["a start builds 1 index", "do not fit", "isobase schema check names"]);
    let check = app.run(&["schema", "check"]);
    for part in ["items: 3 documents, 3 do not fit", "id 1: ", "id 3: /name", "id 1 has the same"] {
        assert!(check.out.contains(part), "{part:?} is not in {check:?}");
    }
    check.fails(1, &["3 stored documents do not fit", "refuse the next write"]);
    let json = app.run(&["schema", "check", "--json"]);
    let line: Value = serde_json::from_str(json.out.lines().next().unwrap()).unwrap();
    assert_eq!((&line["collection"], &line["unfit"]), (&json!("items"), &json!(3)));
    let database = format!("sqlite://{}", app.path().join("data/isobase.db").display());
    let served = TestServer::builder().arg(app.path()).env("RECORDS_URL", &database).start();
    let served = served.unwrap();
    wait_until("the warning", Duration::from_secs(60), || {
        let warned = served.log().contains("2 of the first 3 documents of items do not fit");
        Ok(warned.then_some(()))
    })
    .unwrap();
    app.write("isobase.toml", "");
    app.run(&["schema", "check"]).fails(2, &["no collections are declared"]);
}

/// The commands of docs/app.md, each with what it prints.
fn tutorial() -> Vec<(String, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/app.md");
    let page = fs::read_to_string(page).unwrap();
    let mut commands: Vec<(String, String)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((_, said))) => said.push_str(line),
                (None, None) => panic!("{line} stands before every command"),
            }
        }
    }
    commands
}

/// What `curl` would send: the method, the path and the body.
fn curl(command: &str) -> (String, String, Value) {
    let mut parts = command.split('\'').enumerate().flat_map(|(number, part)| match number % 2 {
        1 => vec![part.to_owned()],
        _ => part.split_whitespace().map(str::to_owned).collect(),
    });
    let (mut method, mut path, mut body) = ("GET".to_owned(), String::new(), Value::Null);
    while let Some(part) = parts.next() {
        match part.as_str() {
            "curl" | "-g" => {}
            "-X" => method = parts.next().unwrap(),
            "-d" => body = serde_json::from_str(&parts.next().unwrap()).unwrap(),
            other => path = other.strip_prefix("localhost:8002").unwrap().to_owned(),
        }
    }
    if !body.is_null() && method == "GET" {
        method = "POST".to_owned();
    }
    (method, path, body)
}

/// A text without the times in it: two times are two lines of the same page.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"created_at\":\"") {
        let value = at + "\"created_at\":\"".len();
        out.push_str(&rest[..value]);
        out.push_str("TIME");
        rest = &rest[value + rest[value..].find('"').unwrap()..];
    }
    out + rest
}

#[test]
fn the_tutorial_does_what_it_says() {
    let new = New::of("todo");
    let folder = new.app.path().join("it");
    let start = TestServer::builder().records_url("memory:").arg(&folder).arg("--watch");
    let server = start.start().unwrap();
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/app.md"));
    let page = page.unwrap();
    let mut ran = 0;
    for (command, said) in tutorial() {
        if command.starts_with("cat >> my-app/isobase.toml") {
            let declared = page.split("```toml notes\n").nth(1).unwrap();
            let declared = declared.split("```").next().unwrap();
            let file = folder.join("isobase.toml");
            let before = fs::read_to_string(&file).unwrap();
            fs::write(file, format!("{before}\n{declared}")).unwrap();
            wait_until("the new collection", Duration::from_secs(60), || {
                Ok((ask(&server, "GET", "/api/notes", &Value::Null).0 == 200).then_some(()))
            })
            .unwrap();
        } else if command.starts_with("curl") {
            let (method, path, body) = curl(&command);
            let (_, answer) = ask(&server, &method, &path, &body);
            let answer = match &answer["detail"] {
                Value::String(detail) => detail.clone(),
                _ => answer.to_string(),
            };
            let shown = match serde_json::from_str::<Value>(&said) {
                Ok(shown) => shown.to_string(),
                Err(_) => said,
            };
            assert_eq!(timeless(&answer), timeless(&shown), "{command}");
            ran += 1;
        }
    }
    assert!(ran >= 8, "only {ran} commands were found");
    // The first account ends open mode; items have no rule.
    let ann = json!({ "username": "ann", "password": "secret" });
    assert_eq!(ask(&server, "POST", "/api/register", &ann).0, 200);
    for (path, status) in [("/api/items", 200), ("/records/items", 401), ("/collections", 401)] {
        assert_eq!(ask(&server, "GET", path, &Value::Null).0, status, "{path}");
    }
    wait_until("the log says so", Duration::from_secs(60), || {
        Ok(server.log().contains("ended open mode").then_some(()))
    })
    .unwrap();
    for (host, status) in [("my-app-1a2b.lvh.me:8002", 200), ("evil.example", 403)] {
        let asked = server.request("GET", "/api/items", &[("host", host)], b"").unwrap();
        assert_eq!(asked.status, status, "{host}");
    }
    let checks = page.lines().filter_map(|line| line.strip_prefix("isobase schema "));
    let checks: Vec<&str> = checks.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(checks, ["diff", "check"]);
    for check in checks {
        new.app.run(&["schema", check, "--app", "it"]).ok();
    }
}
