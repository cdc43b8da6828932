//! The second factor.

use std::{sync::Arc, time::Duration};

use isobase_auth::{
    Account, AccountError, AccountOptions, Accounts, AttemptLimits, Sealer, SecretSource,
};
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};

use super::{ADDRESS, Database, register};

fn services(database: &Database) -> Accounts {
    let limits = AttemptLimits {
        per_name_and_address: 1_000,
        per_name: 1_000,
        per_address: 1_000,
        ..AttemptLimits::default()
    };
    let sealer = Some(Sealer::new(SecretSource::Text("0123456789abcdef".into())));
    Accounts::new(&database.store, AccountOptions { limits, sealer, ..database.options() })
}

/// What an authenticator app shows, written from the standard without the code under test.
pub(super) fn app_code(secret: &str, database: &Database) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String =
        secret.chars().map(|c| format!("{:05b}", letters.find(c).unwrap())).collect();
    let key: Vec<u8> = (0..bits.len() / 8)
        .map(|byte| u8::from_str_radix(&bits[byte * 8..byte * 8 + 8], 2).unwrap())
        .collect();
    let step = database.now.load(std::sync::atomic::Ordering::SeqCst) / 30_000_000;
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag[19] & 15);
    let word = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

struct Enrolled {
    account: Account,
    secret: String,
    recovery: Vec<String>,
}

async fn enrol(database: &Database, accounts: &Accounts) -> Enrolled {
    let ann = register(accounts, "ann").await;
    let offer = accounts.offer_second_factor(&ann, "My app").await.unwrap();
    assert!(offer.uri.contains(&format!("secret={}&issuer=My%20app", offer.secret)));
    assert!(!format!("{offer:?}").contains(&offer.secret));
    let ann = accounts.get(&ann.id).await.unwrap().unwrap();
    assert!(!ann.second_factor);
    let code = app_code(&offer.secret, database);
    let recovery = accounts.confirm_second_factor(&ann, &code).await.unwrap();
    let account = accounts.get(&ann.id).await.unwrap().unwrap();
    assert!(account.second_factor);
    // The code that confirmed it is used.
    database.pass(Duration::from_secs(30));
    Enrolled { account, secret: offer.secret, recovery }
}

