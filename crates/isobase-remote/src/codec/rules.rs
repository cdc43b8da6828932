//! What a native document can hold.

use isobase_engine::Rejection;
use isobase_types::json;

use super::{META_FIELD, Tree, tree::into_text};

/// What the native form of a database cannot hold, beyond sizes; a write of it is refused with
/// the path of the value. Numbers are no rule: what the native number cannot hold exactly is
/// spelled in the document's bookkeeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeRules {
    /// Arrays directly inside arrays.
    pub nested_arrays: bool,
    /// Fields whose name is empty.
    pub empty_names: bool,
    /// Fields whose name begins and ends with `__`, at any depth.
    pub dunder_names: bool,
    /// Top-level fields whose name begins with `_`. (`_id` and `_rev` are reserved everywhere.)
    pub top_level_underscore: bool,
    /// Longest field name in bytes.
    pub name_bytes_max: usize,
    /// Longest index key in bytes.
    pub index_key_bytes_max: usize,
}

impl NativeRules {
    /// Refuses fields that the native form cannot hold.
    ///
    /// # Errors
    /// [`Rejection::Unholdable`] with the path of the value, as field paths are written.
    pub fn check(&self, fields: &[(String, Tree)]) -> Result<(), Rejection> {
        for (name, value) in fields {
            let reason = if matches!(name.as_str(), "_id" | "_rev" | META_FIELD) {
                Some("this name is reserved for the bookkeeping of the database")
            } else if name.starts_with('_') && !self.top_level_underscore {
                Some("the database reserves top-level names that begin with '_'")
            } else {
                None
            };
            if let Some(reason) = reason {
                return Err(unholdable(vec![step(name)], reason.to_owned()));
            }
            self.check_field(name, value).map_err(Broken::rejection)?;
        }
        Ok(())
    }

    fn check_field(&self, name: &str, value: &Tree) -> Result<(), Broken> {
        self.check_name(name)
            .and_then(|()| self.check_value(value))
            .map_err(|broken| broken.inside(step(name)))
    }

    fn check_name(&self, name: &str) -> Result<(), Broken> {
        let reason = if name.is_empty() && !self.empty_names {
            "the database cannot hold a field without a name".to_owned()
        } else if !self.dunder_names
            && name.len() >= 4
            && name.starts_with("__")
            && name.ends_with("__")
        {
            "the database reserves names that begin and end with '__'".to_owned()
        } else if name.len() > self.name_bytes_max {
            let (bytes, max) = (name.len(), self.name_bytes_max);
            format!("the name of the field has {bytes} bytes, at most {max} are allowed")
        } else {
            return Ok(());
        };
        Err(Broken { reason, steps: Vec::new() })
    }

    fn check_value(&self, value: &Tree) -> Result<(), Broken> {
        match value {
            Tree::Array(elements) => {
                for (place, element) in elements.iter().enumerate() {
                    let checked = match element {
                        Tree::Array(_) if !self.nested_arrays => Err(Broken {
                            reason: "the database cannot hold an array inside an array".to_owned(),
                            steps: Vec::new(),
                        }),
                        element => self.check_value(element),
                    };
                    checked.map_err(|broken| broken.inside(place.to_string()))?;
                }
                Ok(())
            }
            Tree::Object(fields) => {
                fields.iter().try_for_each(|(name, value)| self.check_field(name, value))
            }
            _ => Ok(()),
        }
    }
}

/// A broken rule and the path to it, the last step first.
struct Broken {
    reason: String,
    steps: Vec<String>,
}

impl Broken {
    fn inside(mut self, step: String) -> Self {
        self.steps.push(step);
        self
    }

    fn rejection(mut self) -> Rejection {
        self.steps.reverse();
        unholdable(self.steps, self.reason)
    }
}

fn unholdable(steps: Vec<String>, reason: String) -> Rejection {
    Rejection::Unholdable { path: steps.join("."), reason }
}

/// Names longer than this are cut in a path: it is for people.
const STEP_CHARS_MAX: usize = 100;

/// A name as a step of a field path.
fn step(name: &str) -> String {
    let cut = match name.char_indices().nth(STEP_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    };
    let quoted = |c: char| c.is_control() || c.is_whitespace() || ".\"[](),".contains(c);
    if !cut.is_empty() && !cut.contains(quoted) && !cut.starts_with(['-', '+']) {
        return cut;
    }
    let mut out = Vec::new();
    json::write_string(&cut, &mut out);
    into_text(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: NativeRules = NativeRules {
        nested_arrays: false,
        empty_names: false,
        dunder_names: false,
        top_level_underscore: false,
        name_bytes_max: 8,
        index_key_bytes_max: 1_500,
    };

    const LENIENT: NativeRules = NativeRules {
        nested_arrays: true,
        empty_names: true,
        dunder_names: true,
        top_level_underscore: true,
        name_bytes_max: usize::MAX,
        index_key_bytes_max: usize::MAX,
    };

    fn path(rules: &NativeRules, body: &str) -> Option<String> {
        match rules.check(&Tree::parse_fields(body).unwrap()) {
            Ok(()) => None,
            Err(Rejection::Unholdable { path, .. }) => Some(path),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn refusals_name_the_path() {
        let cases = [
            ("{\"a\":[{\"b\":[1,[2]]}]}", "a.0.b.1"),
            ("{\"a\":{\"\":1}}", "a.\"\""),
            ("{\"a.b\":{\"__x__\":1}}", "\"a.b\".__x__"),
            ("{\"_x\":1}", "_x"),
            ("{\"a\":{\"123456789\":1}}", "a.123456789"),
        ];
        for (body, expected) in cases {
            assert_eq!(path(&STRICT, body).as_deref(), Some(expected), "{body}");
            assert_eq!(path(&LENIENT, body), None, "{body}");
        }
        assert_eq!(path(&STRICT, "{\"a\":{\"_x\":[{},[]],\"__\":1}}").as_deref(), Some("a._x.1"));
        assert_eq!(path(&STRICT, "{\"a\":{\"_x\":1,\"__\":1}}"), None);
    }

    #[test]
    fn our_names_are_reserved_everywhere() {
        for name in ["_id", "_rev", META_FIELD] {
            assert_eq!(path(&LENIENT, &format!("{{\"{name}\":1}}")).as_deref(), Some(name));
            assert_eq!(path(&LENIENT, &format!("{{\"a\":{{\"{name}\":1}}}}")), None);
        }
    }
}
