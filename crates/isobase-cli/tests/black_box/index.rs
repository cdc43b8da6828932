use std::{fs, time::Duration};

use isobase_testkit::{TestServer, wait_until};

use super::command::{App, Said};

fn indexes(said: Said) -> Vec<String> {
    said.ok().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn indexes_are_declared_in_the_file_without_a_service() {
    let app = App::new();
    app.run(&["index", "list", "orders"]).fails(2, &["there is no database data/isobase.db"]);
    app.run(&["index", "create", "orders", "status,-created_at"]).ok();
    app.run(&["index", "create", "orders", "-total"]).ok();
    let expected = ["status,-created_at ready", "-total ready"];
    assert_eq!(indexes(app.run(&["index", "list", "orders"])), expected);
    app.run(&["index", "drop", "orders", "-total"]).ok();
    app.run(&["index", "drop", "orders", "-total"]).fails(1, &["has no index '-total'"]);
    app.run(&["index", "create", "orders", "a,b,c,d"]).fails(2, &["at most 3"]);
}

#[test]
fn a_service_that_holds_the_file_is_asked() {
    let server = TestServer::start().unwrap();
    let app = App::new();
    let data = server.data().to_str().unwrap().to_owned();
    let created = app.run(&["index", "create", "orders", "status", "--data", &data]);
    assert!(created.err.contains(&server.url()), "{created:?}");
    created.ok();
    let url = server.url();
    assert_eq!(indexes(app.run(&["index", "list", "orders", "--url", &url])), ["status ready"]);
}

#[test]
fn indexes_of_the_settings_are_built_at_start() {
    let mut server = TestServer::builder().prepare().unwrap();
    let settings = "[collections.orders]\nindexes = [\"status\", \"customer.id,-at\"]\n";
    fs::write(server.folder().join("isobase.toml"), settings).unwrap();
    server.start_again().unwrap();
    let (app, url) = (App::new(), server.url());
    wait_until("the indexes", Duration::from_secs(20), || {
        let found = indexes(app.run(&["index", "list", "orders", "--url", &url]));
        Ok((found == ["status ready", "customer.id,-at ready"]).then_some(()))
    })
    .unwrap();
}
