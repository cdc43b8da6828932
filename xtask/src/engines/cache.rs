//! A folder of this user for programs that are installed once, whatever checkout runs them.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use isobase_testkit::wait_until;

use crate::interrupt;

/// Names another folder than `isobase-tools` in the user's cache.
pub(crate) const CACHE_VARIABLE: &str = "ISOBASE_TEST_TOOLS";

/// The longest installation is a build from source: about six minutes on two idle cores.
const INSTALL_DEADLINE: Duration = Duration::from_secs(60 * 60);

#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The folder that the environment names, made if need be.
    pub(crate) fn open() -> Result<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let folder = folder_of(variable).with_context(|| {
            format!("where to keep installed programs? set {CACHE_VARIABLE} to a folder")
        })?;
        Self::at(folder)
    }

    fn at(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        Ok(Self { folder: folder.canonicalize()? })
    }

    /// The folder `name`, filled by `install` unless it is there. The name says
    /// what is in it, with the version, so that nothing in it ever changes.
    ///
    /// One process installs and others wait. `install` fills another folder,
    /// which gets its name when it is complete: what was interrupted is not found.
    pub(crate) fn get(
        &self,
        name: &str,
        install: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let target = self.folder.join(name);
        if target.is_dir() {
            return Ok(target);
        }
        // Its drop gives the lock back, as does the end of the process.
        let _lock = self.lock(name)?;
        if target.is_dir() {
            return Ok(target);
        }
        let started = tempfile::Builder::new().prefix("started-").tempdir_in(&self.folder)?;
        let content = started.path().join(name);
        fs::create_dir(&content)?;
        install(&content)?;
        fs::rename(&content, &target).with_context(|| format!("name {}", target.display()))?;
        Ok(target)
    }

    fn lock(&self, name: &str) -> Result<File> {
        let file = File::create(self.folder.join(format!("{name}.lock")))?;
        let mut told = false;
        wait_until("another installation", INSTALL_DEADLINE, || {
            interrupt::check()?;
            match file.try_lock() {
                Ok(()) => return Ok(Some(())),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            if !told {
                eprintln!("==> waiting for another process that installs {name}");
                told = true;
            }
            Ok(None)
        })?;
        Ok(file)
    }
}

fn folder_of(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(folder) = variable(CACHE_VARIABLE) {
        return Some(folder.into());
    }
    let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))?;
    Some(cache.join("isobase-tools"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use anyhow::bail;

    use super::*;

    fn cache(folder: &tempfile::TempDir) -> Cache {
        Cache::at(folder.path().join("tools")).unwrap()
    }

    #[test]
    fn own_variable_names_the_folder_first() {
        let all = |name: &str| Some(OsString::from(format!("/{name}")));
        assert_eq!(folder_of(all), Some("/ISOBASE_TEST_TOOLS".into()));
        let without = |name: &str| (name != CACHE_VARIABLE).then(|| "/x".into());
        assert_eq!(folder_of(without), Some("/x/isobase-tools".into()));
        let home = |name: &str| (name == "HOME").then(|| "/home".into());
        assert_eq!(folder_of(home), Some("/home/.cache/isobase-tools".into()));
        assert_eq!(folder_of(|_| None), None);
    }

    #[test]
    fn installs_once_although_two_race() {
        let folder = tempfile::tempdir().unwrap();
        let installs = AtomicU32::new(0);
        let install = || {
            cache(&folder).get("tool-1", |path| {
                installs.fetch_add(1, Ordering::SeqCst);
                Ok(fs::write(path.join("program"), "complete")?)
            })
        };
        let found = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(install));
            threads.map(|thread| thread.join().unwrap().unwrap())
        });
        assert_eq!(installs.into_inner(), 1);
        for path in found {
            assert_eq!(fs::read_to_string(path.join("program")).unwrap(), "complete");
        }
    }

    #[test]
    fn a_failed_installation_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        let failed = cache.get("tool-1", |path| {
            fs::write(path.join("program"), "half")?;
            bail!("no network")
        });
        assert_eq!(failed.unwrap_err().to_string(), "no network");
        let path = cache.get("tool-1", |_| Ok(())).unwrap();
        assert!(!path.join("program").exists());
    }
}
