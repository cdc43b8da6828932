use isobase_licences::{Code, LicenceError};

use crate::support::{World, actor, asked};

/// Anyone who is told that a licence is invalid stops: an outage must never say so.
#[tokio::test]
async fn an_outage_is_never_an_invalid_licence() {
    let world = World::new();
    let (licence, key) = world.licence("a@b.c").await;
    world.activate("a@b.c", &key, "m-1").await;
    world.down(true);
    let unavailable = |error: LicenceError| match error {
        LicenceError::Store(error) => assert!(error.is_temporary(), "{error}"),
        other => panic!("{other}"),
    };
    let (licences, by) = (&world.licences, actor());
    unavailable(licences.activate(&asked("a@b.c", &key, "m-2"), &by).await.unwrap_err());
    unavailable(licences.activate(&asked("a@b.c", "wrong", "m-2"), &by).await.unwrap_err());
    unavailable(licences.validate("a@b.c", "m-1").await.unwrap_err());
    unavailable(licences.suspend(licence.id, &by).await.unwrap_err());
    unavailable(licences.installations("a@b.c").await.unwrap_err());
    unavailable(licences.free_installation(("a@b.c", "m-1"), &by).await.unwrap_err());
    unavailable(licences.explain(&asked("a@b.c", &key, "m-2")).await.unwrap_err());
    world.down(false);
    assert_eq!(world.installations("a@b.c").await, ["m-1"]);
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Ok);
}

#[tokio::test]
async fn a_stored_licence_that_cannot_be_read_hides_no_other() {
    use isobase_store::{Action, Atomicity, IfMissing, Precondition, WriteBatch, WriteOperation};
    use isobase_types::{CollectionName, DocumentId};
    let world = World::new();
    world.licence("a@b.c").await;
    let operations = [r#"{"email":7,"created_at":"2026-11-30 00:00:00"}"#, r#"{"x":[]}"#];
    let operations = operations.into_iter().zip(100..).map(|(body, id)| WriteOperation {
        collection: CollectionName::new("isobase_licences").unwrap(),
        action: Action::Put {
            id: DocumentId::Integer(id),
            body: body.to_owned(),
            if_missing: IfMissing::Create,
        },
        precondition: Precondition::None,
    });
    let batch = WriteBatch { operations: operations.collect(), ..WriteBatch::default() };
    world.store.write(batch, Atomicity::EachAlone).await.unwrap();
    let page = world.licences.list(&isobase_licences::LicenceQuery::default(), 10, None).await;
    assert_eq!(page.unwrap().licences.len(), 1);
    let error = world.licences.get(100).await.unwrap_err();
    assert!(error.to_string().starts_with("the document 100 of isobase_licences"), "{error}");
}
