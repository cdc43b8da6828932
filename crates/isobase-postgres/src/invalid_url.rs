//! Why a URL is not taken.

/// Why a URL is refused. Never quotes the URL: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Something before the parameters is wrong.
    #[error(
        "the PostgreSQL URL cannot be read, expected postgres://USER:PASSWORD@HOST:PORT/DATABASE \
         with %-encoded special characters"
    )]
    Form,
    /// A parameter no one knows.
    #[error("unknown parameter '{name}' in the PostgreSQL URL")]
    UnknownParameter {
        /// Its name.
        name: String,
    },
    /// A parameter has a value it cannot have.
    #[error("the parameter '{name}' of the PostgreSQL URL must be {expected}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Allowed.
        expected: &'static str,
    },
    /// The certificates cannot be read.
    #[error("the certificates in '{path}' (sslrootcert) cannot be read: {reason}")]
    Certificates {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}
