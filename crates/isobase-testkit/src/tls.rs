//! A front that ends TLS, as a proxy before a deployed service does.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Takes encrypted connections on loopback and hands their content to a server. Its certificate is
/// made when it starts, and vouches for itself.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    certificate: String,
    /// None once it ends.
    runtime: Option<Runtime>,
}

impl TlsFront {
    /// Starts one before a server, with a certificate for a host name or address.
    ///
    /// # Errors
    /// When the certificate cannot be made, or there is no port or thread.
    pub fn start(server: SocketAddr, host: &str) -> Result<Self> {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([host.to_owned()])?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        runtime.spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A client that does not trust us breaks off; that is what some tests are about.
                tokio::spawn(hand_over(acceptor.clone(), connection, server));
            }
        });
        Ok(Self { address, certificate: cert.pem(), runtime: Some(runtime) })
    }

    /// Where it listens: `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Its certificate as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn hand_over(acceptor: TlsAcceptor, connection: TcpStream, server: SocketAddr) -> Result<()> {
    let mut client = acceptor.accept(connection).await?;
    let mut server = TcpStream::connect(server).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
