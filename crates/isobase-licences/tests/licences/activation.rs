use isobase_licences::{About, AtLimit, Code, LicenceQuery, Period, Terms};

use crate::support::{World, actor, asked};

#[tokio::test]
async fn the_third_machine_replaces_the_oldest() {
    let world = World::new();
    let (licence, key) = world.licence("Ann@Example.com").await;
    assert_eq!(licence.email, "ann@example.com");
    let first = world.activate("ANN@example.com", &key, "m-1").await;
    assert_eq!((first.code, &*first.message), (Code::Ok, "License activated successfully"));
    assert_eq!((first.active_count, first.limit), (Some(1), Some(2)));
    assert_eq!(first.expiry.as_deref(), Some("2027-11-30T12:00:00"));
    world.at("2026-11-30T12:01:00");
    world.activate("ann@example.com", &key, "m-2").await;
    world.at("2026-11-30T12:02:00");
    let again = world.activate("ann@example.com", &key.to_lowercase(), "m-1").await;
    assert_eq!(again.code, Code::OkReinstall);
    assert_eq!(again.message, "License activated (reinstall detected)");
    world.at("2026-11-30T12:03:00");
    let third = world.activate("ann@example.com", &key, "m-3").await;
    assert_eq!((third.code, third.replaced.as_deref()), (Code::OkReplaced, Some("m-2")));
    assert_eq!(world.installations("ann@example.com").await, ["m-1", "m-3"]);
    assert_eq!(world.validate("ann@example.com", "m-2").await, Code::InstallationFreed);
    assert_eq!(world.validate("ann@example.com", "m-3").await, Code::Ok);
}

#[tokio::test]
async fn the_limit_is_that_of_the_email_over_all_its_licences() {
    let world = World::new();
    let (_, one) = world.licence("a@b.c").await;
    let (_, two) = world.licence("a@b.c").await;
    world.activate("a@b.c", &one, "m-1").await;
    world.activate("a@b.c", &two, "m-2").await;
    assert_eq!(world.activate("a@b.c", &two, "m-3").await.code, Code::OkReplaced);
    let own = Terms {
        max_installations: Some(Some(1)),
        at_limit: Some(AtLimit::Reject),
        ..Terms::default()
    };
    let (_, three) = world.licence_with("a@b.c", Period::Days(1), own).await;
    assert_eq!(world.activate("a@b.c", &three, "m-4").await.code, Code::Ok);
    let refused = world.activate("a@b.c", &three, "m-5").await;
    assert_eq!((refused.code, refused.limit), (Code::InstallationLimit, Some(1)));
    assert_eq!(world.installations("a@b.c").await, ["m-2", "m-3", "m-4"]);
}

#[tokio::test]
async fn every_reason_has_its_code() {
    let world = World::new();
    let (licence, key) = world.licence("a@b.c").await;
    let refused = async |email: &str, key: &str| {
        let answer = world.activate(email, key, "m-1").await;
        assert!(!answer.code.is_valid());
        (answer.code, answer.message)
    };
    let inactive = "License key not found or inactive".to_owned();
    assert_eq!(refused("a@b.c", "nothing").await, (Code::InvalidLicense, inactive.clone()));
    let mut typo = key.clone();
    typo.replace_range(4..5, if &key[4..5] == "7" { "8" } else { "7" });
    assert_eq!(refused("a@b.c", &typo).await.0, Code::MalformedKey);
    let mismatch = "Email does not match license key".to_owned();
    assert_eq!(refused("x@b.c", &key).await, (Code::EmailMismatch, mismatch));
    let by = crate::support::actor();
    world.activate("a@b.c", &key, "m-1").await;
    world.licences.suspend(licence.id, &by).await.unwrap();
    assert_eq!(refused("a@b.c", &key).await, (Code::LicenseSuspended, inactive.clone()));
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::LicenseSuspended);
    world.licences.reinstate(licence.id, &by).await.unwrap();
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Ok);
    world.licences.delete(licence.id, &by).await.unwrap();
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::NoActiveLicense);
    world.licences.restore(licence.id, &by).await.unwrap();
    world.at("2027-11-30T12:00:00");
    let expired = "License expired on 2027-11-30T12:00:00".to_owned();
    assert_eq!(refused("a@b.c", &key).await, (Code::LicenseExpired, expired));
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::LicenseExpired);
    world.licences.revoke(licence.id, &by).await.unwrap();
    assert_eq!(refused("a@b.c", &key).await, (Code::LicenseRevoked, inactive));
    assert_eq!(world.validate("a@b.c", "nobody").await, Code::InstallationNotFound);
    assert_eq!(world.validate("nobody", "m-1").await, Code::InstallationNotFound);
}

#[tokio::test]
async fn grace_and_first_activation() {
    let world = World::new();
    let grace = Terms { grace_days: Some(2), ..Terms::default() };
    let (licence, key) = world.licence_with("a@b.c", Period::DaysOfUse(10), grace).await;
    world.at("2027-06-01T00:00:00");
    let answer = world.activate("a@b.c", &key, "m-1").await;
    assert_eq!(answer.expiry.as_deref(), Some("2027-06-11T00:00:00"));
    let licence = world.licences.get(licence.id).await.unwrap();
    assert_eq!(licence.expires_at.as_deref(), Some("2027-06-11T00:00:00.000000Z"));
    world.at("2027-06-12T00:00:00");
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Grace);
    world.at("2027-06-13T00:00:00");
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::LicenseExpired);
}

