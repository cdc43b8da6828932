//! Saves, finds and deletes many documents at once.
//!
//! ```text
//! cargo run -p isobase --example bulk
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use isobase::FIND_LIMIT_DEFAULT;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = isobase::open("memory:").await?;
    let tickets = [
        json!({"_id": "t1", "status": "pending"}),
        json!({"_id": "t2", "status": "failed", "error": "out of memory"}),
        json!({"_id": "t3", "status": "pending", "request": {"text": "…"}}),
        json!({"status": "nobody knows which"}),
    ];
    for outcome in db.save_many("tickets", &tickets).await? {
        println!("{}", serde_json::to_string(&outcome)?);
    }
    let selector = json!({"status": "pending", "error": null});
    for ticket in db.find("tickets", &selector, &["status"], FIND_LIMIT_DEFAULT).await? {
        println!("pending: {}", ticket.as_json());
    }
    for (id, ticket) in db.get_many("tickets", &["t2", "t9"]).await? {
        println!("{id}: {}", ticket.as_ref().map_or("null", |ticket| ticket.as_json()));
    }
    let gone = db.delete_many("tickets", &["t1", "t2", "t3", "t9"]).await?;
    println!("deleted {}", gone.len());
    Ok(())
}
