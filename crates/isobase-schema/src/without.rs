//! A build without JSON Schema: it takes no schema, and so stores nothing that one would refuse.

use isobase_engine::Violation;

use super::InvalidSchema;

/// There is none.
pub(super) enum Validator {}

impl Validator {
    pub(super) fn compile(_text: &str) -> Result<Self, InvalidSchema> {
        let message = "this program was built without JSON Schema (the feature \"schemas\")";
        Err(InvalidSchema { pointer: String::new(), message: message.to_owned() })
    }

    pub(super) fn check(&self, _body: &str) -> Result<(), Vec<Violation>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_schema_is_taken() {
        let refused = super::super::Schema::parse(b"{}").unwrap_err();
        assert!(refused.message.contains("schemas"), "{refused}");
    }
}
