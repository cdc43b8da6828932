//! Errors of documents of an app, in the app's words.

use isobase_http::{Problem, ProblemItem};
use isobase_store::Rejection;

use crate::{
    app_collection::{AppCollection, Refused},
    codes,
    failure::{IntoProblem, TAKEN, field_pointer},
};

/// There is no such document.
pub(super) fn not_found(collection: &AppCollection) -> Problem {
    Problem::new(codes::ITEM_NOT_FOUND, collection.not_found())
}

impl IntoProblem for Refused {
    fn into_problem(self) -> Problem {
        let at = |field: &str, message: &str| {
            ProblemItem::at(format!("/{}", field.replace('~', "~0").replace('/', "~1")), message)
        };
        match self {
            Self::Required { text, fields } => {
                fields.iter().fold(Problem::new(codes::FIELDS_REQUIRED, text), |problem, field| {
                    problem.with_item(at(field, "missing or empty"))
                })
            }
            Self::TooLong { text, field } => {
                let item = at(&field, &text);
                Problem::new(codes::FIELD_TOO_LONG, text).with_item(item)
            }
            Self::NoFields { text } => Problem::new(codes::NO_FIELDS, text),
        }
    }
}

/// A write that the database refused.
pub(super) fn rejected(collection: &AppCollection, rejection: Rejection) -> Problem {
    match &rejection {
        Rejection::NotFound => not_found(collection),
        Rejection::NotUnique { fields } if !fields.is_empty() => {
            let name = fields[0].to_string();
            let problem = Problem::new(codes::NOT_UNIQUE, collection.taken_text(&name));
            fields.iter().fold(problem, |problem, field| {
                problem.with_item(ProblemItem::at(field_pointer(field), TAKEN))
            })
        }
        _ => rejection.into_problem(),
    }
}
