use isobase_testkit::TestServer;

use super::command::App;

#[test]
fn a_key_is_made_listed_used_and_revoked() {
    let mut server = TestServer::builder().prepare().unwrap();
    let app = App::new();
    let data = server.data().to_str().unwrap().to_owned();
    let with_data = |arguments: &[&str]| app.run(&[arguments, &["--data", &data]].concat());

    let key = with_data(&["key", "create", "app", "--scope", "read"]).ok().trim().to_owned();
    assert!(!key.is_empty());
    let list = with_data(&["key", "list"]).ok();
    assert!(list.contains("app") && list.contains("read"), "{list}");
    assert!(!list.contains(&key), "keys are shown once");
    with_data(&["key", "create", "app", "--scope", "read"]).fails(1, &["already"]);

    server.start_again().unwrap();
    let bearer = format!("Bearer {key}");
    let status = |method: &str, headers: &[(&str, &str)]| {
        server.request(method, "/records/things", headers, b"{}").unwrap().status
    };
    assert_eq!(status("GET", &[]), 401);
    assert_eq!(status("GET", &[("authorization", &bearer)]), 200);
    let json = ("content-type", "application/json");
    assert_eq!(status("POST", &[("authorization", &bearer), json]), 403);

    with_data(&["key", "revoke", "app"]).ok();
    assert!(with_data(&["key", "list"]).ok().contains("revoked"));
    with_data(&["key", "revoke", "app"]).fails(1, &["no valid key"]);
    isobase_testkit::wait_until("the end of the key", std::time::Duration::from_secs(10), || {
        Ok((status("GET", &[("authorization", &bearer)]) == 401).then_some(()))
    })
    .unwrap();
}

#[test]
fn there_are_no_keys_at_first() {
    let app = App::new();
    assert_eq!(app.run(&["key", "list"]).ok(), "");
    assert!(!app.path().join("data").exists(), "a list makes no files");
    app.run(&["key", "revoke", "x"]).fails(1, &["no valid key"]);
}

/// Also where the records lie elsewhere: whoever makes a key believes the service closed.
#[test]
fn the_first_key_closes_a_running_service() {
    let server = TestServer::builder().records_url("memory:").start().unwrap();
    let status = || server.request("GET", "/records/things", &[], b"").unwrap().status;
    assert_eq!(status(), 200);
    let data = server.data().to_str().unwrap().to_owned();
    App::new().run(&["key", "create", "app", "--scope", "read", "--data", &data]).ok();
    isobase_testkit::wait_until("the closed service", std::time::Duration::from_secs(10), || {
        Ok((status() == 401).then_some(()))
    })
    .unwrap();
}
