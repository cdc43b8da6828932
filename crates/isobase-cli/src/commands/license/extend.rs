//! `isobase license extend`

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value};

use super::{caller::Caller, period::PeriodFlags, show};
use crate::{failure::Failure, flags::TargetFlags, print::Printer};

/// Make a license good for longer
#[derive(Debug, Args)]
pub(crate) struct ExtendArguments {
    /// Its number or its key
    license: String,
    #[command(flatten)]
    period: PeriodFlags,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

pub(super) async fn run(
    arguments: &ExtendArguments,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
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
