//! The table of engines by ability.

use std::fmt::Write;

use isobase_engine::{Engine, Limit, Limits};

/// Engines by ability, with their limits and the sources of these, as Markdown.
#[must_use]
pub fn matrix(engines: &[(&str, &dyn Engine)]) -> String {
    let mut out = String::from("| ability |");
    let names = engines.iter().map(|(name, _)| format!(" {name} |")).collect::<String>();
    let rule = "---|".repeat(engines.len() + 1);
    let _ = write!(out, "{names}\n|{rule}\n");
    let abilities: [(&str, Has); 12] = [
        ("documents, preconditions, lists, counts, batches", |_| true),
        ("idempotency keys", |_| true),
        ("filters, orders and pages with the same answers", |_| true),
        ("atomic batches", |_| true),
        ("a reader sees all of an atomic batch or nothing", |engine| engine.shows_batches_whole()),
        ("change feed", |_| true),
        ("declared indexes", |_| true),
        ("a page of a listing is of one moment", |engine| engine.lists_one_moment()),
        ("source of copies and dumps", |_| true),
        ("target of copies and restores", |_| true),
        ("finds what other programs wrote", |engine| engine.reconcile().is_some()),
        ("collections that expire, or without changes", |_| true),
    ];
    for (ability, has) in abilities {
        row(&mut out, ability, engines, |engine| if has(engine) { "yes" } else { "no" }.to_owned());
    }
    for (limit, of) in LIMITS {
        row(&mut out, limit, engines, |engine| {
            let Limit { max, unit, .. } = of(engine.limits());
            format!("{} {unit}", grouped(max))
        });
    }
    out.push_str("\nWhere the limits come from:\n\n");
    for (name, engine) in engines {
        for (limit, of) in LIMITS {
            let _ = writeln!(out, "- {name}, {limit}: {}", of(engine.limits()).source);
        }
    }
    out
}

type Has = fn(&dyn Engine) -> bool;

type LimitOf = fn(&Limits) -> Limit;

const LIMITS: [(&str, LimitOf); 4] = [
    ("largest document", |limits| limits.document_bytes),
    ("deepest document", |limits| limits.document_levels),
    ("largest batch", |limits| limits.batch_operations),
    ("largest atomic batch, or batch with a key", |limits| limits.atomic_operations),
];

fn row(
    out: &mut String,
    title: &str,
    engines: &[(&str, &dyn Engine)],
    cell: impl Fn(&dyn Engine) -> String,
) {
    let cells = engines.iter().map(|(_, engine)| format!(" {} |", cell(*engine)));
    let _ = writeln!(out, "| {title} |{}", cells.collect::<String>());
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use isobase_engine_memory::{MemoryEngine, MemoryOptions};

    use super::*;
    use crate::TestClock;

    #[test]
    fn has_a_column_for_each_engine() {
        let engine = MemoryEngine::new(TestClock::default().shared(), MemoryOptions::default());
        let table = matrix(&[("memory", &engine), ("other", &engine)]);
        assert!(table.starts_with("| ability | memory | other |\n|---|---|---|\n"), "{table}");
        assert!(table.contains("| atomic batches | yes | yes |"), "{table}");
        assert!(table.contains("| deepest document | 128 levels | 128 levels |"), "{table}");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(100), "100");
    }
}
