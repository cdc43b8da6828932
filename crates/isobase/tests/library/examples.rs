//! The examples run, and show what they are to show. Cargo builds them with the tests.

use std::{env, path::PathBuf, process::Command};

/// Runs an example in an empty environment, where documents are in memory.
fn run(name: &str) -> String {
    run_with(name, &[], &[]).unwrap_or_else(|said| panic!("{said}"))
}

/// Runs an example with these variables only. What it printed, or what it failed with.
pub(crate) fn run_with(
    name: &str,
    arguments: &[&str],
    variables: &[(&str, String)],
) -> Result<String, String> {
    // Tests are in `deps`, beside the folder of examples.
    let folder = env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples");
    let example: PathBuf = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let mut command = Command::new(&example);
    command.args(arguments).env_clear().envs(variables.iter().cloned());
    if let Some(value) = env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", value);
    }
    let output = command.output().unwrap_or_else(|error| {
        panic!("{} is not built with the tests: {error}", example.display())
    });
    let said = String::from_utf8(output.stdout).unwrap();
    match output.status.success() {
        true => Ok(said),
        false => Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Asserts that the parts are there, in this order.
fn says(said: &str, parts: &[&str]) {
    let mut rest = said;
    for part in parts {
        let Some(at) = rest.find(part) else {
            panic!("{part:?} is not there, or not here: {said}")
        };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn agents_are_saved_counted_listed_and_deleted() {
    let parts = [
        "documents are in memory",
        r#"saved {"name":"summariser""#,
        r#""_id":"summariser""#,
        "it has run 1 times",
        r#"there is {"name":"summariser""#,
        r#""runs":1"#,
        "deleted: true",
        "Document 'summariser' not found in 'agents'",
    ];
    says(&run("agents"), &parts);
}

#[test]
fn tickets_are_saved_found_and_deleted_together() {
    let parts = [
        r#"{"ok":true,"id":"t1""#,
        r#"{"ok":false,"id":null,"error":"missing _id"}"#,
        r#"pending: {"status":"pending","_id":"t1"}"#,
        r#"pending: {"status":"pending","_id":"t3"}"#,
        r#"t2: {"error":"out of memory""#,
        "t9: null",
        "deleted 4",
    ];
    says(&run("bulk"), &parts);
}
