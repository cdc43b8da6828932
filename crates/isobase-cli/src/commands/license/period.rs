//! How long a licence is good for, as flags say it.

use clap::Args;
use serde_json::{Map, Value, json};

/// How long a licence is good for.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct PeriodFlags {
    /// For N days
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Until this date or moment, in UTC
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// For ever
    #[arg(long)]
    forever: bool,
}

impl PeriodFlags {
    pub(super) fn write(&self, body: &mut Map<String, Value>) {
        if let Some(days) = self.days {
            body.insert("days".to_owned(), json!(days));
        }
        if let Some(until) = &self.until {
            body.insert("expiry_date".to_owned(), json!(until));
        }
        if self.forever {
            body.insert("expiry_date".to_owned(), Value::Null);
        }
    }
}
