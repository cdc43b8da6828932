//! Reads and writes single documents of whatever database the environment names, also those that
//! an application stored there itself.
//!
//! ```text
//! DATABASE_PROVIDER=dynamodb DYNAMODB_REGION=us-east-1 \
//!     cargo run -p isobase --example documents -- list agents
//! cargo run -p isobase --example documents -- get users user-ann
//! cargo run -p isobase --example documents -- save users user-ann '{"plan":"pro"}'
//! cargo run -p isobase --example documents -- delete users user-ann
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{env, error::Error};

use isobase::DocumentStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let db = isobase::open_from_env().await?;
    let done = run(&db, &arguments).await;
    db.close().await?;
    done
}

async fn run(db: &DocumentStore, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    match *arguments {
        ["list", collection] => {
            for document in db.list_all(collection).await? {
                println!("{}", document.as_json());
            }
        }
        ["get", collection, id] => println!("{}", db.get(collection, id).await?.as_json()),
        ["save", collection, id, document] => {
            let document: serde_json::Value = serde_json::from_str(document)?;
            println!("{}", db.save(collection, id, &document).await?.as_json());
        }
        ["delete", collection, id] => println!("{}", db.delete(collection, id).await?),
        _ => return Err("expected list, get, save or delete, then a collection and an id".into()),
    }
    Ok(())
}
