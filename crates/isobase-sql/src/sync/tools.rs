//! PostgreSQL's own programs, found by their version.

use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::{Error, ErrorKind};

/// Where Debian and its kin keep the programs of each version.
const VERSIONED_FOLDER: &str = "/usr/lib/postgresql";

/// `pg_dump` and `psql` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgTools {
    folder: PathBuf,
    /// Of `pg_dump`.
    pub version: Version,
}

/// The version of a program: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 15 of 15.4.
    pub major: u32,
    /// 4 of 15.4.
    pub minor: u32,
}

impl PgTools {
    /// The oldest programs that are at least as new as the server: older ones do not know all
    /// that it has.
    ///
    /// They are looked for in `PATH`, which the caller knows, and where distributions keep
    /// several versions.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when there are none, or none that are new enough.
    pub async fn find(path: Option<&OsString>, server_major: u32) -> Result<Self, Error> {
        let mut found = Vec::new();
        for folder in folders(path) {
            found.extend(Self::of_folder(&folder).await);
        }
        found.sort_by_key(|tools| tools.version);
        let newest = found.last().map(|tools| tools.version);
        let fitting = found.into_iter().find(|tools| tools.version.major >= server_major);
        fitting.ok_or_else(|| {
            let message = match newest {
                Some(newest) => format!(
                    "the server has version {server_major}, and the newest pg_dump here is \
                     {newest}: install postgresql-client-{server_major}, or use the built-in dump"
                ),
                None => format!(
                    "pg_dump and psql are not installed: install postgresql-client-{server_major}, or \
                     use the built-in dump"
                ),
            };
            Error::new(ErrorKind::Io, message)
        })
    }

    async fn of_folder(folder: &Path) -> Option<Self> {
        if !folder.join("psql").is_file() {
            return None;
        }
        let mut command = Command::new(folder.join("pg_dump"));
        let output = command.arg("--version").stdin(Stdio::null()).output().await.ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.split_whitespace().find_map(Version::parse)?;
        Some(Self { folder: folder.to_owned(), version })
    }

    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

impl Version {
    /// `15.4`, `18beta1` or `16`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            text[..end].parse().ok()
        };
        let major = digits(text)?;
        let minor = text.split_once('.').and_then(|(_, rest)| digits(rest)).unwrap_or(0);
        Some(Self { major, minor })
    }

    /// Whether `psql` knows the line `\restrict` with which newer dumps begin.
    ///
    /// Source: release notes of 2025-08-14.
    #[must_use]
    pub fn knows_restrict(self) -> bool {
        let since = match self.major {
            13 => 22,
            14 => 19,
            15 => 14,
            16 => 10,
            17 => 6,
            major => return major >= 18,
        };
        self.minor >= since
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

fn folders(path: Option<&OsString>) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    let versions = fs::read_dir(VERSIONED_FOLDER).into_iter().flatten().flatten();
    // Debian's programs in PATH choose among these by themselves; these are what they are.
    folders.extend(versions.map(|entry| entry.path().join("bin")));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let version = |text| Version::parse(text).unwrap();
        assert_eq!(version("15.4"), Version { major: 15, minor: 4 });
        assert_eq!(version("18beta1"), Version { major: 18, minor: 0 });
        assert!(version("15.13") < version("16"));
        assert!(!version("15.13").knows_restrict() && version("15.14").knows_restrict());
        assert!(version("18.0").knows_restrict() && !version("12.22").knows_restrict());
        assert_eq!(Version::parse("(PostgreSQL)"), None);
    }
}
