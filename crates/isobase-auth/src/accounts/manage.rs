//! Changing accounts, as administrators and their owners do.

use isobase_store::{Action, Precondition, Rejection};
use isobase_types::{DocumentId, json::Patch};
use serde_json::json;

use super::{Accounts, not_stored, owner, taken};
use crate::{Account, AccountError, Role, account::Found, account_name::fold};

/// How old a session may be, in microseconds, that stands for a password. Ours: time to find the
/// button, and too short for a session that was left open.
const JUST_NOW_US: i64 = 10 * 60 * 1_000_000;

impl Accounts {
    /// Gives an account another role.
    ///
    /// # Errors
    /// [`AccountError::LastOwner`], [`AccountError::Changed`], or the database fails.
    pub async fn set_role(&self, account: &Account, role: &Role) -> Result<Account, AccountError> {
        if account.role.is_owner() && !role.is_owner() {
            self.keep_an_owner(account).await?;
        }
        self.change(account, json!({ "role": role.as_str(), "first_owner": null })).await
    }

    /// Shuts an account out, or lets it in again. Its sessions end.
    ///
    /// # Errors
    /// [`AccountError::LastOwner`], [`AccountError::Changed`], or the database fails.
    pub async fn set_disabled(
        &self,
        account: &Account,
        disabled: bool,
    ) -> Result<Account, AccountError> {
        if disabled {
            self.keep_an_owner(account).await?;
        }
        let epoch = account.session_epoch + 1;
        let change = json!({
            "disabled": disabled, "session_epoch": epoch, "session_kept": null, "challenge": null,
        });
        let changed = self.change(account, change).await?;
        self.sessions.clear(&account.id, None).await?;
        Ok(changed)
    }

    /// Says whether the address of an account is known to be right, as a letter would.
    ///
    /// # Errors
    /// [`AccountError::Changed`], or the database fails.
    pub async fn set_verified(
        &self,
        account: &Account,
        verified: bool,
    ) -> Result<Account, AccountError> {
        self.change(account, json!({ "verified": verified })).await
    }

    /// Gives an account another password. All of its sessions end but the one that is kept.
    ///
    /// # Errors
    /// The password cannot be one, [`AccountError::Changed`], [`AccountError::Busy`], or the
    /// database fails.
    pub async fn set_password(
        &self,
        account: &Account,
        password: &str,
        keep: Option<&str>,
    ) -> Result<Account, AccountError> {
        self.check_password(password, &account.role)?;
        let hash = self.passwords.hash(password).await?;
        let epoch = account.session_epoch + 1;
        // In one write: there is no moment with the new password and the old sessions.
        let change = json!({
            "password": hash, "session_epoch": epoch, "session_kept": keep, "challenge": null,
        });
        let changed = self.change(account, change).await?;
        self.sessions.clear(&account.id, keep).await?;
        Ok(changed)
    }

    /// Compares the password of an account that has signed in already, before something that a
    /// stolen session must not do. Counted as a sign-in.
    ///
    /// # Errors
    /// As [`Accounts::sign_in`].
    pub async fn confirm(
        &self,
        id: &DocumentId,
        password: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        let found = self.read(id).await?;
        let name = found.as_ref().map(|found| fold(&found.account.name)).unwrap_or_default();
        self.attempt(&name, address, self.verify(found, password)).await
    }

    /// As [`Accounts::confirm`], for what an account without a password does too: one that signs in
    /// at a provider is confirmed by a session that began within the last ten minutes.
    ///
    /// # Errors
    /// [`AccountError::SignInAgain`], and as [`Accounts::confirm`].
    pub async fn confirm_in_session(
        &self,
        (id, session): (&DocumentId, &str),
        password: &str,
        address: &str,
    ) -> Result<Account, AccountError> {
        let found = self.read(id).await?.filter(|found| found.password.is_none());
        let Some(found) = found else { return self.confirm(id, password, address).await };
        let sessions = self.sessions.list(&found.account).await?;
        let begun = sessions.iter().find(|it| it.id == session).map(|it| it.created_at);
        let now = self.clock.now();
        match begun {
            Some(begun) if now.unix_us - begun.unix_us <= JUST_NOW_US => Ok(found.account),
            _ => Err(AccountError::SignInAgain),
        }
    }

    /// Whether somebody can sign in to the account by a password.
    ///
    /// # Errors
    /// The database fails.
    pub async fn has_password(&self, account: &Account) -> Result<bool, AccountError> {
        Ok(self.read(&account.id).await?.is_some_and(|found| found.password.is_some()))
    }

    /// Ends all sessions of an account but one.
    ///
    /// # Errors
    /// [`AccountError::Changed`], or the database fails.
    pub async fn end_sessions(
        &self,
        account: &Account,
        keep: Option<&str>,
    ) -> Result<(), AccountError> {
        let epoch = account.session_epoch + 1;
        self.change(account, json!({ "session_epoch": epoch, "session_kept": keep })).await?;
        self.sessions.clear(&account.id, keep).await
    }

    /// Deletes an account with its sessions. What other collections keep of it goes, stays or
    /// forbids it, as their references to accounts say.
    ///
    /// # Errors
    /// [`AccountError::LastOwner`], [`AccountError::Referenced`], [`AccountError::Changed`], or
    /// the database fails.
    pub async fn delete(&self, account: &Account) -> Result<(), AccountError> {
        self.keep_an_owner(account).await?;
        let action = Action::Delete { id: account.id.clone() };
        let precondition = Precondition::RevisionIn(vec![account.revision.clone()]);
        let outcome = self.documents.write(action, precondition).await?;
        self.sessions.forget_account(&account.id);
        outcome.map_err(AccountError::refused)?;
        self.sessions.clear(&account.id, None).await?;
        self.sessions.forget_login(&account.id).await
    }

    /// Refuses what would leave no owner. Two owners who remove each other at the same moment both
    /// pass; then the next start offers the link for the first owner again.
    async fn keep_an_owner(&self, account: &Account) -> Result<(), AccountError> {
        if !account.role.is_owner() {
            return Ok(());
        }
        let owners = self.documents.list(Some(("role", owner()))).await?;
        let is_another = |found: Found| !found.account.disabled && found.account.id != account.id;
        for document in owners {
            if is_another(Found::read(document)?) {
                return Ok(());
            }
        }
        Err(AccountError::LastOwner)
    }

    /// Changes fields of an account, unless somebody else did meanwhile.
    pub(super) async fn change(
        &self,
        account: &Account,
        change: serde_json::Value,
    ) -> Result<Account, AccountError> {
        let patch = Patch::merge(change.to_string().as_bytes()).map_err(|e| not_stored(&e))?;
        let action = Action::Patch { id: account.id.clone(), patch };
        let precondition = Precondition::RevisionIn(vec![account.revision.clone()]);
        let outcome = self.documents.write(action, precondition).await?;
        self.sessions.forget_account(&account.id);
        outcome.map_err(|rejection| match rejection {
            Rejection::NotUnique { fields } => taken(&fields, false),
            rejection => AccountError::refused(rejection),
        })?;
        self.get(&account.id).await?.ok_or(AccountError::Changed)
    }
}
