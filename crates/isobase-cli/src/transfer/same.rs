//! Whether two locations are one database under two spellings.

use std::{net::IpAddr, os::unix::fs::MetadataExt, path::Path};

use http::Uri;
use isobase::Location;

/// Whether they are the same, as far as names tell: one file under two names, or one server of this
/// machine under two names of its host. Elsewhere two names may be two servers behind one address,
/// and two users two databases behind one pooler.
pub(crate) fn is_same(a: &Location, b: &Location) -> bool {
    if let (Some(a), Some(b)) = (a.file(), b.file()) {
        return a == b || is_same_file(a, b);
    }
    match (a.server(), b.server()) {
        (Some(first), Some(second)) if a.engine() == b.engine() => {
            first == second || is_same_server(first, second)
        }
        _ => a == b,
    }
}

/// A hard link too.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) else { return false };
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

fn is_same_server(a: &str, b: &str) -> bool {
    let (Ok(a), Ok(b)) = (a.parse::<Uri>(), b.parse::<Uri>()) else { return false };
    if (a.scheme_str(), a.port_u16(), a.path_and_query())
        != (b.scheme_str(), b.port_u16(), b.path_and_query())
    {
        return false;
    }
    let (first, second) = (a.host().unwrap_or_default(), b.host().unwrap_or_default());
    let same_host = first.eq_ignore_ascii_case(second) && user(&a) == user(&b);
    same_host || (is_here(first) && is_here(second))
}

fn user(uri: &Uri) -> Option<&str> {
    let (login, _) = uri.authority()?.as_str().rsplit_once('@')?;
    login.split(':').next()
}

/// Whether a host is this machine by its loopback interface.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_database_under_two_names_is_known() {
        let location = |url: &str| Location::parse(url).unwrap();
        for (a, b, is) in [
            ("postgres://u:p@127.0.0.1/app", "postgres://other:x@localhost/app", true),
            ("postgres://u:p@[::1]:5432/app", "postgres://u:p@127.0.0.1:5432/app", true),
            ("postgres://u:p@127.0.0.1/app", "postgres://u:p@127.0.0.1/other", false),
            ("postgres://127.0.0.1/app?schema=a", "postgres://127.0.0.1/app?schema=b", false),
            ("postgres://127.0.0.1:1/app", "postgres://127.0.0.1:2/app", false),
            ("couchdb://u:p@localhost:5984/a_", "couchdb://u:p@127.0.0.1:5984/a_", true),
            ("couchdb://u:p@localhost:5984/a_", "couchdb://u:p@127.0.0.1:5984/b_", false),
            ("couchdb://u:p@localhost/a", "postgres://u:p@localhost/a", false),
            ("postgres://u:p@db.example/app", "postgres://u:other@DB.example/app", true),
            ("postgres://u.one:p@pool.example/app", "postgres://u.two:p@pool.example/app", false),
            ("postgres://u:p@one.example/app", "postgres://u:p@two.example/app", false),
        ] {
            assert_eq!(is_same(&location(a), &location(b)), is, "{a} {b}");
        }
    }

    #[test]
    fn one_file_under_two_names_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.db"), "").unwrap();
        std::fs::write(path("b.db"), "").unwrap();
        std::fs::hard_link(path("a.db"), path("hard.db")).unwrap();
        std::os::unix::fs::symlink(path("a.db"), path("soft.db")).unwrap();
        let location = |name: &str| Location::Sqlite(path(name));
        for (name, is) in [
            ("hard.db", true),
            ("soft.db", true),
            ("./a.db", true),
            ("b.db", false),
            ("c.db", false),
        ] {
            assert_eq!(is_same(&location("a.db"), &location(name)), is, "{name}");
        }
    }
}
