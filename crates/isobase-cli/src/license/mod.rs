//! `isobase license`: licences from the command line.
//!
//! Every command is a request of the licence routes: to the service that is named or that holds the
//! database, or to those routes over the database itself.

mod arguments;
mod caller;
mod create;
mod import;
mod show;
mod source;
mod verify;

use std::fs;

use anyhow::{Context, Result};
use http::Method;
use serde_json::{Map, Value, json};

pub(crate) use arguments::LicenseCommand;
use arguments::{ExtendArguments, FileArguments, ListArguments};
use caller::Caller;

use crate::{
    failure::Failure,
    print::Printer,
    settings::{Config, Loaded},
};

/// Licences that are asked for at a time.
const PAGE: &str = "500";

/// `isobase license …`, but `verify`.
pub(crate) async fn run(
    command: LicenseCommand,
    (loaded, config): (&Loaded, &Config),
    printer: Printer,
) -> Result<()> {
    let Some(target) = command.target() else {
        let LicenseCommand::Verify(arguments) = &command else { return Ok(()) };
        return verify::run(arguments, printer);
    };
    let caller = Caller::open(target, (loaded, config), printer).await?;
    let done = carry_out(&command, loaded, &caller, printer).await;
    caller.close().await?;
    done
}

async fn carry_out(
    command: &LicenseCommand,
    loaded: &Loaded,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    match command {
        LicenseCommand::Create(arguments) => create::run(arguments, caller, printer).await,
        LicenseCommand::List(arguments) => list(arguments, caller, printer).await,
        LicenseCommand::Show { license, .. } => {
            let licence = caller.find(license).await?;
            let id = licence["id"].to_string();
            let installations = caller.get(&["license", &id, "installations"], &[]).await?;
            show::one(&licence, &installations["installations"], printer);
            Ok(())
        }
        LicenseCommand::Suspend { license, .. } => step(license, "suspend", caller, printer).await,
        LicenseCommand::Reinstate { license, .. } => {
            step(license, "reinstate", caller, printer).await
        }
        LicenseCommand::Revoke { license, .. } => step(license, "revoke", caller, printer).await,
        LicenseCommand::Restore { license, .. } => step(license, "restore", caller, printer).await,
        LicenseCommand::Delete { license, .. } => {
            let licence = caller.find(license).await?;
            let id = licence["id"].to_string();
            caller.send(Method::DELETE, &["license", &id], &[], None).await?;
            let again = caller.get(&["license", &id], &[]).await?;
            show::changed(&again, printer);
            Ok(())
        }
        LicenseCommand::Extend(arguments) => extend(arguments, caller, printer).await,
        LicenseCommand::File(arguments) => file(arguments, caller, printer).await,
        LicenseCommand::Import(arguments) => import::run(arguments, loaded, caller, printer).await,
        LicenseCommand::Verify(_) => Ok(()),
    }
}

async fn list(arguments: &ListArguments, caller: &Caller, printer: Printer) -> Result<()> {
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

async fn step(license: &str, action: &str, caller: &Caller, printer: Printer) -> Result<()> {
    let licence = caller.find(license).await?;
    let id = licence["id"].to_string();
    let changed = caller.send(Method::POST, &["license", &id, action], &[], None).await?;
    show::changed(&changed, printer);
    Ok(())
}

async fn extend(arguments: &ExtendArguments, caller: &Caller, printer: Printer) -> Result<()> {
    let mut body = Map::new();
    arguments.period.write(&mut body);
    if body.is_empty() {
        return Err(
            Failure::usage("by how much? --days 30, --until 2027-12-31 or --forever").into()
        );
    }
    let licence = caller.find(&arguments.license).await?;
    let id = licence["id"].to_string();
    let changed = caller.post(&["license", &id, "extend"], &[], &Value::Object(body)).await?;
    show::changed(&changed, printer);
    Ok(())
}

async fn file(arguments: &FileArguments, caller: &Caller, printer: Printer) -> Result<()> {
    let licence = caller.find(&arguments.license).await?;
    let id = licence["id"].to_string();
    let body = json!({ "days": arguments.days, "installation_id": arguments.installation });
    let text = caller.text(Method::POST, &["license", &id, "file"], &body).await?;
    match &arguments.output {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            printer.note(&format!("license file written to {}", path.display()));
        }
        None => printer.result(&text),
    }
    Ok(())
}
