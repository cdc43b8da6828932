use std::{
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::{Child, ChildStdin, Stdio},
    time::Duration,
};

use isobase_testkit::{TestServer, wait_until};
use serde_json::{Value, json};

use super::command::{App, Said, command};

/// Documents as lines.
fn lines(count: usize) -> String {
    (1..=count).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{{\"n\":{number},\"name\":\"☃ {number}\"}}");
        text
    })
}

/// The `n` of all exported lines.
fn numbers(text: &str) -> Vec<i64> {
    let document = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    text.lines().map(|line| document(line)["n"].as_i64().unwrap()).collect()
}

fn everything(count: i64) -> Vec<i64> {
    (1..=count).collect()
}

#[test]
fn lines_come_back_as_they_went_in() {
    let app = App::new();
    app.write("in.ndjson", &lines(2500));
    let done = app.run(&["import", "in.ndjson", "--collection", "c", "--json"]).json();
    assert_eq!((&done["event"], &done["new"]), (&json!("done"), &json!(2500)));
    let out = app.run(&["export", "--collection", "c"]);
    assert!(out.err.contains("c: 2,500 records"), "{}", out.err);
    let text = out.ok();
    assert_eq!(numbers(&text), everything(2500));
    assert!(text.starts_with("{\"n\":1,\"name\":\"☃ 1\",\"id\":1}\n"), "{text:.100}");
}

#[test]
fn an_import_again_stores_nothing_twice() {
    let app = App::new();
    app.write("in.ndjson", &lines(30));
    let import = ["import", "in.ndjson", "--collection", "c", "--chunk", "10", "--json"];
    assert_eq!(app.run(&import).json()["new"], 30);
    let again = app.run(&import).json();
    assert_eq!((&again["new"], &again["already_there"]), (&json!(0), &json!(30)));
    let forced = app.run(&[&import[..], &["--again"]].concat()).json();
    assert_eq!(forced["new"], 30);
    assert_eq!(app.run(&["export", "--collection", "c"]).ok().lines().count(), 60);
}

#[test]
fn arrays_and_tables_are_read_and_written() {
    let app = App::new();
    app.write("in.json", "[{\"a\": 1, \"b\": {\"c\": \"x\"}},\n {\"a\": 2, \"b\": null}]");
    app.run(&["import", "in.json", "--collection", "j"]).ok();
    app.run(&["export", "-c", "j", "--format", "json", "-o", "out.json"]).ok();
    let written: Value =
        serde_json::from_str(&fs::read_to_string(app.path().join("out.json")).unwrap()).unwrap();
    let expected = json!([{"a": 1, "b": {"c": "x"}, "id": 1}, {"a": 2, "b": null, "id": 2}]);
    assert_eq!(written, expected);

    let table = ["export", "-c", "j", "--format", "csv", "--filter", "fields=a,b.c"];
    assert_eq!(app.run(&table).ok(), "id,a,b.c\n1,1,x\n2,2,\n");
    app.write("more.ndjson", "{\"c\":\"\",\"a\":[1,\"x\"]}\n{\"a.b\":\"1,5\"}\n");
    app.run(&["import", "more.ndjson", "--collection", "j"]).ok();
    let all = "id,a,b,c,a.b\n1,1,\"{\"\"c\"\":\"\"x\"\"}\",,\n2,2,,,\n\
               3,\"[1,\"\"x\"\"]\",,\"\",\n4,,,,\"1,5\"\n";
    assert_eq!(app.run(&table[..5]).ok(), all);

    app.write("in.csv", "name,age,zip\nAnn,30,01234\n\"Bob, Jr.\",,\n");
    app.run(&["import", "in.csv", "--collection", "t"]).ok();
    let out = app.run(&["export", "-c", "t", "--filter", "fields=name,age,zip"]).ok();
    let expected = "{\"name\":\"Ann\",\"age\":30,\"zip\":\"01234\",\"id\":5}\n\
                    {\"name\":\"Bob, Jr.\",\"age\":null,\"zip\":null,\"id\":6}\n";
    assert_eq!(out, expected);
}

