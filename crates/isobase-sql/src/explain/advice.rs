//! Oddities of a plan, and the indexes that would mend it.

use std::fmt;

use sqlparser::{
    ast::{BinaryOperator, Expr},
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::plan::PlanNode;
use crate::Table;

/// Fewer rows are read in a blink, whatever the plan.
const ROWS_MIN: f64 = 1_000.0;
/// How many times more than what is kept, or than was expected.
const FACTOR: f64 = 10.0;
/// Columns of an index.
const COLUMNS_MAX: usize = 4;

/// An oddity of a plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Oddity {
    /// A step reads far more rows than it keeps.
    ReadsForNothing {
        /// The step.
        step: String,
        /// Rows that it read, in all runs.
        read: f64,
        /// Rows that it kept.
        kept: f64,
    },
    /// Far more or fewer rows came than were expected.
    WrongEstimate {
        /// The step.
        step: String,
        /// Rows that were expected of each run.
        expected: f64,
        /// Rows that came.
        came: f64,
    },
    /// A sort did not fit into memory.
    SortOnDisk {
        /// KiB that it took on the disk.
        kib: f64,
    },
    /// A hash did not fit into memory.
    HashInParts {
        /// How many parts.
        parts: f64,
    },
    /// A table is read whole, again and again.
    ReadAgain {
        /// The step.
        step: String,
        /// How often.
        runs: f64,
    },
    /// An index alone could not answer.
    HeapFetches {
        /// The step.
        step: String,
        /// Rows that were looked up in the table.
        rows: f64,
    },
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadsForNothing { step, read, kept } => {
                write!(f, "{step} reads {read:.0} rows to keep {kept:.0}")
            }
            Self::WrongEstimate { step, expected, came } => write!(
                f,
                "{step} was expected to give {expected:.0} rows and gave {came:.0}; ANALYZE renews \
                 what is known of the table"
            ),
            Self::SortOnDisk { kib } => {
                write!(f, "a sort took {kib:.0} KiB on the disk; work_mem is too small for it")
            }
            Self::HashInParts { parts } => {
                write!(f, "a hash was made in {parts:.0} parts; work_mem is too small for it")
            }
            Self::ReadAgain { step, runs } => write!(f, "{step} ran {runs:.0} times"),
            Self::HeapFetches { step, rows } => write!(
                f,
                "{step} looked {rows:.0} rows up in the table; VACUUM lets the index answer alone"
            ),
        }
    }
}

pub(super) fn oddities(plan: &PlanNode) -> Vec<Oddity> {
    let mut found = Vec::new();
    for node in plan.all() {
        let (read, kept) = ((node.rows + node.rows_removed) * node.runs, node.rows * node.runs);
        if reads_for_nothing(node) {
            found.push(Oddity::ReadsForNothing { step: node.title(), read, kept });
        }
        let (expected, came) = (node.rows_expected, node.rows);
        // What is above a limit ends early, and is not wrong.
        let is_wrong = expected.max(came) >= ROWS_MIN && came > expected * FACTOR;
        if is_wrong && node.relation.is_some() {
            found.push(Oddity::WrongEstimate { step: node.title(), expected, came });
        }
        if node.sort_disk_kib > 0.0 {
            found.push(Oddity::SortOnDisk { kib: node.sort_disk_kib });
        }
        if node.hash_batches > 1.0 {
            found.push(Oddity::HashInParts { parts: node.hash_batches });
        }
        if node.kind == "Seq Scan" && node.runs >= FACTOR && read >= ROWS_MIN {
            found.push(Oddity::ReadAgain { step: node.title(), runs: node.runs });
        }
        if node.heap_fetches >= ROWS_MIN {
            found.push(Oddity::HeapFetches { step: node.title(), rows: node.heap_fetches });
        }
    }
    found
}

fn reads_for_nothing(node: &PlanNode) -> bool {
    let removed = node.rows_removed * node.runs;
    removed >= ROWS_MIN && node.rows_removed > node.rows * FACTOR
}

/// An index that a plan lacks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted<'a> {
    pub(super) table: &'a Table,
    pub(super) columns: Vec<String>,
}

/// Those that the steps which read for nothing lack, the most rows first.
pub(super) fn indexes<'a>(plan: &PlanNode, tables: &'a [Table]) -> Vec<Wanted<'a>> {
    let mut found: Vec<(f64, Wanted<'a>)> = Vec::new();
    let joins = joins(plan, Vec::new());
    for (node, conditions) in joins {
        let Some(table) = table_of(node, tables) else { continue };
        let columns = columns(node, &conditions, table);
        let wanted = Wanted { table, columns };
        let is_new = found.iter().all(|(_, other)| *other != wanted);
        if !wanted.columns.is_empty() && is_new && !has_index(table, &wanted.columns) {
            found.push(((node.rows + node.rows_removed) * node.runs, wanted));
        }
    }
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.into_iter().map(|(_, wanted)| wanted).collect()
}

