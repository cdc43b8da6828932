//! From parameters to a query.

use super::{
    Count, FIELDS_MAX, InvalidParameter, PageRequest, Query, QueryLimits,
    condition::{Word, Written, unknown_operator, with_list, with_value},
    group::{Counter, Joint, parse_group, parse_list},
};
use crate::{FieldPath, Filter, InvalidFieldPath, Order};

/// Names that mean something else than a field. `meta` and `upsert` are read elsewhere.
const RESERVED: [&str; 11] =
    ["sort", "limit", "cursor", "page", "fields", "count", "or", "and", "not", "meta", "upsert"];

pub(super) fn parse(
    parameters: &[(String, String)],
    limits: &QueryLimits,
) -> Result<Query, Vec<InvalidParameter>> {
    let mut reader = Reader::default();
    let mut errors = Vec::new();
    for (name, value) in parameters {
        if let Err(message) = reader.read(name, value, limits) {
            errors.push(InvalidParameter::new(name, value, message));
        }
    }
    if let (Some(cursor), true) = (&reader.cursor, reader.seen.contains(&"page")) {
        errors.push(InvalidParameter::new("cursor", cursor, "expected cursor or page, not both"));
    }
    if errors.is_empty() { Ok(reader.finish(limits)) } else { Err(errors) }
}

/// The part read so far.
#[derive(Default)]
struct Reader {
    filters: Vec<Filter>,
    conditions: Counter,
    order: Order,
    limit: Option<u32>,
    cursor: Option<String>,
    page: Option<u32>,
    fields: Vec<FieldPath>,
    count: Count,
    /// Parameters that may stand once and were there, also when they were refused.
    seen: Vec<&'static str>,
}

impl Reader {
    fn read(&mut self, name: &str, value: &str, limits: &QueryLimits) -> Result<(), String> {
        match RESERVED.iter().find(|reserved| **reserved == name) {
            Some(&"meta" | &"upsert") => Ok(()),
            Some(reserved) => match Joint::find(reserved) {
                Some(joint) => self.group(joint, value),
                None => self.setting(reserved, value, limits),
            },
            None => self.condition(name, value),
        }
    }

    fn group(&mut self, joint: Joint, value: &str) -> Result<(), String> {
        if self.conditions.is_exceeded() {
            // Said once.
            return Ok(());
        }
        self.filters.push(parse_group(joint, value, &mut self.conditions)?);
        Ok(())
    }

    fn condition(&mut self, name: &str, value: &str) -> Result<(), String> {
        if self.conditions.is_exceeded() {
            return Ok(());
        }
        self.conditions.add()?;
        let (path, word) = parse_name(name)?;
        self.filters.push(if word.takes_list() {
            with_list(path, word, &parse_list::<Filter>(value)?)?
        } else {
            with_value(path, word, &Written::of_parameter(value))?
        });
        Ok(())
    }

    fn setting(
        &mut self,
        name: &'static str,
        value: &str,
        limits: &QueryLimits,
    ) -> Result<(), String> {
        if self.seen.contains(&name) {
            return Err(format!("expected {name} once"));
        }
        self.seen.push(name);
        match name {
            "sort" => self.order = Order::parse(value).map_err(|error| error.to_string())?,
            "limit" => self.limit = Some(whole_number(value, limits.page_size_max)?),
            "page" => self.page = Some(whole_number(value, u32::MAX)?),
            "cursor" if value.is_empty() => {
                return Err("expected the cursor of the page before".to_owned());
            }
            "cursor" => self.cursor = Some(value.to_owned()),
            "fields" => self.fields = parse_fields(value)?,
            _ => {
                self.count = match value {
                    "exact" => Count::Exact,
                    "none" => Count::None,
                    _ => return Err("expected exact or none".to_owned()),
                }
            }
        }
        Ok(())
    }

    fn finish(mut self, limits: &QueryLimits) -> Query {
        let limit = self.limit.unwrap_or(limits.page_size_default);
        let page = match (self.page, self.cursor, self.limit) {
            (Some(page), _, _) => PageRequest::Numbered { page, limit },
            (None, None, None) => PageRequest::All,
            (None, after, _) => PageRequest::Cursor { limit, after },
        };
        let filter = match self.filters.len() {
            1 => self.filters.remove(0),
            _ => Filter::And(self.filters),
        };
        Query { filter, order: self.order, page, fields: self.fields, count: self.count }
    }
}

