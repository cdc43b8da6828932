//! Parameters by name: `:name`, as people write them.

use crate::{
    Dialect, Error, Value,
    lexer::{Kind, Lexer},
};

/// The statement with `$1`, `$2`, … in the places of its names, and their values in that order.
///
/// Only names that have a value are parameters, so that `a::text` and `list[1:n]` stay what they are.
/// The text behind a name keeps its place, for errors that say where they are.
pub(super) fn numbered(
    dialect: Dialect,
    sql: &str,
    named: &[(String, Value)],
) -> Result<(String, Vec<Value>), Error> {
    let tokens: Vec<_> = Lexer::new(dialect, sql).collect();
    let mut text = String::with_capacity(sql.len());
    let (mut written, mut used) = (0, Vec::new());
    for pair in tokens.windows(2) {
        let [colon, name] = pair else { continue };
        let is_name = colon.text == ":" && name.kind == Kind::Word && name.at == colon.at + 1;
        let is_cast = sql[..colon.at].ends_with(':');
        let found = named.iter().position(|(known, _)| known == name.text);
        let Some(found) = found.filter(|_| is_name && !is_cast) else { continue };
        let number = used.iter().position(|at| *at == found).unwrap_or_else(|| {
            used.push(found);
            used.len() - 1
        });
        text.push_str(&sql[written..colon.at]);
        let place = format!("${}", number + 1);
        let width = name.text.chars().count() + 1;
        text.push_str(&format!("{place:<width$}"));
        written = name.at + name.text.len();
    }
    text.push_str(&sql[written..]);
    if let Some((name, _)) =
        named.iter().enumerate().find(|(at, _)| !used.contains(at)).map(|it| it.1)
    {
        return Err(Error::invalid(format!("the statement has no parameter :{name}")));
    }
    Ok((text, used.into_iter().map(|at| named[at].1.clone()).collect()))
}
