//! A database that is never changed, by whatever name it is reached.

use std::{fs, path::Path, time::Duration};

use isobase_sql::{Dialect, ReadError, ReadLimits, Session, SqlWriter, WriteStatement, Written};
use isobase_testkit::unique_name;

use crate::fixture::Fixture;

const LIMITS: ReadLimits = ReadLimits {
    rows_max: 3,
    bytes_max: 4096,
    cell_characters_max: 100,
    timeout: Duration::from_secs(20),
    mark: 1,
};

async fn write(url: &str, records: &str) -> Result<Written, ReadError> {
    let sql = "DELETE FROM notes".to_owned();
    let statement = WriteStatement { sql, parameters: Vec::new() };
    SqlWriter::apart_from(url, records).unwrap().write(&[statement], &LIMITS).await
}

#[tokio::test]
async fn a_file_by_another_path_is_the_same_file() {
    let fixture = Fixture::sqlite(Default::default());
    fixture.db.run_script("CREATE TABLE notes (id INTEGER)").await.unwrap();
    let url = fixture.url();
    let path = Path::new(url.strip_prefix("sqlite://").unwrap());
    let folder = path.parent().unwrap();
    let beside = |name: &str| folder.join(name);
    fs::hard_link(path, beside("hard.db")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(path, beside("soft.db")).unwrap();
    fs::create_dir(beside("inner")).unwrap();
    for name in ["test.db", "inner/../test.db", "./test.db", "hard.db", "soft.db"] {
        let other = format!("sqlite://{}", beside(name).display());
        for (url, records) in [(&url, &other), (&other, &url)] {
            let refused = write(url, records).await;
            assert!(matches!(refused, Err(ReadError::Guarded)), "{name}: {refused:?}");
        }
    }
    fs::copy(path, beside("copy.db")).unwrap();
    let copy = format!("sqlite://{}", beside("copy.db").display());
    for records in [copy, "postgres://a@127.0.0.1:1/b".to_owned()] {
        write(&url, &records).await.unwrap().take_back().await.unwrap();
    }
}

#[tokio::test]
async fn a_database_by_another_name_is_the_same_database() {
    for fixture in Fixture::all_own().await {
        if fixture.db.dialect() == Dialect::Sqlite {
            continue;
        }
        let role = unique_name("writer");
        let script = format!(
            "CREATE TABLE notes (id INTEGER); CREATE ROLE {role} LOGIN PASSWORD 'p'; \
             GRANT ALL ON notes TO {role}"
        );
        fixture.db.run_script(&script).await.unwrap();
        let url = format!("{}&user={role}&password=p", fixture.url());
        let elsewhere = Fixture::own_postgres().await.unwrap().url();
        write(&url, &elsewhere).await.unwrap().take_back().await.unwrap();
        let other_host = fixture.url().replacen("127.0.0.1", "localhost", 1);
        for revoked in [false, true] {
            if revoked {
                // As a service may have it that lets no one ask for the cluster.
                let sql = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC";
                fixture.db.run(sql, &[]).await.unwrap();
            }
            for records in [&fixture.url(), &other_host, &url] {
                let refused = write(&url, records).await;
                assert!(matches!(refused, Err(ReadError::Guarded)), "{refused:?}");
            }
        }
        // Without an answer from the records nothing is changed.
        let refused = write(&url, "postgres://a@127.0.0.1:1/b").await;
        assert!(matches!(refused, Err(ReadError::Sql(_))), "{refused:?}");
    }
}
