//! The database that `DATABASE_PROVIDER` and its variables name, with an application's own data.

use isobase_testkit::ForeignDatabase;
use serde_json::{Value, json};

use crate::examples::run_with;

/// Documents as the application stored them; `_rev` is null in what was never read again.
fn users() -> [Value; 2] {
    let user = |id: &str, remaining: f64| {
        json!({
            "_id": id, "_rev": null, "createdAt": "2025-01-15T08:00:00.123456",
            "basicInfo": {"displayName": "Ann", "email": null},
            "usageInfo": {"monthlyAllowance": 150.5, "spendRemaining": remaining, "usage": []},
        })
    };
    [user("user-ann", 99.75), user("user-bob", 0.5)]
}

/// The example `documents` on a database, and the JSON that it prints.
fn documents(database: &ForeignDatabase, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let said = run_with("documents", arguments, &database.provider())?;
    Ok(said.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn a_provider_finds_what_the_application_stored() {
    for database in ForeignDatabase::all_without_prefix("library") {
        let name = database.name();
        database.forget(&["users"]).unwrap();
        users().iter().for_each(|user| database.save("users", user).unwrap());

        let listed = documents(&database, &["list", "users"]).unwrap();
        let mut ids: Vec<_> = listed.iter().map(|user| user["_id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["user-ann", "user-bob"], "{name}");
        for written in users() {
            let id = written["_id"].as_str().unwrap();
            let found = documents(&database, &["get", "users", id]).unwrap().remove(0);
            for field in ["_id", "createdAt", "basicInfo", "usageInfo"] {
                assert_eq!(found[field], written[field], "{name}: {field}");
            }
            assert!(found["_rev"].is_string(), "{name}: {found}");
        }

        // Read, changed and saved with the revision it was read with; then with an old one.
        let mut user = documents(&database, &["get", "users", "user-bob"]).unwrap().remove(0);
        user["usageInfo"]["spendRemaining"] = json!(20.25);
        let save = ["save", "users", "user-bob", &user.to_string()];
        let saved = documents(&database, &save).unwrap().remove(0);
        assert_ne!(saved["_rev"], user["_rev"], "{name}");
        let refused = documents(&database, &save).unwrap_err();
        assert!(refused.contains("Conflict"), "{name}: {refused}");
        let native = database.get("users", "user-bob").unwrap().unwrap();
        assert_eq!(native["usageInfo"], user["usageInfo"], "{name}");
        assert_eq!(native["createdAt"], "2025-01-15T08:00:00.123456");

        assert_eq!(documents(&database, &["delete", "users", "user-ann"]).unwrap(), [true]);
        assert_eq!(documents(&database, &["delete", "users", "user-ann"]).unwrap(), [false]);
        assert_eq!(database.get("users", "user-ann").unwrap(), None, "{name}");
        let missing = documents(&database, &["get", "users", "user-ann"]).unwrap_err();
        assert!(missing.contains("NotFound"), "{name}: {missing}");
        assert_eq!(documents(&database, &["list", "nothing"]).unwrap().len(), 0, "{name}");
    }
}
