//! Keeps the agents of a platform, on whatever database the environment names.
//!
//! ```text
//! cargo run -p isobase --example agents
//! DATABASE_PROVIDER=sqlite DATABASE_URL=sqlite://agents.db cargo run -p isobase --example agents
//! DATABASE_PROVIDER=couchdb COUCHDB_URL=http://127.0.0.1:5984 COUCHDB_USER=admin \
//!     COUCHDB_PASSWORD=password cargo run -p isobase --example agents
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use isobase::{DocumentError, DocumentStore};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Agent {
    name: String,
    #[serde(rename = "friendlyName")]
    friendly_name: String,
    runs: u32,
    /// Comes with every document that is read; given back, it makes the save conditional.
    #[serde(rename = "_rev", skip_serializing_if = "Option::is_none")]
    rev: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let named = ["RECORDS_URL", "DATABASE_PROVIDER", "DATABASE_URL"];
    let db = if named.iter().any(|name| std::env::var_os(name).is_some()) {
        isobase::open_from_env().await?
    } else {
        isobase::open("memory:").await?
    };
    println!("documents are in {}", db.engine_name());

    let agent = Agent {
        name: "summariser".to_owned(),
        friendly_name: "Summarise a text".to_owned(),
        runs: 0,
        rev: None,
    };
    let saved = db.save("agents", "summariser", &agent).await?;
    println!("saved {}", saved.as_json());

    println!("it has run {} times", count_run(&db, "summariser").await?);
    for agent in db.list_all("agents").await? {
        println!("there is {}", agent.as_json());
    }
    println!("deleted: {}", db.delete("agents", "summariser").await?);
    match db.get("agents", "summariser").await {
        Err(error @ DocumentError::NotFound { .. }) => println!("{error}"),
        other => println!("unexpected: {other:?}"),
    }
    db.close().await?;
    Ok(())
}

/// Counts without losing one: a save with a `_rev` that is no longer current is a conflict, and
/// the document is read again.
async fn count_run(db: &DocumentStore, id: &str) -> Result<u32, Box<dyn std::error::Error>> {
    loop {
        let mut agent: Agent = db.get("agents", id).await?.deserialize()?;
        agent.runs += 1;
        match db.save("agents", id, &agent).await {
            Ok(_) => return Ok(agent.runs),
            Err(DocumentError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
