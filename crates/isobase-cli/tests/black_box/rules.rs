//! The rules of an app folder.

use isobase_testkit::TestServer;

use super::command::App;

#[test]
fn rules_hold_and_what_is_open_is_told() {
    let app = App::new();
    let settings = "[collections.notes.rules]\nlist = \"public = true\"\nupdate = false\n\
        delete = \"@user\"\n[collections.free]\n";
    let settings = app.write("isobase.toml", settings);
    let server = TestServer::builder().arg("--config").arg(settings).start().unwrap();
    let ask = |method: &str, path: &str, body: &str| {
        let json = [("content-type", "application/json")];
        server.request(method, path, &json, body.as_bytes()).unwrap()
    };
    assert_eq!(ask("POST", "/records/notes", r#"{"public":false}"#).status, 201);
    assert_eq!(ask("POST", "/records/notes", r#"{"public":true}"#).status, 201);
    for (path, listed) in [
        ("/records/notes", r#"[{"public":true,"id":2}]"#),
        ("/api/notes?fields=public", r#"[{"id":2,"public":true}]"#),
    ] {
        assert_eq!(ask("GET", path, "").text(), listed);
    }
    assert_eq!(ask("GET", "/records/notes/1", "").status, 404);
    for (method, path) in [("PATCH", "/records/notes/2"), ("DELETE", "/records/notes/2")] {
        let refused = ask(method, path, "{}");
        assert_eq!(refused.status, 401, "{}", refused.text());
    }
    assert_eq!(ask("POST", "/records/free", "{}").status, 201);
    let log = server.log();
    assert!(log.contains("notes is open: everybody may create\n"), "{log}");
    assert!(
        log.contains("free is open: everybody may list, view, create, update, delete"),
        "{log}"
    );
}

#[test]
fn wrong_rules_name_their_place() {
    let app = App::new();
    for (line, parts) in [
        (
            "list = \"owner=@user.idd\"",
            &["isobase.toml:2", "collections.notes.rules.list: at character 7", "@user.id"]
                as &[&str],
        ),
        ("lsit = true", &["isobase.toml:2", "did you mean rules.list?"]),
        ("view = 7", &["isobase.toml:2", "collections.notes.rules.view", "of type integer"]),
        ("view = \"@new.a=1\"", &["isobase.toml:2", "only the rules create and update"]),
    ] {
        app.write("isobase.toml", &format!("[collections.notes.rules]\n{line}\n"));
        app.run(&["serve", ".", "0"]).fails(2, parts);
    }
    app.write("isobase.toml", "[collections.notes]\nrules = \"true\"\n");
    app.run(&["serve", ".", "0"]).fails(2, &["isobase.toml:2", "rules is not a table"]);
}
