//! `cargo xtask bench load`: one request, again and again.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use isobase_testkit::ProcessUsage;
use isobase_testkit::http::request_bytes;
use isobase_testkit::load::{self, LoadOptions, Workload};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Such as http://127.0.0.1:8002/records/notes/1; on loopback only.
    url: String,
    /// Connections, each with one request on its way.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds to measure, after a fifth of that to warm up.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Ends earlier, after this many answers.
    #[arg(long)]
    requests: Option<u64>,
    #[arg(long, default_value = "GET")]
    method: String,
    /// Such as "content-type: application/json".
    #[arg(long = "header", value_parser = parse_header)]
    headers: Vec<(String, String)>,
    #[arg(long, default_value = "")]
    body: String,
    /// The server's process id, to see its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (address, path) = parse_url(&arguments.url)?;
    let headers: Vec<(&str, &str)> =
        arguments.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let host = address.to_string();
    let body = arguments.body.as_bytes();
    let bytes = request_bytes(&host, &arguments.method, path, &headers, body);
    let load = Workload::of(&arguments.method, bytes);
    let options = LoadOptions {
        address,
        connections: arguments.connections,
        duration: Duration::try_from_secs_f64(arguments.seconds)?,
        requests_max: arguments.requests,
    };
    load::run(&LoadOptions { duration: options.duration / 5, ..options.clone() }, &load)?;
    let before = arguments.pid.map(ProcessUsage::of).transpose()?;
    let report = load::run(&options, &load)?;
    let after = arguments.pid.map(ProcessUsage::of).transpose()?;
    println!("{report}");
    let answered = u32::try_from(report.answered().max(1))?;
    println!("client CPU per request {:.1?}", report.client_cpu / answered);
    if let (Some(before), Some(after)) = (before, after) {
        println!(
            "server CPU per request {:.1?}, memory {:.1} MiB, at most {:.1} MiB",
            after.cpu_since(&before) / answered,
            mebibytes(after.resident_bytes),
            mebibytes(after.resident_peak_bytes),
        );
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn parse_url(url: &str) -> Result<(SocketAddr, &str)> {
    let rest = url.strip_prefix("http://").context("a URL begins with http://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    // A name could lead anywhere; this one leads to loopback.
    let host = host.replace("localhost:", "127.0.0.1:");
    let address = host.parse().with_context(|| format!("{host} is no address with a port"))?;
    Ok((address, path))
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is `name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        let (address, path) = parse_url("http://localhost:8002/records/a?b=c").unwrap();
        assert_eq!((address.to_string().as_str(), path), ("127.0.0.1:8002", "/records/a?b=c"));
        assert_eq!(parse_url("http://127.0.0.1:1").unwrap().1, "/");
        assert!(parse_url("https://127.0.0.1:1").is_err());
        assert!(parse_url("http://example.org:80/").is_err());
    }
}
