//! The tables that a statement names.

use std::collections::BTreeSet;

use crate::{
    Dialect,
    lexer::{Kind, Lexer, Token},
};

/// Functions whose arguments have a FROM of their own: `extract(year FROM at)`.
const FUNCTIONS_WITH_FROM: [&str; 5] = ["extract", "substring", "trim", "overlay", "position"];

/// The tables after FROM, JOIN, INTO and UPDATE, in lower case, with the schema when it is
/// written; each once. Names that WITH gives to queries are none.
pub(super) fn of(sql: &str) -> BTreeSet<String> {
    let tokens: Vec<Token<'_>> = Lexer::new(Dialect::Postgres, sql).collect();
    let own = names_of_with(&tokens);
    let mut found = BTreeSet::new();
    let mut parentheses: Vec<bool> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => {
                let function = at.checked_sub(1).map(|before| &tokens[before]);
                let names = |token: &Token<'_>| FUNCTIONS_WITH_FROM.iter().any(|f| token.is(f));
                parentheses.push(function.is_some_and(names));
            }
            ")" => drop(parentheses.pop()),
            _ => {}
        }
        let inside_function = parentheses.last() == Some(&true);
        if !inside_function && leads_to_table(&tokens, at) {
            take_names(&tokens[at + 1..], &own, &mut found);
        }
    }
    found
}

fn leads_to_table(tokens: &[Token<'_>], at: usize) -> bool {
    let before = |word: &str| at > 0 && tokens[at - 1].is(word);
    let token = &tokens[at];
    if token.is("from") {
        // IS DISTINCT FROM compares.
        return !before("distinct");
    }
    if token.is("update") {
        // FOR UPDATE locks, ON CONFLICT DO UPDATE writes the table of the INSERT,
        // and a foreign key or a trigger says ON UPDATE.
        return !["for", "do", "key", "on", "or"].iter().any(|word| before(word));
    }
    token.is("join") || token.is("into")
}

/// One name, or several parted by commas.
fn take_names(tokens: &[Token<'_>], own: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    let mut at = 0;
    loop {
        while tokens.get(at).is_some_and(|t| t.is("only") || t.is("lateral")) {
            at += 1;
        }
        let Some((name, length)) = name_at(&tokens[at..]) else { return };
        at += length;
        if !own.contains(&name) && !is_set_returning(tokens, at) {
            found.insert(name);
        }
        // An alias may follow before the comma.
        while tokens.get(at).is_some_and(|token| is_alias(token)) {
            at += 1;
        }
        if tokens.get(at).is_none_or(|token| token.text != ",") {
            return;
        }
        at += 1;
    }
}

/// `generate_series(1, 5)` is no table; `INSERT INTO t (a)` has a blank before its columns.
fn is_set_returning(tokens: &[Token<'_>], at: usize) -> bool {
    let (Some(before), Some(next)) =
        (at.checked_sub(1).and_then(|a| tokens.get(a)), tokens.get(at))
    else {
        return false;
    };
    next.text == "(" && before.at + before.text.len() == next.at && !is_insert_list(tokens, at)
}

/// Whether the parentheses hold names alone and VALUES, SELECT or DEFAULT comes after them.
fn is_insert_list(tokens: &[Token<'_>], at: usize) -> bool {
    let end = tokens[at..].iter().position(|token| token.text == ")");
    let after = end.and_then(|end| tokens.get(at + end + 1));
    after.is_some_and(|token| {
        ["values", "select", "default", "overriding", "with"].iter().any(|word| token.is(word))
    })
}

fn name_at(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let token = tokens.get(at)?;
        if parts.is_empty() && ["select", "set", "values"].iter().any(|word| token.is(word)) {
            return None;
        }
        parts.push(token.name()?.to_lowercase());
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != ".") {
            return Some((parts.join("."), at));
        }
        at += 1;
    }
}

fn is_alias(token: &Token<'_>) -> bool {
    const NEXT: [&str; 18] = [
        "where",
        "join",
        "inner",
        "left",
        "right",
        "full",
        "cross",
        "natural",
        "on",
        "group",
        "order",
        "having",
        "limit",
        "offset",
        "union",
        "set",
        "returning",
        "using",
    ];
    matches!(token.kind, Kind::Word | Kind::Name) && !NEXT.iter().any(|word| token.is(word))
}

/// The names before `AS (` in a statement with WITH.
fn names_of_with(tokens: &[Token<'_>]) -> BTreeSet<String> {
    if !tokens.iter().any(|token| token.is("with")) {
        return BTreeSet::new();
    }
    let named = tokens.windows(3).filter(|three| three[1].is("as") && three[2].text == "(");
    named.filter_map(|three| three[0].name().map(|name| name.to_lowercase())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found() {
        let cases: [(&str, &[&str]); 13] = [
            ("SELECT * FROM Users u JOIN posts p ON p.id = u.id", &["posts", "users"]),
            ("select 1 from public.users, \"Odd Name\" x, b", &["b", "odd name", "public.users"]),
            ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", &["t"]),
            ("INSERT INTO t(a) VALUES (1)", &["t"]),
            ("UPDATE t SET a = 1 FROM s WHERE s.id = t.id", &["s", "t"]),
            ("DELETE FROM t WHERE a = 'FROM x'", &["t"]),
            ("SELECT extract(year FROM at) FROM t FOR UPDATE", &["t"]),
            ("SELECT a IS DISTINCT FROM b FROM t", &["t"]),
            ("WITH x AS (SELECT 1 FROM y) SELECT * FROM x", &["y"]),
            ("SELECT * FROM (SELECT 1 FROM a) q LEFT JOIN b USING (id)", &["a", "b"]),
            ("SELECT * FROM generate_series(1, 5)", &[]),
            ("SELECT 1 -- FROM comment", &[]),
            ("SELECT FROM", &[]),
        ];
        for (sql, tables) in cases {
            assert_eq!(of(sql).iter().map(String::as_str).collect::<Vec<_>>(), tables, "{sql}");
        }
    }
}
