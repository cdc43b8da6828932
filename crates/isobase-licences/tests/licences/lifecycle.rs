use isobase_licences::{
    Code, LicenceError, LicenceOptions, NewLicence, Period, Secret, Standing, Terms, parse_moment,
};

use crate::support::{World, actor, sealed, text};

#[tokio::test]
async fn each_step_is_refused_where_it_makes_no_sense() {
    let world = World::new();
    let (licence, _) = world.licence("a@b.c").await;
    let (licences, by, id) = (&world.licences, actor(), licence.id);
    let standing = async || licences.get(id).await.unwrap().standing(licences.now());
    assert!(text(licences.reinstate(id, &by).await.unwrap_err()).contains("is active"));
    licences.suspend(id, &by).await.unwrap();
    assert_eq!(standing().await, Standing::Suspended);
    assert!(text(licences.suspend(id, &by).await.unwrap_err()).contains("is suspended"));
    licences.reinstate(id, &by).await.unwrap();
    assert!(licences.restore(id, &by).await.is_err());
    licences.delete(id, &by).await.unwrap();
    assert_eq!(standing().await, Standing::Deleted);
    assert!(matches!(licences.delete(id, &by).await, Err(LicenceError::NotFound)));
    for refused in [licences.suspend(id, &by).await, licences.rotate_key(id, &by).await] {
        assert!(text(refused.unwrap_err()).contains("is deleted"));
    }
    licences.restore(id, &by).await.unwrap();
    licences.revoke(id, &by).await.unwrap();
    for refused in [
        licences.revoke(id, &by).await,
        licences.reinstate(id, &by).await,
        licences.extend(id, &Period::Days(1), &by).await,
    ] {
        assert!(text(refused.unwrap_err()).contains("is revoked"));
    }
    assert!(matches!(licences.suspend(999, &by).await, Err(LicenceError::NotFound)));
    assert!(matches!(licences.get(-1).await, Err(LicenceError::NotFound)));
}

#[tokio::test]
async fn a_bin_is_emptied_after_a_month() {
    let world = World::new();
    let (licence, _) = world.licence("a@b.c").await;
    world.licences.delete(licence.id, &actor()).await.unwrap();
    world.at("2026-12-30T12:00:01");
    let error = text(world.licences.restore(licence.id, &actor()).await.unwrap_err());
    assert!(error.contains("within 30 days"), "{error}");
}

#[tokio::test]
async fn days_are_added_to_what_is_left() {
    let world = World::new();
    let (licence, _) = world.licence_with("a@b.c", Period::Days(10), Terms::default()).await;
    let extend = async |period: Period| {
        let extended = world.licences.extend(licence.id, &period, &actor()).await.unwrap();
        extended.expiry_shown().unwrap()
    };
    assert_eq!(extend(Period::Days(30)).await, "2027-01-09T12:00:00");
    world.at("2028-01-01T00:00:00");
    assert_eq!(extend(Period::Days(1)).await, "2028-01-02T00:00:00");
    let until = Period::Until(parse_moment("2030-01-01").unwrap());
    assert_eq!(extend(until).await, "2030-01-01T00:00:00");
    for days in [0, 3_651] {
        assert!(world.licences.extend(licence.id, &Period::Days(days), &actor()).await.is_err());
    }
    let (unlimited, _) = world.licence_with("a@b.c", Period::Unlimited, Terms::default()).await;
    let refused = world.licences.extend(unlimited.id, &Period::Days(1), &actor()).await;
    assert!(text(refused.unwrap_err()).contains("unlimited"));
}

#[tokio::test]
async fn a_new_key_ends_the_old_one() {
    let world = World::new();
    let (licence, old) = world.licence("a@b.c").await;
    let rotated = world.licences.rotate_key(licence.id, &actor()).await.unwrap();
    let new = world.licences.reveal(&rotated).unwrap();
    assert!(!world.activate("a@b.c", &old, "m").await.code.is_valid());
    assert!(world.activate("a@b.c", &new, "m").await.code.is_valid());
}

#[tokio::test]
async fn an_upsert_never_takes_a_key_from_another_customer() {
    let world = World::new();
    let (licences, by) = (&world.licences, actor());
    let until = |text: &str| Period::Until(parse_moment(text).unwrap());
    let made =
        licences.upsert(("A@b.c", "K-1"), &until("2027-01-01"), "active", &by).await.unwrap();
    let again =
        licences.upsert(("a@b.c", "K-1"), &until("2028-01-01"), "revoked", &by).await.unwrap();
    assert_eq!((again.id, again.status()), (made.id, "revoked"));
    assert_eq!(again.expiry_shown().as_deref(), Some("2028-01-01T00:00:00"));
    let other = licences.upsert(("x@b.c", "K-1"), &until("2029-01-01"), "active", &by).await;
    assert!(matches!(other, Err(LicenceError::KeyOfAnother)));
    assert_eq!(licences.get(made.id).await.unwrap(), again);
    let odd = licences.upsert(("a@b.c", "K-2"), &Period::Unlimited, "paused", &by).await;
    assert!(text(odd.unwrap_err()).starts_with("status:"));
}

