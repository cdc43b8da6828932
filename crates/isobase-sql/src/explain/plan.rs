//! Plans of PostgreSQL, from their JSON.
//!
//! Source: PostgreSQL 18, `explain.c`. Counts are read as floats: 18 writes `4.00` where earlier
//! versions write `4`.

use serde_json::Value as Json;

/// A step of a plan, and those that it is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanNode {
    /// Its work: `Seq Scan`, `Hash Join`.
    pub kind: String,
    /// The schema of the table that it reads.
    pub schema: Option<String>,
    /// The table that it reads.
    pub relation: Option<String>,
    /// The name of the table in the statement.
    pub alias: Option<String>,
    /// The index that it uses.
    pub index: Option<String>,
    /// The condition on its rows that no index answers.
    pub filter: Option<String>,
    /// The condition that joins its rows, without an index or a hash.
    pub join_filter: Option<String>,
    /// Rows that were expected of each run.
    pub rows_expected: f64,
    /// Rows that came, in each run.
    pub rows: f64,
    /// How often it ran.
    pub runs: f64,
    /// Rows of each run that the filter took out.
    pub rows_removed: f64,
    /// Milliseconds of each run, with the steps below.
    pub milliseconds: f64,
    /// KiB on the disk that a sort took.
    pub sort_disk_kib: f64,
    /// Parts in which a hash was made, because it did not fit into memory.
    pub hash_batches: f64,
    /// Rows that an index alone could not answer.
    pub heap_fetches: f64,
    /// The steps below.
    pub below: Vec<PlanNode>,
}

pub(super) fn parse(json: &Json) -> Option<PlanNode> {
    let text = |name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
    let number = |name: &str| json.get(name).and_then(Json::as_f64).unwrap_or_default();
    let on_disk = json.get("Sort Space Type").and_then(Json::as_str) == Some("Disk");
    let below = json.get("Plans").and_then(Json::as_array).into_iter().flatten();
    Some(PlanNode {
        kind: text("Node Type")?,
        schema: text("Schema"),
        relation: text("Relation Name"),
        alias: text("Alias"),
        index: text("Index Name"),
        filter: text("Filter"),
        join_filter: text("Join Filter"),
        rows_expected: number("Plan Rows"),
        rows: number("Actual Rows"),
        runs: number("Actual Loops"),
        rows_removed: number("Rows Removed by Filter"),
        milliseconds: number("Actual Total Time"),
        sort_disk_kib: if on_disk { number("Sort Space Used") } else { 0.0 },
        hash_batches: number("Hash Batches"),
        heap_fetches: number("Heap Fetches"),
        below: below.filter_map(parse).collect(),
    })
}

impl PlanNode {
    /// This step and all below it, from the top.
    #[must_use]
    pub fn all(&self) -> Vec<&PlanNode> {
        let below = self.below.iter().flat_map(PlanNode::all);
        std::iter::once(self).chain(below).collect()
    }

    /// Its work, and on which object.
    #[must_use]
    pub fn title(&self) -> String {
        let mut title = self.kind.clone();
        if let Some(index) = &self.index {
            title.push_str(&format!(" using {index}"));
        }
        match (&self.relation, &self.alias) {
            (Some(table), Some(alias)) if table != alias => {
                title.push_str(&format!(" on {table} {alias}"));
            }
            (Some(name), _) | (None, Some(name)) => title.push_str(&format!(" on {name}")),
            (None, None) => {}
        }
        title
    }

    /// One line for each step, those below indented.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let times = if self.runs == 1.0 { String::new() } else { format!(" × {}", self.runs) };
        let mut lines = vec![format!(
            "{}: {} rows{times}, {:.3} ms, expected {}",
            self.title(),
            self.rows,
            self.milliseconds,
            self.rows_expected
        )];
        for step in &self.below {
            lines.extend(step.lines().into_iter().map(|line| format!("  {line}")));
        }
        lines
    }
}
