use isobase_licences::{Code, ImportReport, ImportedInstallation, ImportedLicence, Tally};

use crate::support::{World, actor};

fn licence(id: i64, email: &str, key: &str, expiry: &str, status: &str) -> ImportedLicence {
    ImportedLicence {
        id: Some(id),
        email: email.to_owned(),
        license_key: key.to_owned(),
        expiry_date: Some(expiry.to_owned()),
        created_at: Some("2025-01-01 00:00:00".to_owned()),
        status: Some(status.to_owned()),
    }
}

fn installation(email: &str, id: &str) -> ImportedInstallation {
    ImportedInstallation {
        email: email.to_owned(),
        installation_id: id.to_owned(),
        activated_at: Some("2025-01-02 00:00:00".to_owned()),
        last_seen: None,
    }
}

fn rows() -> (Vec<ImportedLicence>, Vec<ImportedInstallation>) {
    let licences = vec![
        licence(
            1,
            "user@example.com",
            "user-example-com-20270223-48F47778",
            "2027-02-23T10:00:00.123456",
            "active",
        ),
        licence(2, "Ann@b.c", "K-2", "2027-02-23T10:00:00Z", "revoked"),
        licence(3, "eve@b.c", "K-3", "whenever", "active"),
        licence(4, "bad@b.c", "", "2027-02-23", "active"),
        licence(5, "thief@b.c", "K-2", "2027-02-23", "active"),
    ];
    let installations = vec![
        installation("user@example.com", "m-1"),
        installation("USER@example.com", "m-2"),
        installation("user@example.com", "m-3"),
        installation("nobody@b.c", "m-4"),
    ];
    (licences, installations)
}

async fn import(world: &World, dry: bool) -> ImportReport {
    let (licences, installations) = rows();
    world.licences.import((&licences, &installations), dry, &actor()).await.unwrap()
}

fn tally(created: u64, updated: u64, unchanged: u64, failed: u64) -> Tally {
    Tally { read: created + updated + unchanged + failed, created, updated, unchanged, failed }
}

#[tokio::test]
async fn an_import_that_is_repeated_changes_nothing() {
    let world = World::new();
    let dry = import(&world, true).await;
    assert_eq!((dry.licenses, dry.installations), (tally(4, 0, 0, 1), tally(4, 0, 0, 0)));
    assert!(world.documents("isobase_licences").await.is_empty());
    let first = import(&world, false).await;
    assert_eq!(first.licenses, tally(3, 0, 0, 2));
    assert_eq!(first.installations, tally(4, 0, 0, 0));
    assert!(first.errors.iter().any(|it| it.contains("thief@b.c")), "{:?}", first.errors);
    assert!(first.errors.iter().any(|it| it.contains("\"whenever\" is no moment")));
    let again = import(&world, false).await;
    assert_eq!(again.licenses, tally(0, 0, 3, 2));
    assert_eq!(again.installations, tally(0, 0, 4, 0));
    let licence = world.licences.get(1).await.unwrap();
    assert_eq!(licence.expiry_shown().as_deref(), Some("2027-02-23T10:00:00.123456"));
    assert_eq!((&*licence.created_at, licence.days()), ("2025-01-01 00:00:00", Some(783)));
}

#[tokio::test]
async fn what_was_imported_goes_on_working() {
    let world = World::new();
    // Its id is taken, so the imported one gets another.
    let (own, _) = world.licence("own@b.c").await;
    assert_eq!(own.id, 1);
    import(&world, false).await;
    assert_eq!(world.licences.get(1).await.unwrap().email, "own@b.c");
    let key = "user-example-com-20270223-48F47778";
    assert_eq!(world.validate("user@example.com", "m-1").await, Code::Ok);
    assert_eq!(world.activate("user@example.com", key, "m-2").await.code, Code::OkReinstall);
    // Three came where two are allowed: a new one takes the places of those that are too many.
    assert_eq!(world.activate("user@example.com", key, "m-9").await.code, Code::OkReplaced);
    assert_eq!(world.installations("user@example.com").await, ["m-2", "m-9"]);
    assert_eq!(world.activate("eve@b.c", "K-3", "m").await.code, Code::InvalidLicense);
    assert_eq!(world.activate("ann@b.c", "K-2", "m").await.code, Code::LicenseRevoked);
}
