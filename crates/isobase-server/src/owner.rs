//! Who owns the service.

use isobase_auth::Principal;

/// Whether somebody owns the service: by account, by its own key, or because it is open. Named keys
/// are given to programs and own nothing.
pub(crate) fn is_owner(principal: &Principal) -> bool {
    match principal {
        Principal::Account { role, .. } => role.is_owner(),
        Principal::Open | Principal::Operator | Principal::Internal => true,
        Principal::Key { .. } | Principal::Anonymous => false,
    }
}