/// Reads `path` or `path[operator]`.
fn parse_name(name: &str) -> Result<(FieldPath, Word), String> {
    let (path, end) = FieldPath::parse_prefix(name).map_err(|error| error.to_string())?;
    let (written, rest) = name.split_at(end);
    if rest.is_empty() {
        return Ok((path, Word::Eq));
    }
    if RESERVED.contains(&written) {
        return Err(format!(
            "{written} is a reserved name, write a field of this name in quotes: \"{written}\""
        ));
    }
    let operator = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let Some(operator) = operator else {
        return Err("expected a name of the form path or path[operator]".to_owned());
    };
    Word::find(operator).map(|word| (path, word)).ok_or_else(|| unknown_operator(operator))
}

/// Reads `a,b.c`. A field that stands twice counts once.
fn parse_fields(value: &str) -> Result<Vec<FieldPath>, String> {
    let mut fields: Vec<FieldPath> = Vec::new();
    let mut rest = value;
    loop {
        let (path, end) = FieldPath::parse_prefix(rest).map_err(|error| error.to_string())?;
        if !fields.contains(&path) {
            fields.push(path);
        }
        if fields.len() > FIELDS_MAX {
            return Err(format!("at most {FIELDS_MAX} fields are allowed"));
        }
        match rest[end..].chars().next() {
            None => return Ok(fields),
            Some(',') => rest = &rest[end + 1..],
            Some(found) => return Err(InvalidFieldPath::Character { found }.to_string()),
        }
    }
}

