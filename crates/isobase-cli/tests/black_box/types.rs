//! `isobase types`: what it writes, checked by the compiler of TypeScript.

use std::{fs, process::Command};

use isobase_testkit::clients;

use super::command::{App, root, succeed};

const SETTINGS: &str = r#"
[collections.people]
event = "person"
update = ["name", "done"]
as_number = ["done"]
timestamp = "created_at"
schema = "people.json"

[collections.teams]
fields.name = { type = "string", required = true }

[collections.post-tags]
event = "pair"
fields.tag = { type = "string" }

[collections.anything]
[collections.sessions]
"#;

const PEOPLE: &str = r##"{
    "type": "object",
    "required": ["name", "state", "created_at"],
    "properties": {
        "name": { "type": "string", "description": "How it is called */ everywhere" },
        "age": { "type": ["integer", "null"], "minimum": 0 },
        "state": { "enum": ["new", "old"], "default": "new" },
        "done": { "type": "boolean", "default": false },
        "tags": { "type": "array", "items": { "type": "string" } },
        "address": { "$ref": "#/$defs/address" },
        "team": { "type": "integer", "x-reference": "teams" },
        "owner": { "type": ["integer", "null"], "x-reference": "isobase_accounts" },
        "password": { "type": "string", "writeOnly": true },
        "joined": { "type": "string", "readOnly": true, "x-default": "now" },
        "created_at": { "type": "string" }
    },
    "$defs": {
        "address": {
            "type": "object",
            "required": ["city"],
            "properties": { "city": { "type": "string" }, "zip-code": { "type": "integer" } }
        }
    }
}"##;

fn app() -> App {
    let app = App::new();
    app.write("isobase.toml", SETTINGS);
    app.write("people.json", PEOPLE);
    app
}

#[test]
fn a_compiler_knows_what_is_right_and_what_is_wrong() {
    let Some(clients) = clients() else { return };
    let (app, root) = (app(), root());
    app.run(&["types", ".", "-o", "isobase-app.d.ts"]).ok();
    let installed = app.path().join("node_modules/isobase");
    fs::create_dir_all(&installed).unwrap();
    for name in ["package.json", "isobase.js", "isobase.d.ts"] {
        fs::copy(root.join("js").join(name), installed.join(name)).unwrap();
    }
    fs::copy(root.join("tests/clients/types.ts"), app.path().join("types.ts")).unwrap();
    let page = fs::read_to_string(root.join("docs/js.md")).unwrap();
    let documented = page.split("```ts\n").nth(1).unwrap().split("```").next().unwrap();
    let documented = documented.replace("./isobase-app'", "./isobase-app.js'");
    app.write("documented.ts", &documented);
    app.write("package.json", "{\"type\":\"module\"}");
    let compiler = clients.packages.join("typescript/lib/tsc.js");
    let options = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--pretty", "false"];
    let target = ["--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"];
    let files = ["types.ts", "documented.ts"];
    let mut command = Command::new("node");
    command.arg(compiler).args(options).args(target).args(files).current_dir(app.path());
    succeed(&mut command);
}

#[test]
fn types_are_printed_for_the_collections_that_have_routes() {
    let said = app().run(&["types"]).ok();
    for part in
        ["  \"post-tags\": {\n", "      state: \"new\" | \"old\";\n", "      done: 0 | 1;\n"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(!said.contains("sessions"), "{said}");
    let empty = App::new();
    empty.run(&["types"]).fails(2, &["no collections are declared", "isobase.toml"]);
    empty.write("isobase.toml", "[collections.a]\n");
    empty.run(&["types", "-o", "."]).fails(2, &["is a folder"]);
}
