//! `isobase api`: one request to the running service, which prints the body of the answer.

use std::io::Read;

use anyhow::{Context, Result};
use clap::Args;
use futures_util::TryStreamExt;
use http::{Method, header};
use isobase_client::{Body, Client, ClientOptions, Request};

use crate::{
    command::{Command, block_on},
    failure::Failure,
    flags::TargetFlags,
    local,
    print::Printer,
    read_settings::load_settings,
    service_failure::client_failure,
    settings::{Config, Loaded, internal_api_key},
};

const EXAMPLES: &str = "\
Examples:
  isobase api GET /health
  isobase api GET '/records/orders?status=open&limit=20'
  isobase api POST /records/orders --body '{\"status\":\"open\"}'
  isobase api PATCH /records/orders/1 --body - < change.json
  isobase api GET /stats --url https://db.example.com

Without --url the service of the data folder is asked by its socket, without a key. The body of the
answer is printed as it comes; the exit code is 1 when the status is 400 or more.";

/// Largest body that is read from standard input: it is held in memory.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Send one request to the running service, and print the answer
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ApiCommand {
    /// Method
    #[arg(value_name = "METHOD", value_parser = method)]
    method: Method,
    /// Path and parameters, escaped as in an address
    #[arg(value_name = "PATH")]
    path: String,
    /// JSON to send, - for standard input
    #[arg(long, short, value_name = "JSON")]
    body: Option<String>,
    #[command(flatten)]
    target: TargetFlags,
}

impl Command for ApiCommand {
    fn run(self, printer: Printer) -> Result<()> {
        let (loaded, config) = load_settings(&self.target.app.given(), printer)?;
        block_on(send(self, (&loaded, &config), printer))
    }
}

async fn send(
    arguments: ApiCommand,
    (loaded, config): (&Loaded, &Config),
    printer: Printer,
) -> Result<()> {
    let client = client(&arguments.target, loaded, config).await?;
    let mut request =
        Request::to(arguments.method.clone(), &arguments.path).map_err(client_failure)?;
    request = request.header(header::ACCEPT, "*/*").map_err(client_failure)?;
    if let Some(body) = &arguments.body {
        request = request.body(Body::json(read_body(body)?));
    }
    let answer = client.send_raw(request).await.map_err(client_failure)?;
    let status = answer.status();
    let mut pieces = answer.stream();
    let mut last = None;
    while let Some(piece) = pieces.try_next().await.context("the answer was cut off")? {
        last = piece.last().copied().or(last);
        printer.bytes(&piece);
    }
    if last.is_some_and(|byte| byte != b'\n') {
        printer.bytes(b"\n");
    }
    if status >= 400 {
        let (method, path) = (arguments.method, arguments.path);
        return Err(Failure::new(format!("{method} {path}: status {status}")).into());
    }
    Ok(())
}

/// A client of the service that the flags name, else of the one of the data folder.
async fn client(flags: &TargetFlags, loaded: &Loaded, config: &Config) -> Result<Client> {
    let key = flags.key.as_deref().or_else(|| internal_api_key(loaded));
    if let Some(url) = &flags.url {
        let options = ClientOptions { api_key: key.map(str::to_owned), ..ClientOptions::default() };
        let client = Client::new(url, options);
        return Ok(client.map_err(|error| Failure::usage(format!("--url: {error}")))?);
    }
    match local::service_of(&config.data).await {
        Some(service) => service.client(key),
        None => {
            let message = format!("no service runs with the data folder {}", config.data.display());
            Err(Failure::new(message)
                .hint("start it with isobase serve, or name one: --url http://127.0.0.1:8002")
                .into())
        }
    }
}

fn read_body(said: &str) -> Result<String> {
    if said != "-" {
        return Ok(said.to_owned());
    }
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(BODY_BYTES_MAX + 1);
    input.read_to_string(&mut text).context("cannot read standard input")?;
    if text.len() as u64 > BODY_BYTES_MAX {
        return Err(
            Failure::usage(format!("the body is larger than {BODY_BYTES_MAX} bytes")).into()
        );
    }
    Ok(text)
}

fn method(text: &str) -> Result<Method, String> {
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let found = known.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "expected GET, POST, PUT, PATCH or DELETE".to_owned())
}
