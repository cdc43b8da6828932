//! The description of a route. The router, the metrics and the OpenAPI document are made from it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Permission, ProblemCode};

/// A text of the program, or one that is made while it runs.
type Text = Cow<'static, str>;

/// A route without its handler.
#[derive(Debug)]
pub struct Spec {
    /// Its method.
    pub method: Method,
    /// Its path: `/records/{collection}/{id}`. Parameters are whole segments; a last one may be
    /// all that is left (`{*key}`).
    pub path: Text,
    /// The right that a caller needs.
    pub permission: Permission,
    /// How much body it takes.
    pub body: BodyLimit,
    /// Its path is also answered with a slash at its end, where others are sent to the path without:
    /// for clients that do not follow. The path has no parameters.
    pub takes_slash: bool,
    /// It answers with a stream of events. Such an answer ends instead of failing: clients of
    /// event streams come back after the end of one, and never after a status that tells of a
    /// failure of ours.
    pub is_event_stream: bool,
    /// The facts that a reader must know.
    pub operation: Operation,
}

impl Spec {
    /// Whether the route may change anything.
    pub(crate) fn writes(&self) -> bool {
        match self.permission {
            Permission::Public
            | Permission::Read
            | Permission::ReadByRules
            | Permission::ReadOf(_) => false,
            Permission::Anyone => self.method != Method::Get,
            Permission::Write
            | Permission::WriteByRules
            | Permission::WriteOf(_)
            | Permission::Admin => true,
        }
    }
}

/// A method a route may have. `HEAD` and `OPTIONS` are answered for every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read. Also answers `HEAD`.
    Get,
    /// Create or run.
    Post,
    /// Replace.
    Put,
    /// Merge.
    Patch,
    /// Delete.
    Delete,
    /// Ask what the path can do. Answered for every path; a route says more.
    Options,
}

impl Method {
    /// Every method, in the order they are shown.
    pub(crate) const ALL: [Self; 6] =
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// Its place in [`Method::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Its name in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// The method that answers a request.
    pub(crate) fn of(method: &http::Method) -> Option<Self> {
        match *method {
            http::Method::GET | http::Method::HEAD => Some(Self::Get),
            http::Method::POST => Some(Self::Post),
            http::Method::PUT => Some(Self::Put),
            http::Method::PATCH => Some(Self::Patch),
            http::Method::DELETE => Some(Self::Delete),
            http::Method::OPTIONS => Some(Self::Options),
            _ => None,
        }
    }
}

/// How much request body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLimit {
    /// None; what comes is not read.
    None,
    /// `body_bytes_max`.
    Document,
    /// `stream_body_bytes_max`, read piece by piece, when the body is newline-delimited JSON;
    /// otherwise as [`BodyLimit::Document`].
    Stream,
    /// `stream_body_bytes_max`, read piece by piece, whatever it is.
    Pieces,
}

/// The description of a route, as the OpenAPI document shows it.
#[derive(Debug)]
pub struct Operation {
    /// Its unique name, a verb and a noun: `get_record`.
    pub id: Text,
    /// The group it is shown in: `records`.
    pub tag: Text,
    /// A few words.
    pub summary: Text,
    /// The facts that a caller must know: the missing case, order, bounds.
    pub description: Text,
    /// Every parameter, those of the path included.
    pub parameters: Vec<Parameter>,
    /// The request bodies it takes; none means no body.
    pub request: Vec<Content>,
    /// Its answers when it succeeds.
    pub answers: Vec<Answer>,
    /// The problems it may answer beside those every route has.
    pub problems: Vec<ProblemCode>,
}

