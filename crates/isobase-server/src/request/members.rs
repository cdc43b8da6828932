//! The members of a small JSON body, read one by one; every one that is wrong is named.

use std::{fmt::Display, ops::RangeInclusive};

use isobase_http::{Problem, ProblemItem};
use serde_json::{Map, Value};

use crate::{
    Call, codes,
    request::{document, require_json},
};

/// The members of a body. Those that the operation does not know are ignored, as the clients of the
/// older services expect.
#[derive(Debug, Default)]
pub(crate) struct Members {
    members: Map<String, Value>,
    faults: Vec<ProblemItem>,
}

impl Members {
    /// Reads the body of a request.
    pub(crate) async fn read(call: &mut Call) -> Result<Self, Problem> {
        Ok(Self::read_with_text(call).await?.0)
    }

    /// The same, and the text of the body in its one form: what marks a repeat.
    pub(crate) async fn read_with_text(call: &mut Call) -> Result<(Self, String), Problem> {
        require_json(&call.headers)?;
        let text = document(call.take_body()).await?;
        let members = serde_json::from_str(&text);
        let members = members.map_err(|error| Problem::internal(error.to_string()))?;
        Ok((Self { members, faults: Vec::new() }, text))
    }

    /// Those of an object inside a body.
    pub(crate) fn of(members: Map<String, Value>) -> Self {
        Self { members, faults: Vec::new() }
    }

    /// Whether a member is there, also as null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Takes a text that must be there.
    pub(crate) fn text(&mut self, name: &str) -> String {
        match self.members.remove(name) {
            Some(Value::String(text)) => text,
            Some(_) => self.fault(name, "expected a text"),
            None => self.fault(name, "expected it, it is missing"),
        }
    }

    /// Takes a text that may be missing or null.
    pub(crate) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.members.remove(name)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => self.fault(name, "expected a text or null"),
        }
    }

    /// Takes a whole number that may be missing or null; one in quotes counts too.
    pub(crate) fn integer<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let number = match self.members.remove(name)? {
            Value::Null => return None,
            Value::Number(number) => number.as_i64().or_else(|| {
                let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
                // Every whole number up to here is a float.
                (float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
            }),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| T::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(number),
            None => {
                let message =
                    format!("expected an integer from {} to {}", range.start(), range.end());
                self.fault(name, &message)
            }
        }
    }

    /// Takes `true` or `false`; missing or null is false.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        match self.members.remove(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => self.fault(name, "expected true or false"),
        }
    }

    /// Takes an array; missing or null is none.
    pub(crate) fn array(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.members.remove(name)? {
            Value::Array(items) => Some(items),
            Value::Null => None,
            _ => self.fault(name, "expected an array"),
        }
    }

    /// Takes whatever it is.
    pub(crate) fn any(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Names a member that is wrong.
    pub(crate) fn fault<T: Default>(&mut self, name: &str, message: &str) -> T {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        self.faults.push(ProblemItem::at(pointer, message));
        T::default()
    }

    /// Whether no member was wrong so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// Refuses the body if a member was wrong.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Some(first) = self.faults.first() else { return Ok(()) };
        let name = first.pointer.as_deref().unwrap_or_default().trim_start_matches('/');
        let detail = format!("the body is refused: {name}: {}", first.message);
        let problem = Problem::new(codes::INVALID_BODY, detail);
        Err(self.faults.into_iter().fold(problem, Problem::with_item))
    }

    /// Its fault, in one line.
    pub(crate) fn into_fault(self) -> Option<String> {
        let first = self.faults.into_iter().next()?;
        let name = first.pointer.unwrap_or_default();
        Some(format!("{}: {}", name.trim_start_matches('/'), first.message))
    }
}
