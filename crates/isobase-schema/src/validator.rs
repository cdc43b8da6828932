//! Documents against a schema, by the crate that knows the drafts.

use isobase_engine::{VIOLATIONS_MAX, Violation};
use jsonschema::PatternOptions;
use serde::Deserialize;
use serde_json::Value;

use crate::{InvalidSchema, budget, references};

/// Bytes a compiled pattern may take, and the cache of its search.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Stack for reading a schema: a chain of a thousand references is read in one go.
const READER_STACK_BYTES: usize = 64 << 20;

/// Longest message about one violation, in characters.
const MESSAGE_CHARACTERS_MAX: usize = 300;

/// The annotation of a schema that says whether `format` is checked. Where it says nothing, the
/// draft does.
const ASSERT_FORMAT: &str = "x-assert-format";

/// A compiled schema.
pub struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles the canonical text of a schema, on a thread with room for the deepest.
    ///
    /// # Errors
    /// [`InvalidSchema`] names the place.
    pub fn compile(text: &str) -> Result<Self, InvalidSchema> {
        let whole = |message: String| InvalidSchema { pointer: String::new(), message };
        let mut value: Value =
            serde_json::from_str(text).map_err(|error| whole(error.to_string()))?;
        std::thread::scope(|scope| {
            let reader = std::thread::Builder::new().stack_size(READER_STACK_BYTES);
            let compile = || {
                references::prepare(&mut value)?;
                compile(&value)
            };
            match reader.spawn_scoped(scope, compile).map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(compiled)) => compiled,
                Ok(Err(_)) => Err(whole("cannot be read".to_owned())),
                Err(error) => Err(whole(format!("cannot be read now: {error}"))),
            }
        })
        .map(Self)
    }

    /// Looks at a document's canonical text.
    ///
    /// # Errors
    /// The first violations, at most [`VIOLATIONS_MAX`].
    pub fn check(&self, body: &str) -> Result<(), Vec<Violation>> {
        let whole = |message: String| vec![Violation { pointer: String::new(), message }];
        let value = read(body).map_err(|error| whole(format!("cannot be checked: {error}")))?;
        let checked = budget::run(body.len(), || {
            if self.0.is_valid(&value) {
                return Vec::new();
            }
            self.0.iter_errors(&value).take(VIOLATIONS_MAX).map(violation).collect()
        });
        match checked {
            Ok(violations) if violations.is_empty() => Ok(()),
            Ok(violations) => Err(violations),
            Err(budget::Exhausted) => {
                Err(whole("takes too many steps to check; the schema is too complex".to_owned()))
            }
        }
    }
}

fn compile(schema: &Value) -> Result<jsonschema::Validator, InvalidSchema> {
    let patterns = PatternOptions::regex();
    let patterns = patterns.size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    let mut options = jsonschema::options();
    match schema.get(ASSERT_FORMAT) {
        None => {}
        Some(Value::Bool(asserted)) => options = options.should_validate_formats(*asserted),
        Some(_) => {
            let message = "expected true or false".to_owned();
            return Err(InvalidSchema { pointer: format!("/{ASSERT_FORMAT}"), message });
        }
    }
    options
        .offline()
        .with_keyword(budget::KEYWORD, budget::factory)
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| InvalidSchema {
            // The error is about the schema as an instance of its meta-schema.
            pointer: error.instance_path().to_string(),
            message: cut(error.masked_with("the value").to_string()),
        })
}

/// Documents may be nested deeper than a parser's default bound.
fn read(body: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(body);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader)
}

fn violation(error: jsonschema::ValidationError<'_>) -> Violation {
    Violation {
        pointer: error.instance_path().to_string(),
        // Without the value: it may be long, and answers with errors end up in logs.
        message: cut(error.masked_with("the value").to_string()),
    }
}

fn cut(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        message.truncate(end);
        message.push('…');
    }
    message
}
