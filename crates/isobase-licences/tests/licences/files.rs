use isobase_licences::{
    FileFault, LicenceError, LicenceOptions, Period, Secret, Signer, Terms, parse_moment, verify,
};

use crate::support::{World, actor, sealed};

#[tokio::test]
async fn a_file_is_good_without_the_service_and_never_longer_than_its_licence() {
    let world = World::new();
    let (licence, _) = world.licence_with("a@b.c", Period::Days(5), Terms::default()).await;
    let file = world.licences.file(&licence, Some("m-1"), 30).unwrap();
    let key = world.licences.signer().unwrap().public_key();
    let at = |text: &str| parse_moment(text).unwrap();
    let read = verify(&file, &key, Some("m-1"), at("2026-12-05T11:59:59")).unwrap();
    assert_eq!((read.license_id, &*read.email), (licence.id, "a@b.c"));
    assert_eq!(read.valid_until, "2026-12-05T12:00:00.000000Z");
    let late = verify(&file, &key, None, at("2026-12-05T12:00:00"));
    assert!(matches!(late, Err(FileFault::LicenceExpired(_))));
    let revoked = world.licences.revoke(licence.id, &actor()).await.unwrap();
    let refused = world.licences.file(&revoked, None, 30);
    assert!(matches!(refused, Err(LicenceError::WrongStanding { .. })));
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let world = World::with(LicenceOptions::default());
    let (licence, _) = world.licence("a@b.c").await;
    let refused = world.licences.file(&licence, None, 30);
    assert!(matches!(refused, Err(LicenceError::NoSecret(_))));
}

/// Anyone who has the public key of a secret for licences alone keeps it.
#[tokio::test]
async fn a_secret_for_licences_alone_signs_as_before() {
    let secret = Secret::new(&"s".repeat(32)).unwrap();
    let own = World::with(LicenceOptions { secret: Some(secret.clone()), ..sealed() });
    let key = own.licences.signer().unwrap().public_key();
    assert_eq!(key, Signer::new(&secret).public_key());
    assert_ne!(key, World::new().licences.signer().unwrap().public_key());
}
