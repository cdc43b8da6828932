//! The client for JavaScript: as it is served, as it is packed, and at work.

use std::{fs, process::Command};

use isobase_testkit::{TestServer, browser, npm_packages};
use serde_json::Value;

use super::command::{root, succeed};

#[test]
fn it_is_served_as_it_is_packed() {
    let server = TestServer::builder().records_url("memory:").start().unwrap();
    let package = root().join("js");
    for (path, content_type) in
        [("/isobase.js", "text/javascript"), ("/isobase.d.ts", "text/plain")]
    {
        let served = server.request("GET", path, &[], b"").unwrap();
        assert!(served.header("content-type").unwrap().starts_with(content_type));
        let file = fs::read_to_string(package.join(&path[1..])).unwrap();
        assert_eq!((served.status, served.text()), (200, file), "{path}");
        let etag = served.header("etag").unwrap();
        let again = server.request("GET", path, &[("if-none-match", etag)], b"").unwrap();
        assert_eq!(again.status, 304);
    }
    let version = env!("CARGO_PKG_VERSION");
    let module = fs::read_to_string(package.join("isobase.js")).unwrap();
    assert!(module.contains(&format!("export const VERSION = \"{version}\";")));
    let manifest = fs::read_to_string(package.join("package.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!((&manifest["version"], manifest.get("dependencies")), (&version.into(), None));
}

#[test]
fn its_package_is_complete() {
    if npm_packages().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pack = ["pack", "--offline", "--pack-destination"];
    succeed(Command::new("npm").args(pack).arg(folder.path()).current_dir(root().join("js")));
    let archive = format!("isobase-{}.tgz", env!("CARGO_PKG_VERSION"));
    succeed(Command::new("tar").arg("-xzf").arg(archive).current_dir(folder.path()));
    let installed = folder.path().join("node_modules/isobase");
    fs::create_dir(folder.path().join("node_modules")).unwrap();
    fs::rename(folder.path().join("package"), &installed).unwrap();
    let script = "import { VERSION, Isobase } from 'isobase'; new Isobase('http://127.0.0.1'); \
                  console.log(VERSION)";
    let node = ["--input-type=module", "--eval", script];
    let said = succeed(Command::new("node").args(node).current_dir(folder.path()));
    assert_eq!(said.trim(), env!("CARGO_PKG_VERSION"));
    assert!(installed.join("isobase.d.ts").is_file());
}

#[test]
fn it_works_in_node() {
    if npm_packages().is_none() {
        return;
    }
    let tests = ["client", "docs"].map(|name| root().join(format!("js/test/{name}.test.mjs")));
    succeed(Command::new("node").arg("--test").args(tests));
}

#[test]
fn it_works_in_a_browser() {
    let Some(browser) = browser() else { return };
    let script = root().join("tests/browser/client.mjs");
    succeed(Command::new("node").arg(script).args([&browser.packages, &browser.program]));
}
