//! `isobase index plan`

use anyhow::Result;
use isobase::production_plan;
use serde_json::json;

use super::place::{Place, collections, location, location_or_settings};
use crate::{arguments::IndexPlanArguments, print::Printer, settings::Config};

/// `isobase index plan [URL]`
pub(crate) async fn plan(
    arguments: &IndexPlanArguments,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    let location = match &arguments.url {
        Some(url) => location("URL", url)?,
        None => location_or_settings(None, config)?,
    };
    let mut wanted = collections(&arguments.collections)?;
    let place = Place::open_to_read(&location, config, printer).await?;
    if wanted.is_empty() {
        let found = place.engine.collections().await?;
        wanted = found.into_iter().map(|info| info.name).collect();
    }
    let plan = production_plan(&location, &*place.engine, &wanted).await;
    let name = place.name.clone();
    place.close().await?;
    let plan = plan?;
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
