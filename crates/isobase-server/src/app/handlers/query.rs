//! The parameters of a listing: those of the record routes, with the types of declared fields.

use std::borrow::Cow;

use isobase_http::Problem;
use isobase_types::{
    Comparison, FieldPath, Filter, InvalidParameter, Literal, Operator, Query, QueryLimits,
};

use super::super::State;
use crate::{
    app_collection::{Field, FieldKind, Rows, integer},
    request::{Parameters, refuse_parameters},
};

/// What is said of a text where an integer was expected.
const NO_INTEGER: &str = "Input should be a valid integer, unable to parse string as an integer";

/// Reads the parameters of a listing, and which references are expanded.
pub(super) fn read(state: &State, sent: &str) -> Result<(Query, Vec<FieldPath>), Problem> {
    let mut parameters = Parameters::parse(sent);
    let expand = parameters.take_paths("expand");
    let (pairs, mut faults) = parameters.into_rest();
    let mut pairs = typed_parameters(&state.rows, pairs, &mut faults);
    let asks = |name: &str, pairs: &[(String, String)]| pairs.iter().any(|(it, _)| it == name);
    let page_size = state.collection.page_size;
    if page_size.is_some() && !asks("page", &pairs) && !asks("cursor", &pairs) {
        pairs.push(("page".to_owned(), "1".to_owned()));
    }
    let ordered = asks("sort", &pairs);
    let page_size = page_size.unwrap_or(QueryLimits::default().page_size_default);
    let limits = QueryLimits {
        page_size_max: state.page_size_max,
        page_size_default: page_size.min(state.page_size_max),
    };
    let mut query = match Query::parse(&pairs, &limits) {
        Ok(query) if faults.is_empty() => query,
        Ok(_) => return Err(refuse_parameters(faults)),
        Err(more) => {
            faults.extend(more);
            return Err(refuse_parameters(faults));
        }
    };
    query.filter = typed_filter(&state.rows, query.filter);
    if !ordered {
        query.order = state.collection.order.clone();
    }
    refuse_hidden(&state.rows, &query)?;
    Ok((query, expand))
}

/// Gives plain equalities of declared fields the types of the fields. Of several for one field the
/// last one counts.
fn typed_parameters(
    rows: &Rows,
    pairs: Vec<(String, String)>,
    faults: &mut Vec<InvalidParameter>,
) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let Some(field) = rows.field(&name) else {
            kept.push((name, value));
            continue;
        };
        kept.retain(|(other, _)| *other != name);
        faults.retain(|fault| fault.parameter != name);
        match typed_value(field, &value) {
            Ok(Some(value)) => kept.push((name, value)),
            Ok(None) => {}
            Err(message) => faults.push(InvalidParameter::new(&name, &value, message)),
        }
    }
    kept
}

/// The value of an equality; `None` if it asks for nothing, as zero does of a number that is never
/// zero.
fn typed_value(field: &Field, value: &str) -> Result<Option<String>, &'static str> {
    if value == "null" {
        return Ok(Some(value.to_owned()));
    }
    match (field.kind, value) {
        (FieldKind::Integer, _) => match integer(&without_separators(value)) {
            Some(0) if field.never_zero => Ok(None),
            Some(number) => Ok(Some(number.to_string())),
            None => Err(NO_INTEGER),
        },
        (FieldKind::Boolean, "0") if field.as_number => Ok(Some("false".to_owned())),
        (FieldKind::Boolean, "1") if field.as_number => Ok(Some("true".to_owned())),
        _ => Ok(Some(value.to_owned())),
    }
}

/// A number without the lines between its digits, which FastAPI reads: `1_000`.
fn without_separators(value: &str) -> Cow<'_, str> {
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| value.as_bytes().get(at)).is_some_and(u8::is_ascii_digit)
    };
    let mut lines = value.match_indices('_').peekable();
    let are_between = lines.peek().is_some()
        && lines.all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)));
    if are_between { value.replace('_', "").into() } else { value.into() }
}

/// Leaves of each comparison what the type of its field can meet: so one range of an index answers
/// it, and 0 and 1 mean what they mean in the rows.
fn typed_filter(rows: &Rows, filter: Filter) -> Filter {
    let each =
        |filters: Vec<Filter>| filters.into_iter().map(|it| typed_filter(rows, it)).collect();
    match filter {
        Filter::And(filters) => Filter::And(each(filters)),
        Filter::Or(filters) => Filter::Or(each(filters)),
        Filter::Not(filter) => Filter::Not(Box::new(typed_filter(rows, *filter))),
        Filter::Compare(Comparison { path, operator: Operator::In(literals) }) => {
            let literals = match field_of(rows, &path) {
                Some(field) => typed_literals(field, literals),
                None => literals,
            };
            Filter::Compare(Comparison { path, operator: Operator::In(literals) })
        }
        comparison @ Filter::Compare(_) => comparison,
    }
}

fn typed_literals(field: &Field, mut literals: Vec<Literal>) -> Vec<Literal> {
    if field.as_number {
        for literal in &mut literals {
            match literal {
                Literal::Integer(0) => *literal = Literal::Bool(false),
                Literal::Integer(1) => *literal = Literal::Bool(true),
                _ => {}
            }
        }
    }
    let fits = |literal: &Literal| match field.kind {
        FieldKind::Text => matches!(literal, Literal::Text(_)),
        FieldKind::Integer | FieldKind::Number => {
            matches!(literal, Literal::Integer(_) | Literal::Float(_))
        }
        FieldKind::Boolean => matches!(literal, Literal::Bool(_)),
        FieldKind::Other => true,
    };
    if literals.iter().any(fits) {
        literals.retain(fits);
    }
    literals
}

/// The declared field of a path of one step.
fn field_of<'a>(rows: &'a Rows, path: &FieldPath) -> Option<&'a Field> {
    match path.steps() {
        [name] => rows.field(name),
        _ => None,
    }
}

/// What is never shown is not found out by filters and orders either.
fn refuse_hidden(rows: &Rows, query: &Query) -> Result<(), Problem> {
    let mut paths = Vec::new();
    paths_of(&query.filter, &mut paths);
    paths.extend(query.order.0.iter().map(|field| &field.path));
    let is_hidden = |path: &&&FieldPath| {
        let name = path.steps().first();
        name.and_then(|name| rows.field(name)).is_some_and(|field| field.write_only)
    };
    match paths.iter().find(is_hidden) {
        Some(path) => {
            let message = "the field is never shown, so nothing is filtered or sorted by it";
            let fault = InvalidParameter::new(&path.to_string(), "", message);
            Err(refuse_parameters(vec![fault]))
        }
        None => Ok(()),
    }
}

fn paths_of<'a>(filter: &'a Filter, paths: &mut Vec<&'a FieldPath>) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => {
            filters.iter().for_each(|filter| paths_of(filter, paths));
        }
        Filter::Not(filter) => paths_of(filter, paths),
        Filter::Compare(comparison) => paths.push(&comparison.path),
    }
}
