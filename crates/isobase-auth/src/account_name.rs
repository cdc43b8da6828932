//! Names and e-mail addresses of accounts.

use crate::AccountError;

/// Longest name or address, in bytes: the longest address that mail can be sent to.
/// Source: RFC 5321, section 4.5.3.1.3, with the erratum 1690.
pub const ACCOUNT_NAME_BYTES_MAX: usize = 254;

/// Longest part of an address before the `@`, in bytes. Source: RFC 5321, section 4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;

/// The names by which an account is signed in to.
///
/// Names are compared exactly, so `Alice` is not `alice`. Everything with an `@` is compared
/// without case and shares one set of unique values, whether it was given as name or as address:
/// else one account could take another's address as its name, and sign-in would find the wrong one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// As it was given.
    pub(crate) name: String,
    /// As it was given; `None` without one.
    pub(crate) email: Option<String>,
    /// The value in the unique index of addresses.
    pub(crate) address_key: Option<String>,
}

impl Names {
    /// Checks the names of an account.
    ///
    /// # Errors
    /// [`AccountError::InvalidName`] or [`AccountError::InvalidEmail`].
    pub(crate) fn new(name: &str, email: Option<&str>) -> Result<Self, AccountError> {
        check_name(name)?;
        let email = email.filter(|email| !email.is_empty());
        if let Some(email) = email {
            check_email(email)?;
        }
        let (name_key, email_key) = (name.contains('@').then(|| fold(name)), email.map(fold));
        if let (Some(name_key), Some(email_key)) = (&name_key, &email_key)
            && name_key != email_key
        {
            let reason = "a name with an @ must be the e-mail address of the account";
            return Err(AccountError::InvalidName { reason: reason.to_owned() });
        }
        let is_address = email.is_none() && check_email(name).is_ok();
        let email = email.or_else(|| is_address.then_some(name)).map(str::to_owned);
        Ok(Self { name: name.to_owned(), email, address_key: email_key.or(name_key) })
    }
}

/// Checks what somebody wants to be called.
fn check_name(name: &str) -> Result<(), AccountError> {
    let proper =
        (1..=ACCOUNT_NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
    if proper {
        return Ok(());
    }
    let reason = format!(
        "a name has 1 to {ACCOUNT_NAME_BYTES_MAX} bytes of UTF-8 and no control characters"
    );
    Err(AccountError::InvalidName { reason })
}

/// Whether mail could be sent there. Only mail that arrives proves that an address is right.
pub(crate) fn check_email(email: &str) -> Result<(), AccountError> {
    let proper = |(local, domain): (&str, &str)| {
        let labels = || domain.split('.');
        (1..=LOCAL_BYTES_MAX).contains(&local.len())
            && !local.contains('@')
            && labels().all(|label| !label.is_empty() && !label.starts_with('-'))
    };
    let clean =
        !email.contains(|c: char| c.is_control() || c.is_whitespace() || "<>,;\"".contains(c));
    match email.rsplit_once('@').is_some_and(proper)
        && clean
        && email.len() <= ACCOUNT_NAME_BYTES_MAX
    {
        true => Ok(()),
        false => Err(AccountError::InvalidEmail),
    }
}

/// An address as it is compared.
pub(crate) fn fold(address: &str) -> String {
    address.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_and_addresses_are_folded() {
        let names = Names::new("Alice", Some("Alice@Example.org")).unwrap();
        assert_eq!(names.name, "Alice");
        assert_eq!(names.email.as_deref(), Some("Alice@Example.org"));
        assert_eq!(names.address_key.as_deref(), Some("alice@example.org"));
        let plain = Names::new(" b ", None).unwrap();
        assert_eq!((plain.email, plain.address_key), (None, None));
    }

    #[test]
    fn a_name_with_an_at_sign_is_an_address() {
        let names = Names::new("Bob@x.org", None).unwrap();
        assert_eq!(names.email.as_deref(), Some("Bob@x.org"));
        assert_eq!(names.address_key.as_deref(), Some("bob@x.org"));
        assert!(Names::new("bob@x.org", Some("BOB@X.org")).is_ok());
        let other = Names::new("bob@x.org", Some("eve@x.org")).unwrap_err();
        assert!(matches!(other, AccountError::InvalidName { .. }), "{other}");
        let handle = Names::new("@Bob", None).unwrap();
        assert_eq!((handle.email, handle.address_key.as_deref()), (None, Some("@bob")));
    }

    #[test]
    fn unusable_names_and_addresses_are_refused() {
        let long = "x".repeat(255);
        for name in ["", "a\nb", "\0", &long] {
            let refused = Names::new(name, None).unwrap_err();
            assert!(matches!(refused, AccountError::InvalidName { .. }), "{name:?}");
        }
        let long = format!("a@{}.org", "x".repeat(250));
        for email in
            ["a", "@b.org", "a@", "a@b..org", "a@@b.org", "a b@c.org", "a@-b", "a@b\r\n", &long]
        {
            let refused = Names::new("a", Some(email)).unwrap_err();
            assert!(matches!(refused, AccountError::InvalidEmail), "{email:?}");
        }
        for email in ["a@localhost", "\u{fc}@b\u{fc}cher.de", "a+b@x.org"] {
            assert!(Names::new("a", Some(email)).is_ok(), "{email}");
        }
    }
}
