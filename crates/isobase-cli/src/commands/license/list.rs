//! `isobase license list`

use anyhow::Result;
use clap::Args;

use super::{caller::Caller, show};
use crate::{flags::TargetFlags, print::Printer};

/// Licences that are asked for at a time.
const PAGE: &str = "500";

/// List licenses, the newest first
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Of this email
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    /// That stand so: active, not_started, expired, suspended, revoked, deleted, unreadable
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// With this text in email or note, or with a key that ends so
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

pub(super) async fn run(
    arguments: &ListArguments,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    let mut parameters = vec![("limit", PAGE.to_owned())];
    for (name, value) in
        [("email", &arguments.email), ("state", &arguments.state), ("q", &arguments.search)]
    {
        parameters.extend(value.iter().map(|value| (name, value.clone())));
    }
    let (mut cursor, mut count) = (None::<String>, 0);
    loop {
        let mut asked = parameters.clone();
        asked.extend(cursor.iter().map(|cursor| ("cursor", cursor.clone())));
        let page = caller.get(&["license"], &asked).await?;
        let licences = page["licenses"].as_array().cloned().unwrap_or_default();
        count += licences.len();
        show::rows(&licences, printer);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    if count == 0 && !printer.json {
        printer.note("there are no such licenses; isobase license create makes one");
    }
    Ok(())
}
