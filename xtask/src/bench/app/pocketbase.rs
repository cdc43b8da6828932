//! PocketBase, from PyPI.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use isobase_testkit::{ReservedPort, http, wait_until};
use serde_json::{Value, json};

use super::ask;
use crate::bench::records::Server;
use crate::{interrupt, python};

const EMAIL: &str = "bench@example.org";
const PASSWORD: &str = "a password of the benchmark";

/// A server with the collections `items`, which is open, and `ruled`, whose rows are their owners'.
/// Its drop ends it.
#[derive(Debug)]
pub(in crate::bench) struct PocketBase {
    child: Child,
    port: ReservedPort,
    data: PathBuf,
    /// Of the superuser.
    root: String,
    /// Of somebody who signed in.
    pub(in crate::bench) token: String,
    /// The id of that person.
    pub(super) user: String,
    /// Rows of that person: one in each collection.
    pub(in crate::bench) open_row: String,
    pub(super) ruled_row: String,
}

impl PocketBase {
    /// Starts one in a folder of its own. What is made in its API is also written down as a
    /// migration, beside its data folder: another one with its data there would make it again.
    pub(in crate::bench) fn start(folder: &Path) -> Result<Self> {
        let program = python::pocketbase()?;
        let data = folder.join("data");
        let command = |words: &[&str]| {
            let mut command = Command::new(&program);
            command.args(words).arg("--dir").arg(&data).stdin(Stdio::null());
            command
        };
        let mut superuser = command(&["superuser", "upsert", EMAIL, PASSWORD]);
        interrupt::run(superuser.stdout(Stdio::null()))?;
        let port = ReservedPort::new()?;
        let mut serve = command(&["serve", "--http", &port.address().to_string()]);
        let child = serve.stdout(Stdio::null()).spawn().context("start PocketBase")?;
        let unknown = String::new;
        let mut peer = Self {
            child,
            port,
            data,
            root: unknown(),
            token: unknown(),
            user: unknown(),
            open_row: unknown(),
            ruled_row: unknown(),
        };
        let address = peer.address();
        eprintln!("target: PocketBase at http://{address}, started by this command");
        wait_until("the start of PocketBase", Duration::from_secs(60), || {
            let answer = http::request(address, "GET", "/api/health", &[], b"");
            Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
        })?;
        peer.fill()?;
        Ok(peer)
    }

    fn address(&self) -> SocketAddr {
        self.port.address()
    }

    pub(in crate::bench) fn subject(&self) -> Server {
        Server { name: "PocketBase", address: self.address(), pid: self.child.id() }
    }

    /// Makes a collection.
    pub(super) fn collection(&self, collection: &Value) -> Result<()> {
        ask(self.address(), ("POST", "/api/collections"), Some(&self.root), collection).map(drop)
    }

    /// The file of its rows.
    pub(super) fn database(&self) -> PathBuf {
        self.data.join("data.db")
    }

    /// Lets it keep its log of requests for so many days; without any it writes none.
    pub(in crate::bench) fn keep_log(&self, days: u32) -> Result<()> {
        let settings = json!({ "logs": { "maxDays": days, "minLevel": 0 } });
        ask(self.address(), ("PATCH", "/api/settings"), Some(&self.root), &settings).map(drop)
    }

    /// How many requests are in its log.
    pub(in crate::bench) fn logged(&self) -> Result<u64> {
        let path = "/api/logs?perPage=1";
        let page = ask(self.address(), ("GET", path), Some(&self.root), &Value::Null)?;
        page["totalItems"].as_u64().context("a list has a total")
    }

    fn fill(&mut self) -> Result<()> {
        let address = self.address();
        let sign_in = |collection: &str| -> Result<Value> {
            let path = format!("/api/collections/{collection}/auth-with-password");
            let who = json!({ "identity": EMAIL, "password": PASSWORD });
            ask(address, ("POST", &path), None, &who)
        };
        let root = sign_in("_superusers")?;
        self.root = root["token"].as_str().context("a sign-in has a token")?.to_owned();
        let root = Some(&*self.root);
        let field = |name: &str| json!({ "name": name, "type": "text" });
        for (name, rule) in [("items", ""), ("ruled", "owner = @request.auth.id")] {
            let collection = json!({
                "name": name, "type": "base", "fields": [field("name"), field("owner")],
                "listRule": rule, "viewRule": rule, "createRule": "",
            });
            ask(address, ("POST", "/api/collections"), root, &collection)?;
        }
        let user = json!({ "email": EMAIL, "password": PASSWORD, "passwordConfirm": PASSWORD });
        ask(address, ("POST", "/api/collections/users/records"), root, &user)?;
        let user = sign_in("users")?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("expected a text");
        self.token = text(&user["token"])?;
        self.user = text(&user["record"]["id"])?;
        let row = json!({ "name": "a row", "owner": self.user });
        let create = |collection: &str| {
            let path = format!("/api/collections/{collection}/records");
            text(&ask(address, ("POST", &path), Some(&self.token), &row)?["id"])
        };
        (self.open_row, self.ruled_row) = (create("items")?, create("ruled")?);
        Ok(())
    }
}

impl Drop for PocketBase {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
