//! The two kinds of schemas.

use crate::Error;

/// What a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// What all projects share.
    Public,
    /// The content of one project.
    Project,
}

impl SchemaKind {
    /// `public` or `project`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for another word.
    pub fn parse(word: &str) -> Result<Self, Error> {
        match word {
            "public" => Ok(Self::Public),
            "project" => Ok(Self::Project),
            _ => Err(Error::invalid(format!("Invalid schema type: {word}"))),
        }
    }
}
