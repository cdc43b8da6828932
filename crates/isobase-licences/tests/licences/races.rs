use std::sync::Arc;

use isobase_licences::{AtLimit, Period, Terms};
use tokio::task::JoinSet;

use crate::support::{World, actor, asked};

const ROUNDS: u32 = 20;
const MACHINES: u32 = 16;

/// Every limit under every policy; the policy that lets more in has its own bound.
fn cases() -> impl Iterator<Item = (u32, AtLimit, usize)> {
    let policies = [AtLimit::ReplaceOldest, AtLimit::Reject, AtLimit::AllowN];
    [1, 2, 5].into_iter().flat_map(move |limit| {
        policies.map(|policy| {
            let extra = if policy == AtLimit::AllowN { 1 } else { 0 };
            (limit, policy, (limit + extra) as usize)
        })
    })
}

async fn race(world: &World, round: u32) {
    for (limit, policy, most) in cases() {
        let email = format!("{round}-{limit}-{}@b.c", policy.as_str());
        let terms = Terms {
            max_installations: Some(Some(limit)),
            at_limit: Some(policy),
            allow_n: Some(1),
            ..Terms::default()
        };
        let (_, key) = world.licence_with(&email, Period::Days(1), terms).await;
        let mut tasks = JoinSet::new();
        for machine in 0..MACHINES {
            // Two of each: the second is the same installation once more.
            let asked = asked(&email, &key, &format!("m-{}", machine / 2));
            let licences = Arc::clone(&world.licences);
            tasks.spawn(async move { licences.activate(&asked, &actor()).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        let there = world.installations(&email).await.len();
        assert_eq!(there, most, "{email}");
        for answer in &answers {
            assert!(answer.active_count.unwrap() <= most, "{email}: {answer:?}");
        }
        if policy != AtLimit::ReplaceOldest {
            let fresh = answers.iter().filter(|it| it.code.as_str() == "ok").count();
            assert_eq!(fresh, most, "{email}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_activations_never_exceed_a_limit() {
    let world = World::new();
    for round in 0..ROUNDS {
        race(&world, round).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_file_never_exceeds_a_limit() {
    race(&World::on_sqlite(), 0).await;
}

/// Two processes on one database have no turns in common: only the comparison keeps them apart.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_exceed_a_limit() {
    let world = World::new();
    for round in 0..ROUNDS {
        let email = format!("{round}@b.c");
        let (_, key) = world.licence(&email).await;
        let mut tasks = JoinSet::new();
        for machine in 0..MACHINES {
            let process =
                isobase_licences::Licences::new(&world.store, world.licences.options().clone());
            let asked = asked(&email, &key, &format!("m-{machine}"));
            tasks.spawn(async move { process.activate(&asked, &actor()).await.unwrap() });
        }
        for answer in tasks.join_all().await {
            assert!(answer.active_count.unwrap() <= 2, "{answer:?}");
        }
        assert_eq!(world.installations(&email).await.len(), 2);
        let entries = world.audit().await;
        let of_email = entries.iter().filter(|it| it["object_id"] == *email);
        // One entry for the licence, which has no id yet, and one for each activation.
        assert_eq!(of_email.count(), 1 + MACHINES as usize, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_given_once() {
    let world = World::new();
    for round in 0..ROUNDS {
        let mut tasks = JoinSet::new();
        for racer in 0..8 {
            let licences = Arc::clone(&world.licences);
            let new = isobase_licences::NewLicence {
                email: format!("{racer}@b.c"),
                key: Some(format!("key-{round}")),
                period: Period::Unlimited,
                terms: Terms::default(),
            };
            tasks.spawn(async move { licences.create(&new, &actor()).await.is_ok() });
        }
        let made = tasks.join_all().await.into_iter().filter(|made| *made).count();
        assert_eq!(made, 1);
    }
    assert_eq!(world.documents("isobase_licences").await.len(), ROUNDS as usize);
    assert_eq!(world.audit().await.len(), ROUNDS as usize);
}
