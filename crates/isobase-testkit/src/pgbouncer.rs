//! A connection pooler before a PostgreSQL.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::postgres::ServerUser;
use crate::{ReservedPort, wait_until};

const START_DEADLINE: Duration = Duration::from_secs(30);

/// PgBouncer in transaction mode, which takes encrypted connections only. Its drop ends it.
#[derive(Debug)]
pub struct PgBouncer {
    port: ReservedPort,
    child: Child,
    certificate: PathBuf,
    /// Never read; its drop removes the folder, after the pooler has ended.
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one before the server of a URL of this machine, `postgres://USER@127.0.0.1:PORT/…`.
    ///
    /// # Errors
    /// When PgBouncer is not installed or does not start; the error shows what it printed.
    pub fn start(server: &str) -> Result<Self> {
        let authority = server.split("://").nth(1).and_then(|rest| rest.split('/').next());
        let port = authority.and_then(|text| text.rsplit(':').next()).context("a port")?;
        let folder = tempfile::Builder::new().prefix("isobase-pgbouncer-").tempdir()?;
        let file = |name: &str| folder.path().join(name);
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        fs::write(file("certificate.pem"), cert.pem())?;
        fs::write(file("key.pem"), signing_key.serialize_pem())?;
        let own_port = ReservedPort::new()?;
        let settings = [
            "[databases]".to_owned(),
            format!("* = host=127.0.0.1 port={port} user=postgres"),
            "[pgbouncer]".to_owned(),
            "listen_addr = 127.0.0.1".to_owned(),
            format!("listen_port = {}", own_port.port()),
            "unix_socket_dir =".to_owned(),
            "auth_type = any".to_owned(),
            "pool_mode = transaction".to_owned(),
            // Fewer than clients have: a session is never the same for long.
            "default_pool_size = 4".to_owned(),
            "client_tls_sslmode = require".to_owned(),
            format!("client_tls_cert_file = {}", file("certificate.pem").display()),
            format!("client_tls_key_file = {}", file("key.pem").display()),
        ];
        fs::write(file("pgbouncer.ini"), settings.join("\n"))?;
        let user = ServerUser::of_this_process()?;
        if let Some(user) = user {
            for path in [folder.path().to_owned(), file("key.pem"), file("pgbouncer.ini")] {
                chown(path, Some(user.uid), Some(user.gid))?;
            }
        }
        let log = File::create(file("log"))?;
        let mut command = Command::new("/usr/sbin/pgbouncer");
        command.arg(file("pgbouncer.ini")).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some(user) = user {
            command.uid(user.uid).gid(user.gid);
        }
        let mut child = command.spawn().context("start pgbouncer")?;
        let started = wait_until("the start of PgBouncer", START_DEADLINE, || {
            if let Some(status) = child.try_wait()? {
                bail!("PgBouncer ended early: {status}");
            }
            Ok(std::net::TcpStream::connect(own_port.address()).ok())
        });
        let certificate = file("certificate.pem");
        let pooler = Self { port: own_port, child, certificate, _folder: folder };
        started.with_context(|| format!("PgBouncer printed:\n{}", pooler.log()))?;
        Ok(pooler)
    }

    /// How a client reaches it: `postgres://…` with all parameters it needs.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/postgres?pgbouncer=transaction&sslmode=verify-full\
             &sslrootcert={}",
            self.port.port(),
            self.certificate.display()
        )
    }

    fn log(&self) -> String {
        let bytes = fs::read(self.certificate.with_file_name("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It keeps nothing, so nothing is lost with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
