//! What a location tells without opening its database.

use isobase::Location;

#[test]
fn locations_tell_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = Location::Sqlite(folder.path().join("a.db"));
    assert_eq!(file.missing_file(), file.file());
    std::fs::write(file.file().unwrap(), "").unwrap();
    assert_eq!(file.missing_file(), None);
    assert!(file.is_kept() && !file.is_on_a_server());
    let detour = Location::Sqlite(folder.path().join("./b/../a.db"));
    std::fs::create_dir(folder.path().join("b")).unwrap();
    assert_eq!(detour.canonical(), file.canonical());
    let server = Location::parse("postgres://u:secret@db.example/app").unwrap();
    assert!(server.is_on_a_server() && server.file().is_none());
    assert_eq!(Location::parse(&server.whole_url()).unwrap(), server);
    assert_eq!(server.absolute(), server);
    assert!(!Location::Memory.is_kept() && !Location::Memory.is_on_a_server());
}
