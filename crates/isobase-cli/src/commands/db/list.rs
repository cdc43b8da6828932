//! `isobase db list`

use anyhow::Result;
use serde_json::json;

use super::connect::{dumps, failure};
use crate::print::Printer;

pub(super) fn run(printer: Printer) -> Result<()> {
    let dumps = dumps(false).available_dumps().map_err(failure)?;
    if printer.json {
        printer.json_line(&json!({ "prod": dumps.production, "test": dumps.test }));
        return Ok(());
    }
    printer.line("Available database dumps:");
    for (title, names) in [("Production", dumps.production), ("Test", dumps.test)] {
        printer.line(&format!("{title}:"));
        for name in names {
            printer.line(&format!("  {name}"));
        }
    }
    Ok(())
}
