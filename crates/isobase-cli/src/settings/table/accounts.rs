//! Accounts, and letters to people.

use std::time::Duration;

use isobase_auth::{AccountOptions, Registration};

use super::super::{
    kinds::{Choice, Span, Text, Whole},
    setting::{Optional, Setting},
};

super::settings! {
    static OWNER_NAME: Optional<String> = Setting::optional(
        "owner.name",
        &Text::ANY,
        "Name of the first owner, an account that may do everything. It is made at the start while \
         there is no owner; needs `owner.password`.",
    );

    static OWNER_PASSWORD: Optional<String> = Setting::optional(
        "owner.password",
        &Text::SECRET,
        "Password of the first owner, at least 12 characters. Once there is an owner it is not looked \
         at any more.",
    );

    static OWNER_EMAIL: Optional<String> = Setting::optional(
        "owner.email",
        &Text::ANY,
        "E-mail address of the first owner.",
    );

    static ACCOUNTS_REGISTRATION: Setting<Registration> = Setting::new(
        "accounts.registration",
        &Choice(&[("open", Registration::Open), ("closed", Registration::Closed)]),
        || AccountOptions::default().registration,
        "Who may register: everyone, or no one, and then administrators make accounts.",
    )
    .changeable();

    static ACCOUNTS_PASSWORD_CHARACTERS_MIN: Setting<usize> = Setting::new(
        "accounts.password_characters_min",
        &Whole::between(1, 100),
        || AccountOptions::default().password_characters_min,
        "Fewest characters of a password. Those of owners and admins have at least 12.",
    )
    .changeable();

    static ACCOUNTS_SESSION_LIFETIME: Setting<Duration> = Setting::new(
        "accounts.session_lifetime",
        &Span,
        || AccountOptions::default().session_lifetime,
        "How long a session lasts after its beginning or its last renewal.",
    )
    .changeable_from(|| Duration::from_secs(5 * 60));

    static MAIL_SMTP_URL: Optional<String> = Setting::optional(
        "mail.smtp_url",
        &Text::SECRET,
        "Mail server for letters to people: `smtps://user:password@mail.example.com`, or \
         `smtp://…:587?tls=required`. Without one letters go to the log.",
    );

    static MAIL_FROM: Optional<String> = Setting::optional(
        "mail.from",
        &Text::ANY,
        "Sender of letters: `My app <app@example.com>`. Needed with `mail.smtp_url`.",
    )
    .changeable();
}