#[test]
fn an_export_is_filtered_and_sorted() {
    let app = App::new();
    app.write("in.ndjson", &lines(20));
    app.run(&["import", "in.ndjson", "-c", "c"]).ok();
    let out = app.run(&["export", "-c", "c", "--filter", "n[gt]=17&sort=-n"]).ok();
    assert_eq!(numbers(&out), [20, 19, 18]);
    app.run(&["export", "-c", "c", "--filter", "n[gte"]).fails(2, &["--filter"]);
    app.write("more.ndjson", "{\"n\":1}\n");
    app.run(&["import", "more.ndjson", "-c", "orders"]).ok();
    let unknown = app.run(&["export", "-c", "order", "-o", "out.ndjson"]);
    unknown.fails(1, &["there is no collection order", "did you mean orders?"]);
    assert!(!app.path().join("out.ndjson").exists());
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let server = TestServer::start().unwrap();
    let app = App::new();
    let url = server.url();
    let wrong = ["export", "-c", "c", "-o", "out.ndjson", "--url", &url];
    let said = app.run(&[&wrong[..], &["--filter", "limit=100000000"]].concat());
    assert_ne!(said.code, Some(0));
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 0);
}

#[test]
fn wrong_records_are_named_or_left_out() {
    let app = App::new();
    app.write("in.ndjson", "{\"n\":1}\n{\"n\":2,\"n\":3}\n{\"n\":4}\n");
    let import = ["import", "in.ndjson", "--collection", "c"];
    app.run(&import).fails(1, &["record 2 (line 2): ", "--skip-bad"]);
    // Nothing of the chunk was stored.
    app.run(&["export", "-c", "c"]).fails(1, &["there is no collection c"]);
    let done = app.run(&[&import[..], &["--skip-bad", "--json"]].concat()).json();
    assert_eq!((&done["new"], &done["left_out"]), (&json!(2), &json!(1)));
    assert_eq!(numbers(&app.run(&["export", "-c", "c"]).ok()), [1, 4]);
}

#[test]
fn what_is_missing_is_named() {
    let app = App::new();
    app.run(&["import", "no.json", "-c", "c"]).fails(1, &["cannot read no.json"]);
    app.run(&["import", ".", "-c", "c"]).fails(2, &["is a folder"]);
    app.write("in.json", "[]");
    let memory = ["import", "in.json", "-c", "c", "--url", "memory:"];
    app.run(&memory).fails(2, &["--url http://"]);
}

/// An import that reads what a test writes, bit by bit.
struct SlowImport {
    child: Child,
    input: ChildStdin,
    /// What it says on standard error.
    log: PathBuf,
}

