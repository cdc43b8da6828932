//! Accounts: on the command line, at the start, and after a kill.

use std::{io::Write, process::Stdio, sync::mpsc, thread};

use isobase_testkit::{TestServer, http::Response};
use serde_json::{Value, json};

use super::{
    command::{App, Said, command},
    databases::on_servers,
};

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(server: &TestServer, target: &str, body: &Value) -> Response {
    server.request("POST", target, &[JSON], body.to_string().as_bytes()).unwrap()
}

fn sign_in(server: &TestServer, name: &str, password: &str) -> u16 {
    post(server, "/api/login", &json!({ "username": name, "password": password })).status
}

fn user(app: &App, server: &TestServer, arguments: &[&str]) -> Said {
    let data = server.data().to_str().unwrap();
    app.run(&[&["user"], arguments, &["--data", data]].concat())
}

/// The same commands in the database itself and through the service that holds it.
#[test]
fn accounts_are_made_listed_changed_and_deleted() {
    let app = App::new();
    let mut server = TestServer::builder().prepare().unwrap();
    for running in [false, true] {
        if running {
            server.start_again().unwrap();
        }
        let name = if running { "ann" } else { "bob" };
        let run = |arguments: &[&str]| user(&app, &server, arguments);
        let made = run(&["create", name, "--email", &format!("{name}@x.org"), "--role", "editor"]);
        let password = made.ok().trim().to_owned();
        assert_eq!(password.len(), 24, "{password}");
        run(&["create", name]).fails(1, &["already taken"]);
        run(&["create", &format!("{name} 2"), "--email", &format!("{name}@X.org")])
            .fails(1, &["e-mail address"]);
        run(&["create", "x", "--role", "No Role"]).fails(2, &["is no role"]);
        run(&["create", "x", "--email", "none"]).fails(1, &["e-mail address"]);
        let list = run(&["list"]).ok();
        assert!(list.contains(name) && list.contains("editor"), "{list}");
        assert!(!list.contains(&password));
        run(&["role", name, "admin"]).ok();
        run(&["role", &format!("{name}@x.org"), "user"]).ok();
        let another = run(&["password", name]).ok().trim().to_owned();
        assert_ne!(another, password);
        run(&["reset-second-factor", name]).ok();
        run(&["reset-second-factor", "nobody"]).fails(1, &["no account"]);
        run(&["role", "nobody", "user"]).fails(1, &["no account"]);
        if running {
            assert_eq!(sign_in(&server, name, &password), 401);
            assert_eq!(sign_in(&server, name, &another), 200);
        }
        run(&["delete", name]).ok();
        run(&["delete", name]).fails(1, &["no account"]);
        let json = app.run(&["user", "list", "--json", "--data", server.data().to_str().unwrap()]);
        assert_eq!(json.ok().trim(), "{\"accounts\":[]}");
    }
}

#[test]
fn there_are_no_accounts_at_first() {
    let app = App::new();
    assert_eq!(app.run(&["user", "list"]).ok(), "");
    assert!(!app.path().join("data").exists(), "a list makes no files");
    app.run(&["user", "delete", "x"]).fails(1, &["no account"]);
}

