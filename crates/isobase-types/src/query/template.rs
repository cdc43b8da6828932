//! Filters with values that are known only when somebody asks.

use std::{fmt, sync::Arc};

use super::{
    condition::{Word, Written, unknown_operator, with_list, with_value},
    group::{Counter, Joint, Subject, Tree, parse_group_at, parse_list},
};
use crate::{
    Comparison, DocumentId, FieldPath, Filter, Literal, Operator, PathStep, Timestamp,
    json::{self, Kind, Number},
};

/// Longest text of a template, in bytes.
///
/// Ours: a rule of a few conditions has a few hundred.
pub const TEMPLATE_BYTES_MAX: usize = 8 << 10;

/// A filter in which facts stand beside constants: who asks (`@user.id`, `@user.name`,
/// `@user.role`), when (`@now`), and a document as a write would leave it (`@new.field`).
///
/// The text is the language of queries, conditions joined by `&`: `owner=@user.id&status[ne]=old`.
/// `true` holds for every document, `false` for none, `@user` for whoever is signed in.
///
/// A comparison with a fact that is not there (`@user.id` of nobody) is unknown, and so is its
/// opposite: what is not known to hold does not.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterTemplate {
    text: Arc<str>,
    node: Node,
}

/// What is known when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks, if somebody is signed in.
    pub user: Option<&'a User>,
    /// The time.
    pub now: Timestamp,
    /// The document as the write in question would leave it.
    pub new: Option<NewDocument<'a>>,
}

/// A document that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewDocument<'a> {
    /// Its id; none while it is yet to be assigned.
    pub id: Option<&'a DocumentId>,
    /// The body that it has before; of a new document the same as after.
    pub before: &'a str,
    /// The body that it would have.
    pub after: &'a str,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    id: DocumentId,
    role: Arc<str>,
    /// The other facts as a body, for filters.
    body: Arc<str>,
}

impl User {
    /// A user.
    #[must_use]
    pub fn new(id: DocumentId, name: &str, role: &str) -> Self {
        let mut body = String::from("{\"name\":");
        body.push_str(&json::quoted(name));
        body.push_str(",\"role\":");
        body.push_str(&json::quoted(role));
        body.push('}');
        Self { id, role: role.into(), body: body.into() }
    }

    /// The id of the account.
    #[must_use]
    pub fn id(&self) -> &DocumentId {
        &self.id
    }

    /// The role of the account.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.role
    }
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", self.at + 1)]
pub struct InvalidTemplate {
    /// The place in the text, in characters from 0.
    pub at: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl FilterTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// The first mistake with its place.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("expected at most {TEMPLATE_BYTES_MAX} bytes");
            return Err(InvalidTemplate { at: 0, message });
        }
        let mut reader = Reader { text, at: 0, counter: Counter::default() };
        match reader.conditions() {
            Ok(node) => Ok(Self { text: text.into(), node }),
            Err(message) => {
                let at = text.get(..reader.at).map_or(0, |before| before.chars().count());
                Err(InvalidTemplate { at, message })
            }
        }
    }

    /// The text it was read from.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The filter that it is with these facts: what is not known to hold holds for no document.
    #[must_use]
    pub fn bind(&self, facts: &Facts<'_>) -> Filter {
        self.node.bind(facts, true)
    }

    /// The fields of the document that it looks at, each once; not those of the new one.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldPath> {
        let mut fields = Vec::new();
        self.node.each(&mut |node| match node {
            Node::Constants { of: Source::Document, filter } => {
                fields.extend(filter.fields().into_iter().cloned());
            }
            Node::Fact { of: Source::Document, path, .. } => fields.push(path.clone()),
            _ => {}
        });
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Whether it looks at the document as a write would leave it.
    #[must_use]
    pub fn reads_new(&self) -> bool {
        let mut reads = false;
        self.node.each(&mut |node| {
            reads |= match node {
                Node::Constants { of, .. } => *of == Source::New,
                Node::Fact { of, fact, .. } => *of == Source::New || matches!(fact, Fact::New(_)),
                _ => false,
            };
        });
        reads
    }

    /// Whether it says nothing of documents, so that it holds for all or for none.
    #[must_use]
    pub fn is_about_caller(&self) -> bool {
        self.fields().is_empty() && !self.reads_new()
    }
}