impl SlowImport {
    fn start(app: &App, arguments: &[&str]) -> Self {
        let log = app.path().join("import.log");
        let mut child = command(app.path())
            .args(["import", "-", "--chunk", "10", "--collection", "c", "--json"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        Self { child, input, log }
    }

    fn write(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn wait_until_it_says(&self, part: &str) {
        wait_until(part, Duration::from_secs(20), || {
            Ok(fs::read_to_string(&self.log)?.contains(part).then_some(()))
        })
        .unwrap();
    }

    fn finish(self) -> Said {
        drop(self.input);
        Said::from(self.child.wait_with_output().unwrap())
    }
}

/// Waits until the service has this many records.
fn wait_for_records(server: &TestServer, count: u64) {
    wait_until("the records", Duration::from_secs(20), || {
        let stats = server.request("GET", "/stats", &[], b"")?.json()?;
        Ok((stats["total_records"] == count).then_some(()))
    })
    .unwrap();
}

/// The first lines of a text, and the rest.
fn cut(text: &str, count: usize) -> (&str, &str) {
    let end = text.match_indices('\n').nth(count - 1).unwrap().0 + 1;
    text.split_at(end)
}

#[test]
fn a_killed_import_is_finished_by_running_it_again() {
    let server = TestServer::start().unwrap();
    let (app, url, text) = (App::new(), server.url(), lines(45));
    let mut import = SlowImport::start(&app, &["--url", &url]);
    import.write(cut(&text, 25).0);
    wait_for_records(&server, 20);
    import.kill();
    app.write("in.ndjson", &text);
    let again = ["import", "in.ndjson", "--chunk", "10", "-c", "c", "--json", "--url", &url];
    let done = app.run(&again).json();
    assert_eq!((&done["new"], &done["already_there"]), (&json!(25), &json!(20)));
    assert_eq!(numbers(&app.run(&["export", "-c", "c", "--url", &url]).ok()), everything(45));
}

#[test]
fn an_import_outlives_a_killed_service() {
    let mut server = TestServer::start().unwrap();
    let (app, text) = (App::new(), lines(45));
    let data = server.data().to_str().unwrap().to_owned();
    // The service is found through the data folder that it holds.
    let mut import = SlowImport::start(&app, &["--data", &data]);
    let (first, rest) = cut(&text, 25);
    import.write(first);
    wait_for_records(&server, 20);
    server.kill().unwrap();
    import.write(rest);
    import.wait_until_it_says(&format!("is held by the service at {}", server.url()));
    import.wait_until_it_says("waiting: ");
    server.start_again().unwrap();
    assert_eq!(import.finish().json()["new"], 45);
    let url = server.url();
    assert_eq!(numbers(&app.run(&["export", "-c", "c", "--url", &url]).ok()), everything(45));
}

#[test]
fn an_import_begun_through_the_service_is_finished_without_it() {
    for variables in [vec![], vec![("INTERNAL_API_KEY", "secret")]] {
        let mut builder = TestServer::builder();
        for (name, value) in &variables {
            builder = builder.env(*name, *value);
        }
        let mut server = builder.start().unwrap();
        let (app, text) = (App::new(), lines(45));
        let (url, data) = (server.url(), server.data().to_str().unwrap().to_owned());
        app.write("first.ndjson", cut(&text, 20).0);
        let import = ["--chunk", "10", "-c", "c", "--json"];
        let through = [&["import", "first.ndjson", "--url", &url], &import[..]].concat();
        assert_eq!(app.run_with(&through, &variables).json()["new"], 20);
        assert!(server.terminate().unwrap().success());
        app.write("all.ndjson", &text);
        let direct = [&["import", "all.ndjson", "--data", &data], &import[..]].concat();
        let done = app.run_with(&direct, &variables).json();
        assert_eq!((&done["new"], &done["already_there"]), (&json!(25), &json!(20)));
    }
}

#[test]
fn a_service_with_keys_asks_for_one() {
    let server = TestServer::builder().env("INTERNAL_API_KEY", "secret").start().unwrap();
    let (app, url) = (App::new(), server.url());
    app.write("in.ndjson", &lines(3));
    let import = ["import", "in.ndjson", "-c", "c", "--url", &url];
    app.run(&import).fails(1, &["hint: ", "--key"]);
    app.run(&[&import[..], &["--key", "secret"]].concat()).ok();
    let export = ["export", "-c", "c", "--url", &url];
    assert_eq!(numbers(&app.run_with(&export, &[("ISOBASE_KEY", "secret")]).ok()), [1, 2, 3]);
}

#[test]
fn postgresql_is_written_and_read_without_a_service() {
    let Some(postgres) = isobase_testkit::postgres_url() else { return };
    let schema = isobase_testkit::unique_name("transfer");
    let separator = if postgres.contains('?') { '&' } else { '?' };
    let url = format!("{postgres}{separator}schema={schema}");
    let app = App::new();
    app.write("in.ndjson", &lines(45));
    let import = ["import", "in.ndjson", "-c", "c", "--chunk", "10", "--json", "--url", &url];
    assert_eq!(app.run(&import).json()["new"], 45);
    assert_eq!(app.run(&import).json()["already_there"], 45);
    let out = app.run_with(&["export", "-c", "c"], &[("RECORDS_URL", &url)]).ok();
    assert_eq!(numbers(&out), everything(45));
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let app = App::new();
    let url = "postgres://me:hush@127.0.0.1:1/app";
    let said = app.run(&["export", "-c", "c", "--url", url]);
    assert!(!said.err.contains("hush"), "{said:?}");
    said.fails(1, &["127.0.0.1:1"]);
}
