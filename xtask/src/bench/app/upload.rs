//! A large upload beside `cp` to the same disk, and a static file beside a constant answer.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use isobase_testkit::http::{Connection, request_bytes};
use isobase_testkit::load::{self, LoadOptions, Workload};
use isobase_testkit::{ProcessUsage, TestServer};

use super::{Arguments, app};
use crate::bench::records::{Ceilings, Server, markdown};

const MIB: u64 = 1 << 20;
/// Bytes that are sent at a time.
const PIECE: usize = MIB as usize;
const READERS: usize = 64;
/// Bytes of the static file.
const PAGE_BYTES: usize = 100_000;

pub(super) fn run(arguments: &Arguments, executable: &Path, bare: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let app = app(folder.path(), "")?;
    std::fs::create_dir(app.join("public"))?;
    std::fs::write(app.join("public/page.bin"), vec![b'x'; PAGE_BYTES])?;
    let server = TestServer::builder().executable(executable).arg(&app);
    let server = server.arg("--set").arg("limits.upload_bytes=8GiB");
    let server = server.arg("--set").arg("limits.stream_body_bytes=9GiB").start()?;
    upload(arguments, folder.path(), &server)?;
    page(arguments, &server, &Ceilings::new(bare.to_owned(), folder.path()))
}

fn upload(arguments: &Arguments, folder: &Path, server: &TestServer) -> Result<()> {
    let length = u64::from(arguments.upload_mib) * MIB;
    let source = folder.join("source.bin");
    fill(&source, length)?;
    // What the disk does with the file itself is over before anything is measured.
    let copied = cp(&source, &folder.join("copy.bin"))?;
    let pid = server.pid().context("the service does not run")?;
    let idle = ProcessUsage::of(pid)?;
    let begun = Instant::now();
    send(server, &source, length)?;
    let sent = begun.elapsed();
    let after = ProcessUsage::of(pid)?;
    let cpu = after.cpu_since(&idle).as_secs_f64();
    let again = cp(&source, &folder.join("copy.bin"))?;
    let speed = |took: Duration| length as f64 / MIB as f64 / took.as_secs_f64();
    let rows = [("cp and sync, before", copied), ("upload", sent), ("cp and sync, after", again)];
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|(what, took)| vec![(*what).to_owned(), format!("{:.0} MiB/s", speed(*took))])
        .collect();
    println!("\nOne upload of {} MiB\n", arguments.upload_mib);
    println!("{}", markdown(&["", "speed"], &rows));
    let ratio = speed(sent) / ((speed(copied) + speed(again)) / 2.0);
    println!("upload: {ratio:.2} × cp (target: at least 0.6); {cpu:.1} s of CPU");
    let more = after.resident_peak_bytes.saturating_sub(idle.resident_bytes) / MIB;
    println!("memory: {more} MiB over idle (target: at most 32)");
    Ok(())
}

/// Bytes that no disk makes small.
fn fill(path: &Path, length: u64) -> Result<()> {
    let mut file = File::create(path)?;
    let mut state = 1_u64;
    let mut piece = vec![0; PIECE];
    for _ in 0..length / MIB {
        for bytes in piece.chunks_exact_mut(8) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bytes.copy_from_slice(&state.to_le_bytes());
        }
        file.write_all(&piece)?;
    }
    Ok(file.sync_all()?)
}

/// Copies a file until it is on the disk, as an upload is.
fn cp(from: &Path, to: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let done = Command::new("cp").arg(from).arg(to).status()?;
    ensure!(done.success(), "cp failed");
    File::open(to)?.sync_all()?;
    Ok(begun.elapsed())
}

fn send(server: &TestServer, path: &Path, length: u64) -> Result<()> {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    let end = "\r\n--b--\r\n";
    let all = (length + (head.len() + end.len()) as u64).to_string();
    let headers = [("content-type", "multipart/form-data; boundary=b"), ("content-length", &*all)];
    let request = request_bytes("localhost", "POST", "/api/upload", &headers, b"");
    let mut connection = Connection::open(server.address())?;
    connection.set_deadline(Duration::from_secs(600));
    connection.send(&request)?;
    connection.send(head.as_bytes())?;
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => connection.send(&piece[..read])?,
        }
    }
    connection.send(end.as_bytes())?;
    let answer = connection.read_response(false)?;
    ensure!(answer.status == 200, "the upload is answered {}: {}", answer.status, answer.text());
    Ok(())
}

fn page(arguments: &Arguments, server: &TestServer, ceilings: &Ceilings) -> Result<()> {
    let http = ceilings.http()?;
    let pid = server.pid().context("the service does not run")?;
    let ours = Server { name: "Isobase", address: server.address(), pid };
    let load = |Server { address, pid, .. }: Server, path: &str| {
        let bytes = request_bytes(&address.to_string(), "GET", path, &[], b"");
        let duration = Duration::try_from_secs_f64(arguments.seconds)?;
        let options = LoadOptions { address, connections: READERS, duration, requests_max: None };
        let before = ProcessUsage::of(pid)?;
        let report = load::run(&options, &Workload::of("read", bytes))?;
        let cpu = ProcessUsage::of(pid)?.cpu_since(&before).as_secs_f64();
        ensure!(report.errors() == 0 && report.failures == 0, "{path}: {report}");
        Ok((report.rate(), cpu / report.answered().max(1) as f64))
    };
    let constant = load(http.server(), &format!("/{PAGE_BYTES}"))?;
    let page = load(ours, "/page.bin")?;
    println!("\nA static file of 100 KB, {READERS} connections\n");
    let shown = |(rate, cpu): (f64, f64)| format!("{rate:.0}/s, {:.1} µs of CPU", cpu * 1e6);
    println!("constant answer of as many bytes: {}; file: {}", shown(constant), shown(page));
    println!("file: {:.2} × the constant answer (target: at least 0.5)", page.0 / constant.0);
    println!("CPU: {:.2} × the constant answer", page.1 / constant.1);
    Ok(())
}
