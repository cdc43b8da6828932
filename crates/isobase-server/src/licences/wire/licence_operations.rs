//! How the routes of licences are described.

use isobase_http::{Answer, Content, Operation, ProblemCode};
use isobase_licences::Licence;
use serde_json::json;

use super::{
    described::{
        BODY, KEY, detail, done, email, id, maybe, one, operation, query, row, takes, terms, usage,
    },
    licence::{Created, Listed, MadeMany, MadeOne, Page, Rows, Totals},
};
use crate::{codes, request::idempotency};

pub(in crate::licences) fn list_all_licenses(id: &'static str) -> Operation {
    let example = Rows { licenses: vec![Listed { row: row(), days: Some(365) }], count: 1 };
    operation(id, "List all licences")
        .description(
            "Every licence that is not in the bin, at most 10,000, the newest first. \
             `GET /api/v1/db/license` has pages.",
        )
        .answers(Answer::new(200, "The licences.").content(Content::like(&example)))
}

fn choosing(operation: Operation) -> Operation {
    operation.parameters([
        maybe("email", "Of this e-mail."),
        maybe("license_key", "With this key."),
        maybe("state", "That stand so: `active`, `not_started`, `grace`, `expired` (with those in their days of grace), `suspended`, `revoked`, `deleted` or `unreadable`. Default: all that are not deleted."),
        maybe("q", "With this text in e-mail or note, with this key, or with one that ends so."),
        maybe("tag", "With this tag."),
        maybe("created_before", "That were made before this date or moment."),
        maybe("created_after", "That were made at this date or moment, or after it."),
        maybe("expires_before", "That expire before this date or moment."),
        maybe("expires_after", "That expire at this date or moment, or after it."),
        maybe("installation", "Of which an installation has this text in its id, label, version or platform, whatever the case."),
        maybe("installations", "That are so full: `none` (no installation), `below_limit`, `at_limit` or `over_limit`."),
        maybe("seen_since", "Of which an installation was seen at this date or moment, or after it."),
        maybe("not_seen_since", "Of which none was seen at this date or moment or after it; also those that have none."),
    ])
}

pub(in crate::licences) fn list_licenses() -> Operation {
    let limit = maybe("limit", "Licences of a page. Default 50.")
        .schema(json!({ "type": "integer", "minimum": 1, "maximum": 1000 }));
    let licenses = vec![detail().with_usage(Some(&usage()))];
    let example = Page {
        licenses,
        count: 1,
        total: None,
        total_capped: None,
        next_cursor: None,
        searched_to: None,
    };
    choosing(operation("list_licenses", "List licences"))
        .description(
            "A page of licences, the newest first, and how they are used. By `installation`, \
             `installations`, `seen_since` and `not_seen_since` they are sought for half a second at most: then \
             `searched_to` says how far it has come, and the next page goes on there.",
        )
        .parameters([
            limit,
            maybe("cursor", "`next_cursor` of the page before."),
            maybe("count", "Whether `total` is told, counted up to 10,000.")
                .schema(json!({ "type": "boolean" })),
        ])
        .answers(Answer::new(200, "The page.").content(Content::like(&example)))
        .problems([codes::INVALID_ARGUMENT, codes::FOREIGN_PLACE])
}

pub(in crate::licences) fn get_totals() -> Operation {
    operation("get_license_totals", "Count licences by their state")
        .description(
            "Counted within four seconds: of very many licences `complete` is false. What took long to \
             count is told again for a while.",
        )
        .answers(Answer::new(200, "The counts.").content(Content::of::<Totals>()))
}

pub(in crate::licences) fn export_licenses() -> Operation {
    choosing(operation("export_licenses", "Export licences as CSV"))
        .description(
            "Every licence that is chosen, streamed. Cells that a spreadsheet would take for \
             formulas begin with an apostrophe.",
        )
        .answers(Answer::new(200, "The rows.").content(Content::text("text/csv")))
}

pub(in crate::licences) fn get_license_by_key() -> Operation {
    operation("get_license_by_key", "Find a licence by its key")
        .description(
            "Only one that is neither suspended, revoked nor deleted; an expired one is found. A \
             key of this service may be written in small letters or without dashes.",
        )
        .parameters([query("license_key", "The key.", KEY)])
        .answers(Answer::new(200, "The licence.").content(Content::like(&row())))
        .problems([codes::LICENSE_NOT_FOUND])
}

pub(in crate::licences) fn get_license_by_email() -> Operation {
    operation("get_license_by_email", "Find the newest licence of an e-mail")
        .description(
            "Only one that is neither suspended, revoked nor deleted; an expired one is found.",
        )
        .parameters([email()])
        .answers(Answer::new(200, "The licence.").content(Content::like(&row())))
        .problems([codes::LICENSE_NOT_FOUND])
}

pub(in crate::licences) fn get_license() -> Operation {
    one(operation("get_license", "Read a licence"))
        .description("Everything about a licence, also of one in the bin.")
        .parameters([id()])
        .problems([codes::LICENSE_NOT_FOUND, codes::INVALID_ID])
}