#[test]
fn a_password_is_read_from_standard_input() {
    let app = App::new();
    let run = |input: &str| {
        let mut command = command(app.path());
        command.args(["user", "create", "ann", "--owner", "--password-stdin"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Said::from(child.wait_with_output().unwrap())
    };
    run("").fails(2, &["standard input"]);
    run("short\n").fails(1, &["at least 12 characters"]);
    assert_eq!(run("correct horse battery\n").ok(), "");
    app.run(&["user", "role", "ann", "user"]).fails(1, &["only owner"]);
}

#[test]
fn the_printed_link_makes_the_first_owner_once() {
    let mut server = TestServer::builder().start().unwrap();
    let link = |server: &TestServer| {
        let log = server.log();
        let place = log.rfind("/setup#")?;
        log[place..].split(|c: char| c == '"' || c.is_whitespace()).next().map(str::to_owned)
    };
    let token = link(&server).expect("a link");
    let token = token.trim_start_matches("/setup#").to_owned();
    let page = server.request("GET", "/setup", &[], b"").unwrap();
    assert!(page.text().contains("The first owner"));
    let body = json!({ "token": token, "username": "ann", "password": "correct horse battery" });
    assert_eq!(post(&server, "/setup", &body).status, 200);
    assert_eq!(post(&server, "/setup", &body).status, 403);
    let links = server.log().matches("/setup#").count();
    server.terminate().unwrap();
    server.start_again().unwrap();
    assert_eq!(sign_in(&server, "ann", "correct horse battery"), 200);
    assert!(server.log().matches("/setup#").count() <= links, "there is an owner now");
    let anonymous = server.request("GET", "/records/things", &[], b"").unwrap();
    assert_eq!(anonymous.status, 401, "the database is closed for good");
}

#[test]
fn variables_make_the_first_owner() {
    let owner = |password: &str| {
        TestServer::builder()
            .env("ISOBASE_OWNER_NAME", "ann")
            .env("ISOBASE_OWNER_PASSWORD", password)
            .env("ISOBASE_OWNER_EMAIL", "ann@x.org")
    };
    let mut server = owner("correct horse battery").start().unwrap();
    assert_eq!(sign_in(&server, "ann@x.org", "correct horse battery"), 200);
    server.terminate().unwrap();
    server.start_again().unwrap();
    assert_eq!(sign_in(&server, "ann", "correct horse battery"), 200);
    let log = server.log();
    assert!(!log.contains("correct horse") && !log.contains("/setup#"), "{log}");
    let app = App::new();
    let serve = |variables: &[(&str, &str)]| app.run_with(&["serve", "--port", "0"], variables);
    let short = [("ISOBASE_OWNER_NAME", "ann"), ("ISOBASE_OWNER_PASSWORD", "short")];
    serve(&short).fails(2, &["at least 12 characters"]);
    serve(&short[..1]).fails(2, &["owner.password"]);
    serve(&short[1..]).fails(2, &["owner.name"]);
}

/// What was answered is there after a kill, and what was not is there wholly or not at all.
#[test]
fn a_kill_loses_no_registration() {
    let mut server = TestServer::builder().start().unwrap();
    let (answered, answers) = mpsc::channel();
    let address = server.address();
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let answered = answered.clone();
            thread::spawn(move || {
                for number in 0.. {
                    let name = format!("user{client}_{number}");
                    let body = json!({ "username": name, "password": "secret" }).to_string();
                    let sent = isobase_testkit::http::request(
                        address,
                        "POST",
                        "/api/register",
                        &[JSON],
                        body.as_bytes(),
                    );
                    let done = matches!(&sent, Ok(response) if response.status == 200);
                    answered.send((name, done)).unwrap();
                    if !done {
                        return;
                    }
                }
            })
        })
        .collect();
    drop(answered);
    let mut tried: Vec<_> = answers.iter().take(6).collect();
    server.kill().unwrap();
    tried.extend(answers.iter());
    clients.into_iter().for_each(|client| client.join().unwrap());
    server.start_again().unwrap();
    assert!(tried.iter().any(|(_, done)| *done));
    for (name, done) in tried {
        // A name that was not answered is free, or its account is whole.
        let status = sign_in(&server, &name, "secret");
        let again = post(&server, "/api/register", &json!({ "username": name, "password": "x" }));
        match (done, status) {
            (_, 200) => assert_eq!(again.status, 400, "{name}"),
            (false, 401) => assert_eq!(again.status, 200, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// One of many who ask for a name at the same moment has it, on every engine.
#[test]
fn one_of_racing_registrations_of_a_name_wins() {
    let racing = if isobase_testkit::is_soak() { 100 } else { 20 };
    let name = isobase_testkit::unique_name("racing").replace('_', "-");
    let own = [("memory:".to_owned(), Vec::new()), ("sqlite://racing.db".to_owned(), Vec::new())];
    for (url, variables) in own.into_iter().chain(on_servers(&name)) {
        let mut builder = TestServer::builder().records_url(&url);
        for (name, value) in variables {
            builder = builder.env(name, value);
        }
        let server = builder.start().unwrap();
        let address = server.address();
        let body = json!({ "username": "ann", "password": "secret" }).to_string();
        let asking: Vec<_> = (0..racing)
            .map(|_| {
                let body = body.clone();
                let path = "/api/register";
                thread::spawn(move || {
                    isobase_testkit::http::request(address, "POST", path, &[JSON], body.as_bytes())
                        .unwrap()
                })
            })
            .collect();
        let answers: Vec<Response> = asking.into_iter().map(|it| it.join().unwrap()).collect();
        let made = answers.iter().filter(|answer| answer.status == 200).count();
        let taken = answers.iter().filter(|answer| answer.text().contains("name_taken")).count();
        assert_eq!((made, made + taken), (1, racing), "{url}: {:?}", answers.last());
        assert_eq!(sign_in(&server, "ann", "secret"), 200, "{url}");
    }
}

#[test]
fn no_secret_is_logged() {
    let server = TestServer::builder().env("ISOBASE_LOG", "trace").start().unwrap();
    let body = json!({ "username": "ann", "password": "hush-password" });
    let registered = post(&server, "/api/register", &body);
    let cookie = registered.header("set-cookie").unwrap().to_owned();
    let token = post(&server, "/api/sessions", &body).text();
    let token: Value = serde_json::from_str(&token).unwrap();
    let token = token["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let me = server.request("GET", "/api/me", &[("authorization", &bearer)], b"").unwrap();
    assert_eq!(me.status, 200);
    for wrong in [json!({ "username": "ann", "password": "hush-guess" }), json!("hush-body")] {
        post(&server, "/api/login", &wrong);
    }
    let change = json!({ "current_password": "hush-password", "new_password": "hush-new" });
    let target = "/api/me/password";
    let headers = [("authorization", &*bearer), JSON];
    let changed = server.request("PUT", target, &headers, change.to_string().as_bytes()).unwrap();
    assert_eq!(changed.status, 200, "{}", changed.text());
    let log = server.log();
    let secret_of =
        |text: &str| text.split(';').next().unwrap().rsplit('_').next().unwrap().to_owned();
    for secret in ["hush", "argon2id", &secret_of(&cookie), &secret_of(&token)] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
    assert!(!log.is_empty());
}
