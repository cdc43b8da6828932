//! A build without JSON Schema: it takes no schema, and so stores nothing that one would refuse.

use isobase_engine::Violation;

use crate::InvalidSchema;

/// There is none.
pub enum Validator {}

impl Validator {
    /// Compiles nothing.
    ///
    /// # Errors
    /// Always: it names the feature that is missing.
    pub fn compile(_text: &str) -> Result<Self, InvalidSchema> {
        let message = "this program was built without JSON Schema (the feature \"schemas\")";
        Err(InvalidSchema { pointer: String::new(), message: message.to_owned() })
    }

    /// Cannot be called.
    ///
    /// # Errors
    /// None.
    pub fn check(&self, _body: &str) -> Result<(), Vec<Violation>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_schema_is_taken() {
        let Err(refused) = super::Validator::compile("{}");
        assert!(refused.message.contains("schemas"), "{refused}");
    }
}
