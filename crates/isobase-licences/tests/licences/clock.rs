//! A clock that is set back, and one that jumps ahead.

use isobase_licences::{Code, Period, Terms};

use crate::support::World;

#[tokio::test]
async fn a_clock_that_is_set_back_takes_nothing_away() {
    let world = World::new();
    let (_, key) = world.licence_with("a@b.c", Period::Days(5), Terms::default()).await;
    assert_eq!(world.activate("a@b.c", &key, "m-1").await.code, Code::Ok);
    let seen = async || {
        let all = world.licences.installations("a@b.c").await.unwrap();
        all.iter().map(|it| it.last_seen.clone().unwrap()).max().unwrap()
    };
    let before = seen().await;
    world.at("2020-01-01T00:00:00Z");
    // It was made in the future now, and is good all the same; what was seen later stays so.
    assert_eq!(world.activate("a@b.c", &key, "m-1").await.code, Code::OkReinstall);
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Ok);
    assert!(seen().await >= before, "{} is before {before}", seen().await);
    assert_eq!(world.activate("a@b.c", &key, "m-2").await.code, Code::Ok);
    // A new machine takes the place of the one that was not seen for longest, whatever the clock.
    world.at("2026-12-01T12:00:00Z");
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Ok);
    let third = world.activate("a@b.c", &key, "m-3").await;
    assert_eq!((third.code, third.replaced.as_deref()), (Code::OkReplaced, Some("m-2")));
    // A jump ahead ends it, and only as long as it lasts.
    world.at("2030-01-01T00:00:00Z");
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::LicenseExpired);
    world.at("2026-12-02T12:00:00Z");
    assert_eq!(world.validate("a@b.c", "m-1").await, Code::Ok);
    assert_eq!(world.installations("a@b.c").await, ["m-1", "m-3"]);
}
