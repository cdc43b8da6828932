//! Keys in a file, and what they allow.
#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod accounts;

use std::path::PathBuf;

use isobase_auth::{Authorizer, Denied, KeyError, KeyStore, Permission, Principal, Scope};
use tempfile::TempDir;

const EVERYTHING: [Permission; 4] =
    [Permission::Public, Permission::Read, Permission::Write, Permission::Admin];

/// A folder with a key file.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keys.db")
    }

    /// The file as another process opens it.
    fn keys(&self) -> KeyStore {
        KeyStore::open(&self.path()).unwrap()
    }

    fn authorizer(&self, internal: Option<&str>) -> Authorizer {
        Authorizer::new(internal, Some(self.keys())).unwrap()
    }
}

fn allowed(authorizer: &Authorizer, credentials: Option<&str>) -> Vec<Permission> {
    let permitted = |p: &Permission| authorizer.authorize(credentials, *p).is_ok();
    EVERYTHING.into_iter().filter(permitted).collect()
}

#[test]
fn without_keys_everything_is_open() {
    let authorizer = Folder::new().authorizer(None);
    assert!(authorizer.is_open());
    assert_eq!(authorizer.authorize(None, Permission::Admin), Ok(Principal::Open));
}

#[test]
fn each_scope_allows_what_it_names() {
    let folder = Folder::new();
    let keys = folder.keys();
    let created = [Scope::Read, Scope::Write, Scope::Admin]
        .map(|scope| keys.create(scope.as_str(), scope).unwrap());
    let authorizer = folder.authorizer(None);
    for (number, key) in created.iter().enumerate() {
        let allowed = allowed(&authorizer, Some(&key.secret));
        assert_eq!(allowed, EVERYTHING[..number + 2], "{:?}", key.info.scope);
    }
    assert_eq!(
        authorizer.authorize(Some(&created[0].secret), Permission::Write),
        Err(Denied::Forbidden)
    );
}

#[test]
fn wrong_credentials_allow_only_what_is_public() {
    let folder = Folder::new();
    let key = folder.keys().create("a", Scope::Admin).unwrap();
    let authorizer = folder.authorizer(Some("internal"));
    let other_end = if key.secret.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{other_end}", &key.secret[..key.secret.len() - 1]);
    let longer = format!("{}0", key.secret);
    let id_only = format!("iso_{}_", key.info.id);
    for wrong in [None, Some(""), Some(" "), Some("interna"), Some("internal ")]
        .into_iter()
        .chain([Some(changed.as_str()), Some(&longer), Some(&id_only)])
    {
        assert_eq!(allowed(&authorizer, wrong), [Permission::Public], "{wrong:?}");
        assert_eq!(authorizer.authorize(wrong, Permission::Read), Err(Denied::Unauthenticated));
    }
    assert_eq!(authorizer.authorize(Some("internal"), Permission::Admin), Ok(Principal::Internal));
}

#[test]
fn an_empty_internal_key_is_none() {
    assert!(Folder::new().authorizer(Some("")).is_open());
}

#[test]
fn first_key_ends_open_mode_while_running() {
    let folder = Folder::new();
    let authorizer = folder.authorizer(None);
    let key = folder.keys().create("first", Scope::Read).unwrap();
    authorizer.refresh().unwrap();
    assert!(!authorizer.is_open());
    assert_eq!(authorizer.authorize(None, Permission::Read), Err(Denied::Unauthenticated));
    assert!(authorizer.authorize(Some(&key.secret), Permission::Read).is_ok());
}

#[test]
fn revoking_the_last_key_closes_the_service() {
    let folder = Folder::new();
    let keys = folder.keys();
    let key = keys.create("only", Scope::Admin).unwrap();
    let authorizer = folder.authorizer(None);
    keys.revoke("only").unwrap();
    authorizer.refresh().unwrap();
    assert_eq!(allowed(&authorizer, Some(&key.secret)), [Permission::Public]);
    assert!(!folder.authorizer(None).is_open(), "a restart must not open it either");
}

#[test]
fn keys_are_revoked_by_id_or_name() {
    let folder = Folder::new();
    let keys = folder.keys();
    let a = keys.create("a", Scope::Read).unwrap();
    keys.create("b", Scope::Write).unwrap();
    assert!(keys.revoke(&a.info.id).unwrap().revoked_at.is_some());
    assert_eq!(keys.revoke("b").unwrap().name, "b");
    assert!(matches!(keys.revoke("b"), Err(KeyError::NotFound(name)) if name == "b"));
    keys.create("b", Scope::Read).unwrap();
    let names: Vec<_> = keys.list().unwrap().into_iter().map(|key| key.name).collect();
    assert_eq!(names, ["a", "b", "b"]);
}

#[test]
fn names_are_checked_and_unique() {
    let folder = Folder::new();
    let keys = folder.keys();
    keys.create("a", Scope::Read).unwrap();
    assert!(matches!(keys.create("a", Scope::Read), Err(KeyError::NameTaken(_))));
    for name in ["", "a\nb", &"x".repeat(101)] {
        assert!(matches!(keys.create(name, Scope::Read), Err(KeyError::InvalidName)), "{name}");
    }
}

#[test]
fn use_of_a_key_is_noted_to_the_hour() {
    let folder = Folder::new();
    let key = folder.keys().create("a", Scope::Read).unwrap();
    let authorizer = folder.authorizer(None);
    authorizer.authorize(Some(&key.secret), Permission::Read).unwrap();
    authorizer.refresh().unwrap();
    let used = folder.keys().list().unwrap()[0].last_used_at.unwrap();
    assert!(used.elapsed().unwrap().as_secs() <= 3_600);
    assert!(authorizer.authorize(Some(&key.secret), Permission::Read).is_ok());
}

#[test]
fn the_file_holds_no_secret_and_is_private() {
    let folder = Folder::new();
    let key = folder.keys().create("a", Scope::Read).unwrap();
    let secret = key.secret.rsplit('_').next().unwrap().as_bytes().to_vec();
    for entry in std::fs::read_dir(folder.0.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{path:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "{path:?}");
        }
    }
    assert!(!format!("{key:?}").contains(&key.secret));
}