impl Operation {
    /// An operation with this name, in this group, in a few words.
    pub fn new(id: impl Into<Text>, tag: impl Into<Text>, summary: impl Into<Text>) -> Self {
        Self {
            id: id.into(),
            tag: tag.into(),
            summary: summary.into(),
            description: Text::default(),
            parameters: Vec::new(),
            request: Vec::new(),
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Says what a caller must know.
    #[must_use]
    pub fn description(mut self, description: impl Into<Text>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Adds a body that it takes.
    #[must_use]
    pub fn takes(mut self, content: Content) -> Self {
        self.request.push(content);
        self
    }

    /// Adds a successful answer.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// Adds problems.
    #[must_use]
    pub fn problems(mut self, problems: impl IntoIterator<Item = ProblemCode>) -> Self {
        self.problems.extend(problems);
        self
    }
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// In the path, always required.
    Path,
    /// In the query string, may be missing.
    Query,
    /// In the query string, always required.
    RequiredQuery,
    /// In a header.
    Header,
}

/// A parameter of a route.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Text,
    /// Where it stands.
    pub location: Location,
    /// Its kind.
    pub description: Text,
    /// Its JSON schema.
    pub schema: Value,
    /// An example.
    pub example: Option<Value>,
    /// Its schema is an object, and each member of it is a parameter by its own name.
    pub exploded: bool,
}

impl Parameter {
    /// A parameter that is a text, until its schema is given.
    pub fn new(location: Location, name: impl Into<Text>, description: impl Into<Text>) -> Self {
        let (name, description) = (name.into(), description.into());
        let schema = json!({ "type": "string" });
        Self { name, location, description, schema, example: None, exploded: false }
    }

    /// Says that each member of the object is a parameter by its own name.
    #[must_use]
    pub fn exploded(mut self) -> Self {
        self.exploded = true;
        self
    }

    /// Gives its JSON schema.
    #[must_use]
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = schema;
        self
    }

    /// Gives an example.
    #[must_use]
    pub fn example(mut self, example: impl Into<Value>) -> Self {
        self.example = Some(example.into());
        self
    }
}

/// The shape of a body.
#[derive(Clone, Debug)]
pub enum Shape {
    /// That of a type, which is also what is sent or read.
    Of(fn(&mut SchemaGenerator) -> Schema),
    /// A JSON schema that is made while the service runs.
    Written(Value),
}

/// A body in one media type.
#[derive(Clone, Debug)]
pub struct Content {
    /// `application/json`.
    pub media_type: Text,
    /// Its form.
    pub shape: Shape,
    /// An example: the value for JSON media types, a text for others.
    pub example: Option<Value>,
}

impl Content {
    /// A JSON body of a type.
    #[must_use]
    pub fn of<T: JsonSchema>() -> Self {
        Self::shaped(Shape::Of(|generator| generator.subschema_for::<T>()))
    }

    /// A JSON body as this one: its type is its shape.
    #[must_use]
    pub fn like<T: JsonSchema + Serialize>(example: &T) -> Self {
        let example = serde_json::to_value(example);
        Self { example: example.ok(), ..Self::of::<T>() }
    }

    /// A JSON body of a shape.
    #[must_use]
    pub fn shaped(shape: Shape) -> Self {
        Self { media_type: "application/json".into(), shape, example: None }
    }

    /// A body that is a text for JSON: `text/html`, lines.
    pub fn text(media_type: impl Into<Text>) -> Self {
        let shape = Shape::Of(|generator| generator.subschema_for::<String>());
        Self { media_type: media_type.into(), ..Self::shaped(shape) }
    }

    /// Names another media type.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<Text>) -> Self {
        self.media_type = media_type.into();
        self
    }

    /// Gives an example.
    #[must_use]
    pub fn example(mut self, example: impl Into<Value>) -> Self {
        self.example = Some(example.into());
        self
    }
}

/// A successful answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200 to 399.
    pub status: u16,
    /// When it comes.
    pub description: Text,
    /// Its headers beyond those of every answer: name and description.
    pub headers: Vec<(&'static str, &'static str)>,
    /// Its bodies; none means no body.
    pub content: Vec<Content>,
}

impl Answer {
    /// An answer without a body and without headers of its own.
    pub fn new(status: u16, description: impl Into<Text>) -> Self {
        let description = description.into();
        Self { status, description, headers: Vec::new(), content: Vec::new() }
    }

    /// Adds headers: name and description.
    #[must_use]
    pub fn headers(
        mut self,
        headers: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Adds a body.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.content.push(content);
        self
    }
}
