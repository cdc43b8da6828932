use super::command::App;

/// The value and origin of a setting in the printed table.
fn printed(table: &str, key: &str) -> (String, String) {
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(key)).unwrap();
    let (value, origin) = line[key.len()..].trim().split_once("  ").unwrap();
    (value.to_owned(), origin.trim().to_owned())
}

#[test]
fn later_sources_win_and_are_named() {
    let app = App::new();
    let port = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["config", "print"], arguments].concat();
        printed(&app.run_with(&arguments, variables).ok(), "port")
    };
    let pair = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    assert_eq!(port(&[], &[]), pair("8002", "default"));
    app.write("isobase.toml", "# port\nport = 1001\n");
    assert_eq!(port(&[], &[]), pair("1001", "isobase.toml:2"));
    assert_eq!(port(&[], &[("PORT", "1002")]), pair("1002", "env PORT"));
    assert_eq!(port(&["--port", "1003"], &[("PORT", "1002")]), pair("1003", "flag --port"));
    assert_eq!(port(&["--set", "port=1004"], &[]), pair("1004", "flag --set"));
    app.write("other.toml", "port = 1005\n");
    assert_eq!(port(&["--config", "other.toml"], &[]), pair("1005", "other.toml:1"));
}

#[test]
fn a_file_of_variables_is_read_when_it_is_given() {
    let app = App::new();
    app.write(
        ".env",
        "# of the services before\nexport PORT=1001\nHOST='localhost'\nDB_PATH=./db-data\n\
         SECRET_OF_OTHERS=x\nDATABASE_URL=\"sqlite:///./data/licenses.db\"\n",
    );
    assert_eq!(printed(&app.run(&["config", "print"]).ok(), "port").1, "default");
    let given = ["config", "print", "--env-file", ".env"];
    let pair = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    let table = app.run(&given).ok();
    assert_eq!(printed(&table, "port"), pair("1001", ".env:2 (PORT)"));
    assert_eq!(printed(&table, "host").0, "localhost");
    assert_eq!(printed(&table, "data"), pair("./db-data", ".env:4 (DB_PATH)"));
    let records = pair("sqlite://././data/licenses.db", ".env:6 (DATABASE_URL)");
    assert_eq!(printed(&table, "records_url"), records);
    // A variable of the process comes before it, whichever of its names has it; the settings file
    // comes after.
    app.write("isobase.toml", "port = 1000\n");
    assert_eq!(printed(&app.run(&given).ok(), "port").0, "1001");
    let port = |name: &str| printed(&app.run_with(&given, &[(name, "1002")]).ok(), "port");
    assert_eq!(port("PORT"), pair("1002", "env PORT"));
    assert_eq!(port("MARKPACT_PORT"), pair("1002", "env MARKPACT_PORT"));
    app.write(".env", "ISOBASE_PORT=1001\n");
    assert_eq!(port("PORT"), pair("1002", "env PORT"));
    app.write(".env", "A=1\nPORT: 1001\n");
    app.run(&given).fails(2, &[".env:2: expected = after the name", "NAME=value"]);
    app.write(".env", "PORT=hush\n");
    app.run(&given).fails(2, &["setting port", ".env:1 (PORT)"]);
    app.run(&["config", "print", "--env-file", "none"]).fails(2, &["cannot read", "none"]);
    app.write("licenses.db", "");
    app.run_with(&["config", "print"], &[("DB_PATH", "licenses.db")])
        .fails(2, &["licenses.db is a file, expected a folder", "DATABASE_URL"]);
}

#[test]
fn every_setting_is_printed_as_json_too() {
    let app = App::new();
    app.write("isobase.toml", "[collections.orders]\nindexes = [\"status\"]\n");
    let out = app.run(&["config", "print", "--json"]).ok();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap();
    assert_eq!(row("port")["value"], 8002);
    assert_eq!(row("open")["value"], false);
    assert_eq!(row("limits.body_bytes")["value"], 8 << 20);
    assert!(row("cors_origins")["value"].is_array(), "{}", row("cors_origins"));
    assert_eq!(row("port")["origin"]["kind"], "default");
    assert_eq!(row("internal_api_key")["value"], serde_json::Value::Null);
    assert_eq!(row("collections.orders.indexes")["origin"]["line"], 2);
}

