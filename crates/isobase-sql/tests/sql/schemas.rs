//! The schemas of the specification, and registries of databases.

use isobase_sql::{ErrorKind, Family, SchemaKind, SchemaRegistry, SchemaSetup, Session, Settings};
use isobase_testkit::unique_name;

use crate::fixture::Fixture;

#[tokio::test]
async fn project_schemas_are_made_and_mended() {
    let Some(fixture) = Fixture::own_postgres().await else { return };
    let setup = SchemaSetup::new(fixture.db.clone()).unwrap();
    let name = unique_name("Project");
    let lower = name.to_lowercase();
    assert!(setup.verify_schema(&lower, SchemaKind::Project).await.unwrap().is_empty());
    let created = setup.ensure_project_schema(&name).await.unwrap();
    assert_eq!(created, ["content", "metadata", "vocabulary", "templates", "topics"]);
    let public = setup.verify_schema("public", SchemaKind::Public).await.unwrap();
    assert_eq!(public.len(), 4);
    assert!(public.values().all(|there| *there));
    assert_eq!(setup.ensure_project_schema(&name).await.unwrap(), Vec::<String>::new());

    fixture.db.run(&format!("DROP TABLE {lower}.topics"), &[]).await.unwrap();
    let found = setup.verify_schema(&lower, SchemaKind::Project).await.unwrap();
    assert_eq!(found.iter().filter(|(_, there)| !**there).count(), 1);
    fixture.db.run("CREATE SCHEMA somebody_else", &[]).await.unwrap();
    let fixed = setup.fix_all_project_schemas().await.unwrap();
    assert_eq!(fixed.into_iter().collect::<Vec<_>>(), [(lower.clone(), vec!["topics".to_owned()])]);
    assert!(setup.project_schemas().await.unwrap().contains(&"somebody_else".to_owned()));

    // Several at once.
    let all = (0..4).map(|_| {
        let (setup, name) = (setup.clone(), format!("{lower}_b"));
        tokio::spawn(async move { setup.ensure_project_schema(&name).await })
    });
    let mut tables = 0;
    for one in all.collect::<Vec<_>>() {
        tables += one.await.unwrap().unwrap().len();
    }
    assert_eq!(tables, 5);
    let error = SchemaKind::parse("other").unwrap_err();
    assert_eq!(error.message, "Invalid schema type: other");
}

#[tokio::test]
async fn sqlite_has_no_schemas_to_set_up() {
    let fixture = Fixture::sqlite(Settings::default());
    assert_eq!(SchemaSetup::new(fixture.db).unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn registries_know_what_the_database_has() {
    for fixture in Fixture::all().await {
        fixture
            .script(
                "CREATE TABLE {s}.a (id {id}, name varchar(20) NOT NULL, price numeric(5,2)
                     CHECK (price > 0), UNIQUE (name, price));
                 CREATE TABLE {s}.b (a_id integer NOT NULL REFERENCES {r}a(id), x text);
                 CREATE UNIQUE INDEX {i}x ON {t}b (x);",
            )
            .await;
        let registry = SchemaRegistry::from_database(&fixture.db).await.unwrap();
        let names: Vec<String> =
            registry.tables(&fixture.schema).into_iter().map(|table| table.name).collect();
        assert_eq!(names, ["a", "b"]);
        let a = registry.table(&fixture.schema, "a").unwrap();
        assert_eq!(
            (a.primary_key.as_slice(), a.uniques.len(), a.checks.len()),
            (&["id".to_owned()][..], 1, 1)
        );
        assert!(a.columns[0].generated);
        assert_eq!(a.columns[1].max_length, Some(20));
        assert_eq!(Family::of(&a.columns[2]), Family::Decimal(Some((5, 2))));
        let b = registry.table(&fixture.schema, "b").unwrap();
        assert_eq!(b.foreign_keys[0].table, "a");
        assert_eq!(b.foreign_keys[0].references, ["id"]);
        assert_eq!(b.uniques, [["x"]]);
        assert_eq!(b.indexes.len(), 1);
        assert!(registry.table(&fixture.schema, "nope").is_err());
    }
}
