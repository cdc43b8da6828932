//! TLS to the server.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::InvalidUrl;

/// How connections are encrypted; `None` when they are not.
pub(crate) type Tls = Option<MakeRustlsConnect>;

/// The checks of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// There is no TLS.
    NoTls,
    /// Nothing: keeps listeners out, not impostors.
    Nothing,
    /// An authority we know vouches for it, whatever name it has.
    Chain,
    /// An authority we know vouches for the name we connect to.
    Full,
}

pub(crate) fn connector(
    verification: Verification,
    roots: Option<&Path>,
) -> Result<Tls, InvalidUrl> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions of TLS");
    let config = match verification {
        Verification::NoTls => return Ok(None),
        Verification::Nothing => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { provider, roots: None }))
            .with_no_client_auth(),
        Verification::Chain => {
            let roots = Some(root_store(roots)?);
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName { provider, roots }))
                .with_no_client_auth()
        }
        Verification::Full => {
            builder.with_root_certificates(root_store(roots)?).with_no_client_auth()
        }
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn root_store(path: Option<&Path>) -> Result<RootCertStore, InvalidUrl> {
    let Some(path) = path else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let refuse =
        |reason: String| InvalidUrl::Certificates { path: path.display().to_string(), reason };
    let mut store = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        store.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(refuse("there is no certificate in it".to_owned()));
    }
    Ok(store)
}

/// Accepts certificates of any name; still checks that the server has the key of the certificate
/// it shows.
#[derive(Debug)]
struct AnyName {
    provider: Arc<CryptoProvider>,
    /// One of these must vouch for it, as `sslmode=verify-ca` asks; without, every certificate is
    /// accepted, as `sslmode=require` asks.
    roots: Option<RootCertStore>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let shown = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &shown,
                roots,
                intermediates,
                now,
                algorithms,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
