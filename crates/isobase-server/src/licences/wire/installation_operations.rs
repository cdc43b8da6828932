//! How the routes of installations are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use serde_json::json;

use super::{
    described::{BODY, done, email, id, installation_id, maybe, operation, pair},
    installation::{Installation, Installations, OfEmail, Replaced, Seen, number},
};
use crate::codes;

pub(super) fn installation() -> Installation {
    Installation {
        id: number("ann@example.com", "5f0c"),
        email: "ann@example.com".to_owned(),
        installation_id: "5f0c".to_owned(),
        activated_at: Some("2026-11-30 12:00:00".to_owned()),
        last_seen: Some("2026-11-30 12:00:00".to_owned()),
        label: Some("Ann's laptop".to_owned()),
        app_version: Some("2.4.1".to_owned()),
        platform: Some("macOS 15".to_owned()),
    }
}

pub(super) fn installations() -> Content {
    Content::like(&Installations { installations: vec![installation()], count: 1 })
}

pub(in crate::licences) fn list_installations() -> Operation {
    operation("list_installations", "List the installations of an e-mail")
        .description(
            "The one that was seen last first. With `installation_id` that one alone, as an object \
             of its own, or 404.",
        )
        .parameters([email(), maybe("installation_id", "Only this one.")])
        .answers(Answer::new(200, "The installations.").content(installations()))
        .problems([codes::INSTALLATION_NOT_FOUND])
}

pub(in crate::licences) fn list_of_license() -> Operation {
    operation("list_license_installations", "List the installations of a licence")
        .description("Those that were activated with it, the one that was seen last first.")
        .parameters([id()])
        .answers(Answer::new(200, "The installations.").content(installations()))
        .problems([codes::LICENSE_NOT_FOUND, codes::INVALID_ID])
}

pub(in crate::licences) fn list_of_email() -> Operation {
    let email = Parameter::new(Location::Path, "email", "The e-mail.").example("ann@example.com");
    let seen = Seen {
        installation_id: "5f0c".to_owned(),
        activated_at: Some("2026-11-30 12:00:00".to_owned()),
        last_seen: None,
    };
    let example =
        OfEmail { email: "ann@example.com".to_owned(), installations: vec![seen], count: 1 };
    operation("list_installations_of_email", "List the installations of an e-mail, by its path")
        .description("The one that was seen last first.")
        .parameters([email])
        .answers(Answer::new(200, "The installations.").content(Content::like(&example)))
}

pub(in crate::licences) fn free_of_license() -> Operation {
    let installation =
        Parameter::new(Location::Path, "installation", "The installation.").example("5f0c");
    let operation = operation("free_license_installation", "Free an installation of a licence")
        .description("Its place is free again, and its validations say so.")
        .parameters([id(), installation])
        .problems([codes::LICENSE_NOT_FOUND, codes::INSTALLATION_NOT_FOUND, codes::INVALID_ID]);
    done(operation)
}

pub(in crate::licences) fn create_installation() -> Operation {
    let upsert = maybe("upsert", "Note that it was seen when it is there already.")
        .schema(json!({ "type": "boolean" }));
    let operation = operation("create_installation", "Note an installation")
        .description(
            "For services that decide themselves: no licence is asked and no limit counts. One \
             that is there already is 409, or seen with `upsert=true`.",
        )
        .parameters([upsert])
        .takes(pair())
        .problems(BODY)
        .problems([codes::INSTALLATION_EXISTS, codes::LIMIT_EXCEEDED]);
    done(operation)
}

pub(in crate::licences) fn replace_oldest() -> Operation {
    let example = Replaced { success: true, replaced: "77aa".to_owned() };
    operation("replace_oldest_installation", "Put an installation in the place of the oldest")
        .description(
            "The one that was not seen for longest gives its place up; `replaced` names it.",
        )
        .takes(pair())
        .answers(Answer::new(200, "It has the place.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::NOTHING_TO_REPLACE])
}

pub(in crate::licences) fn touch_installation(id: &'static str) -> Operation {
    let operation = operation(id, "Note that an installation was seen")
        .description("Sets when it was last seen to now.")
        .parameters([email(), installation_id()])
        .problems([codes::INSTALLATION_NOT_FOUND]);
    done(operation)
}

pub(in crate::licences) fn delete_installation() -> Operation {
    let operation = operation("delete_installation", "Free an installation")
        .description("Its place is free again, and its validations say so.")
        .parameters([email(), installation_id()])
        .problems([codes::INSTALLATION_NOT_FOUND]);
    done(operation)
}
