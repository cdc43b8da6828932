use isobase_licences::{LicenceQuery, Period, Standing, Terms, parse_moment};

use crate::support::{World, actor};

#[tokio::test]
async fn lists_choose_by_standing_text_and_time() {
    let world = World::new();
    let (licences, by) = (&world.licences, actor());
    let tagged = Terms {
        tags: Some(vec!["beta".to_owned()]),
        note: Some("100% of _them_".to_owned()),
        ..Terms::default()
    };
    let (active, _) = world.licence_with("ann@x.y", Period::Days(10), tagged).await;
    let (suspended, _) = world.licence("bob@x.y").await;
    let (revoked, _) = world.licence("eve@x.y").await;
    let (deleted, _) = world.licence("ann@x.y").await;
    let (waiting, _) = world.licence_with("joe@x.y", Period::DaysOfUse(9), Terms::default()).await;
    let (forever, _) = world.licence_with("joe@x.y", Period::Unlimited, Terms::default()).await;
    licences.suspend(suspended.id, &by).await.unwrap();
    licences.revoke(revoked.id, &by).await.unwrap();
    licences.delete(deleted.id, &by).await.unwrap();
    let ids = async |query: LicenceQuery| {
        let page = licences.list(&query, 100, None).await.unwrap();
        page.licences.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let standing = |standing| LicenceQuery { standing: Some(standing), ..LicenceQuery::default() };
    assert_eq!(ids(LicenceQuery::default()).await.len(), 5);
    assert_eq!(ids(standing(Standing::Active)).await, [active.id, forever.id]);
    assert_eq!(ids(standing(Standing::Suspended)).await, [suspended.id]);
    assert_eq!(ids(standing(Standing::Revoked)).await, [revoked.id]);
    assert_eq!(ids(standing(Standing::Deleted)).await, [deleted.id]);
    assert_eq!(ids(standing(Standing::NotStarted)).await, [waiting.id]);
    assert!(ids(standing(Standing::Expired)).await.is_empty());
    let text = |text: &str| LicenceQuery { text: Some(text.to_owned()), ..LicenceQuery::default() };
    assert_eq!(ids(text("BOB@")).await, [suspended.id]);
    assert_eq!(ids(text("0% of _")).await, [active.id]);
    assert_eq!(ids(text("%")).await, [active.id]);
    assert_eq!(ids(text(&active.key_last4)).await, [active.id]);
    let beta = LicenceQuery { tag: Some("beta".to_owned()), ..LicenceQuery::default() };
    assert_eq!(ids(beta).await, [active.id]);
    let soon = LicenceQuery {
        expires_before: Some(parse_moment("2026-12-31").unwrap()),
        ..LicenceQuery::default()
    };
    assert_eq!(ids(soon).await, [active.id]);
    let of_email = LicenceQuery { email: Some("JOE@x.y".to_owned()), ..LicenceQuery::default() };
    assert_eq!(ids(of_email).await, [waiting.id, forever.id]);
    world.at("2026-12-20T00:00:00");
    assert_eq!(ids(standing(Standing::Expired)).await, [active.id]);
    assert!(ids(standing(Standing::Grace)).await.is_empty());
}

#[tokio::test]
async fn those_in_their_days_of_grace_are_found() {
    let world = World::new();
    let with_grace = |days| Terms { grace_days: Some(days), ..Terms::default() };
    let (over, _) = world.licence_with("a@b.c", Period::Days(10), with_grace(1)).await;
    let (within, _) = world.licence_with("b@b.c", Period::Days(10), with_grace(30)).await;
    world.licence_with("c@b.c", Period::Days(10), with_grace(0)).await;
    world.licence_with("d@b.c", Period::Days(90), with_grace(30)).await;
    world.at("2026-12-20T00:00:00");
    let query = LicenceQuery { standing: Some(Standing::Grace), ..LicenceQuery::default() };
    let page = world.licences.list(&query, 10, None).await.unwrap();
    let ids: Vec<_> = page.licences.iter().map(|it| it.id).collect();
    assert_eq!((ids, page.cursor), (vec![within.id], None));
    assert_eq!(world.licences.count(&query).await.unwrap(), None);
    world.at("2026-12-10T18:00:00");
    let page = world.licences.list(&query, 10, None).await.unwrap();
    let ids: Vec<_> = page.licences.iter().map(|it| it.id).collect();
    assert_eq!(ids, [over.id, within.id]);
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let world = World::new();
    for minute in 10..20 {
        world.at(&format!("2026-11-30T12:{minute}:00"));
        world.licence("a@b.c").await;
        world.licence("a@b.c").await;
    }
    let (mut cursor, mut seen) = (None, Vec::new());
    loop {
        let page = world.licences.list(&LicenceQuery::default(), 3, cursor).await.unwrap();
        seen.extend(page.licences.iter().map(|it| (it.created_at.clone(), it.id)));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 20);
    assert!(seen.windows(2).all(|it| it[0].0 > it[1].0 || it[0].0 == it[1].0 && it[0].1 < it[1].1));
    let newest = world.licences.newest_of("A@B.C").await.unwrap().unwrap();
    assert_eq!((newest.created_at, newest.id), seen[0]);
}