#[tokio::test]
async fn a_validation_writes_once_a_minute() {
    let world = World::new();
    let (_, key) = world.licence("a@b.c").await;
    world.activate("a@b.c", &key, "m-1").await;
    let seen = async || world.licences.installations("a@b.c").await.unwrap()[0].last_seen.clone();
    world.at("2026-11-30T12:00:59");
    world.validate("a@b.c", "m-1").await;
    assert_eq!(seen().await.as_deref(), Some("2026-11-30T12:00:00.000000Z"));
    world.at("2026-11-30T12:01:00");
    world.validate("a@b.c", "m-1").await;
    assert_eq!(seen().await.as_deref(), Some("2026-11-30T12:01:00.000000Z"));
    // A clock that is set back neither undoes that nor hides the installation.
    world.at("2026-11-29T12:00:00");
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Ok);
    world.activate("a@b.c", &key, "m-1").await;
    assert_eq!(seen().await.as_deref(), Some("2026-11-30T12:01:00.000000Z"));
}

#[tokio::test]
async fn a_client_says_what_its_installation_is() {
    let world = World::new();
    let (licence, key) = world.licence("a@b.c").await;
    let about = |label: &str, version: &str| About {
        label: Some(label.to_owned()),
        app_version: Some(version.to_owned()),
        platform: None,
    };
    let mut asked = asked("a@b.c", &key, "m-1");
    asked.about = about("Ann's laptop", "1.0");
    world.licences.activate(&asked, &actor()).await.unwrap();
    let known = async || world.licences.installations("a@b.c").await.unwrap()[0].about.clone();
    assert_eq!(known().await, about("Ann's laptop", "1.0"));
    // A reinstallation that says nothing leaves it; a validation of a newer version notes that at once.
    world.activate("a@b.c", &key, "m-1").await;
    let newer = About { app_version: Some("1.1".to_owned()), ..About::default() };
    world.licences.validate_described("a@b.c", "m-1", &newer).await.unwrap();
    assert_eq!(known().await, about("Ann's laptop", "1.1"));
    let found = async |text: &str| {
        let query = LicenceQuery { installation: Some(text.to_owned()), ..LicenceQuery::default() };
        let page = world.licences.list(&query, 10, None).await.unwrap();
        page.licences.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(found("ANN'S").await, [licence.id]);
    assert_eq!(found("1.1").await, [licence.id]);
    assert!(found("1.0").await.is_empty());
    asked.about.platform = Some("x".repeat(101));
    let refused = world.licences.activate(&asked, &actor()).await.unwrap_err();
    assert!(refused.to_string().contains("platform"), "{refused}");
}

#[tokio::test]
async fn hostile_names_are_names_or_refused() {
    let world = World::new();
    let hostile = [
        "<script>alert(1)</script>@x.y",
        "a'); DROP TABLE licences;--@x.y",
        "=cmd|' /C calc'!A0",
        "ann+tag@ex%ample.com",
        "ÄNN@example.com",
        "7",
        "..",
        "e-1",
        "\u{202e}moc.x@a",
        "a b@c",
    ];
    for email in hostile {
        let (_, key) = world.licence(email).await;
        assert_eq!(world.activate(email, &key, email).await.code, Code::Ok, "{email}");
        assert_eq!(world.validate(email, email).await, Code::Ok, "{email}");
        assert_eq!(world.activate("other", &key, email).await.code, Code::EmailMismatch);
        assert_eq!(world.activate(email, email, email).await.code, Code::InvalidLicense);
    }
    let (_, key) = world.licence("a@b.c").await;
    for id in ["", "a\u{0}b", "a\nb", &"x".repeat(1_021)] {
        let asked = asked("a@b.c", &key, id);
        let error = world.licences.activate(&asked, &crate::support::actor()).await.unwrap_err();
        assert!(error.to_string().starts_with("installation_id:"), "{error}");
    }
    assert_eq!(world.activate("a\u{0}b", &key, "m").await.code, Code::EmailMismatch);
}

#[tokio::test]
async fn an_explanation_writes_nothing() {
    let world = World::new();
    let (licence, key) = world.licence("a@b.c").await;
    let explain = async |email: &str, key: &str| {
        let asked = asked(email, key, "m-1");
        let explained = world.licences.explain(&asked).await.unwrap();
        let failed: Vec<_> =
            explained.rules.iter().filter(|it| !it.passed).map(|it| it.rule).collect();
        (explained.answer.code, failed)
    };
    assert_eq!(explain("a@b.c", &key).await, (Code::Ok, vec!["installation_is_known"]));
    assert!(world.installations("a@b.c").await.is_empty());
    assert_eq!(explain("x@b.c", &key).await, (Code::EmailMismatch, vec!["email_matches"]));
    assert_eq!(explain("a@b.c", "x").await, (Code::InvalidLicense, vec!["key_is_known"]));
    world.licences.suspend(licence.id, &crate::support::actor()).await.unwrap();
    let suspended = (Code::LicenseSuspended, vec!["licence_is_in_force"]);
    assert_eq!(explain("a@b.c", &key).await, suspended);
}
