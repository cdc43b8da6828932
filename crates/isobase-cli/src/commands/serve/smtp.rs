//! Letters by SMTP.

use std::{fmt, time::Duration};

use isobase_auth::{Delivered, Mail, MailError, Mailer, Sending};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use tokio::time::timeout;

use crate::failure::Failure;

/// Longest time for one letter: a mail server that is slower counts as down.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends letters through a mail server.
pub(crate) struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// A mailer for `smtp://user:password@host:587?tls=required` or `smtps://…`, which sends as
    /// this address. Connects when it sends.
    pub(crate) fn new(url: &str, from: &str) -> Result<Self, Failure> {
        let wrong =
            |key: &str, error: &dyn fmt::Display| Failure::usage(format!("setting {key}: {error}"));
        let from = from.parse().map_err(|error| wrong("mail.from", &error))?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        let builder = builder.map_err(|error| {
            wrong("mail.smtp_url", &error).hint("as in smtps://user:password@mail.example.com")
        })?;
        Ok(Self { transport: builder.timeout(Some(PATIENCE)).build(), from })
    }

    async fn try_send(&self, mail: &Mail) -> Result<Delivered, MailError> {
        let failed = |error: &dyn fmt::Display| MailError(error.to_string());
        let to: Mailbox = mail.to.parse().map_err(|error| failed(&error))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|error| failed(&error))?;
        match timeout(PATIENCE, self.transport.send(message)).await {
            Ok(sent) => {
                let sent = sent.map_err(|error| failed(&error))?;
                let said = sent.message().collect::<Vec<_>>().join(" ");
                Ok(Delivered { answer: Some(format!("{} {said}", sent.code())) })
            }
            Err(_) => Err(MailError(format!("the mail server took longer than {PATIENCE:?}"))),
        }
    }
}

/// Hides the password of the mail server.
impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        Box::pin(self.try_send(mail))
    }
}
