//! `isobase index plan`

use anyhow::Result;
use clap::Args;
use isobase::{Location, plan_has_indexes, production_plan, types::CollectionName};
use serde_json::json;

use crate::{
    failure::Failure,
    flags::{AppFlags, collection_names},
    print::Printer,
    settings::Config,
    transfer::place::{Place, collections, location, location_or_settings, name},
};

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// URL of the database [default: the settings]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Only these collections, which need not be there yet
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    collections: Vec<String>,
    #[command(flatten)]
    pub(super) app: AppFlags,
}

/// `isobase index plan [URL]`
pub(super) async fn run(
    arguments: &PlanArguments,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    let location = match &arguments.url {
        Some(url) => location("URL", url)?,
        None => location_or_settings(None, config)?,
    };
    let wanted = collections(&arguments.collections)?;
    let plan = if wanted.is_empty() {
        plan_of_all(&location, config, printer).await?
    } else {
        plan_of(&location, &wanted, config, printer).await?
    };
    let name = name(&location);
    if printer.json {
        printer.json_line(&json!({"database": name, "plan": plan}));
        return Ok(());
    }
    match plan {
        Some(plan) => printer.result(&plan),
        None => {
            printer.note(&format!("{name} needs nothing: the service makes its indexes itself"))
        }
    }
    Ok(())
}

/// The plan of every collection that the database has.
async fn plan_of_all(
    location: &Location,
    config: &Config,
    printer: Printer,
) -> Result<Option<String>> {
    let place = Place::open_to_read(location, config, printer).await?;
    let plan = async {
        let found = place.engine.collections().await?;
        let found: Vec<_> = found.into_iter().map(|info| info.name).collect();
        production_plan(location, Some(&*place.engine), &found).await
    };
    let plan = plan.await;
    place.close().await?;
    Ok(plan?)
}

/// The plan of named collections. The plan is for users who may not make what is in it, so the
/// database is opened only where it knows something that belongs in the plan, and it need not be
/// there.
async fn plan_of(
    location: &Location,
    wanted: &[CollectionName],
    config: &Config,
    printer: Printer,
) -> Result<Option<String>> {
    if !plan_has_indexes(location) {
        return Ok(production_plan(location, None, wanted).await?);
    }
    match plan_with_indexes(location, wanted, config, printer).await {
        Ok(plan) => Ok(plan),
        Err(error) => {
            let why = Failure::from_error(error);
            printer.note(&format!("declared indexes are not in the plan: {why}"));
            Ok(production_plan(location, None, wanted).await?)
        }
    }
}

async fn plan_with_indexes(
    location: &Location,
    wanted: &[CollectionName],
    config: &Config,
    printer: Printer,
) -> Result<Option<String>> {
    let place = Place::open_to_ask(location, config, printer).await?;
    let plan = production_plan(location, Some(&*place.engine), wanted).await;
    place.close().await?;
    Ok(plan?)
}
