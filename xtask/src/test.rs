//! `cargo xtask test`: every test, with all it needs; `cargo xtask soak`: the same at length.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use isobase_testkit::{
    BROWSER_PACKAGES_VARIABLE, CHROMIUM_VARIABLE, CLIENT_PACKAGES_VARIABLE, CLIENT_PYTHON_VARIABLE,
    EXECUTABLE_VARIABLE, NGINX_VARIABLE, NPM_PACKAGES_VARIABLE, OPENAPI_PACKAGES_VARIABLE,
    OPENAPI_PYTHON_VARIABLE, POSTGRES_BIN_VARIABLE, PROMTOOL_VARIABLE, PYTHON_PACKAGES_VARIABLE,
    REQUIRE_ALL_VARIABLE, SCHEMA_SUITE_VARIABLE, SOAK_VARIABLE, UPLOAD_PACKAGES_VARIABLE,
};
use tempfile::TempDir;

use crate::engines::{
    Engine, Engines, Extent, browser_packages, client_packages, npm_packages, openapi_packages,
    promtool, schema_suite, upload_packages,
};
use crate::steps::Steps;
use crate::tools::{self, TestRunner};
use crate::{interrupt, python, workspace};

/// Runs the tests; `arguments` are for the runner and choose among them. With
/// [`Extent::Everything`] tests try every combination and the large sizes, on Google's Firestore
/// emulator too.
pub(crate) fn run(extent: Extent, arguments: &[String]) -> Result<()> {
    // Before anything is started that must be stopped.
    interrupt::watch()?;
    let complete = is_ci();
    let mut steps = Steps::new("test");
    let mut run = None;
    if steps.run("tools", || {
        run = Some(Run::prepare(extent, arguments, complete)?);
        Ok(())
    }) && let Some(mut run) = run
    {
        run.all(&mut steps);
        steps.run("stop the engines", || run.engines.stop());
    }
    steps.finish()
}

/// Has the Python package tested with every engine.
const CLOUD_WHEEL_VARIABLE: &str = "ISOBASE_TEST_CLOUD_WHEEL";

/// A browser, and the packages that drive it.
fn browser() -> Result<(PathBuf, PathBuf)> {
    let packages = browser_packages()?;
    Ok((tools::chromium()?, packages))
}

