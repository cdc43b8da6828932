//! The kind of a problem, for programs.

use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
};

use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// When in a request's life a problem is found. Codes are grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// While the bytes of the request are read.
    Transport,
    /// While the route is sought.
    Routing,
    /// While the caller is identified.
    Access,
    /// While the request is understood.
    Request,
    /// While the documents are read or written.
    Documents,
    /// While the service and its database do their work.
    Service,
}

impl Stage {
    /// Every stage, in the order of a request's life.
    pub const ALL: [Self; 6] = [
        Self::Transport,
        Self::Routing,
        Self::Access,
        Self::Request,
        Self::Documents,
        Self::Service,
    ];

    /// Its heading in the documentation.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Transport => "Reading the request",
            Self::Routing => "Finding the route",
            Self::Access => "Access",
            Self::Request => "Understanding the request",
            Self::Documents => "Documents",
            Self::Service => "The service and its database",
        }
    }
}

/// The kind of a problem. A code never changes its meaning and is never used again.
///
/// [`problem_codes!`](crate::problem_codes) declares them: this crate those that any service has
/// ([`codes`](crate::codes)), a feature its own.
#[derive(Clone, Copy, Debug)]
pub struct ProblemCode(&'static CodeDefinition);

/// All there is to know of a code.
#[derive(Debug)]
pub struct CodeDefinition {
    /// The code on the wire.
    pub code: &'static str,
    /// The status it is answered with.
    pub status: StatusCode,
    /// When it is found.
    pub stage: Stage,
    /// A few words, the same for every problem of the code.
    pub title: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    /// The remedy for a caller or operator.
    pub remedy: &'static str,
}

impl ProblemCode {
    /// A code. Use [`problem_codes!`](crate::problem_codes), which also lists it.
    #[must_use]
    pub const fn new(definition: &'static CodeDefinition) -> Self {
        Self(definition)
    }

    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.code
    }

    /// The status it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.0.status
    }

    /// When it is found.
    #[must_use]
    pub fn stage(self) -> Stage {
        self.0.stage
    }

    /// A few words, the same for every problem of this code.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Its meaning.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.0.meaning
    }

    /// The remedy for a caller or operator.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        self.0.remedy
    }
}

/// Two codes are one when they are the same on the wire; a test keeps them apart.
impl PartialEq for ProblemCode {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ProblemCode {}

impl Hash for ProblemCode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// Its text. Which codes there are the service knows that has them ([`Api`](crate::Api)).
impl JsonSchema for ProblemCode {
    fn schema_name() -> Cow<'static, str> {
        "ProblemCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "What a problem is, for programs. A code never changes its meaning.",
        })
    }
}

/// A status by its name in the standard, or by its number where another document made it.
#[doc(hidden)]
#[macro_export]
macro_rules! problem_status {
    ($status:ident) => {
        ::http::StatusCode::$status
    };
    ($status:literal) => {
        match ::http::StatusCode::from_u16($status) {
            Ok(status) => status,
            Err(_) => panic!("it is no status"),
        }
    };
}

/// Declares problem codes: constant, code on the wire, status, stage, title, what it means, what
/// to do. Before them the name of the list of all.
#[macro_export]
macro_rules! problem_codes {
    ($visibility:vis $all:ident:
        $($name:ident = $code:literal, $status:tt, $stage:ident, $title:literal,
            $meaning:literal, $remedy:literal;)+) => {
        $(
            #[doc = $title]
            $visibility const $name: $crate::ProblemCode = {
                const DEFINITION: &$crate::CodeDefinition = &$crate::CodeDefinition {
                    code: $code,
                    status: $crate::problem_status!($status),
                    stage: $crate::Stage::$stage,
                    title: $title,
                    meaning: $meaning,
                    remedy: $remedy,
                };
                $crate::ProblemCode::new(DEFINITION)
            };
        )+

        /// Every code of this list, in its order.
        $visibility const $all: &[$crate::ProblemCode] = &[$($name,)+];
    };
}
