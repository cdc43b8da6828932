//! `isobase health`: whether a service works, for supervisors and containers without a shell.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use http::Method;
use isobase_client::{Client, ClientOptions, Request};
use serde_json::json;

use crate::{
    command::{Command, block_on},
    failure::Failure,
    flags::AppFlags,
    print::Printer,
    read_settings::load_settings,
    service_failure::client_failure,
    settings::Config,
};

const EXAMPLES: &str = "\
Examples:
  isobase health                       for a container or a supervisor: 0 when the database answers
  isobase health --url https://data.example.com";

/// How long the service may take: a supervisor asks again soon.
const PATIENCE: Duration = Duration::from_secs(4);

/// Ask a service whether it works; the exit code says so
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HealthCommand {
    #[command(flatten)]
    app: AppFlags,
    /// Its address; without it the port of the settings on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

impl Command for HealthCommand {
    fn run(self, printer: Printer) -> Result<()> {
        let (_, config) = load_settings(&self.app.given(), printer)?;
        block_on(ask(self.url.as_deref(), &config, printer))
    }
}

async fn ask(url: Option<&str>, config: &Config, printer: Printer) -> Result<()> {
    let own = format!("http://localhost:{}", config.port);
    let url = url.unwrap_or(&own);
    let client = Client::new(url, ClientOptions::default()).map_err(client_failure)?;
    let request = Request::new(Method::GET, &["readyz"]).deadline(PATIENCE);
    let answered = client.send_raw(request).await.map_err(client_failure)?;
    let status = answered.status();
    if status != 200 {
        let told = answered.text().await.unwrap_or_default();
        let detail = serde_json::from_str::<serde_json::Value>(&told).ok();
        let detail = detail.as_ref().and_then(|it| it["detail"].as_str()).unwrap_or("no reason");
        return Err(Failure::new(format!("{url} does not work: {status}, {detail}")).into());
    }
    match printer.json {
        true => printer.json_line(&json!({ "url": url, "ready": true })),
        false => printer.result(&format!("{url} works")),
    }
    Ok(())
}