impl fmt::Display for FilterTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    SignedIn,
    /// Something compared with constants.
    Constants {
        of: Source,
        filter: Filter,
    },
    /// Something compared with a fact.
    Fact {
        of: Source,
        path: FieldPath,
        by: By,
        fact: Fact,
    },
}

/// Whose fields the left side of a comparison names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Document,
    New,
    User,
    Now,
}

/// How something is compared with a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
}

/// A fact as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fact {
    UserId,
    UserName,
    UserRole,
    Now,
    New(FieldPath),
}

const KNOWN: &str = "@user, @user.id, @user.name, @user.role, @now or @new.field";

impl Node {
    fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.each(visit)),
            Self::Not(node) => node.each(visit),
            Self::SignedIn | Self::Constants { .. } | Self::Fact { .. } => {}
        }
    }

    /// What is unknown becomes what the filter as a whole cannot hold by: false, or true below a
    /// `not`.
    fn bind(&self, facts: &Facts<'_>, positive: bool) -> Filter {
        let constant = |holds: Option<bool>| match holds.unwrap_or(!positive) {
            true => Filter::all(),
            false => Filter::none(),
        };
        match self {
            Self::All(nodes) => all(nodes.iter().map(|node| node.bind(facts, positive))),
            Self::Any(nodes) => any(nodes.iter().map(|node| node.bind(facts, positive))),
            Self::Not(node) => not(node.bind(facts, !positive)),
            Self::SignedIn => constant(Some(facts.user.is_some())),
            Self::Constants { of: Source::Document, filter } => filter.clone(),
            Self::Constants { of, filter } => constant(of.meets(filter, facts)),
            Self::Fact { of, path, by, fact } => match bind_fact(*of, path, *by, fact, facts) {
                Bound::Filter(filter) => filter,
                Bound::Known(holds) => constant(Some(holds)),
                Bound::Unknown => constant(None),
            },
        }
    }
}

impl Node {
    /// A comparison with one value.
    fn of_value(
        of: Source,
        path: FieldPath,
        word: Word,
        value: &Written<'_>,
    ) -> Result<Self, String> {
        let Some(fact) = fact_of(value)? else {
            return match (of, word, value.text()) {
                (Source::User, Word::Null, "false") => Ok(Self::SignedIn),
                (Source::User, Word::Null, "true") => Ok(Self::Not(Box::new(Self::SignedIn))),
                _ => Ok(Self::Constants { of, filter: with_value(path, word, value)? }),
            };
        };
        let Some(by) = By::of(word) else {
            let text = value.text();
            return Err(format!(
                "{text} cannot stand here; write the value itself, or compare by another operator"
            ));
        };
        let node = Self::Fact { of, path, by, fact };
        Ok(if matches!(word, Word::Ne | Word::Nin) { Self::Not(Box::new(node)) } else { node })
    }

    /// A comparison with a list.
    fn of_list(
        of: Source,
        path: FieldPath,
        word: Word,
        values: &[Written<'_>],
    ) -> Result<Self, String> {
        let mut nodes = Vec::new();
        let mut constants = Vec::new();
        for value in values {
            match fact_of(value)? {
                Some(fact) => {
                    nodes.push(Self::Fact { of, path: path.clone(), by: By::Equal, fact });
                }
                None => constants.push(value.clone()),
            }
        }
        if !constants.is_empty() || nodes.is_empty() {
            let filter = with_list(path, Word::In, &constants)?;
            nodes.push(Self::Constants { of, filter });
        }
        let any = if nodes.len() == 1 { nodes.remove(0) } else { Self::Any(nodes) };
        Ok(if word == Word::Nin { Self::Not(Box::new(any)) } else { any })
    }
}

impl Source {
    /// Whether what the source names meets a filter; none when it is not there.
    fn meets(self, filter: &Filter, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Document => None,
            Self::User => facts.user.map(|user| filter.matches(&user.body, &user.id)),
            Self::Now => {
                let body = format!("{{\"now\":\"{}\"}}", facts.now);
                Some(filter.matches(&body, &DocumentId::Integer(0)))
            }
            Self::New => {
                let new = facts.new?;
                match new.id {
                    Some(id) => Some(filter.matches(new.after, id)),
                    None if filter.fields().iter().any(|path| path.is_id()) => None,
                    None => Some(filter.matches(new.after, &DocumentId::Integer(0))),
                }
            }
        }
    }
}

