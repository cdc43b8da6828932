//! Many licences in one request.

use isobase_licences::{LicenceError, NewLicence, Period, Terms};
use isobase_store::{ErrorKind, Idempotency};

use crate::support::{World, actor};

fn new(email: &str, key: Option<&str>) -> NewLicence {
    let (email, key) = (email.to_owned(), key.map(str::to_owned));
    NewLicence { email, key, period: Period::Days(30), terms: Terms::default() }
}

fn mark(key: u8, fingerprint: u8) -> Option<Idempotency> {
    Some(Idempotency { key: [key; 32], fingerprint: [fingerprint; 32] })
}

#[tokio::test]
async fn all_are_made_or_none_is() {
    let world = World::new();
    let rows: Vec<_> = (0..200).map(|n| new(&format!("{n}@b.c"), None)).collect();
    let made = world.licences.create_many(&rows, None, &actor()).await.unwrap();
    let keys: std::collections::HashSet<_> = made
        .licences
        .into_iter()
        .map(|licence| world.licences.reveal(&licence.unwrap()).unwrap())
        .collect();
    assert_eq!(keys.len(), 200);
    let count = async || world.documents("isobase_licences").await.len();
    assert_eq!((count().await, world.audit().await.len()), (200, 200));
    let twice = [new("a@b.c", Some("K")), new("a@b.c", None), new("a@b.c", Some("K"))];
    let refused = world.licences.create_many(&twice, None, &actor()).await.unwrap();
    assert!(refused.licences.iter().all(Result::is_err), "{refused:?}");
    assert!(matches!(refused.licences[2], Err(LicenceError::KeyExists)), "{refused:?}");
    assert_eq!((count().await, world.audit().await.len()), (200, 200));
    let wrong = [new("a@b.c", None), new("", None)];
    let refused = world.licences.create_many(&wrong, None, &actor()).await.unwrap_err();
    assert!(matches!(refused, LicenceError::InRow { row: 1, .. }), "{refused}");
    let many = vec![new("a@b.c", None); 1_001];
    let refused = world.licences.create_many(&many, None, &actor()).await.unwrap_err();
    assert!(matches!(refused, LicenceError::TooMany { licences: 1_001, max: 1_000 }), "{refused}");
    assert_eq!(count().await, 200);
}

#[tokio::test]
async fn a_repeat_shows_the_keys_of_the_first_time() {
    let world = World::new();
    let rows = [new("a@b.c", None), new("b@b.c", None)];
    let make = async |mark| {
        let made = world.licences.create_many(&rows, mark, &actor()).await?;
        let keys = made.licences.into_iter().map(|it| world.licences.reveal(&it?));
        Ok::<_, LicenceError>((keys.collect::<Result<Vec<_>, _>>()?, made.replayed))
    };
    let (first, replayed) = make(mark(1, 1)).await.unwrap();
    assert!(!replayed);
    assert_eq!(make(mark(1, 1)).await.unwrap(), (first.clone(), true));
    assert_ne!(make(mark(2, 1)).await.unwrap().0, first);
    let Err(LicenceError::Store(error)) = make(mark(1, 2)).await else { panic!("it was taken") };
    assert_eq!(error.kind(), ErrorKind::IdempotencyMismatch);
    assert_eq!(world.documents("isobase_licences").await.len(), 4);
}
