//! Mail that the service sends.

use std::{fmt, pin::Pin};

/// A letter to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// Hides what is written: links and codes are secrets, and a subject may hold them too.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// Why a letter was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mail was not sent: {0}")]
pub struct MailError(pub String);

/// A letter that left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// The answer of the mail server; `None` where none was asked.
    pub answer: Option<String>,
}

/// A letter on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Delivered, MailError>> + Send + 'a>>;

/// Sends letters.
pub trait Mailer: fmt::Debug + Send + Sync {
    /// Sends one. A sender that is down or slow says so within a bounded time.
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a>;
}

/// For a service without a mail server: writes letters into the log and says why. Anyone who reads
/// the log can use their links.
#[derive(Debug)]
pub struct LogMailer;

impl Mailer for LogMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> Sending<'a> {
        tracing::warn!(
            to = mail.to,
            subject = mail.subject,
            "no mail server is configured (mail.smtp_url), so this letter to {} is only here: {}",
            mail.to,
            mail.text
        );
        Box::pin(std::future::ready(Ok(Delivered::default())))
    }
}
