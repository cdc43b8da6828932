//! The way of letters out of the service.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{Delivered, Letters, Mail, MailError, Mailer};

/// Most letters on their way at a time; more are not sent, and the log says so.
const ON_THEIR_WAY_MAX: usize = 64;

/// Sends the letters of accounts.
#[derive(Clone, Debug)]
pub struct PostOffice {
    mailer: Arc<dyn Mailer>,
    pub(crate) letters: Letters,
    /// The prefix of links: never what a request said of itself.
    base: String,
    room: Arc<Semaphore>,
}

impl PostOffice {
    /// A post office with links that begin with `base`: the scheme and authority that clients use.
    #[must_use]
    pub fn new(mailer: Arc<dyn Mailer>, letters: Letters, base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { mailer, letters, base, room: Arc::new(Semaphore::new(ON_THEIR_WAY_MAX)) }
    }

    /// The link with a token. Browsers keep what stands behind `#` to themselves, and so it is in
    /// no log of a proxy.
    pub(crate) fn link(&self, token: &str) -> String {
        format!("{}/confirm#{token}", self.base)
    }

    /// Sends a letter that says that letters arrive, and gives what the mail server said of it.
    ///
    /// # Errors
    /// It did not leave.
    pub async fn try_out(&self, to: &str) -> Result<Delivered, MailError> {
        let base = &self.base;
        let mail = Mail {
            to: to.to_owned(),
            subject: "Letters arrive".to_owned(),
            text: format!(
                "This letter was sent to try the mail server of {base}. It asks for nothing.\n"
            ),
        };
        self.mailer.send(&mail).await
    }

    /// Does the work and sends the letter that it gives, after the answer: how long that takes
    /// tells no one whether there is such an account.
    pub(crate) fn dispatch(&self, work: impl Future<Output = Option<Mail>> + Send + 'static) {
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!("{ON_THEIR_WAY_MAX} letters are on their way; one more is not sent");
            return;
        };
        let mailer = Arc::clone(&self.mailer);
        tokio::spawn(async move {
            if let Some(mail) = work.await
                && let Err(error) = mailer.send(&mail).await
            {
                // Not the letter: a subject may hold the code or the link.
                tracing::warn!(%error, "{error}");
            }
            drop(room);
        });
    }
}
