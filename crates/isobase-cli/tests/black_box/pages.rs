use std::{fs, path::Path};

use super::command::App;

#[test]
fn help_shows_commands_with_examples() {
    let app = App::new();
    let help = app.run(&["--help"]).ok();
    for part in ["serve", "import", "export", "index", "key", "config", "Examples:", "isobase.toml"]
    {
        assert!(help.contains(part), "{part}");
    }
    for command in ["serve", "import", "export", "completions"] {
        assert!(app.run(&[command, "--help"]).ok().contains("Examples:"), "{command}");
    }
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
        assert!(script.contains("isobase") && script.contains("import"), "{shell}");
    }
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
}
