//! The OpenAPI document as other people's tools read it: clients that they make of it compile and do
//! what their types say, linters have nothing to say, and what is described is so.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use isobase_testkit::{Readers, TestServer, TestServerBuilder, readers};
use tempfile::TempDir;

use super::command::{root, succeed};

const KEY: &str = "a-key-of-the-suite";

/// A running service, and a folder with its description.
struct Described {
    readers: Readers,
    server: TestServer,
    folder: TempDir,
}

impl Described {
    /// `None` where there are no readers.
    fn start() -> Option<Self> {
        Self::of(TestServer::builder())
    }

    fn of(server: TestServerBuilder) -> Option<Self> {
        let readers = readers()?;
        let server = server.start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let document = server.request("GET", "/openapi.json", &[], b"").unwrap();
        fs::write(folder.path().join("openapi.json"), &document.body).unwrap();
        Some(Self { readers, server, folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn copy(&self, name: &str) {
        fs::copy(root().join("tests/openapi").join(name), self.path().join(name)).unwrap();
    }

    /// A program of the npm packages.
    fn node(&self, program: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.readers.packages.join(program)).current_dir(self.path());
        // They would tell their makers that they are used, or look for new versions.
        command.env("CI", "true").env("REDOCLY_TELEMETRY", "off");
        command.env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        command
    }

    /// A program of the PyPI packages.
    fn python(&self, module: &str) -> Command {
        let mut command = Command::new(&self.readers.python);
        command.args(["-m", module]).current_dir(self.path());
        let programs = self.readers.python.parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", programs.display()));
        command
    }
}

#[test]
fn clients_of_typescript_compile_and_work() {
    let Some(described) = Described::start() else { return };
    symlink(&described.readers.packages, described.path().join("node_modules")).unwrap();
    let types = ["openapi.json", "--output", "schema.d.ts"];
    succeed(described.node("openapi-typescript/bin/cli.js").args(types));
    let types = fs::read_to_string(described.path().join("schema.d.ts")).unwrap();
    let empty = types.lines().filter(|line| line.contains("Record<string, never>"));
    // What the document does not have at all.
    let (empty, unused) = (empty.count(), ["webhooks", "$defs"]);
    assert_eq!(empty, unused.len(), "an object that may have no member");
    let client = ["--input", "openapi.json", "--output", "hey", "--silent"];
    succeed(described.node("@hey-api/openapi-ts/bin/run.js").args(client));
    for program in ["fetch", "hey"] {
        described.copy(&format!("{program}.ts"));
    }
    let mut compile = described.node("typescript/bin/tsc");
    compile.args(["--strict", "--target", "es2022", "--module", "node16", "--skipLibCheck"]);
    succeed(compile.args(["--outDir", "out", "fetch.ts", "hey.ts"]));
    for program in ["out/fetch.js", "out/hey.js"] {
        let mut run = Command::new("node");
        succeed(run.arg(described.path().join(program)).arg(described.server.url()));
    }
}

#[test]
fn a_client_of_python_is_typed_and_works() {
    // Its client always sends a key.
    let server = TestServer::builder().env("INTERNAL_API_KEY", KEY);
    let Some(described) = Described::of(server) else { return };
    described.copy("client.py");
    described.copy("client.yml");
    let mut make = described.python("openapi_python_client");
    make.args(["generate", "--path", "openapi.json", "--config", "client.yml", "--meta", "none"]);
    let said = succeed(make.args(["--output-path", "isobase_client"]));
    assert!(!said.contains("/records"), "a route has no client: {said}");
    let check = ["--strict", "--follow-imports", "silent", "--no-incremental", "client.py"];
    succeed(described.python("mypy").args(check));
    let mut run = Command::new(&described.readers.python);
    let run = run.current_dir(described.path()).arg("client.py");
    succeed(run.args([&described.server.url(), KEY]));
}

/// Also the description of an app, which is made when it starts.
#[test]
fn linters_have_nothing_to_say() {
    let Some(described) = Described::start() else { return };
    let app = tempfile::tempdir().unwrap();
    let settings = "[collections.notes]\nfields.text = { type = \"string\", required = true }\n";
    fs::write(app.path().join("isobase.toml"), settings).unwrap();
    let server = TestServer::builder().arg(app.path()).start().unwrap();
    let document = server.request("GET", "/openapi.json", &[], b"").unwrap();
    fs::write(described.path().join("app.json"), &document.body).unwrap();
    for document in ["openapi.json", "app.json"] {
        let mut lint = described.node("@redocly/cli/bin/cli.js");
        let lint = lint.args(["lint", document, "--format", "json"]).stdin(Stdio::null());
        let output = lint.output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let totals = &found["totals"];
        let counted = (&totals["errors"], &totals["warnings"]);
        assert_eq!(counted, (&0.into(), &0.into()), "{document}: {found:#}");
    }
}

/// Every answer has a status, headers, a type and a shape that the description names, and requests
/// that it does not allow are refused. That every request which it allows is accepted cannot be:
/// it has no words for parameters that exclude each other (`If-Match` and `If-None-Match`).
#[test]
fn what_is_described_is_so() {
    let Some(described) = Described::start() else { return };
    described.copy("hooks.py");
    described.copy("schemathesis.toml");
    let mut ask = described.python("schemathesis.cli");
    ask.args(["run", "openapi.json", "--url", &described.server.url()]);
    ask.args(["--include-path-regex", "^/(records|collections|indexes|changes|stats)"]);
    ask.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1"]);
    ask.args(["--generation-database", "none", "--no-color", "--workers", "1"]);
    ask.args(["--exclude-checks", "positive_data_acceptance"]);
    ask.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", described.path());
    let said = succeed(&mut ask);
    assert!(said.contains("Tested: 1") || said.contains("Tested: 2"), "{said}");
}
