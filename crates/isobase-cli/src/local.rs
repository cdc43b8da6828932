//! The socket by which commands reach the running service of a data folder, without a key: only
//! the user who runs the service may open it.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use isobase_client::{Client, ClientOptions};
use tokio::net::{UnixListener, UnixStream};

use crate::service_failure::client_failure;

/// The socket in the data folder.
const SOCKET: &str = "isobase.sock";

/// Longest wait for an answer by it: a build of an index may take that long.
const ANSWER: Duration = Duration::from_secs(60);

/// A socket that is there as long as this is.
pub(crate) struct Listening {
    path: PathBuf,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the socket {} stays: {error}", self.path.display());
        }
    }
}

/// Listens for the commands of the user who runs this service. Without it they go on by address and key,
/// so a folder where there can be no socket is no reason to stop.
pub(crate) async fn listen(data: &Path) -> Option<(UnixListener, Listening)> {
    let path = data.join(SOCKET);
    if UnixStream::connect(&path).await.is_ok() {
        tracing::warn!(
            "another service uses the data folder {}: commands reach that one by its socket, and \
             this one by its address and a key",
            data.display()
        );
        return None;
    }
    match bind(data, &path) {
        Ok(listener) => Some((listener, Listening { path })),
        Err(error) => {
            tracing::warn!(
                %error,
                "there is no socket {}, so commands reach this service by its address and a key: \
                 {error}",
                path.display()
            );
            None
        }
    }
}

/// Makes the socket where no other user can open it, and moves it to its place when only its owner
/// may. What a killed service left there is replaced.
fn bind(data: &Path, path: &Path) -> io::Result<UnixListener> {
    fs::create_dir_all(data)?;
    let private = tempfile::Builder::new()
        .prefix(".isobase-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(data)?;
    let made = private.path().join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(&made, path)?;
    Ok(listener)
}

/// A running service.
pub(crate) struct Service {
    path: PathBuf,
    /// Its process, where the system tells.
    pub(crate) pid: Option<i32>,
}

impl Service {
    /// A client of it, which may do everything. A key says on whose behalf.
    pub(crate) fn client(&self, key: Option<&str>) -> Result<Client> {
        let options = ClientOptions {
            api_key: key.map(str::to_owned),
            answer_deadline: ANSWER,
            ..ClientOptions::default()
        };
        Client::local(&self.path, options).map_err(|error| client_failure(error).into())
    }
}

/// The running service of a data folder, if there is one whose socket this user may open.
pub(crate) async fn service_of(data: &Path) -> Option<Service> {
    let path = data.join(SOCKET);
    let stream = UnixStream::connect(&path).await.ok()?;
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
    Some(Service { path, pid })
}
