//! What accounts do by mail.

use std::{sync::Arc, time::Duration};

use isobase_auth::{
    Account, AccountError, Accounts, Delivered, Letters, Mail, MailError, Mailer, NewAccount,
    PostOffice, Sending, SessionKind,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{ADDRESS, Database, new};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mail server that a test looks into.
#[derive(Debug)]
struct Box_(UnboundedSender<Mail>);

impl Mailer for Box_ {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        let sent = self.0.send(mail.clone()).map_err(|_| MailError("the box is gone".to_owned()));
        let answer = Some("250 taken".to_owned());
        Box::pin(std::future::ready(sent.map(|()| Delivered { answer })))
    }
}

struct Letterbox(UnboundedReceiver<Mail>);

impl Letterbox {
    async fn next(&mut self) -> Mail {
        let next = tokio::time::timeout(PATIENCE, self.0.recv()).await;
        next.expect("a letter").expect("the sender is there")
    }

    /// The text behind the `#` of the next letter's link.
    async fn token(&mut self) -> String {
        let text = self.next().await.text;
        let link = text.split_whitespace().find(|word| word.contains("/confirm#")).unwrap();
        assert!(link.starts_with("https://app.example/confirm#"), "{link}");
        link.split('#').nth(1).unwrap().to_owned()
    }

    async fn code(&mut self) -> String {
        let subject = self.next().await.subject;
        subject.rsplit(' ').next().unwrap().to_owned()
    }
}

fn with_mail(database: &Database) -> (Arc<Accounts>, Letterbox) {
    let (sender, receiver) = unbounded_channel();
    let post = PostOffice::new(Arc::new(Box_(sender)), Letters::default(), "https://app.example/");
    (Arc::new(database.accounts().with_post_office(post)), Letterbox(receiver))
}

async fn register(accounts: &Accounts, name: &str, email: &str) -> Account {
    let new = NewAccount { name, email: Some(email), password: "secret" };
    accounts.register(new, ADDRESS).await.unwrap()
}

#[tokio::test]
async fn a_letter_proves_an_address() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    let ann = register(&accounts, "ann", "Ann@x.org").await;
    accounts.send_verification(&ann, "Ann@x.org", ADDRESS).unwrap();
    let mail = letters.next().await;
    assert_eq!(mail.to, "Ann@x.org");
    assert!(mail.text.contains("Hello ann,"), "{}", mail.text);
    accounts.send_verification(&ann, "ann@y.org", ADDRESS).unwrap();
    let token = letters.token().await;
    for wrong in ["", "x", &token[1..], &format!("{token}0"), &token.replace("verify", "reset")] {
        let refused = accounts.verify_email(wrong).await.unwrap_err();
        assert!(matches!(refused, AccountError::WrongLink), "{refused}");
    }
    let ann = accounts.verify_email(&token).await.unwrap();
    assert!(ann.verified && ann.email.as_deref() == Some("ann@y.org"));
    let again = accounts.verify_email(&token).await.unwrap_err();
    assert!(matches!(again, AccountError::WrongLink), "{again}");
    assert!(accounts.sign_in("ANN@y.org", "secret", ADDRESS).await.is_ok());
    assert!(accounts.sign_in("ann@x.org", "secret", ADDRESS).await.is_err());
    let body = database.raw("isobase_accounts", &ann.id).await;
    assert!(!body.contains(token.rsplit('.').next().unwrap()), "{body}");
}

#[tokio::test]
async fn an_address_of_another_is_not_taken() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    let ann = register(&accounts, "ann", "ann@x.org").await;
    accounts.send_verification(&ann, "bob@x.org", ADDRESS).unwrap();
    let token = letters.token().await;
    register(&accounts, "bob", "bob@x.org").await;
    let taken = accounts.verify_email(&token).await.unwrap_err();
    assert!(matches!(taken, AccountError::EmailTaken), "{taken}");
    let named = accounts.register(new("eve@x.org", "secret"), ADDRESS).await.unwrap();
    accounts.send_verification(&named, "eve@y.org", ADDRESS).unwrap();
    let moved = accounts.verify_email(&letters.token().await).await.unwrap();
    assert_eq!((moved.name.as_str(), moved.email.as_deref()), ("eve@y.org", Some("eve@y.org")));
}