pub(in crate::licences) fn put_license() -> Operation {
    let body = takes(
        &["email", "license_key", "expiry_date"],
        json!({
            "email": { "type": "string" },
            "license_key": { "type": "string" },
            "expiry_date": { "type": ["string", "null"] },
            "status": { "enum": ["active", "suspended", "inactive", "revoked", null] },
        }),
        json!({ "email": "ann@example.com", "license_key": "own-key-1", "expiry_date": "2027-11-30" }),
    );
    let example = Created::of(
        None,
        ("ann@example.com".to_owned(), "own-key-1".to_owned()),
        &Licence::default(),
    );
    operation("put_license", "Make or set a licence by its key")
        .description(
            "Makes a licence with this key, or sets expiry and status of the one that has it. The \
             key of another e-mail is refused: a licence never changes hands this way.",
        )
        .takes(body)
        .answers(Answer::new(200, "It is there.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED])
}

pub(in crate::licences) fn create_licenses() -> Operation {
    let one = json!({ "type": "object", "required": ["email"], "properties": terms() });
    let body = takes(
        &["licenses"],
        json!({ "licenses": { "type": "array", "minItems": 1, "maxItems": 1000, "items": one } }),
        json!({ "licenses": [
            { "email": "ann@example.com", "days": 365 },
            { "email": "bob@example.com", "expiry_date": null },
        ] }),
    );
    let made = MadeOne {
        status: "created".to_owned(),
        id: Some(7),
        email: Some("ann@example.com".to_owned()),
        license_key: Some(KEY.to_owned()),
        expiry: Some("2027-11-30T12:00:00".to_owned()),
        error: None,
    };
    operation("create_licenses", "Make many licences")
        .description(
            "Makes up to 1,000 licences (8 on DynamoDB, 120 on Firestore): all of them, or none and \
             the problem names the one that cannot be. CouchDB has no transactions: there a key that \
             another request takes at the same moment refuses its licence alone, and `results` says \
             so. With an `Idempotency-Key` a repeat makes none and shows the same keys.",
        )
        .parameters([idempotency::parameter()])
        .takes(body)
        .answers(Answer::new(200, "They are there.").content(Content::like(&MadeMany::of(vec![made]))))
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED, codes::LIMIT_EXCEEDED, codes::INVALID_HEADER])
}

pub(in crate::licences) fn create_license(id: &'static str) -> Operation {
    let body = takes(&["email"], terms(), json!({ "email": "ann@example.com", "days": 365 }));
    let example =
        Created::of(Some(7), ("ann@example.com".to_owned(), KEY.to_owned()), &Licence::default());
    operation(id, "Make a licence")
        .description(
            "Makes a licence with a random key of 125 bits and a checksum, or with a key of one's \
             own. Default: 365 days from now.",
        )
        .parameters([idempotency::parameter()])
        .takes(body)
        .answers(Answer::new(200, "It is there.").content(Content::like(&example)))
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED, codes::INVALID_HEADER])
}

pub(in crate::licences) fn update_license() -> Operation {
    let body = takes(&[], terms(), json!({ "note": "a friend", "max_installations": 5 }));
    let operation = operation("update_license", "Edit a licence")
        .description(
            "What is not given stays as it is. Installations stay with the e-mail that they were \
             activated for. An unknown licence and the key of another are 400, as the older \
             service has it.",
        )
        .parameters([id()])
        .takes(body)
        .problems(BODY)
        .problems([codes::LICENSE_REFUSED, codes::INVALID_ID]);
    done(operation)
}

pub(in crate::licences) fn delete_license(id_of: &'static str) -> Operation {
    let operation = operation(id_of, "Delete a licence")
        .description(
            "Puts a licence into the bin, from where it can be restored for 30 days. Its \
             installations stay, and are let in no more.",
        )
        .parameters([id()])
        .problems([codes::LICENSE_NOT_FOUND, codes::INVALID_ID]);
    done(operation)
}

const OF_ONE: [ProblemCode; 3] =
    [codes::LICENSE_NOT_FOUND, codes::LICENSE_STATE, codes::INVALID_ID];

fn step(name: &'static str, summary: &'static str, description: &'static str) -> Operation {
    one(operation(name, summary)).description(description).parameters([id()]).problems(OF_ONE)
}

pub(in crate::licences) fn suspend_license() -> Operation {
    step(
        "suspend_license",
        "Suspend a licence",
        "Lets nothing in until it is reinstated. Refused when it is suspended already.",
    )
}

pub(in crate::licences) fn reinstate_license() -> Operation {
    step(
        "reinstate_license",
        "Reinstate a licence",
        "Lets a suspended licence be used again; its installations are still there.",
    )
}

pub(in crate::licences) fn revoke_license() -> Operation {
    step("revoke_license", "Revoke a licence", "Ends a licence for good; it stays in the list.")
}

pub(in crate::licences) fn restore_license() -> Operation {
    step("restore_license", "Restore a licence", "Takes a licence out of the bin, within 30 days.")
}

pub(in crate::licences) fn rotate_license_key() -> Operation {
    step(
        "rotate_license_key",
        "Give a licence a new key",
        "The old key is none any more. Installations stay.",
    )
}

pub(in crate::licences) fn extend_license() -> Operation {
    let body = takes(
        &[],
        json!({
            "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 3650 },
            "expiry_date": { "type": ["string", "null"] },
        }),
        json!({ "days": 30 }),
    );
    step(
        "extend_license",
        "Extend a licence",
        "By days after its expiry, or after now where that is over; or until `expiry_date`, null: \
         for ever.",
    )
    .takes(body)
    .problems(BODY)
}

pub(in crate::licences) fn create_license_file() -> Operation {
    let body = takes(
        &[],
        json!({
            "days": { "type": ["integer", "null"], "minimum": 1, "maximum": 3650 },
            "installation_id": { "type": ["string", "null"] },
        }),
        json!({ "days": 30, "installation_id": "5f0c" }),
    );
    operation("create_license_file", "Make a licence file")
        .description(
            "A file that a product verifies without asking anybody: signed with Ed25519, good for \
             some days (default 30) and never longer than the licence, for one installation or any. \
             `isobase license verify` reads it.",
        )
        .parameters([id()])
        .takes(body)
        .answers(Answer::new(200, "The file.").content(Content::text("text/plain")))
        .problems(OF_ONE)
        .problems(BODY)
        .problems([codes::NO_LICENSE_SECRET])
}
