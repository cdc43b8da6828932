//! One fact: its name in a template, and its value when somebody asks.

use super::facts::Facts;
use crate::{
    DocumentId, FieldPath, Literal, PathStep,
    json::{self, Kind, Number},
    query::condition::Written,
};

/// A fact as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    UserId,
    UserName,
    UserRole,
    Now,
    New(FieldPath),
}

const KNOWN: &str = "@user, @user.id, @user.name, @user.role, @now or @new.field";

/// The value of a fact that is there.
pub(super) enum FactValue {
    Null,
    Literals(Vec<Literal>),
    /// An array or an object: equal to nothing.
    Composite,
}

impl Fact {
    /// The fact of a name such as `@user.id`.
    pub(super) fn named(path: &FieldPath) -> Result<Self, String> {
        let steps: Vec<&str> = path.steps().iter().map(|step| &**step).collect();
        match &*steps {
            ["@user", "id"] => Ok(Self::UserId),
            ["@user", "name"] => Ok(Self::UserName),
            ["@user", "role"] => Ok(Self::UserRole),
            ["@now"] => Ok(Self::Now),
            ["@new", _, ..] => Ok(Self::New(after_first(path)?)),
            ["@user"] => {
                Err("@user is no value, expected @user.id, @user.name or @user.role".into())
            }
            _ => Err(unknown_fact(&path.to_string())),
        }
    }

    pub(super) fn value(&self, facts: &Facts<'_>) -> Option<FactValue> {
        let text = |text: &str| FactValue::Literals(vec![Literal::Text(text.to_owned())]);
        Some(match self {
            Self::UserId => of_id(&facts.user?.id),
            Self::UserName => {
                let name = FieldPath::from_steps(vec![PathStep::from("name")]).ok()?;
                text(&json::find(&facts.user?.body, &name)?.as_str_decoded()?)
            }
            Self::UserRole => text(&facts.user?.role),
            Self::Now => text(&facts.now.to_string()),
            Self::New(path) if path.is_id() => of_id(facts.new?.id?),
            Self::New(path) => of_value(json::find(facts.new?.after, path)),
        })
    }
}

/// An id is stored as a number or as the text of one.
fn of_id(id: &DocumentId) -> FactValue {
    FactValue::Literals(match id {
        DocumentId::Integer(integer) => {
            vec![Literal::Integer(*integer), Literal::Text(integer.to_string())]
        }
        DocumentId::Text(text) => vec![Literal::Text(text.to_string())],
    })
}

fn of_value(value: Option<json::Raw<'_>>) -> FactValue {
    let Some(value) = value else { return FactValue::Null };
    let literal = match value.kind() {
        Kind::Null => return FactValue::Null,
        Kind::Array | Kind::Object => None,
        Kind::Bool => value.as_bool().map(Literal::Bool),
        Kind::String => value.as_str_decoded().map(|text| Literal::Text(text.into_owned())),
        Kind::Number => value.number().map(|number| match number {
            Number::Integer(integer) => Literal::Integer(integer),
            Number::Float(float) => Literal::Float(float),
        }),
    };
    literal.map_or(FactValue::Composite, |literal| FactValue::Literals(vec![literal]))
}

/// The fact that a value names; `None` for a constant. A text that begins so stands in quotes.
pub(super) fn fact_of(value: &Written<'_>) -> Result<Option<Fact>, String> {
    match value {
        Written::Bare(text) if text.starts_with('@') => {
            let path = FieldPath::parse(text).map_err(|_| unknown_fact(text))?;
            Fact::named(&path).map(Some)
        }
        _ => Ok(None),
    }
}

fn unknown_fact(text: &str) -> String {
    let text = json::cut(text, 100);
    format!("{text:?} is no fact, expected {KNOWN}; a text that begins with @ stands in quotes")
}

pub(super) fn after_first(path: &FieldPath) -> Result<FieldPath, String> {
    FieldPath::from_steps(path.steps()[1..].to_vec()).map_err(|error| error.to_string())
}

pub(super) fn one_step(step: &str) -> Result<FieldPath, String> {
    FieldPath::from_steps(vec![step.into()]).map_err(|error| error.to_string())
}
