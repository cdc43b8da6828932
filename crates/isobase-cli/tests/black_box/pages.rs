use std::{fs, net::TcpListener, path::Path};

use isobase_testkit::{ReservedPort, TestServer};

use super::command::App;

#[test]
fn help_shows_commands_with_examples() {
    let app = App::new();
    let help = app.run(&["--help"]).ok();
    for part in ["serve", "import", "export", "index", "key", "config", "Examples:", "isobase.toml"]
    {
        assert!(help.contains(part), "{part}");
    }
    for command in ["serve", "import", "config print", "license verify", "db schema fix"] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = app.run(&words).ok();
        assert!(help.contains("Examples:\n  isobase "), "{help}");
    }
    let (said, asked) = (app.run(&["help", "import"]).ok(), app.run(&["import", "--help"]).ok());
    assert_eq!(said, asked);
    assert!(!help.contains("docs"), "pages of the documentation are for us");
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let app = App::new();
    app.run(&["serv"]).fails(2, &["serve"]);
    app.run(&["import", "x"]).fails(2, &["--collection"]);
    app.run(&[]).fails(2, &["Usage:"]);
}

#[test]
fn completions_are_there_for_each_shell() {
    let app = App::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = app.run(&["completions", shell]).ok();
        assert!(script.contains("isobase") && script.contains("COMPLETE"), "{shell}");
    }
    app.write("in.ndjson", "{\"n\":1}\n");
    app.run(&["import", "in.ndjson", "-c", "orders"]).ok();
    let complete = |words: &[&str]| {
        let last = (words.len() - 1).to_string();
        let variables = [("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &*last)];
        app.run_with(&[&["--"], words].concat(), &variables).ok()
    };
    assert!(complete(&["isobase", "expo"]).contains("export"));
    assert!(complete(&["isobase", "export", "--collection", "or"]).contains("orders"));
    assert!(complete(&["isobase", "serve", "--set", "limits.bo"]).contains("limits.body_bytes="));
}

#[test]
fn the_build_says_what_it_is() {
    let app = App::new();
    let told = app.run(&["version", "--json"]).json();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert!(told["features"].as_array().unwrap().contains(&"sqlite".into()), "{told}");
    assert!(app.run(&["version"]).ok().contains("commit"));
}

#[test]
fn manual_pages_are_of_every_command() {
    let app = App::new();
    app.run(&["man", "pages"]).ok();
    let page = fs::read_to_string(app.path().join("pages/isobase-key-create.1")).unwrap();
    assert!(page.starts_with(".") && page.contains("isobase key create"), "{page}");
    assert!(app.path().join("pages/isobase.1").is_file());
}

#[test]
fn the_doctor_says_what_stands_in_the_way() {
    let app = App::new();
    let well = app.run_with(&["doctor", "--json"], &[("PORT", "0")]).json();
    assert_eq!(well["ok"], true, "{well}");
    let names: Vec<&str> =
        well["checks"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["settings", "access", "folder", "port", "database", "disk", "clock"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let unreachable = ReservedPort::new().unwrap();
    let url = format!("postgres://u@127.0.0.1:{}/d", unreachable.port());
    let variables = [("PORT", &*port), ("RECORDS_URL", &*url), ("HOST", "127.0.0.1")];
    let ill = app.run_with(&["doctor"], &variables);
    assert!(ill.out.contains("failed   port") && ill.out.contains("failed   database"), "{ill:?}");
    ill.fails(1, &["2 things keep a service from running here"]);
    app.write("isobase.toml", "prot = 1\n");
    let wrong = app.run(&["doctor"]);
    assert!(wrong.out.contains("failed   settings"), "{wrong:?}");
}

#[test]
fn a_service_is_asked_by_its_socket() {
    let server = TestServer::start().unwrap();
    let app = App::new();
    let data = server.data().to_str().unwrap().to_owned();
    let api = |words: &[&str]| app.run(&[&["api"], words, &["--data", &data]].concat());
    let made = api(&["POST", "/records/orders", "--body", "{\"a\":1}"]).json();
    assert_eq!(made["id"], 1);
    assert_eq!(api(&["get", "/records/orders?a=1&limit=5"]).json()["items"][0]["id"], 1);
    let missing = api(&["GET", "/records/orders/9"]);
    assert!(missing.out.contains("record_not_found"), "{missing:?}");
    missing.fails(1, &["GET /records/orders/9: status 404"]);
    api(&["GET", "records"]).fails(1, &["begins with '/'"]);
    let nobody = app.run(&["api", "GET", "/health"]);
    nobody.fails(1, &["no service runs with the data folder"]);
}

#[test]
fn openapi_is_json() {
    let out = App::new().run(&["openapi"]).ok();
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn generated_pages_are_fresh() {
    let pages: [(&str, &[&str]); 4] = [
        ("configuration.md", &["docs", "configuration"]),
        ("errors.md", &["docs", "errors"]),
        ("engines/README.md", &["docs", "engines"]),
        ("openapi.json", &["openapi"]),
    ];
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (page, arguments) in pages {
        let printed = App::new().run(arguments).ok();
        let stored = fs::read_to_string(docs.join(page)).unwrap_or_default();
        assert!(printed == stored, "docs/{page} is stale: run `cargo xtask generate`");
    }
}

#[test]
fn generated_pages_have_content() {
    let app = App::new();
    assert!(app.run(&["docs", "errors"]).ok().starts_with("# Errors"));
    assert!(app.run(&["docs", "engines"]).ok().contains("sqlite://"));
}

#[test]
fn colours_are_for_terminals() {
    let app = App::new();
    let plain = app.run(&["serve", "--port", "x"]);
    assert!(!plain.err.contains('\x1b'), "{plain:?}");
    let colored = app.run(&["serve", "--port", "x", "--color", "always"]);
    assert!(colored.err.contains('\x1b'), "{colored:?}");
    let json = app.run(&["serve", "--port", "x", "--json"]);
    assert!(json.err.starts_with("{\"error\":") || json.err.contains("\"event\":\"error\""));
    let dumb = app.run_with(&["serve", "--port", "x"], &[("TERM", "dumb")]);
    assert!(!dumb.err.contains('\x1b'), "{dumb:?}");
}
