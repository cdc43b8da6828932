//! The files: `0001_create_users.sql`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::Error;

/// The first line of a file whose statements cannot run in a transaction, such as
/// `CREATE INDEX CONCURRENTLY`.
const NO_TRANSACTION: &str = "-- isobase: no transaction";
/// Digits of the numbers that [`Migrations::create`] gives.
const NUMBER_DIGITS: usize = 4;

/// The migrations of a folder.
#[derive(Clone, Debug, Default)]
pub struct Migrations {
    pub(super) all: Vec<Migration>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The number in front of its name.
    pub version: i64,
    /// The name after the number.
    pub name: String,
    /// The SQL.
    pub sql: String,
    /// SHA-256 of the SQL in hexadecimal digits, with line ends as `\n`.
    pub checksum: String,
    /// Whether it runs in one transaction.
    pub transactional: bool,
}

impl Migrations {
    /// Reads the files `NUMBER_NAME.sql` of a folder. Other files are passed over, but for those
    /// that end in `.sql`: they were meant to be one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io); [`ErrorKind::Invalid`](crate::ErrorKind::Invalid)
    /// for a name that is none, or a number that comes twice.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let io = |error| Error::io("read", folder, &error);
        let mut all: Vec<Migration> = Vec::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                all.push(Migration::read(&path)?);
            }
        }
        all.sort_by_key(|migration| migration.version);
        if let Some(two) = all.windows(2).find(|two| two[0].version == two[1].version) {
            let (version, first, second) = (two[0].version, &two[0].name, &two[1].name);
            return Err(Error::invalid(format!(
                "two migrations have the number {version}: {first} and {second}"
            )));
        }
        Ok(Self { all })
    }

    /// Writes an empty file with the next number; gives its path.
    ///
    /// # Errors
    /// As [`Migrations::read`].
    pub fn create(folder: &Path, name: &str) -> Result<PathBuf, Error> {
        let name: String = name.to_lowercase().replace([' ', '-'], "_");
        if !is_name(&name) {
            return Err(Error::invalid(format!(
                "the name '{name}' of a migration must be of letters, digits and _"
            )));
        }
        fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
        let last = Self::read(folder)?.all.last().map_or(0, |migration| migration.version);
        let path = folder.join(format!("{:0NUMBER_DIGITS$}_{name}.sql", last + 1));
        let text = "-- Written once, run once: change the database again with the next file.\n\
                    -- What older programs still use is removed in a later file than the one that\n\
                    -- replaces it: expand first, contract when nobody reads the old form.\n";
        fs::write(&path, text).map_err(|error| Error::io("write", &path, &error))?;
        Ok(path)
    }

    /// The migrations in their order.
    #[must_use]
    pub fn all(&self) -> &[Migration] {
        &self.all
    }
}

impl Migration {
    fn read(path: &Path) -> Result<Self, Error> {
        let file = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let parts = file.split_once('_').and_then(|(number, name)| {
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            let version = number.parse().ok().filter(|version| digits && *version > 0)?;
            is_name(name).then(|| (version, name.to_owned()))
        });
        let Some((version, name)) = parts else {
            return Err(Error::invalid(format!(
                "{} is no migration: expected a name like 0001_create_users.sql",
                path.display()
            )));
        };
        let text = fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))?;
        let sql = text.replace("\r\n", "\n");
        let digest = Sha256::digest(sql.as_bytes());
        let checksum = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let transactional = !sql.trim_start().starts_with(NO_TRANSACTION);
        Ok(Self { version, name, sql, checksum, transactional })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}