/// What a comparison with a fact has become.
enum Bound {
    Filter(Filter),
    Known(bool),
    Unknown,
}

fn bind_fact(of: Source, path: &FieldPath, by: By, fact: &Fact, facts: &Facts<'_>) -> Bound {
    if let (Source::Document, By::Equal, Fact::New(other), Some(new)) = (of, by, fact, facts.new)
        && !path.is_id()
        && !other.is_id()
    {
        return Bound::Known(same(json::find(new.before, path), json::find(new.after, other)));
    }
    let filter = match (fact.value(facts), by) {
        (None, _) => return Bound::Unknown,
        (Some(FactValue::Null), By::Equal) => compare(path, Operator::Null),
        (Some(FactValue::Null | FactValue::Composite), _) => return Bound::Unknown,
        (Some(FactValue::Literals(literals)), by) => match by.operator(path, literals) {
            Some(filter) => filter,
            None => return Bound::Unknown,
        },
    };
    match of {
        Source::Document => Bound::Filter(filter),
        of => of.meets(&filter, facts).map_or(Bound::Unknown, Bound::Known),
    }
}

/// Whether two values are the same; null is as good as missing.
fn same(a: Option<json::Raw<'_>>, b: Option<json::Raw<'_>>) -> bool {
    let there = |value: Option<json::Raw<'_>>| value.is_some_and(|it| it.kind() != Kind::Null);
    match (a, b) {
        (Some(a), Some(b)) => json::equal(a, b),
        (a, b) => !there(a) && !there(b),
    }
}

impl By {
    fn of(word: Word) -> Option<Self> {
        Some(match word {
            Word::Eq | Word::Ne | Word::In | Word::Nin => Self::Equal,
            Word::Gt => Self::Greater,
            Word::Gte => Self::GreaterOrEqual,
            Word::Lt => Self::Less,
            Word::Lte => Self::LessOrEqual,
            Word::Contains => Self::Contains,
            Word::Like | Word::Ilike | Word::Null => return None,
        })
    }

    /// A fact may stand for several literals (an id, as number and as text); by order the first.
    fn operator(self, path: &FieldPath, mut literals: Vec<Literal>) -> Option<Filter> {
        let ordered = |operator: fn(Literal) -> Operator, mut literals: Vec<Literal>| {
            (!literals.is_empty()).then(|| compare(path, operator(literals.swap_remove(0))))
        };
        match self {
            Self::Equal => Some(compare(path, Operator::In(literals))),
            Self::Greater => ordered(Operator::Greater, literals),
            Self::GreaterOrEqual => ordered(Operator::GreaterOrEqual, literals),
            Self::Less => ordered(Operator::Less, literals),
            Self::LessOrEqual => ordered(Operator::LessOrEqual, literals),
            // Of an array only: the text "17" contains "7", and is not the user 7.
            Self::Contains => {
                let pattern = Operator::Like { pattern: "%".to_owned(), ignore_case: false };
                let is_text = compare(path, pattern);
                let contains = literals.drain(..).map(|it| compare(path, Operator::Contains(it)));
                Some(all([any(contains), not(is_text)]))
            }
        }
    }
}

/// The value of a fact that is there.
enum FactValue {
    Null,
    Literals(Vec<Literal>),
    /// An array or an object: equal to nothing.
    Composite,
}

