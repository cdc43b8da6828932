//! What an import does with files that are wrong, and when it is run again.

use std::fs;

use isobase_testkit::TestServer;

use super::command::{App, Said};

const IMPORT: [&str; 4] = ["import", "in.ndjson", "--collection", "c"];
const LINES: &str = "{\"n\":1}\n{\"n\":\"two\"}\n{\"n\":3}\n";

fn with_schema(kind: &str) -> App {
    let app = App::new();
    app.write("isobase.toml", "[collections.c]\nschema = \"c.json\"\n");
    set_schema(&app, kind);
    app
}

fn set_schema(app: &App, kind: &str) {
    app.write("c.json", &format!("{{\"properties\":{{\"n\":{{\"type\":{kind}}}}}}}"));
}

fn exported(app: &App) -> usize {
    app.run(&["export", "--collection", "c"]).ok().lines().count()
}

#[test]
fn a_quotation_mark_that_is_not_closed_ends_the_import() {
    let app = App::new();
    for (text, parts) in [
        ("id,name\n1,\"Ann\n2,Bob\n3,Cid\n", ["line 2", "never closed"]),
        ("id,name\n1,Ann\n2,\"Bo", ["line 3", "never closed"]),
        ("id,name\n1,\"x\" inch\n", ["line 2", "more text"]),
        ("id,name\n1,Ann\n2", ["record 2", "1 cells, expected 2"]),
    ] {
        app.write("in.csv", text);
        app.run(&["import", "in.csv", "-c", "c"]).fails(1, &parts);
        assert_eq!(exported(&app), 0, "{text}");
    }
}

#[test]
fn a_refused_record_keeps_its_neighbours_out_until_it_is_mended() {
    let app = with_schema("\"integer\"");
    app.write("in.ndjson", LINES);
    app.run(&IMPORT).fails(1, &["record 2", "mend the record"]);
    assert_eq!(exported(&app), 0);
    app.write("in.ndjson", &LINES.replace("\"two\"", "2"));
    let done = app.run(&[&IMPORT[..], &["--json"]].concat()).json();
    assert_eq!((&done["new"], exported(&app)), (&3.into(), 3));

    // Or the schema is mended: what was refused is asked again.
    let app = with_schema("\"integer\"");
    app.write("in.ndjson", LINES);
    for _ in 0..2 {
        app.run(&IMPORT).fails(1, &["record 2"]);
    }
    set_schema(&app, "[\"integer\",\"string\"]");
    for new in [3, 0] {
        let done = app.run(&[&IMPORT[..], &["--json"]].concat()).json();
        assert_eq!((&done["new"], exported(&app)), (&new.into(), 3));
    }
}

#[test]
fn records_that_are_left_out_are_named_and_asked_again() {
    let app = with_schema("\"integer\"");
    app.write("in.ndjson", &format!("{LINES}nonsense\n"));
    let import = [&IMPORT[..], &["--skip-bad"]].concat();
    let said = app.run(&import);
    for part in ["2 new, 2 left out", "left out: record 2: ", "left out: record 4: "] {
        assert!(said.err.contains(part), "{part} is not in {}", said.err);
    }
    said.ok();
    set_schema(&app, "[\"integer\",\"string\"]");
    let done = app.run(&[&import[..], &["--json"]].concat()).json();
    assert_eq!((&done["new"], &done["already_there"]), (&1.into(), &2.into()));
    assert_eq!(exported(&app), 3);
}

/// The same with a service, whose body limit is smaller than some records and all chunks.
#[test]
fn a_service_that_refuses_stores_nothing_twice() {
    let app = App::new();
    let schema = app.write("c.json", "{\"properties\":{\"n\":{\"type\":\"integer\"}}}");
    let settings = app.write(
        "service.toml",
        &format!(
            "[limits]\nbody_bytes = \"20KiB\"\n[collections.c]\nschema = {:?}\n",
            schema.to_str().unwrap()
        ),
    );
    let server = TestServer::builder().arg("--config").arg(&settings).start().unwrap();
    let url = server.url();
    let run = |more: &[&str]| -> Said {
        app.run(&[&IMPORT[..], &["--url", &url, "--json"], more].concat())
    };
    let stored = || {
        let answer = server.request("GET", "/records/c?fields=n", &[], b"").unwrap();
        answer.json().unwrap().as_array().unwrap().len()
    };
    let good: String =
        (0..700).map(|n| format!("{{\"n\":{n},\"text\":\"{:50}\"}}\n", "")).collect();
    let large = format!("{{\"n\":1,\"text\":\"{}\"}}\n", "x".repeat(30 << 10));

    app.write("in.ndjson", &format!("{good}{{\"n\":\"two\"}}\n"));
    run(&[]).fails(1, &["record 701", "schema_violation"]);
    app.write("in.ndjson", &format!("{good}{{\"n\":2}}\n"));
    run(&[]).ok();
    assert_eq!(stored(), 701);

    app.write("in.ndjson", &format!("{good}{large}{{\"n\":\"two\"}}\n{{\"n\":3}}\n"));
    run(&[]).fails(1, &["record 701", "body"]);
    let done = run(&["--skip-bad", "--again"]).json();
    assert_eq!((&done["new"], &done["left_out"]), (&701.into(), &2.into()));
    fs::remove_file(settings).unwrap();
}
