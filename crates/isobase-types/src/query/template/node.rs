//! The parts of a template, and the filter that they become.

use super::{
    fact::{Fact, FactValue, after_first, fact_of, one_step},
    facts::Facts,
};
use crate::{
    Comparison, DocumentId, FieldPath, Filter, Literal, Operator,
    json::{self, Kind},
    query::{
        condition::{Word, Written, with_list, with_value},
        group::{Subject, Tree},
    },
};

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
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
pub(super) enum Source {
    Document,
    New,
    User,
    Now,
}

/// How something is compared with a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
}

impl Node {
    pub(super) fn each<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.each(visit)),
            Self::Not(node) => node.each(visit),
            Self::SignedIn | Self::Constants { .. } | Self::Fact { .. } => {}
        }
    }

    /// What is unknown becomes what the filter as a whole cannot hold by: false, or true below a
    /// `not`.
    pub(super) fn bind(&self, facts: &Facts<'_>, positive: bool) -> Filter {
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
    pub(super) fn of_value(
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
    pub(super) fn of_list(
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
    /// Whether what the source names meets a filter; `None` when it is not there.
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

/// A comparison with a fact, once it is known.
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
pub(super) fn source(subject: Subject) -> Result<(Source, FieldPath), String> {
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