impl Fact {
    /// The fact of a name such as `@user.id`.
    fn named(path: &FieldPath) -> Result<Self, String> {
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

    fn value(&self, facts: &Facts<'_>) -> Option<FactValue> {
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

fn compare(path: &FieldPath, operator: Operator) -> Filter {
    Filter::Compare(Comparison { path: path.clone(), operator })
}

/// All of them, without what always holds.
fn all(filters: impl IntoIterator<Item = Filter>) -> Filter {
    let mut filters: Vec<Filter> = filters.into_iter().filter(|it| !it.is_all()).collect();
    if filters.iter().any(Filter::is_none) {
        return Filter::none();
    }
    if filters.len() == 1 { filters.remove(0) } else { Filter::And(filters) }
}

/// One of them, without what never holds.
fn any(filters: impl IntoIterator<Item = Filter>) -> Filter {
    let mut filters: Vec<Filter> = filters.into_iter().filter(|it| !it.is_none()).collect();
    if filters.iter().any(Filter::is_all) {
        return Filter::all();
    }
    if filters.len() == 1 { filters.remove(0) } else { Filter::Or(filters) }
}

fn not(filter: Filter) -> Filter {
    if filter.is_all() {
        return Filter::none();
    }
    if filter.is_none() {
        return Filter::all();
    }
    Filter::Not(Box::new(filter))
}

impl Tree for Node {
    const IN_RULE: bool = true;

    fn and(nodes: Vec<Self>) -> Self {
        Self::All(nodes)
    }

    fn or(nodes: Vec<Self>) -> Self {
        Self::Any(nodes)
    }

    fn not(node: Self) -> Self {
        Self::Not(Box::new(node))
    }

    fn with_value(subject: Subject, word: Word, value: &Written<'_>) -> Result<Self, String> {
        let (of, path) = source(subject)?;
        Self::of_value(of, path, word, value)
    }

    fn with_list(subject: Subject, word: Word, values: &[Written<'_>]) -> Result<Self, String> {
        let (of, path) = source(subject)?;
        Self::of_list(of, path, word, values)
    }
}

/// Whose field the left side names, and which.
fn source(subject: Subject) -> Result<(Source, FieldPath), String> {
    let Subject { path, quoted } = subject;
    if path.time().is_some() {
        return Err(format!("{path} cannot stand in a rule: it is a time that the store keeps"));
    }
    if quoted || !path.steps().first().is_some_and(|step| step.starts_with('@')) {
        return Ok((Source::Document, path));
    }
    Ok(match Fact::named(&path)? {
        Fact::UserId | Fact::UserName | Fact::UserRole => (Source::User, after_first(&path)?),
        Fact::Now => (Source::Now, one_step("now")?),
        Fact::New(path) if path.time().is_some() => {
            return Err(format!("{path} is not known of a document that is to be written"));
        }
        Fact::New(path) => (Source::New, path),
    })
}

/// The fact that a value names; none for a constant. A text that begins so stands in quotes.
fn fact_of(value: &Written<'_>) -> Result<Option<Fact>, String> {
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

fn after_first(path: &FieldPath) -> Result<FieldPath, String> {
    FieldPath::from_steps(path.steps()[1..].to_vec()).map_err(|error| error.to_string())
}

fn one_step(step: &str) -> Result<FieldPath, String> {
    FieldPath::from_steps(vec![step.into()]).map_err(|error| error.to_string())
}

/// Reads the text of a template from left to right.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    counter: Counter,
}

impl<'a> Reader<'a> {
    fn conditions(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        loop {
            self.skip_blanks();
            nodes.push(self.condition()?);
            self.skip_blanks();
            match self.rest().chars().next() {
                None => break,
                Some('&') if self.rest().starts_with("&&") => {
                    return Err("conditions are joined by one &".to_owned());
                }
                Some('&') => self.at += 1,
                Some(_) => return Err("expected & or the end".to_owned()),
            }
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    /// A constant, a group, or `path=value` or `path[operator]=value`.
    fn condition(&mut self) -> Result<Node, String> {
        let term = self.term();
        match term {
            "" => return Err("expected a condition, true or false".to_owned()),
            "true" | "false" => {
                self.at += term.len();
                return Ok(if term == "true" {
                    Node::All(Vec::new())
                } else {
                    Node::Any(Vec::new())
                });
            }
            "@user" => {
                self.at += term.len();
                return Ok(Node::SignedIn);
            }
            _ => {}
        }
        if let Some((joint, opening)) = group_in(term) {
            let at = self.at + opening;
            return match parse_group_at(joint, self.text, at, &mut self.counter) {
                Ok((node, end)) => {
                    self.at = end;
                    Ok(node)
                }
                Err((at, message)) => {
                    self.at = at;
                    Err(message)
                }
            };
        }
        self.comparison(term.len())
    }

    fn comparison(&mut self, bytes: usize) -> Result<Node, String> {
        self.counter.add()?;
        let term = &self.text[self.at..self.at + bytes];
        let Some(equals) = outside_quotes(term, '=') else {
            return Err(format!(
                "{:?} is no condition, expected path=value, path[operator]=value or \
                 or(a.eq.1,b.eq.2); a role is @user.role=admin",
                json::cut(term, 100)
            ));
        };
        let (name, value) = (term[..equals].trim_end(), &term[equals + 1..]);
        let (subject, word) = subject_and_operator(name)?;
        let (of, path) = source(subject)?;
        let node_of = |value: &str| {
            if word.takes_list() {
                return Node::of_list(of, path, word, &parse_list::<Node>(value)?);
            }
            Node::of_value(of, path, word, &Written::of_parameter(value))
        };
        let node = node_of_value(value, node_of);
        self.at += match &node {
            Ok(_) => bytes,
            Err(_) => equals + 1 + (value.len() - value.trim_start().len()),
        };
        node
    }

    /// The text up to the next `&` or the end, without blanks at its end.
    fn term(&self) -> &'a str {
        let rest = self.rest();
        let end = outside_quotes(rest, '&').unwrap_or(rest.len());
        rest[..end].trim_end()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }
}

fn node_of_value(
    value: &str,
    node_of: impl FnOnce(&str) -> Result<Node, String>,
) -> Result<Node, String> {
    let value = value.trim();
    if value.starts_with('=') {
        return Err("equality is one =".to_owned());
    }
    if outside_quotes(value, '|').is_some_and(|at| value[at..].starts_with("||")) {
        return Err("|| is no operator, write or(a.eq.1,b.eq.2)".to_owned());
    }
    node_of(value)
}

/// The left side of a condition: `path` or `path[operator]`.
fn subject_and_operator(name: &str) -> Result<(Subject, Word), String> {
    for (sign, word) in [("!", "ne"), (">", "gte"), ("<", "lte"), ("~", "like")] {
        if let Some(path) = name.strip_suffix(sign) {
            let path = path.trim_end();
            return Err(format!("{sign}= is no operator, write {path}[{word}]="));
        }
    }
    let (path, end) = FieldPath::parse_prefix(name).map_err(|error| error.to_string())?;
    let subject = Subject { path, quoted: name.starts_with('"') };
    let rest = &name[end..];
    if rest.is_empty() {
        return Ok((subject, Word::Eq));
    }
    let operator = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let Some(operator) = operator else {
        return Err("expected path=value or path[operator]=value".to_owned());
    };
    Word::find(operator).map(|word| (subject, word)).ok_or_else(|| unknown_operator(operator))
}

/// The joint of a group that a term begins with, `or(` or `or=(`, and where it opens.
fn group_in(term: &str) -> Option<(Joint, usize)> {
    let opening = term.find('(')?;
    let word = term[..opening].trim_end();
    let word = word.strip_suffix('=').unwrap_or(word).trim_end();
    Joint::find(word).map(|joint| (joint, opening))
}

/// Where a character first stands that is in no JSON string.
fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == wanted {
            return Some(at);
        }
        let string = (c == '"').then(|| json::read_string(text, at).ok()).flatten();
        at = string.map_or(at + c.len_utf8(), |(_, end)| end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp { unix_us: 1_795_183_740_000_000 };

    fn parse(text: &str) -> FilterTemplate {
        FilterTemplate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn ann() -> User {
        User::new(DocumentId::Integer(7), "Ann \"A\"", "editor")
    }

    fn holds_for(user: Option<&User>, text: &str, body: &str) -> bool {
        let facts = Facts { user, now: NOW, new: None };
        parse(text).bind(&facts).matches(body, &DocumentId::Integer(3))
    }

    #[test]
    fn facts_stand_for_their_values() {
        let cases = [
            ("owner=@user.id", r#"{"owner":7}"#, true),
            ("owner=@user.id", r#"{"owner":"7"}"#, true),
            ("owner = @user.id", r#"{"owner":8}"#, false),
            ("owner=@user.id", "{}", false),
            ("owner=\"@user.id\"", r#"{"owner":7}"#, false),
            ("owner=\"@user.id\"", r#"{"owner":"@user.id"}"#, true),
            ("owner[ne]=@user.id", r#"{"owner":8}"#, true),
            ("owner[ne]=@user.id", r#"{"owner":7}"#, false),
            ("name=@user.name", r#"{"name":"Ann \"A\""}"#, true),
            ("@user.role=editor", "{}", true),
            ("@user.role[in]=admin,editor", "{}", true),
            ("@user.role[in]=admin, owner", "{}", false),
            ("@user", "{}", true),
            ("@user.id[null]=false", "{}", true),
            ("@user.id=7", "{}", true),
            ("\"@user\".role=x", r#"{"@user":{"role":"x"}}"#, true),
            ("members[contains]=@user.id", r#"{"members":[1,7]}"#, true),
            ("members[contains]=@user.id", r#"{"members":["7"]}"#, true),
            ("members[contains]=@user.id", r#"{"members":"17"}"#, false),
            ("owner[in]=@user.id,all", r#"{"owner":"all"}"#, true),
            ("owner[in]=@user.id,all", r#"{"owner":7}"#, true),
            ("owner[nin]=@user.id,all", r#"{"owner":7}"#, false),
            ("from[lte]=@now & until[gt]=@now", r#"{"from":"2026","until":"2027"}"#, true),
            ("until[gt]=@now", r#"{"until":"2026-01-01"}"#, false),
            ("@now[gte]=2027", "{}", false),
            ("true", "{}", true),
            ("false", "{}", false),
            ("a=1 & true & b=\"&\"", r#"{"a":1,"b":"&"}"#, true),
            ("or( owner.eq.@user.id , public.eq.true )", r#"{"public":true}"#, true),
            ("or=(@user.role.eq.admin,owner.in.(1, @user.id))", r#"{"owner":7}"#, true),
            ("not(and(owner.eq.@user.id,@user.role.eq.editor))", r#"{"owner":7}"#, false),
            ("a=(x) & b=y", r#"{"a":"(x)","b":"y"}"#, true),
        ];
        for (text, body, holds) in cases {
            assert_eq!(holds_for(Some(&ann()), text, body), holds, "{text} {body}");
        }
    }

    #[test]
    fn what_is_not_known_does_not_hold() {
        for text in [
            "owner=@user.id",
            "owner[ne]=@user.id",
            "owner[nin]=@user.id,x",
            "owner[gt]=@user.id",
            "not(owner.eq.@user.id)",
            "not(owner.ne.@user.id)",
            "@user.role=admin",
            "@user.role[ne]=admin",
            "not(@user.role.eq.admin)",
            "@user",
            "members[contains]=@user.id",
            "not(members.contains.@user.id)",
        ] {
            for body in ["{}", r#"{"owner":null}"#, r#"{"owner":7,"members":[]}"#] {
                assert!(!holds_for(None, text, body), "{text} {body}");
            }
        }
        assert!(holds_for(None, "or(owner.eq.@user.id,public.eq.true)", r#"{"public":true}"#));
        assert!(holds_for(None, "owner[in]=@user.id,all", r#"{"owner":"all"}"#));
        assert!(holds_for(None, "@user.id[null]=true", "{}"));
        assert!(!holds_for(Some(&ann()), "@user.id[null]=true", "{}"));
    }

    #[test]
    fn what_says_nothing_of_documents_becomes_simple() {
        let facts = Facts { user: Some(&ann()), now: NOW, new: None };
        let bound = |text: &str| parse(text).bind(&facts);
        assert!(bound("true").is_all() && bound("@user & @user.role=editor").is_all());
        assert!(bound("or(@user.role.eq.editor,owner.eq.1)").is_all());
        assert!(bound("false").is_none() && bound("owner=1 & @user.role=admin").is_none());
        let own = bound("or(@user.role.eq.admin,owner.eq.@user.id)");
        assert_eq!(own, bound("owner=@user.id"));
        assert!(parse("@user.role=admin").is_about_caller());
        assert!(!parse("a=1").is_about_caller() && !parse("@new.a=1").is_about_caller());
    }

    #[test]
    fn new_documents_are_compared() {
        let id = DocumentId::Integer(3);
        let (before, after) =
            (r#"{"owner":7,"tags":[1,{"a":2}],"n":1}"#, r#"{"owner":7,"tags":[1,{"a":2}],"n":2}"#);
        let holds = |text: &str, id: Option<&DocumentId>| {
            let new = Some(NewDocument { id, before, after });
            let facts = Facts { user: Some(&ann()), now: NOW, new };
            parse(text).bind(&facts).matches(before, &DocumentId::Integer(3))
        };
        for (text, expected) in [
            ("@new.owner=@user.id", true),
            ("@new.owner=owner", false),
            ("owner=@new.owner", true),
            ("n=@new.n", false),
            ("n[lt]=@new.n", true),
            ("tags=@new.tags", true),
            ("missing=@new.missing", true),
            ("owner=@new.missing", false),
            ("@new.n[in]=1,2", true),
            ("@new.id=3", true),
            ("@user.id=@new.owner", true),
            ("not(n.eq.@new.n)", true),
        ] {
            assert_eq!(holds(text, Some(&id)), expected, "{text}");
        }
        assert!(!holds("@new.id=3", None) && !holds("@new.id[ne]=3", None));
        assert!(parse("@new.a=1").reads_new() && parse("a=@new.b").reads_new());
        assert!(!parse("a=@user.id").reads_new());
    }

    #[test]
    fn fields_of_documents_are_told() {
        let fields = |text: &str| {
            let fields = parse(text).fields();
            fields.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let text = "b.c=1 & owner=@user.id & or(a.eq.@now,b.c.eq.2) & @new.d=1 & @user.role=x";
        assert_eq!(fields(text), ["a", "b.c", "owner"]);
        assert_eq!(parse(text).to_string(), text);
    }

    #[test]
    fn mistakes_have_a_place() {
        let long = "a".repeat(TEMPLATE_BYTES_MAX + 1);
        for (text, at, message) in [
            ("", 1, "expected a condition, true or false"),
            ("a=1 &", 6, "expected a condition"),
            ("a=1 && b=2", 5, "joined by one &"),
            ("admin", 1, "a role is @user.role=admin"),
            ("true or a", 1, "or(a.eq.1,b.eq.2)"),
            ("owner == 1", 8, "equality is one ="),
            ("owner != 1", 1, "write owner[ne]="),
            ("age >= 1", 1, "write age[gte]="),
            ("größe=1 & a[gtt]=1", 11, "did you mean gt?"),
            ("a=1 & owner=@user.nmae", 13, "is no fact, expected @user, @user.id"),
            ("owner=@user", 7, "@user is no value"),
            ("owner=@me", 7, "stands in quotes"),
            ("@user.x=1", 1, "is no fact"),
            ("a[like]=@user.name", 9, "cannot stand here"),
            ("or(a.eq.1,b)", 12, "has no operator"),
            ("or(a.eq.1", 10, "expected ',' or ')'"),
            ("a=1 || b=2", 3, "|| is no operator"),
            ("or(a.eq.1) b=2", 12, "expected & or the end"),
            ("a[gt]=null", 7, "null has no order"),
            (&long, 1, "at most 8192 bytes"),
        ] {
            let error = FilterTemplate::parse(text).expect_err(text);
            let expected = error.at + 1 == at && error.message.contains(message);
            assert!(expected, "{text}: {error}, expected {at}: {message}");
        }
    }
}