#[test]
fn secrets_are_never_shown() {
    let app = App::new();
    app.write("isobase.toml", "internal_api_key = \"hush-in-file\"\n");
    let variables = [
        ("INTERNAL_API_KEY", "hush-in-variable"),
        ("RECORDS_URL", "postgres://me:hush-in-url@db/app"),
    ];
    for arguments in [vec!["config", "print"], vec!["config", "print", "--json"]] {
        let said = app.run_with(&arguments, &variables);
        assert!(said.out.contains("***"), "{said:?}");
        assert!(!format!("{said:?}").contains("hush"), "{said:?}");
    }
    let wrong = [("RECORDS_URL", "postgress://me:hush-in-url@db/app")];
    let said = app.run_with(&["config", "print"], &wrong);
    assert!(!said.err.contains("hush"), "{said:?}");
    said.fails(2, &["did you mean postgres?"]);
}

#[test]
fn a_typo_is_an_error_with_its_place_and_a_suggestion() {
    let app = App::new();
    app.write("isobase.toml", "\nprot = 1\n[limits]\nbody-bytes = 3\n");
    let parts = [
        "error: isobase.toml:2: unknown setting prot",
        "hint: did you mean port?",
        "error: isobase.toml:4: unknown setting limits.body-bytes",
        "hint: did you mean limits.body_bytes?",
    ];
    app.run(&["config", "print"]).fails(2, &parts);
    app.run(&["serve"]).fails(2, &parts);
}

#[test]
fn wrong_values_name_setting_origin_and_expectation() {
    let app = App::new();
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 5] = [
        (&[], &[("PORT", "http")], "setting port is \"http\" (env PORT), expected a whole number"),
        (&["--port", "70000"], &[], "(flag --port), expected a whole number from 0 to 65535"),
        (&["--log", "inof"], &[], "did you mean info?"),
        (&["--set", "changes.keep_for=7"], &[], "expected a duration such as"),
        (&[], &[("DATABASE_PROVIDER", "xyz")], "Unknown database provider: xyz"),
    ];
    for (arguments, variables, message) in cases {
        let arguments = [&["config", "print"], arguments].concat();
        app.run_with(&arguments, variables).fails(2, &[message]);
    }
}

#[test]
fn unknown_variables_of_ours_are_warned_about() {
    let app = App::new();
    let said = app.run_with(&["config", "print"], &[("ISOBASE_LOGG", "debug"), ("FOO", "1")]);
    let warning = "warning: the environment variable ISOBASE_LOGG is not a setting; \
                   did you mean ISOBASE_LOG?";
    assert_eq!(said.err.trim(), warning);
    said.ok();
}

#[test]
fn databases_that_cannot_be_named_are_told() {
    let app = App::new();
    let provider = |name: &'static str| ("DATABASE_PROVIDER", name);
    let unknown = app.run_with(&["serve"], &[provider("xyz")]);
    unknown.fails(2, &["Unknown database provider: xyz", "memory, sqlite, postgres, couchdb"]);
    let variables = [provider("couchdb"), ("COUCHDB_URL", "http://127.0.0.1:9")];
    let missing = app.run_with(&["serve"], &variables);
    missing.fails(
        2,
        &[
            "COUCHDB_URL, COUCHDB_USER, and COUCHDB_PASSWORD must be set for couchdb provider",
            "missing: COUCHDB_USER, COUCHDB_PASSWORD",
        ],
    );
}

#[test]
fn addresses_that_would_never_match_are_refused() {
    let app = App::new();
    let cases = [
        ("ISOBASE_PUBLIC_URL", "nonsense", "setting public_url is \"nonsense\""),
        ("ISOBASE_CORS_ORIGINS", "https://a.example/", "without a slash at the end"),
    ];
    for (name, value, message) in cases {
        app.run_with(&["serve"], &[(name, value)]).fails(2, &[message, name]);
    }
    app.write("isobase.toml", "cors_origins = [\"https://a.example\", \"https://b.example/\"]\n");
    app.run(&["config", "print"]).fails(2, &["isobase.toml:1", "https://b.example/"]);
}

#[test]
fn schemas_that_cannot_be_used_are_told() {
    let app = App::new();
    app.write("isobase.toml", "\n[collections.a]\nschema = \"a.json\"\n");
    app.run(&["serve"]).fails(2, &["isobase.toml:3", "schema a.json of collection a"]);
    app.write("a.json", "{\"properties\":{\"x\":{\"type\":\"strng\"}}}");
    app.run(&["serve"]).fails(2, &["isobase.toml:3", "/properties/x/type"]);
    app.write("a.json", "{\"required\":[\"x\"]}");
    let table = app.run(&["config", "print"]).ok();
    assert_eq!(printed(&table, "collections.a.schema").0, "a.json");
}
