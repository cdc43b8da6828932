//! Uploaded files, for those who look after them.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use http::Method;
use isobase_store::StoreOptions;
use serde_json::{Value, json};

use super::{
    PNG, Uploads,
    fields::{Desk, Who},
};
use crate::records::support::Reply;

async fn listed(uploads: &Uploads, query: &str) -> Vec<String> {
    let page = uploads.service.get(&format!("/api/v1/uploads?{query}")).await;
    let page = page.has_status(200).json();
    let names = page["uploads"].as_array().unwrap().iter();
    names.map(|file| file["original"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_begin_with_the_newest_and_choose() {
    let uploads = Uploads::new(1_000);
    for (name, bytes) in [("a 100%.txt", &b"text"[..]), ("b.png", PNG), ("c_d.txt", b"more")] {
        uploads.url(name, bytes).await;
    }
    assert_eq!(listed(&uploads, "").await, ["c_d.txt", "b.png", "a 100%.txt"]);
    assert_eq!(listed(&uploads, "q=B.P").await, ["b.png"]);
    assert_eq!(listed(&uploads, "q=0%25").await, ["a 100%.txt"]);
    assert_eq!(listed(&uploads, "q=_").await, ["c_d.txt"]);
    assert_eq!(listed(&uploads, "type=image/").await, ["b.png"]);
    assert_eq!(listed(&uploads, "type=text/&limit=1").await, ["c_d.txt"]);
    assert_eq!(listed(&uploads, "state=never_named&private=false").await.len(), 3);
    assert_eq!(listed(&uploads, "state=unused").await.len(), 0);
    assert_eq!(listed(&uploads, "private=true").await.len(), 0);
    assert_eq!(listed(&uploads, "owner=open").await.len(), 3);
    assert_eq!(listed(&uploads, "owner=account:1").await.len(), 0);
    let wrong = uploads.service.get("/api/v1/uploads?state=lost&private=yes&odd=1").await;
    assert_eq!(wrong.is_problem(422, "invalid_parameter").blamed().len(), 3);
    let totals = uploads.service.get("/api/v1/uploads/stats").await.json();
    let size = PNG.len() + 8;
    assert_eq!((&totals["files"], &totals["bytes"]), (&json!(3), &json!(size)));
    assert_eq!(totals["by_kind"]["text"], json!({ "files": 2, "bytes": 8 }));
    assert_eq!(totals["never_named"]["files"], 3);
    assert_eq!(totals["complete"], true);
}

#[tokio::test]
async fn a_file_is_called_otherwise_and_keeps_its_address() {
    let uploads = Uploads::new(1_000);
    let url = uploads.url("a.txt", b"text").await;
    let one = format!("/api/v1/uploads/{}", url.strip_prefix("/uploads/").unwrap());
    let renamed = uploads.service.patch(&one, json!({ "original": "<b>.txt" }).to_string()).await;
    assert_eq!(renamed.has_status(200).json()["original"], "<b>.txt");
    assert_eq!(uploads.service.get(&one).await.json()["original"], "<b>.txt");
    uploads.service.get(&url).await.is(200, "text");
    for original in [json!(""), json!("a\nb"), json!("x".repeat(256)), json!(7), Value::Null] {
        let body = json!({ "original": original }).to_string();
        uploads.service.patch(&one, body).await.is_problem(422, "invalid_body");
    }
    let none = "/api/v1/uploads/00000000-0000-4000-8000-000000000000";
    let body = json!({ "original": "a" }).to_string();
    uploads.service.patch(none, body).await.is_problem(404, "file_not_found");
    uploads.service.get(none).await.is_problem(404, "file_not_found");
    let audit = uploads.service.get("/api/v1/audit?action=upload.renamed").await.json();
    let entry = &audit["entries"][0];
    assert_eq!(entry["before"], json!({ "original": "a.txt" }));
    assert_eq!(entry["after"], json!({ "original": "<b>.txt" }));
}

#[tokio::test]
async fn bytes_that_nothing_tells_of_are_found_and_deleted_when_asked() {
    let uploads = Uploads::new(1_000);
    let url = uploads.url("a.txt", b"text").await;
    let folder = uploads.folder.path().join("uploads");
    let old = SystemTime::now() - Duration::from_secs(2 * 86_400);
    let lay = |name: &str, time: SystemTime| {
        fs::write(folder.join(name), "left").unwrap();
        fs::File::options()
            .write(true)
            .open(folder.join(name))
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    let stray = "0b6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.txt";
    lay(stray, old);
    // Young ones may be coming, and what has another name is not ours.
    lay("1b6a3f6e-6d1c-4d38-9c0e-3b8f0a5d8f11.txt", SystemTime::now());
    lay("notes.txt", old);
    lay(url.strip_prefix("/uploads/").unwrap(), old);
    let found = uploads.service.get("/api/v1/uploads/strays").await.has_status(200).json();
    assert_eq!(found["strays"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!((&found["strays"][0]["filename"], &found["bytes"]), (&json!(stray), &json!(4)));
    assert_eq!(found["complete"], true);
    let deleted = uploads.service.delete("/api/v1/uploads/strays").await.json();
    assert_eq!(deleted["strays"].as_array().unwrap().len(), 1);
    assert!(!folder.join(stray).exists() && folder.join("notes.txt").exists());
    assert_eq!(uploads.on_disk(), 3);
    let again = uploads.service.get("/api/v1/uploads/strays").await.json();
    assert_eq!((&again["strays"], &again["bytes"]), (&json!([]), &json!(0)));
    uploads.service.get(&url).await.is(200, "left");
}

impl Desk {
    async fn uses(&self, name: &str, who: &Who) -> Value {
        let target = format!("/api/v1/uploads/{name}/documents");
        self.ask(Method::GET, &target, who, "").await.has_status(200).json()
    }

    async fn replace(&self, name: &str, with: &str, who: &Who) -> Reply {
        let target = format!("/api/v1/uploads/{name}/replace");
        self.ask(Method::POST, &target, who, &json!({ "with": with }).to_string()).await
    }

    /// Somebody with a role, or with a key that has scopes.
    async fn with_role(&self, name: &str, role: &str) -> Who {
        let who = self.account(name).await;
        let target = format!("/api/v1/accounts/{name}");
        let body = json!({ "role": role }).to_string();
        self.ask(Method::PATCH, &target, &Who::key(), &body).await.has_status(200);
        who
    }

    async fn with_scopes(&self, name: &str, scopes: &[&str]) -> Who {
        let body = json!({ "name": name, "scopes": scopes }).to_string();
        let made = self.ask(Method::POST, "/api/v1/keys", &Who::key(), &body).await;
        let key = made.json()["key"].as_str().unwrap_or_else(|| panic!("{}", made.text)).to_owned();
        Who("x-api-key".to_owned(), key)
    }
}

#[tokio::test]
async fn who_looks_after_files_is_told_of_the_documents_that_they_may_see() {
    let desk = Desk::keyed(Duration::from_secs(3_600)).await;
    let key = Who::key();
    let (cover, scan) = (desk.file(&key, "cover").await, desk.file(&key, "scan").await);
    let body = format!(r#"{{"by":7,"cover":"/uploads/{cover}","scans":["{scan}","{cover}"]}}"#);
    let made = desk.ask(Method::POST, "/records/letters", &key, &body).await.json()["id"].clone();
    let other = format!(r#"{{"by":7,"scans":["{scan}"],"text":"{cover}"}}"#);
    desk.ask(Method::POST, "/records/letters", &key, &other).await.has_status(201);
    let uses = desk.uses(&cover, &key).await;
    let of = |field: &str| json!({ "collection": "letters", "id": made, "field": field });
    let mut documents = uses["documents"].as_array().unwrap().clone();
    documents.sort_by_key(|it| it["field"].to_string());
    assert_eq!(documents, [of("cover"), of("scans")]);
    assert_eq!((&uses["hidden"], &uses["complete"]), (&json!(0), &json!(true)));
    assert_eq!(desk.uses(&scan, &key).await["documents"].as_array().unwrap().len(), 2);

    // They may look after files, and see nothing of the documents.
    for who in
        [desk.with_role("sue", "support").await, desk.with_scopes("files", &["uploads:read"]).await]
    {
        let uses = desk.uses(&cover, &who).await;
        assert_eq!((&uses["documents"], &uses["hidden"]), (&json!([]), &json!(2)), "{}", who.1);
    }
    let viewer = desk.with_role("vic", "viewer").await;
    assert_eq!(desk.uses(&cover, &viewer).await["hidden"], 0);
    // Who may not look after files is not told.
    let ann = desk.account("ann").await;
    for target in ["", "/stats", "/strays", &format!("/{cover}"), &format!("/{cover}/documents")] {
        let target = format!("/api/v1/uploads{target}");
        desk.ask(Method::GET, &target, &ann, "").await.is_problem(403, "forbidden");
        desk.ask(Method::GET, &target, &Who::nobody(), "").await.has_status(401);
    }
    desk.replace(&cover, &scan, &viewer).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn another_file_takes_the_place_of_one_in_every_document() {
    let desk = Desk::keyed(Duration::ZERO).await;
    let key = Who::key();
    let (old, new) = (desk.file(&key, "old").await, desk.file(&key, "new").await);
    let mut ids = Vec::new();
    for body in [
        format!(r#"{{"seal":"/uploads/{old}","text":"{old}"}}"#),
        format!(r#"{{"seal":"{old}","scans":["{old}"]}}"#),
    ] {
        let made = desk.ask(Method::POST, "/records/letters", &key, &body).await;
        ids.push(made.has_status(201).json()["id"].clone());
    }
    // Only who may change the documents may.
    let scoped = desk.with_scopes("files", &["uploads:write"]).await;
    desk.replace(&old, &new, &scoped).await.is_problem(403, "forbidden");
    for wrong in ["", "x", &old, "00000000-0000-4000-8000-000000000000.txt"] {
        desk.replace(&old, wrong, &key).await.is_problem(422, "invalid_body");
    }
    desk.replace(&new, &old, &desk.with_role("ed", "editor").await).await.has_status(200);
    let replaced = desk.replace(&old, &new, &key).await.has_status(200).json();
    assert_eq!(replaced, json!({ "documents": 2, "left": [] }));
    let first = desk.ask(Method::GET, &format!("/records/letters/{}", ids[0]), &key, "").await;
    let first = first.json();
    assert_eq!(first["seal"], format!("/uploads/{new}"));
    assert_eq!(first["text"], old);
    let second = desk.ask(Method::GET, &format!("/records/letters/{}", ids[1]), &key, "").await;
    assert_eq!(second.json()["scans"], json!([new]));
    // The new one was named in a private field and is private from now on; the old one goes.
    assert_eq!(desk.read(&new, &Who::nobody()).await, 404);
    for (who, readable) in [(&key, true), (&desk.with_role("sue", "support").await, false)] {
        let one = desk.ask(Method::GET, &format!("/api/v1/uploads/{new}"), who, "").await.json();
        assert_eq!((&one["private"], &one["readable"]), (&json!(true), &json!(readable)));
    }
    assert_eq!(desk.uses(&old, &key).await["documents"], json!([]));
    assert_eq!((desk.sweep().await, desk.on_disk()), (1, 1));
    let audit = desk.ask(Method::GET, "/api/v1/audit?action=upload.replaced", &key, "").await;
    assert_eq!(audit.json()["entries"][0]["after"]["documents"], 2);
}

/// Fields hold lists, and there are more documents than the file's own notes tell of.
#[tokio::test]
async fn a_file_that_very_many_documents_name_is_replaced_or_nothing_is() {
    let desk = Desk::with(Duration::ZERO, StoreOptions::default());
    let key = Who::key();
    let (old, new) = (desk.file(&key, "old").await, desk.file(&key, "new").await);
    let lines = format!("{{\"scans\":[\"{old}\"]}}\n").repeat(60);
    for line in lines.lines() {
        desk.ask(Method::POST, "/records/letters", &key, line).await.has_status(201);
    }
    let uses = desk.uses(&old, &key).await;
    assert_eq!(uses["documents"].as_array().unwrap().len(), 50);
    assert_eq!(uses["complete"], false);
    let replaced = desk.replace(&old, &new, &key).await.has_status(200).json();
    assert_eq!(replaced["documents"], 60);
    assert_eq!(
        desk.uses(&old, &key).await,
        json!({ "documents": [], "hidden": 0, "complete": true })
    );
}