async fn challenge(accounts: &Accounts) -> String {
    match accounts.sign_in("ann", "secret", ADDRESS).await {
        Err(AccountError::SecondFactorRequired { challenge, .. }) => challenge,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn signing_in_takes_a_code_that_counts_once() {
    let database = Database::new();
    let accounts = services(&database);
    let Enrolled { account, secret, .. } = enrol(&database, &accounts).await;
    let stored = database.raw("isobase_accounts", &account.id).await;
    assert!(!stored.contains(&secret), "{stored}");
    let code = app_code(&secret, &database);
    let first = challenge(&accounts).await;
    let signed_in = accounts.second_step(&first, &code, ADDRESS).await.unwrap();
    assert_eq!(signed_in.id, account.id);
    let over = accounts.second_step(&first, &code, ADDRESS).await.unwrap_err();
    assert!(matches!(over, AccountError::ChallengeOver), "{over}");
    let used = accounts.second_step(&challenge(&accounts).await, &code, ADDRESS).await;
    assert!(matches!(used, Err(AccountError::WrongCode)), "{used:?}");
    database.pass(Duration::from_secs(30));
    let next = app_code(&secret, &database);
    let (left, right) = next.split_at(3);
    let typed = format!("{left} {right}");
    assert!(accounts.second_step(&challenge(&accounts).await, &typed, ADDRESS).await.is_ok());
    // A wrong password is told as ever, without a challenge.
    let wrong = accounts.sign_in("ann", "guess", ADDRESS).await;
    assert!(matches!(wrong, Err(AccountError::WrongCredentials)));
}

#[tokio::test]
async fn one_of_many_who_show_the_same_code_signs_in() {
    let database = Database::new();
    let pair = [services(&database), services(&database)].map(Arc::new);
    let Enrolled { secret, .. } = enrol(&database, &pair[0]).await;
    let (challenge, code) = (challenge(&pair[0]).await, app_code(&secret, &database));
    let racing = (0..10).map(|number| {
        let (accounts, challenge, code) =
            (Arc::clone(&pair[number % 2]), challenge.clone(), code.clone());
        tokio::spawn(async move { accounts.second_step(&challenge, &code, ADDRESS).await.is_ok() })
    });
    let mut signed_in = 0;
    for racing in racing.collect::<Vec<_>>() {
        signed_in += usize::from(racing.await.unwrap());
    }
    assert_eq!(signed_in, 1);
}

#[tokio::test]
async fn a_recovery_code_counts_once() {
    let database = Database::new();
    let accounts = services(&database);
    let Enrolled { account, recovery, .. } = enrol(&database, &accounts).await;
    assert_eq!(recovery.len(), 10);
    let stored = database.raw("isobase_accounts", &account.id).await;
    assert!(recovery.iter().all(|code| !stored.contains(code)), "{stored}");
    let typed = recovery[3].to_uppercase().replace('-', " ");
    assert!(accounts.second_step(&challenge(&accounts).await, &typed, ADDRESS).await.is_ok());
    let again = accounts.second_step(&challenge(&accounts).await, &recovery[3], ADDRESS).await;
    assert!(matches!(again, Err(AccountError::WrongCode)));
    let account = accounts.get(&account.id).await.unwrap().unwrap();
    let left = accounts.second_factor(&account).await.unwrap().unwrap().recovery_codes_left;
    assert_eq!(left, 9);
    let renewed = accounts.renew_recovery_codes(&account).await.unwrap();
    let old = accounts.second_step(&challenge(&accounts).await, &recovery[4], ADDRESS).await;
    assert!(matches!(old, Err(AccountError::WrongCode)));
    assert!(accounts.second_step(&challenge(&accounts).await, &renewed[0], ADDRESS).await.is_ok());
}

#[tokio::test]
async fn guesses_and_time_are_bounded() {
    let database = Database::new();
    let accounts = services(&database);
    let Enrolled { account, secret, recovery } = enrol(&database, &accounts).await;
    let is_wrong = |outcome| matches!(outcome, Err(AccountError::WrongCode));
    let is_over = |outcome| matches!(outcome, Err(AccountError::ChallengeOver));
    let first = challenge(&accounts).await;
    for _ in 0..5 {
        assert!(is_wrong(accounts.second_step(&first, "guess", ADDRESS).await));
    }
    let code = app_code(&secret, &database);
    assert!(is_over(accounts.second_step(&first, &code, ADDRESS).await));
    let late = challenge(&accounts).await;
    let replaced = challenge(&accounts).await;
    assert!(is_over(accounts.second_step(&late, &code, ADDRESS).await));
    database.pass(Duration::from_secs(300));
    assert!(is_over(accounts.second_step(&replaced, &recovery[0], ADDRESS).await));
    for wrong in ["", "challenge", "challenge.31.0f", "verify.31.0f", &"x".repeat(9_000)] {
        assert!(is_over(accounts.second_step(wrong, &code, ADDRESS).await), "{wrong}");
    }
    for _ in 0..3 {
        let next = challenge(&accounts).await;
        for _ in 0..5 {
            assert!(is_wrong(accounts.second_step(&next, "guess", ADDRESS).await));
        }
    }
    let next = challenge(&accounts).await;
    let waits = accounts.second_step(&next, &recovery[0], ADDRESS).await.unwrap_err();
    assert!(matches!(waits, AccountError::TooManyAttempts { .. }), "{waits}");
    database.pass(Duration::from_secs(3_600));
    let next = challenge(&accounts).await;
    accounts
        .set_password(&accounts.get(&account.id).await.unwrap().unwrap(), "another", None)
        .await
        .unwrap();
    assert!(is_over(accounts.second_step(&next, &recovery[0], ADDRESS).await));
}

#[tokio::test]
async fn a_second_factor_is_confirmed_in_time_and_removed() {
    let database = Database::new();
    let accounts = services(&database);
    let ann = register(&accounts, "ann").await;
    let none = accounts.confirm_second_factor(&ann, "000000").await.unwrap_err();
    assert!(matches!(none, AccountError::NoSecondFactor));
    let offer = accounts.offer_second_factor(&ann, "x").await.unwrap();
    let ann = accounts.find("ann").await.unwrap().unwrap();
    let wrong = accounts.confirm_second_factor(&ann, "guess").await.unwrap_err();
    assert!(matches!(wrong, AccountError::WrongCode));
    // Not confirmed, it does not count.
    assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_ok());
    database.pass(Duration::from_secs(15 * 60));
    let code = app_code(&offer.secret, &database);
    let late = accounts.confirm_second_factor(&ann, &code).await.unwrap_err();
    assert!(matches!(late, AccountError::NoSecondFactor));
    let offer = accounts.offer_second_factor(&ann, "x").await.unwrap();
    let ann = accounts.find("ann").await.unwrap().unwrap();
    accounts.confirm_second_factor(&ann, &app_code(&offer.secret, &database)).await.unwrap();
    let ann = accounts.find("ann").await.unwrap().unwrap();
    let on = accounts.offer_second_factor(&ann, "x").await.unwrap_err();
    assert!(matches!(on, AccountError::SecondFactorOn));
    let ann = accounts.remove_second_factor(&ann).await.unwrap();
    assert!(!ann.second_factor);
    assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_ok());
    let without = database.accounts().offer_second_factor(&ann, "x").await.unwrap_err();
    assert!(matches!(without, AccountError::NoSecret));
}