/// Clients that others made, and the proxy before them.
fn clients() -> Result<[(&'static str, OsString); 3]> {
    Ok([
        (CLIENT_PACKAGES_VARIABLE, client_packages()?.into()),
        (CLIENT_PYTHON_VARIABLE, python::clients()?.into()),
        (NGINX_VARIABLE, tools::nginx()?.into()),
    ])
}

/// Programs of others that read what we say of ourselves.
fn readers() -> Result<[(&'static str, OsString); 3]> {
    Ok([
        (OPENAPI_PACKAGES_VARIABLE, openapi_packages()?.into()),
        (OPENAPI_PYTHON_VARIABLE, python::openapi()?.into()),
        (PROMTOOL_VARIABLE, promtool()?.into()),
    ])
}

/// What tests need of programs of others, with the names of the variables that tell where it lies.
/// On a build machine, where the run is `complete`, nothing may be missing.
fn public_programs(complete: bool) -> Result<Vec<(&'static str, OsString)>> {
    type Found = Result<Vec<(&'static str, OsString)>>;
    let found: [(&str, Found); 6] = [
        (
            "without npm the public suites are",
            npm_packages().map(|packages| vec![(NPM_PACKAGES_VARIABLE, packages.into())]),
        ),
        (
            "the public suite of JSON Schema is",
            schema_suite().map(|suite| vec![(SCHEMA_SUITE_VARIABLE, suite.into())]),
        ),
        (
            "without their clients uploads are",
            upload_packages().map(|(npm, python)| {
                vec![
                    (UPLOAD_PACKAGES_VARIABLE, npm.into()),
                    (PYTHON_PACKAGES_VARIABLE, python.into()),
                ]
            }),
        ),
        (
            "without Chromium the admin site is",
            browser().map(|(program, packages)| {
                vec![
                    (CHROMIUM_VARIABLE, program.into()),
                    (BROWSER_PACKAGES_VARIABLE, packages.into()),
                ]
            }),
        ),
        ("clients that others made are", clients().map(Vec::from)),
        ("what others read of us is", readers().map(Vec::from)),
    ];
    let mut variables = Vec::new();
    for (missing, found) in found {
        match found {
            Ok(found) => variables.extend(found),
            Err(error) => {
                ensure!(!complete, error);
                eprintln!("==> {missing} NOT TESTED: {error:#}");
            }
        }
    }
    Ok(variables)
}

/// On a build machine no test may be left out.
fn is_ci() -> bool {
    is_set("CI")
}

fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

struct Run<'a> {
    extent: Extent,
    arguments: &'a [String],
    complete: bool,
    runner: TestRunner,
    variables: Vec<(&'static str, OsString)>,
    /// All but those that the environment names. Its drop stops them.
    engines: Engines,
    /// Where tests have their temporary files. Its drop removes what tests that
    /// were killed have left.
    folder: TempDir,
}

impl<'a> Run<'a> {
    fn prepare(extent: Extent, arguments: &'a [String], complete: bool) -> Result<Self> {
        let binaries = tools::postgres()?;
        if let Err(error) = tools::strace() {
            ensure!(!complete, error);
            eprintln!("==> without strace the tests of failing disks are left out: {error:#}");
        }
        if let Err(error) = tools::pgbouncer() {
            ensure!(!complete, error);
            eprintln!("==> without PgBouncer PostgreSQL behind it is NOT TESTED: {error:#}");
        }
        let runner = tools::test_runner()?;
        let folder = tempfile::Builder::new().prefix("isobase-test-").tempdir()?;
        let mut variables = vec![
            (POSTGRES_BIN_VARIABLE, binaries.folder().into()),
            ("TMPDIR", folder.path().into()),
        ];
        variables.extend(public_programs(complete)?);
        if complete {
            variables.push((REQUIRE_ALL_VARIABLE, "1".into()));
        }
        if extent == Extent::Everything {
            variables.push((SOAK_VARIABLE, "1".into()));
        }
        let engines = Engines::default();
        let mut run = Self { extent, arguments, complete, runner, variables, engines, folder };
        run.start_engines()?;
        Ok(run)
    }

    fn start_engines(&mut self) -> Result<()> {
        let all = Engine::value_variants().iter().copied();
        let (named, wanted): (Vec<Engine>, Vec<Engine>) =
            all.partition(|engine| variable(*engine).is_some());
        for engine in named {
            let name = engine.variable();
            eprintln!("==> {engine}: what {name} names");
            self.variables.extend(variable(engine).map(|value| (name, value)));
        }
        let (engines, failures) = Engines::start(&wanted, self.extent, self.folder.path())?;
        self.engines = engines;
        for (engine, error) in failures {
            ensure!(!self.complete, "{engine}: {error:#}");
            eprintln!("==> {engine} is NOT TESTED: {error:#}");
        }
        for (name, value) in self.engines.variables() {
            eprintln!("    {name}={value}");
            self.variables.push((name, value.into()));
        }
        Ok(())
    }

    /// Without arguments everything is built first, so that a test may start the
    /// executable, and the examples in the documentation run too.
    fn all(&mut self, steps: &mut Steps) {
        if !self.arguments.is_empty() {
            steps.run("chosen tests", || self.tests());
            return;
        }
        if !steps.run("build", || self.build()) {
            return;
        }
        if self.complete {
            steps.run("no test is ignored", || self.refuse_ignored());
        }
        steps.run("tests", || self.tests());
        steps.run("examples in the documentation", || self.documentation());
        self.python(steps);
    }

    fn python(&self, steps: &mut Steps) {
        if !self.complete && !tools::is_installed("python3") {
            return steps.leave_out("Python package", "python3 is not installed".to_owned());
        }
        if self.complete {
            // Where a person works nothing is installed that listens by itself.
            steps.run("another machine", tools::ssh_server);
        }
        steps.run("Python package", || python::test(&self.variables, self.has_cloud_wheel()));
    }

    /// Whether the package is tested as the package index has it, on DynamoDB and Firestore too: their clients
    /// have other features in the wheel than here, and take a minute and a half of CPU to build anew.
    fn has_cloud_wheel(&self) -> bool {
        self.extent == Extent::Everything || is_set(CLOUD_WHEEL_VARIABLE)
    }

    fn build(&mut self) -> Result<()> {
        let mut command = workspace::cargo();
        // The same selection as the tests have, so that nothing is built twice.
        command.args(["build", "--workspace", "--all-features", "--bins", "--tests"]);
        interrupt::run(&mut command)?;
        let executable = workspace::debug_executable()?;
        ensure!(executable.is_file(), "the build made no {}", executable.display());
        self.variables.push((EXECUTABLE_VARIABLE, executable.into()));
        Ok(())
    }

    fn tests(&self) -> Result<()> {
        let mut command = match &self.runner {
            TestRunner::Nextest(program) => {
                let mut command = nextest(program);
                command.arg("run");
                match self.extent {
                    Extent::Everything => drop(command.args(["--profile", "soak"])),
                    Extent::Suite if self.complete => drop(command.args(["--profile", "ci"])),
                    Extent::Suite => {}
                }
                command
            }
            TestRunner::Cargo => {
                let mut command = workspace::cargo();
                command.args(["test", "--no-fail-fast", "--tests"]);
                command
            }
        };
        command.arg("--all-features");
        if !self.arguments.iter().any(|argument| is_package_choice(argument)) {
            command.arg("--workspace");
        }
        self.run(command.args(self.arguments))
    }

    fn documentation(&self) -> Result<()> {
        let mut command = workspace::cargo();
        self.run(command.args(["test", "--doc", "--workspace", "--all-features"]))
    }

    /// A test that is there and does not run would look as if it had passed.
    fn refuse_ignored(&self) -> Result<()> {
        let TestRunner::Nextest(program) = &self.runner else {
            eprintln!("==> only nextest can tell");
            return Ok(());
        };
        let mut command = nextest(program);
        command.args(["list", "--workspace", "--all-features", "--message-format", "json"]);
        let output = command.output().context("list the tests")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ignored = ignored_tests(&serde_json::from_slice(&output.stdout)?);
        ensure!(ignored.is_empty(), "ignored tests: {}", ignored.join(", "));
        Ok(())
    }

    fn run(&self, command: &mut Command) -> Result<()> {
        interrupt::run(command.envs(self.variables.iter().cloned()))
    }
}

/// What the environment says about an engine.
fn variable(engine: Engine) -> Option<OsString> {
    std::env::var_os(engine.variable()).filter(|value| !value.is_empty())
}

fn nextest(program: &Path) -> Command {
    let mut command = Command::new(program);
    workspace::forget_package(command.arg("nextest").current_dir(workspace::root()));
    command
}

fn is_package_choice(argument: &str) -> bool {
    ["-p", "--package", "--manifest-path"].iter().any(|choice| argument.starts_with(choice))
}

fn ignored_tests(list: &serde_json::Value) -> Vec<String> {
    let suites = list["rust-suites"].as_object().into_iter().flatten();
    let tests = suites.flat_map(|(suite, content)| {
        let cases = content["testcases"].as_object().into_iter().flatten();
        cases.map(move |(name, case)| (format!("{suite} {name}"), case))
    });
    tests.filter(|(_, case)| case["ignored"] == true).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_ignored_tests_in_a_list() {
        let list = serde_json::json!({"rust-suites": {"crate::suite": {"testcases": {
            "runs": {"ignored": false}, "rests": {"ignored": true},
        }}}});
        assert_eq!(ignored_tests(&list), ["crate::suite rests"]);
    }
}
