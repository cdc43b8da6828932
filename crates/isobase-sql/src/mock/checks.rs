//! Conditions of tables, as far as they can be read: they say which values a column may have.

use std::collections::HashMap;

use sqlparser::{
    ast::{
        BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget,
        UnaryOperator, Value as Literal,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use crate::Table;

/// What the conditions say of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    /// One of these.
    pub(super) one_of: Option<Vec<String>>,
    /// At least.
    pub(super) min: Option<f64>,
    /// More than.
    pub(super) above: Option<f64>,
    /// At most.
    pub(super) max: Option<f64>,
    /// Less than.
    pub(super) below: Option<f64>,
    /// At least so many characters.
    pub(super) length_min: Option<usize>,
    /// At most so many characters.
    pub(super) length_max: Option<usize>,
    /// Not NULL, although the column itself may be.
    pub(super) not_null: bool,
}

/// What the conditions of a table say, and those that could not be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    pub(super) columns: HashMap<String, Bounds>,
    pub(super) unreadable: Vec<String>,
}

impl Checks {
    pub(super) fn of(table: &Table) -> Self {
        let mut checks = Self::default();
        for check in &table.checks {
            let condition = check.definition.trim_start();
            let condition = condition.get(5..).unwrap_or_default();
            let parsed = Parser::new(&PostgreSqlDialect {})
                .try_with_sql(condition)
                .and_then(|mut parser| parser.parse_expr());
            let read = parsed.is_ok_and(|condition| checks.take(&condition));
            if !read {
                checks.unreadable.push(check.definition.clone());
            }
        }
        checks
    }

