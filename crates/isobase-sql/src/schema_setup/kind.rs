//! The two kinds of schemas.

use crate::Error;

/// The purpose of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// The part that all projects share.
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