#[tokio::test]
async fn a_link_sets_another_password_once() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    let ann = register(&accounts, "ann", "ann@x.org").await;
    let begun = accounts.sessions().begin(&ann, SessionKind::Cookie, None).await.unwrap();
    accounts.send_reset("ANN@x.org", ADDRESS).unwrap();
    let token = letters.token().await;
    let short = accounts.reset_password(&token, "").await.unwrap_err();
    assert!(matches!(short, AccountError::InvalidPassword { .. }));
    let racing: Vec<_> = (0..50)
        .map(|number| {
            let (accounts, token) = (Arc::clone(&accounts), token.clone());
            tokio::spawn(async move {
                accounts.reset_password(&token, &format!("another {number}")).await
            })
        })
        .collect();
    let mut made = 0;
    for racing in racing {
        match racing.await.unwrap() {
            Ok(account) => {
                made += 1;
                assert!(account.verified);
            }
            Err(AccountError::WrongLink | AccountError::Changed) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(accounts.sessions().resolve(&begun.token).await.unwrap(), None);
    assert!(accounts.sign_in("ann", "secret", ADDRESS).await.is_err());
}

#[tokio::test]
async fn links_and_codes_end_with_their_time() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    register(&accounts, "ann", "ann@x.org").await;
    accounts.send_reset("ann@x.org", ADDRESS).unwrap();
    let token = letters.token().await;
    accounts.send_code("ann@x.org", ADDRESS).unwrap();
    let code = letters.code().await;
    database.pass(Duration::from_secs(600));
    let late = accounts.sign_in_by_code("ann@x.org", &code, ADDRESS).await.unwrap_err();
    assert!(matches!(late, AccountError::WrongCredentials));
    database.pass(Duration::from_secs(3_000));
    let late = accounts.reset_password(&token, "another").await.unwrap_err();
    assert!(matches!(late, AccountError::WrongLink));
}

#[tokio::test]
async fn a_code_signs_in_once_and_drops_what_was_not_proved() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    // Somebody registers with another's address and waits for its owner.
    let taken = register(&accounts, "mallory", "ann@x.org").await;
    let theirs = accounts.sessions().begin(&taken, SessionKind::Bearer, None).await.unwrap();
    accounts.send_code("ann@x.org", ADDRESS).unwrap();
    let code = letters.code().await;
    let signed_in = accounts.sign_in_by_code("Ann@x.org", &code, ADDRESS).await.unwrap();
    assert!(signed_in.verified);
    assert_eq!(accounts.sessions().resolve(&theirs.token).await.unwrap(), None);
    assert!(accounts.sign_in("mallory", "secret", ADDRESS).await.is_err());
    let again = accounts.sign_in_by_code("ann@x.org", &code, ADDRESS).await.unwrap_err();
    assert!(matches!(again, AccountError::WrongCredentials));
}

#[tokio::test]
async fn five_guesses_end_a_code() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    register(&accounts, "ann", "ann@x.org").await;
    accounts.send_code("ann@x.org", ADDRESS).unwrap();
    let code = letters.code().await;
    for number in 0..5 {
        let address = format!("198.51.100.{number}");
        let refused = accounts.sign_in_by_code("ann@x.org", "00000000x", &address).await;
        assert!(matches!(refused, Err(AccountError::WrongCredentials)));
    }
    let refused = accounts.sign_in_by_code("ann@x.org", &code, ADDRESS).await;
    assert!(matches!(refused, Err(AccountError::WrongCredentials)));
}

#[tokio::test]
async fn nobody_is_told_whether_there_is_an_account() {
    let database = Database::new();
    let (accounts, mut letters) = with_mail(&database);
    let ann = register(&accounts, "ann", "ann@x.org").await;
    accounts.set_disabled(&ann, true).await.unwrap();
    register(&accounts, "bob", "bob@x.org").await;
    for unknown in ["nobody@x.org", "no address", "ann@x.org"] {
        accounts.send_reset(unknown, ADDRESS).unwrap();
        accounts.send_code(unknown, ADDRESS).unwrap();
    }
    accounts.send_reset("bob@x.org", ADDRESS).unwrap();
    assert_eq!(letters.next().await.to, "bob@x.org");
    let mut sent = 1;
    while accounts.send_reset("bob@x.org", ADDRESS).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 5, "letters to one address in an hour");
    let without = Arc::new(database.accounts()).send_reset("bob@x.org", ADDRESS).unwrap_err();
    assert!(matches!(without, AccountError::NoMail));
}