#[tokio::test]
async fn a_key_is_that_of_one_licence() {
    let world = World::new();
    let (licence, key) = world.licence("a@b.c").await;
    let (_, other) = world.licence("a@b.c").await;
    let edit = async |key: &str| {
        let change = (None, Some(key), None);
        world.licences.edit(licence.id, change, &Terms::default(), &actor()).await
    };
    assert!(matches!(edit(&other).await, Err(LicenceError::KeyExists)));
    edit(&key).await.unwrap();
    edit("own key").await.unwrap();
    let new = NewLicence {
        email: "a@b.c".to_owned(),
        key: Some("own key".to_owned()),
        period: Period::Unlimited,
        terms: Terms::default(),
    };
    let refused = world.licences.create(&new, &actor()).await;
    assert!(matches!(refused, Err(LicenceError::KeyExists)));
    let freed = NewLicence { key: Some(key), ..new };
    world.licences.create(&freed, &actor()).await.unwrap();
}

#[tokio::test]
async fn every_write_is_in_the_audit_without_keys() {
    let world = World::new();
    let (licence, key) = world.licence("a@b.c").await;
    let (licences, by) = (&world.licences, actor());
    world.activate("a@b.c", &key, "m-1").await;
    licences.suspend(licence.id, &by).await.unwrap();
    licences.reinstate(licence.id, &by).await.unwrap();
    licences.free_installation(("a@b.c", "m-1"), &by).await.unwrap();
    let entries = world.audit().await;
    let mut actions: Vec<_> = entries.iter().map(|it| it["action"].as_str().unwrap()).collect();
    actions.sort_unstable();
    let expected = [
        "installation.activated",
        "installation.freed",
        "license.created",
        "license.reinstated",
        "license.suspended",
    ];
    assert_eq!(actions, expected);
    let suspended = entries.iter().find(|it| it["action"] == "license.suspended").unwrap();
    assert_eq!(suspended["object_id"], licence.id.to_string());
    assert_eq!(suspended["before"]["suspended_at"], serde_json::Value::Null);
    assert_eq!(suspended["after"]["suspended_at"], "2026-11-30T12:00:00.000000Z");
    assert_eq!((&suspended["actor"], &suspended["request_id"]), (&"tester".into(), &"r-1".into()));
    let freed = entries.iter().find(|it| it["action"] == "installation.freed").unwrap();
    assert_eq!(freed["before"]["installation_id"], "m-1");
    assert!(entries.iter().all(|it| !it.to_string().contains(&key)));
}

#[tokio::test]
async fn no_key_is_readable_at_rest() {
    for (world, is_kept) in [(World::new(), true), (World::with(LicenceOptions::default()), false)]
    {
        let (licence, key) = world.licence("a@b.c").await;
        assert_eq!(world.activate("a@b.c", &key, "m-1").await.code, Code::Ok);
        for collection in ["isobase_licences", "isobase_installations", "isobase_audit"] {
            for document in world.documents(collection).await {
                assert!(!document.body.contains(&key), "{}", document.body);
            }
        }
        let stored = world.licences.get(licence.id).await.unwrap();
        match (world.licences.reveal(&stored), is_kept) {
            (Ok(revealed), true) => assert_eq!(revealed, key),
            (Err(LicenceError::KeyNotKept { .. }), false) => {}
            (other, _) => panic!("{other:?}"),
        }
    }
}

/// Licences as former versions stored them: with a readable key, and sealed with the secret of
/// licences alone.
#[tokio::test]
async fn keys_of_former_versions_are_read_and_sealed_with_their_next_change() {
    let secret = Secret::new(&"s".repeat(32)).unwrap();
    let world = World::with(LicenceOptions { secret: Some(secret), ..sealed() });
    for (id, key) in [
        (7, r#""key":"old-key""#),
        (8, r#""sealed_key":"AAECAwQFBgcICQoL57rCEKdX8uh4vGu+Miiinr7EKbod""#),
    ] {
        let hash = if id == 7 { world.licences.read_key("old-key").hash() } else { "a".to_owned() };
        let body = format!(
            r#"{{"email":"a@b.c","key_hash":"{hash}","key_last4":"dkey",{key},"created_at":"2026-11-20 14:09:00","version":1}}"#
        );
        world.put("isobase_licences", id, &body).await;
    }
    let get = async |id: i64| world.licences.get(id).await.unwrap();
    assert_eq!(world.licences.reveal(&get(7).await).unwrap(), "old-key");
    assert_eq!(world.licences.reveal(&get(8).await).unwrap(), "LIC-1");
    assert_eq!(world.activate("a@b.c", "old-key", "m-1").await.code, Code::Ok);
    world.licences.suspend(7, &actor()).await.unwrap();
    for document in world.documents("isobase_licences").await {
        assert!(!document.body.contains("old-key"), "{}", document.body);
    }
    assert_eq!(world.licences.reveal(&get(7).await).unwrap(), "old-key");
}