/// Reads a whole number from 1 to `max`: digits only.
fn whole_number(value: &str, max: u32) -> Result<u32, String> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(number) if digits && (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Comparison, Literal, Operator};

    /// Parses `a=1&b=2`, not percent-encoded.
    fn parse_text(text: &str) -> Result<Query, Vec<InvalidParameter>> {
        let parameters: Vec<_> = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Query::parse(&parameters, &QueryLimits::default())
    }

    #[track_caller]
    fn filter(text: &str) -> Filter {
        parse_text(text)
            .map(|query| query.filter)
            .unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
    }

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    fn text(text: &str) -> Literal {
        Literal::Text(text.to_owned())
    }

    fn is(field: &str, operator: Operator) -> Filter {
        Filter::Compare(Comparison { path: path(field), operator })
    }

    fn any(field: &str, literals: &[Literal]) -> Filter {
        is(field, Operator::In(literals.to_vec()))
    }

    fn not(filter: Filter) -> Filter {
        Filter::Not(Box::new(filter))
    }

    #[test]
    fn equality_takes_bare_values_both_ways() {
        let null = || is("a", Operator::Null);
        let cases = [
            ("a=open", any("a", &[text("open")])),
            ("a=", any("a", &[text("")])),
            ("a[eq]=x", any("a", &[text("x")])),
            ("a=18", any("a", &[Literal::Integer(18), text("18")])),
            ("a=-1.50", any("a", &[Literal::Float(-1.5), text("-1.50")])),
            ("a=1e2", any("a", &[Literal::Float(100.0), text("1e2")])),
            ("a=01", any("a", &[text("01")])),
            ("a=+1", any("a", &[text("+1")])),
            ("a= 1", any("a", &[text(" 1")])),
            ("a=1-2", any("a", &[text("1-2")])),
            ("a=-", any("a", &[text("-")])),
            ("a=-Infinity", any("a", &[text("-Infinity")])),
            ("a=NaN", any("a", &[text("NaN")])),
            ("a=true", any("a", &[Literal::Bool(true), text("true")])),
            ("a=True", any("a", &[text("True")])),
            ("a=\"18\"", any("a", &[text("18")])),
            ("a=\"null\"", any("a", &[text("null")])),
            ("a=\"\\u0041\"", any("a", &[text("A")])),
            ("a=\"x\" y", any("a", &[text("\"x\" y")])),
            ("a=\"x", any("a", &[text("\"x")])),
            ("a=(x,y)", any("a", &[text("(x,y)")])),
            ("a=null", Filter::Or(vec![null(), any("a", &[text("null")])])),
            ("a[ne]=x", not(any("a", &[text("x")]))),
            ("a[ne]=null", not(Filter::Or(vec![null(), any("a", &[text("null")])]))),
            ("a.b.0=x", any("a.b.0", &[text("x")])),
            ("\"sort\"=x", any("sort", &[text("x")])),
            ("\"a.b\".c=x", any("\"a.b\".c", &[text("x")])),
            ("sort.x=1", any("sort.x", &[Literal::Integer(1), text("1")])),
            ("q=x", any("q", &[text("x")])),
            ("9223372036854775808=x", any("9223372036854775808", &[text("x")])),
        ];
        for (query, expected) in cases {
            assert_eq!(filter(query), expected, "{query}");
        }
    }

    #[test]
    fn operators_make_their_comparison() {
        use Operator::{Contains, Greater, GreaterOrEqual, Less, LessOrEqual, Like, Null};
        let like = |pattern: &str, ignore_case| Like { pattern: pattern.to_owned(), ignore_case };
        let one = [Literal::Integer(1), text("1")];
        let list = [text("a"), Literal::Integer(2), text("2"), text("c,d")];
        let cases = [
            ("a[gt]=18", is("a", Greater(Literal::Integer(18)))),
            ("a[gte]=0.5", is("a", GreaterOrEqual(Literal::Float(0.5)))),
            ("a[lt]=2026-01-01", is("a", Less(text("2026-01-01")))),
            ("a[lte]=\"18\"", is("a", LessOrEqual(text("18")))),
            ("a[gt]=false", is("a", Greater(Literal::Bool(false)))),
            (
                "a[lt]=9223372036854775808",
                is("a", Less(Literal::Float(9_223_372_036_854_775_808.0))),
            ),
            ("a[like]=x%", is("a", like("x%", false))),
            ("a[ilike]=18", is("a", like("18", true))),
            ("a[like]=\"x\"", is("a", like("x", false))),
            ("a[null]=true", is("a", Null)),
            ("a[null]=false", not(is("a", Null))),
            ("a[contains]=x", is("a", Contains(text("x")))),
            ("a[contains]=null", is("a", Contains(text("null")))),
            ("a[contains]=\"1\"", is("a", Contains(text("1")))),
            (
                "a[contains]=1",
                Filter::Or(one.iter().map(|l| is("a", Contains(l.clone()))).collect()),
            ),
            ("a[in]=a,2,\"c,d\"", any("a", &list)),
            ("a[in]=(a,2,\"c,d\")", any("a", &list)),
            ("a[nin]=1", not(any("a", &one))),
            ("a[in]=\"\"", any("a", &[text("")])),
            ("a[in]=x,null", Filter::Or(vec![is("a", Null), any("a", &[text("x"), text("null")])])),
            ("\"limit\"[gt]=1", is("limit", Greater(Literal::Integer(1)))),
            ("\"a[gt]\"[gt]=1", is("\"a[gt]\"", Greater(Literal::Integer(1)))),
        ];
        for (query, expected) in cases {
            assert_eq!(filter(query), expected, "{query}");
        }
    }

    #[test]
    fn conditions_are_joined_by_and() {
        assert_eq!(filter(""), Filter::all());
        let (x, y) = (any("a", &[text("x")]), any("a", &[text("y")]));
        assert_eq!(filter("a=x"), x);
        assert_eq!(filter("a=x&a=y"), Filter::And(vec![x, y]));
    }

    #[test]
    fn groups_nest() {
        let (a, b) = (|| any("a", &[text("x")]), || any("b", &[text("y")]));
        let adult = || is("age", Operator::GreaterOrEqual(Literal::Integer(18)));
        let cases = [
            ("or=(a.eq.x,b.eq.y)", Filter::Or(vec![a(), b()])),
            ("or=(a.eq.x)", a()),
            ("and=(a.eq.x,b.eq.y)", Filter::And(vec![a(), b()])),
            ("not=(a.eq.x)", not(a())),
            ("not=(a.eq.x,b.eq.y)", not(Filter::And(vec![a(), b()]))),
            (
                "or=(age.gte.18,and(a.eq.x,b.eq.y),not(z.null.true))",
                Filter::Or(vec![
                    adult(),
                    Filter::And(vec![a(), b()]),
                    not(is("z", Operator::Null)),
                ]),
            ),
            ("or=(a.eq.x)&or=(b.eq.y)", Filter::And(vec![a(), b()])),
            (
                "or=(a.in.(1,\"b)\"),b.eq.y)",
                Filter::Or(vec![any("a", &[Literal::Integer(1), text("1"), text("b)")]), b()]),
            ),
            ("or=(a.eq.\"x\")", a()),
            ("or=(a.eq.\"(,)\\\"\")", any("a", &[text("(,)\"")])),
            ("or=(a.eq.)", any("a", &[text("")])),
            ("or=(a.b.eq.x.y)", any("a.b", &[text("x.y")])),
            ("or=(eq.eq.x)", any("eq", &[text("x")])),
            ("or=(a.eq.in.x)", any("a", &[text("in.x")])),
            ("or=(a.\"in\".eq.x)", any("a.in", &[text("x")])),
            ("or=(\"a.b\".eq.x)", any("\"a.b\"", &[text("x")])),
            ("or=(or.eq.x)", any("or", &[text("x")])),
            ("or=(sort.eq.x)", any("sort", &[text("x")])),
            (
                "or=(a.like.%x y%)",
                is("a", Operator::Like { pattern: "%x y%".to_owned(), ignore_case: false }),
            ),
        ];
        for (query, expected) in cases {
            assert_eq!(filter(query), expected, "{query}");
        }
    }

    #[test]
    fn chooses_the_part_of_the_listing() {
        let cursor = |limit, after: Option<&str>| PageRequest::Cursor {
            limit,
            after: after.map(str::to_owned),
        };
        let cases = [
            ("", PageRequest::All),
            ("sort=a&fields=b&count=exact&x=1", PageRequest::All),
            ("limit=10", cursor(10, None)),
            ("limit=1000", cursor(1000, None)),
            ("cursor=abc", cursor(100, Some("abc"))),
            ("cursor=abc&limit=5", cursor(5, Some("abc"))),
            ("page=3", PageRequest::Numbered { page: 3, limit: 100 }),
            ("page=1&limit=7", PageRequest::Numbered { page: 1, limit: 7 }),
            ("meta=1&upsert=true&meta=2", PageRequest::All),
        ];
        for (query, page) in cases {
            assert_eq!(parse_text(query).unwrap().page, page, "{query}");
        }
    }

    #[test]
    fn reads_order_fields_and_count() {
        let query = parse_text("sort=-created_at,name&fields=a,b.c,a&count=exact").unwrap();
        assert_eq!(query.order.to_string(), "-created_at,name");
        assert_eq!(query.fields, [path("a"), path("b.c")]);
        assert_eq!(query.count, Count::Exact);
        assert_eq!(parse_text("count=none").unwrap().count, Count::None);
        assert_eq!(parse_text("").unwrap().count, Count::None);
    }

    #[test]
    fn refuses_with_what_was_expected() {
        let deep = format!("or={}a.eq.1{}", "(and".repeat(17), ")".repeat(17));
        let list = format!("a[in]={}", vec!["1"; 1001].join(","));
        let pattern = format!("a[like]={}", "%".repeat(1025));
        let names: Vec<_> = (0..65).map(|n| format!("f{n}")).collect();
        let fields = format!("fields={}", names.join(","));
        let size = "expected a whole number from 1 to 1000";
        let known =
            "expected one of eq, ne, gt, gte, lt, lte, in, nin, like, ilike, null, contains";
        let cases = [
            ("limit=0", size),
            ("limit=-1", size),
            ("limit=1.5", size),
            ("limit=abc", size),
            ("limit=", size),
            ("limit=+5", size),
            ("limit=1001", size),
            ("limit=99999999999999999999", size),
            ("page=0", "expected a whole number from 1 to 4294967295"),
            ("cursor=", "expected the cursor"),
            ("cursor=x&page=2", "expected cursor or page, not both"),
            ("count=all", "expected exact or none"),
            ("sort=", "empty"),
            ("sort=a,a", "stands twice"),
            ("sort=a&sort=b", "expected sort once"),
            ("limit=0&limit=5", "expected limit once"),
            ("fields=", "empty"),
            ("fields=a, b", "blank space"),
            (&fields, "at most 64 fields"),
            ("sort[gt]=1", "reserved name"),
            ("or[gt]=1", "reserved name"),
            ("a[gtt]=1", "unknown, did you mean gt?"),
            ("a[GTE]=1", "did you mean gte?"),
            ("a[zzzzzzzz]=1", known),
            ("a[]=1", known),
            ("a[gt=1", "path[operator]"),
            ("a[gt]x=1", "path[operator]"),
            ("a(b)=1", "path[operator]"),
            ("=1", "empty"),
            ("a..b=1", "empty"),
            ("a=1e999", "beyond the range"),
            ("a[gt]=-1e999", "beyond the range"),
            ("a[in]=1,1e999", "beyond the range"),
            ("a[gt]=null", "null has no order"),
            ("a[null]=yes", "expected true or false"),
            ("a[null]=\"true\"", "expected true or false"),
            ("a[in]=", "at least one value"),
            ("a[in]=()", "at least one value"),
            ("a[in]=1,,2", "expected a value"),
            ("a[in]=1,", "expected a value"),
            ("a[in]=(1,2", "expected ',' or ')'"),
            ("a[in]=(1)2", "expected nothing after the list"),
            ("a[in]=1)", "expected ',' or the end"),
            ("a[in]=a(b", "parentheses or quotes"),
            ("a[in]=\"a\"b", "expected ',' or the end"),
            ("a[in]=\"a", "expected a JSON string"),
            (&list, "at most 1000"),
            (&pattern, "at most 1024"),
            ("or=", "expected '('"),
            ("or=a.eq.1", "expected '('"),
            ("or=()", "empty"),
            ("or=(a.eq.1", "expected ',' or ')'"),
            ("or=(a.eq.1,)", "empty"),
            ("or=(a.eq.1)x", "expected nothing after the group"),
            ("or=(a)", "has no operator, expected path.operator.value"),
            ("or=(a.1)", "has no operator"),
            ("or=(a.gtt.1)", "did you mean gt?"),
            ("or=(a.null)", "has no operator"),
            ("or=(a.in.1)", "expected a list in parentheses"),
            ("or=(a.eq.(1))", "parentheses or quotes"),
            ("or=(a.eq.x\"y)", "parentheses or quotes"),
            ("or=(a.eq.\"x)", "expected a JSON string"),
            ("or=(a.eq.\"x\"y)", "expected ',' or ')'"),
            ("or=(a.eq.1, b.eq.1)", "blank space"),
            (&deep, "deeper than 16"),
        ];
        for (query, message) in cases {
            let errors = parse_text(query).expect_err(query);
            assert!(errors.iter().any(|e| e.message.contains(message)), "{query}: {errors:?}");
        }
    }

    #[test]
    fn tells_all_errors_at_once() {
        let errors = parse_text("limit=0&age[foo]=1&ok=1&sort=&page=x").unwrap_err();
        let names: Vec<_> = errors.iter().map(|error| error.parameter.as_str()).collect();
        assert_eq!(names, ["limit", "age[foo]", "sort", "page"]);
        assert_eq!(
            errors[0].to_string(),
            "the parameter \"limit\" is not valid: expected a whole number from 1 to 1000, found \"0\""
        );
        let long = parse_text(&format!("limit={}", "x".repeat(500))).unwrap_err();
        assert_eq!(long[0].value.chars().count(), 101);
    }

    #[test]
    fn counts_conditions_over_all_parameters() {
        let group = |count| format!("or=({})", vec!["a.eq.1"; count].join(","));
        assert!(parse_text(&format!("{}&{}", group(100), group(100))).is_ok());
        let errors = parse_text(&format!("{}&{}&b=1&c=1", group(150), group(51))).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("at most 200 conditions"));
        let depth = |depth| format!("or={}(a.eq.1{}", "(and".repeat(depth - 1), ")".repeat(depth));
        assert!(parse_text(&depth(16)).is_ok());
    }
}
