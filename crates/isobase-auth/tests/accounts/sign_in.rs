//! Signing in.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use isobase_auth::{AccountError, AccountOptions, Accounts, AttemptLimits, PasswordOptions};

use super::{ADDRESS, Database, new, register};

async fn is_refused(accounts: &Accounts, identifier: &str, password: &str) -> bool {
    let outcome = accounts.sign_in(identifier, password, ADDRESS).await;
    matches!(outcome, Err(AccountError::WrongCredentials))
}

#[tokio::test]
async fn a_name_or_an_address_signs_in() {
    let accounts = Database::new().accounts();
    let ann = isobase_auth::NewAccount { email: Some("ann@x.org"), ..new("Ann", "pw") };
    let ann = accounts.register(ann, ADDRESS).await.unwrap();
    for identifier in ["Ann", "ann@x.org", "ANN@X.ORG"] {
        let signed_in = accounts.sign_in(identifier, "pw", ADDRESS).await.unwrap();
        assert_eq!(signed_in, ann, "{identifier}");
    }
    let long = "x".repeat(5_000);
    for (identifier, password) in
        [("ann", "pw"), ("Ann", "PW"), ("Ann", ""), ("", "pw"), (&long, "pw"), ("Ann", &long)]
    {
        assert!(is_refused(&accounts, identifier, password).await, "{identifier}");
    }
}

#[tokio::test]
async fn a_disabled_account_is_shut_out() {
    let accounts = Database::new().accounts();
    let ann = register(&accounts, "ann").await;
    let ann = accounts.set_disabled(&ann, true).await.unwrap();
    assert!(is_refused(&accounts, "ann", "secret").await);
    accounts.set_disabled(&ann, false).await.unwrap();
    assert!(!is_refused(&accounts, "ann", "secret").await);
}

#[tokio::test]
async fn guessing_is_slowed_for_known_and_unknown_names_alike() {
    let database = Database::new();
    let accounts = database.accounts();
    register(&accounts, "ann").await;
    for name in ["ann", "nobody"] {
        for _ in 0..10 {
            assert!(is_refused(&accounts, name, "guess").await);
        }
        let refused = accounts.sign_in(name, "secret", ADDRESS).await.unwrap_err();
        let AccountError::TooManyAttempts { retry_after } = refused else { panic!("{refused}") };
        assert_eq!(retry_after, Duration::from_secs(60));
    }
    // From another address, and later, the right password counts.
    assert!(accounts.sign_in("ann", "secret", "192.0.2.2").await.is_ok());
    database.pass(Duration::from_secs(60));
    for _ in 0..20 {
        assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_ok());
    }
}

/// A browser that is reloaded, a client that is impatient.
#[tokio::test]
async fn a_sign_in_that_is_cut_off_is_no_failed_one() {
    let database = Database::new();
    let accounts = database.accounts();
    register(&accounts, "ann").await;
    for _ in 0..30 {
        let mut signing_in = Box::pin(accounts.sign_in("ann", "secret", ADDRESS));
        let begun = poll_fn(|cx| Poll::Ready(signing_in.as_mut().poll(cx)));
        // Where this thread is slow, the password may have been checked by now.
        if let Poll::Ready(done) = begun.await {
            assert!(done.is_ok());
        }
    }
    assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_ok());
}

#[tokio::test]
async fn guessing_of_many_names_is_slowed_by_its_address() {
    let database = Database::new();
    let limits = AttemptLimits { per_address: 5, per_name: 7, ..AttemptLimits::default() };
    let options = AccountOptions { limits, ..database.options() };
    let accounts = Accounts::new(&database.store, options);
    for number in 0..5 {
        assert!(is_refused(&accounts, &number.to_string(), "guess").await);
    }
    let refused = accounts.sign_in("another", "guess", ADDRESS).await.unwrap_err();
    assert!(matches!(refused, AccountError::TooManyAttempts { .. }));
    for number in 0..7 {
        let address = format!("198.51.100.{number}");
        let refused = accounts.sign_in("ann", "guess", &address).await.unwrap_err();
        assert!(matches!(refused, AccountError::WrongCredentials));
    }
    let refused = accounts.sign_in("ann", "guess", "203.0.113.1").await.unwrap_err();
    assert!(matches!(refused, AccountError::TooManyAttempts { .. }));
}

#[tokio::test]
async fn registrations_of_an_address_are_bounded() {
    let database = Database::new();
    let limits = AttemptLimits { registrations: 2, ..AttemptLimits::default() };
    let options = AccountOptions { limits, ..database.options() };
    let accounts = Accounts::new(&database.store, options);
    register(&accounts, "a").await;
    register(&accounts, "b").await;
    let refused = accounts.register(new("c", "x"), ADDRESS).await.unwrap_err();
    assert!(matches!(refused, AccountError::TooManyAttempts { .. }));
    assert!(accounts.register(new("c", "x"), "192.0.2.9").await.is_ok());
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_told_to_wait_and_counts_as_no_guess() {
    let database = Database::new();
    let passwords = PasswordOptions { threads: 1, waiting_max: 2, ..database.options().passwords };
    // Long enough that the flood comes while the first is worked on.
    let passwords = PasswordOptions { memory_kib: 8 << 10, passes: 4, ..passwords };
    let options = AccountOptions { passwords, ..database.options() };
    let accounts = Arc::new(Accounts::new(&database.store, options));
    register(&accounts, "ann").await;
    let flood: Vec<_> = (0..100)
        .map(|_| {
            let accounts = Arc::clone(&accounts);
            tokio::spawn(async move { accounts.sign_in("ann", "secret", ADDRESS).await })
        })
        .collect();
    let (mut busy, mut signed_in) = (0, 0);
    for task in flood {
        match task.await.unwrap() {
            Ok(_) => signed_in += 1,
            // Ten of one name from one address are looked at together.
            Err(AccountError::Busy | AccountError::TooManyAttempts { .. }) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(busy > 0 && signed_in > 0, "{busy} {signed_in}");
    assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_ok());
}
