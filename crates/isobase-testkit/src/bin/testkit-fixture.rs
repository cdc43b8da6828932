//! Stands in for the executable in the testkit's own tests: it understands
//! `serve --host H --port P --data D`, and answers every request alike.
//!
//! With `FIXTURE=fail` it ends at once.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "a test looks for it in the log")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    println!("arguments: {:?}", &arguments[1..]);
    let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
    println!("variables: {names:?}");
    if std::env::var("FIXTURE").is_ok_and(|fault| fault == "fail") {
        return ExitCode::from(3);
    }
    let (Some(host), Some(port)) = (value("--host"), value("--port")) else {
        return ExitCode::from(2);
    };
    let Ok(listener) = TcpListener::bind(format!("{host}:{port}")) else {
        return ExitCode::from(4);
    };
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
    ExitCode::SUCCESS
}

/// Answers requests without bodies until the client closes.
fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        let Some(first) = lines.next().transpose()? else { return Ok(()) };
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        let status = if first.contains("/missing") { "404 Not Found" } else { "200 OK" };
        let body = format!("{{\"line\":\"{first}\"}}");
        let length = body.len();
        // One write: two would wait for each other's acknowledgement.
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nX-Fixture: yes\r\n\r\n{body}"
        );
        out.write_all(answer.as_bytes())?;
        if first.contains("/close") {
            return Ok(());
        }
    }
}
