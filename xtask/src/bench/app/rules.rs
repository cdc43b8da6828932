//! Reading a row by its id, with a session, under a rule and without.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use isobase_testkit::TestServer;
use isobase_testkit::http::request_bytes;
use serde_json::json;

use super::loads::{self, Seen};
use super::pocketbase::PocketBase;
use super::{Arguments, app, ask};
use crate::bench::records::Server;

const READERS: usize = 64;

const RULED: &str = "\n[collections.ruled]\nfields.owner = { type = \"string\" }\n\
    fields.name = { type = \"string\" }\nrules.view = \"owner = @user.id\"\n";

pub(super) fn run(arguments: &Arguments, executable: &Path, peer: &PocketBase) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let app = app(folder.path(), RULED)?;
    let server = TestServer::builder().executable(executable).arg(app).start()?;
    let pid = server.pid().context("the service does not run")?;
    let ours = Server { name: "Isobase", address: server.address(), pid };
    let who = json!({ "username": "bench", "password": "a password of the benchmark" });
    let account = ask(ours.address, ("POST", "/api/register"), None, &who)?;
    let session = ask(ours.address, ("POST", "/api/sessions"), None, &who)?;
    let token = session["token"].as_str().context("a session has a token")?;
    let path = |collection: &str| -> Result<String> {
        let path = format!("/api/{collection}");
        let row = json!({ "name": "a row", "owner": account["id"].to_string() });
        let row = ask(ours.address, ("POST", &path), Some(token), &row)?;
        Ok(format!("{path}/{}", row["id"]))
    };
    let (open, ruled) = (path("items")?, path("ruled")?);
    let stranger = isobase_testkit::http::request(ours.address, "GET", &ruled, &[], b"")?;
    ensure!(stranger.status >= 400, "the rule lets everybody in");
    let theirs = peer.subject();
    let their_path = |collection, id| format!("/api/collections/{collection}/records/{id}");
    let seen = [
        read(arguments, "Isobase, no rule", &ours, token, &open)?,
        read(arguments, "Isobase, owner = @user.id", &ours, token, &ruled)?,
        read(
            arguments,
            "PocketBase, no rule",
            &theirs,
            &peer.token,
            &their_path("items", &peer.open_row),
        )?,
        read(
            arguments,
            "PocketBase, owner = @request.auth.id",
            &theirs,
            &peer.token,
            &their_path("ruled", &peer.ruled_row),
        )?,
    ];
    println!("\nGET by id with a session, {READERS} connections\n");
    loads::show(&seen);
    let rule = seen[1].cpu / seen[0].cpu;
    println!("CPU with the rule: {rule:.2} × without (target: at most 1.3)");
    println!("CPU with the rule: {:.2} × PocketBase", seen[1].cpu / seen[3].cpu);
    println!("reads a second with the rule: {:.2} × PocketBase", seen[1].rate / seen[3].rate);
    Ok(())
}

fn read(
    arguments: &Arguments,
    what: &'static str,
    subject: &Server,
    token: &str,
    path: &str,
) -> Result<Seen> {
    let (address, bearer): (SocketAddr, String) = (subject.address, format!("Bearer {token}"));
    let headers = [("authorization", &*bearer)];
    let bytes = request_bytes(&address.to_string(), "GET", path, &headers, b"");
    loads::run(arguments, what, subject, READERS, bytes)
}