    /// Whether it was read.
    fn take(&mut self, condition: &Expr) -> bool {
        match peeled(condition) {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                // Both, whether or not the first one could be read.
                let left = self.take(left);
                self.take(right) && left
            }
            Expr::BinaryOp { left, op, right } => self.take_comparison(left, op, right),
            Expr::In { expr, target: InTarget::List(list), negated: false, .. } => {
                self.take_list(expr, list)
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
                match peeled(right) {
                    Expr::Array(array) => self.take_list(left, &array.elem),
                    _ => false,
                }
            }
            Expr::Between { expr, negated: false, low, high } => {
                self.take_comparison(expr, &BinaryOperator::GtEq, low)
                    && self.take_comparison(expr, &BinaryOperator::LtEq, high)
            }
            Expr::IsNotNull(expr) => match column(expr) {
                Some(column) => {
                    self.bounds(column).not_null = true;
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    fn take_list(&mut self, expr: &Expr, list: &[Expr]) -> bool {
        let texts: Option<Vec<String>> = list.iter().map(text).collect();
        match (column(expr), texts) {
            (Some(column), Some(texts)) => {
                self.bounds(column).one_of = Some(texts);
                true
            }
            _ => false,
        }
    }

    fn take_comparison(&mut self, left: &Expr, op: &BinaryOperator, right: &Expr) -> bool {
        if let (Some(column), Some(text), BinaryOperator::Eq) = (column(left), text(right), op) {
            self.bounds(column).one_of = Some(vec![text]);
            return true;
        }
        if let (Some(column), Some("")) = (column(left), text(right).as_deref())
            && *op == BinaryOperator::NotEq
        {
            self.bounds(column).length_min = Some(1);
            return true;
        }
        let flipped = flip(op);
        let sides = match (number(right), number(left), flipped) {
            (Some(number), ..) => Some((left, op.clone(), number)),
            (None, Some(number), Some(op)) => Some((right, op, number)),
            _ => None,
        };
        let Some((side, op, number)) = sides else { return false };
        if let Some(column) = column(side) {
            return self.bounds(column).take_number(&op, number);
        }
        match length_of(side) {
            Some(column) => self.bounds(&column).take_length(&op, number),
            None => false,
        }
    }

    fn bounds(&mut self, column: &str) -> &mut Bounds {
        self.columns.entry(column.to_owned()).or_default()
    }
}

impl Bounds {
    fn take_number(&mut self, op: &BinaryOperator, number: f64) -> bool {
        match op {
            BinaryOperator::Gt => self.above = Some(number),
            BinaryOperator::GtEq => self.min = Some(number),
            BinaryOperator::Lt => self.below = Some(number),
            BinaryOperator::LtEq => self.max = Some(number),
            _ => return false,
        }
        true
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a length beyond these is none"
    )]
    fn take_length(&mut self, op: &BinaryOperator, number: f64) -> bool {
        let length = number as usize;
        match op {
            BinaryOperator::Gt => self.length_min = Some(length + 1),
            BinaryOperator::GtEq => self.length_min = Some(length),
            BinaryOperator::Lt => self.length_max = Some(length.saturating_sub(1)),
            BinaryOperator::LtEq => self.length_max = Some(length),
            BinaryOperator::Eq => {
                self.length_min = Some(length);
                self.length_max = Some(length);
            }
            _ => return false,
        }
        true
    }

    /// The smallest and the largest integer that it allows.
    #[expect(clippy::cast_possible_truncation, reason = "the cast keeps to the ends of i64")]
    pub(super) fn integers(&self, low: i64, high: i64) -> (i64, i64) {
        let low = self.min.map_or(low, |min| min.ceil() as i64);
        let low = self.above.map_or(low, |above| above.floor() as i64 + 1);
        let high_was_given = self.max.is_some() || self.below.is_some();
        let high = if high_was_given { high } else { high.max(low.saturating_add(1000)) };
        let high = self.max.map_or(high, |max| max.floor() as i64);
        let high = self.below.map_or(high, |below| below.ceil() as i64 - 1);
        let low_was_given = self.min.is_some() || self.above.is_some();
        let low = if low_was_given { low } else { low.min(high) };
        (low, high.max(low))
    }
}

/// Without parentheses and casts.
fn peeled(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => peeled(inner),
        other => other,
    }
}

fn column(expr: &Expr) -> Option<&str> {
    match peeled(expr) {
        Expr::Identifier(name) => Some(&name.value),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.as_str()),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match peeled(expr) {
        Expr::Value(value) => match &value.value {
            Literal::Number(digits, _) => digits.parse().ok(),
            // PostgreSQL writes (-1) as '-1'::integer.
            Literal::SingleQuotedString(text) => text.parse().ok(),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|number| -number),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match peeled(expr) {
        Expr::Value(value) => match &value.value {
            Literal::SingleQuotedString(text) => Some(text.clone()),
            Literal::Number(digits, _) => Some(digits.clone()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            text(expr).map(|text| format!("-{text}"))
        }
        _ => None,
    }
}

/// The column in `length(column)`.
fn length_of(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = peeled(expr) else { return None };
    let name = function.name.to_string().to_lowercase();
    if !matches!(name.as_str(), "length" | "char_length" | "character_length") {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] => column(inner).map(str::to_owned),
        _ => None,
    }
}

fn flip(op: &BinaryOperator) -> Option<BinaryOperator> {
    match op {
        BinaryOperator::Gt => Some(BinaryOperator::Lt),
        BinaryOperator::GtEq => Some(BinaryOperator::LtEq),
        BinaryOperator::Lt => Some(BinaryOperator::Gt),
        BinaryOperator::LtEq => Some(BinaryOperator::GtEq),
        BinaryOperator::Eq => Some(BinaryOperator::Eq),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Constraint;

    fn checks(definitions: &[&str]) -> Checks {
        let checks = definitions.iter().map(|definition| Constraint {
            name: String::new(),
            definition: (*definition).to_owned(),
        });
        Checks::of(&Table { checks: checks.collect(), ..Table::default() })
    }

    #[test]
    fn conditions_are_read_as_postgresql_writes_them() {
        let checks = checks(&[
            "CHECK (((price > (0)::numeric) AND (price <= 99.5)))",
            "CHECK (((status)::text = ANY ((ARRAY['a'::character varying, 'b'::text])::text[])))",
            "CHECK ((10 >= length((name)::text)))",
            "CHECK (kind IN ('x', 'y'))",
            "CHECK (n BETWEEN -5 AND '-1'::integer)",
            "CHECK ((name <> ''::text)) NOT VALID",
            "CHECK (a < b)",
            "CHECK (name ~ '^x')",
        ]);
        let price = &checks.columns["price"];
        assert_eq!(
            (price.above, price.max, price.integers(1, 1000)),
            (Some(0.0), Some(99.5), (1, 99))
        );
        assert_eq!(checks.columns["status"].one_of, Some(vec!["a".into(), "b".into()]));
        assert_eq!(checks.columns["kind"].one_of, Some(vec!["x".into(), "y".into()]));
        let name = &checks.columns["name"];
        assert_eq!((name.length_min, name.length_max), (Some(1), Some(10)));
        assert_eq!(checks.columns["n"].integers(1, 1000), (-5, -1));
        assert_eq!(checks.unreadable, ["CHECK (a < b)", "CHECK (name ~ '^x')"]);
    }
}
