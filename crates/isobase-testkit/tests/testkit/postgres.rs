use isobase_testkit::{PostgresBinaries, Stop, TestPostgres, postgres_url, require_all};

/// A machine without PostgreSQL is no reason to fail, unless every test must run.
fn start() -> Option<TestPostgres> {
    match PostgresBinaries::find() {
        Ok(_) => Some(TestPostgres::start().unwrap()),
        Err(error) if require_all() => panic!("{error:#}"),
        Err(_) => None,
    }
}

#[test]
fn keeps_commits_over_every_kind_of_stop() {
    let Some(mut postgres) = start() else { return };
    let url = postgres.url();
    postgres.psql("create table kept (number int)").unwrap();
    for (number, how) in [Stop::Fast, Stop::Immediate, Stop::Kill].into_iter().enumerate() {
        postgres.psql(&format!("insert into kept values ({number})")).unwrap();
        postgres.stop(how).unwrap();
        assert!(postgres.psql("select 1").is_err());
        postgres.start_again().unwrap();
    }
    assert_eq!(postgres.url(), url);
    assert_eq!(postgres.psql("select count(*) from kept").unwrap(), "3");
    assert_eq!(postgres.psql("show fsync").unwrap(), "on");
    let pid = postgres.pid().unwrap();
    drop(postgres);
    assert!(isobase_testkit::ProcessUsage::of(pid).is_err());
}

#[test]
fn the_shared_server_of_the_suite_answers() {
    let Some(url) = postgres_url() else { return };
    let address = url.trim_start_matches("postgres://postgres@").trim_end_matches("/postgres");
    std::net::TcpStream::connect(address).unwrap();
}
