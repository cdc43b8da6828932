//! Encryption: whom the client trusts, and what its failures are.

use std::{error::Error, io, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Whom a client trusts: the usual public authorities, those of the system, and those of the file
/// or folder that `SSL_CERT_FILE` and `SSL_CERT_DIR` name in their place.
///
/// Those of the system are read once per client of an encrypted service; what cannot be read of them
/// is left out, as it may vouch for other services only.
pub(crate) fn config(is_encrypted: bool) -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if is_encrypted {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The failure of TLS among the causes of an error, if it is one.
pub(crate) fn failure<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error names the causes of its content, and not the content itself.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match inside {
            Some(inside) => Some(inside as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_of_tls_is_found_among_the_causes() {
        let failure_of_tls = rustls::Error::General("refused".to_owned());
        let inside = io::Error::other(io::Error::other(failure_of_tls.clone()));
        assert_eq!(failure(&inside), Some(&failure_of_tls));
        assert_eq!(failure(&io::Error::other("something else")), None);
        assert_eq!(failure(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