/// Steps that read a table for nothing, each with its own condition and those of the joins above
/// that have neither index nor hash.
fn joins<'a>(node: &'a PlanNode, mut above: Vec<&'a str>) -> Vec<(&'a PlanNode, Vec<&'a str>)> {
    above.extend(node.join_filter.as_deref());
    let mut found = Vec::new();
    let joined = node.kind == "Seq Scan" && node.runs * node.rows >= ROWS_MIN && !above.is_empty();
    if node.relation.is_some() && (reads_for_nothing(node) || joined) {
        let own = node.filter.as_deref().into_iter();
        found.push((node, own.chain(above.iter().copied()).collect()));
    }
    for below in &node.below {
        found.extend(joins(below, above.clone()));
    }
    found
}

fn table_of<'a>(node: &PlanNode, tables: &'a [Table]) -> Option<&'a Table> {
    let is_it = |table: &&Table| {
        node.schema.as_deref() == Some(&*table.schema)
            && node.relation.as_deref() == Some(&*table.name)
    };
    tables.iter().find(is_it)
}

/// Columns that are compared for equality, then one that is compared for order.
fn columns(node: &PlanNode, conditions: &[&str], table: &Table) -> Vec<String> {
    let alias = node.alias.as_deref().unwrap_or(&table.name);
    let mut compared = Compared { alias, table, equal: Vec::new(), ordered: Vec::new() };
    for condition in conditions {
        let parsed = Parser::new(&PostgreSqlDialect {})
            .try_with_sql(condition)
            .and_then(|mut parser| parser.parse_expr());
        if let Ok(condition) = parsed {
            compared.take(&condition);
        }
    }
    let Compared { equal: mut columns, ordered, .. } = compared;
    let ordered = ordered.into_iter().find(|column| !columns.contains(column));
    columns.truncate(COLUMNS_MAX - 1);
    columns.extend(ordered);
    columns
}

struct Compared<'a> {
    alias: &'a str,
    table: &'a Table,
    equal: Vec<String>,
    ordered: Vec<String>,
}

impl Compared<'_> {
    fn take(&mut self, condition: &Expr) {
        match peeled(condition) {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.take(left);
                self.take(right);
            }
            Expr::BinaryOp { left, op, right } => {
                let is_equality = *op == BinaryOperator::Eq;
                let is_order = matches!(
                    op,
                    BinaryOperator::Lt
                        | BinaryOperator::LtEq
                        | BinaryOperator::Gt
                        | BinaryOperator::GtEq
                );
                let column = match (self.column(left), self.column(right)) {
                    (Some(column), None) | (None, Some(column)) => column,
                    // Two columns of one row: no index answers that.
                    _ => return,
                };
                if is_equality {
                    self.note(column, true);
                } else if is_order {
                    self.note(column, false);
                }
            }
            Expr::AnyOp { left, compare_op: BinaryOperator::Eq, .. } => {
                if let Some(column) = self.column(left) {
                    self.note(column, true);
                }
            }
            Expr::IsNull(inner) => {
                if let Some(column) = self.column(inner) {
                    self.note(column, true);
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, column: String, is_equality: bool) {
        let columns = if is_equality { &mut self.equal } else { &mut self.ordered };
        if !columns.contains(&column) {
            columns.push(column);
        }
    }

    /// A column of the table that is read; those of others are values here.
    fn column(&self, expr: &Expr) -> Option<String> {
        let Expr::CompoundIdentifier(names) = peeled(expr) else { return None };
        let [alias, name] = names.as_slice() else { return None };
        let is_ours = alias.value == self.alias && self.table.column(&name.value).is_some();
        is_ours.then(|| name.value.clone())
    }
}

/// Without parentheses and casts.
fn peeled(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => peeled(inner),
        other => other,
    }
}

/// Whether an index of the table begins with these columns.
fn has_index(table: &Table, columns: &[String]) -> bool {
    let keys = std::iter::once(&table.primary_key).chain(&table.uniques);
    let list: Vec<_> = columns.iter().map(|column| column.replace('"', "\"\"")).collect();
    let begins = |definition: &str| {
        let inside = definition.split_once('(').map_or("", |(_, rest)| rest).replace('"', "");
        inside == list.join(", ")
            || inside.starts_with(&format!("{})", list.join(", ")))
            || inside.starts_with(&format!("{},", list.join(", ")))
    };
    keys.into_iter().any(|key| key.starts_with(columns))
        || table.indexes.iter().any(|index| begins(&index.definition))
}
