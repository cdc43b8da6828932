//! Refusals of a service, with the way out.

use isobase_client::ClientError;

use crate::failure::Failure;

/// An error of the service with the way out.
pub(crate) fn client_failure(error: ClientError) -> Failure {
    let hint = match &error {
        ClientError::Refused(problem) => match problem.status {
            401 => Some("give a key: --key, ISOBASE_KEY or INTERNAL_API_KEY"),
            403 => Some("the key does not allow this; isobase key list shows what keys may do"),
            _ => None,
        },
        ClientError::Tls { .. } => Some(
            "an authority of your own is trusted when SSL_CERT_FILE names the file of its certificate",
        ),
        ClientError::Connect { .. } => Some("is the service running? isobase serve starts one"),
        _ => None,
    };
    let failure = Failure::from_error(anyhow::Error::new(error));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
