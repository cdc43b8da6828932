//! The first owner of a database, as the settings name one.

use anyhow::Result;
use isobase::Store;
use isobase_auth::{AccountError, Accounts};

use crate::{
    failure::Failure,
    settings::{Loaded, account_options, first_owner},
};

/// Makes the first owner that the settings name, unless there is an owner.
pub(super) async fn make_first_owner(loaded: &Loaded, store: &Store) -> Result<()> {
    let Some(owner) = first_owner(loaded)? else { return Ok(()) };
    let accounts = Accounts::new(store, account_options(loaded));
    let name = owner.name;
    match accounts.create_first_owner(owner).await {
        Ok(_) => tracing::info!(name, "{name} is the first owner"),
        Err(AccountError::OwnerExists) => {}
        // Another service on the database starts at the same time with the same settings.
        Err(AccountError::NameTaken) if accounts.has_owner().await? => {}
        Err(AccountError::Store(error)) => return Err(error.into()),
        Err(error) => {
            return Err(Failure::usage(format!("the first owner {name:?} is refused: {error}"))
                .hint("change owner.name, owner.password or owner.email")
                .into());
        }
    }
    Ok(())
}
