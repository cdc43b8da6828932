//! Finds the column that a loosely spelt name means.

use crate::{ColumnMismatch, Inflection};

/// How many names that look alike an error shows.
const SUGGESTIONS_MAX: usize = 3;

/// The column of `available` that `name` means: exactly; else ignoring case; else in the other
/// number; else in the other of snake and camel case. The first in the order of the table wins.
///
/// With `strict` only the exact name counts.
///
/// # Errors
/// [`ColumnMismatch`], which names neither schema nor table: the caller knows them.
pub fn match_column<'a, S: AsRef<str>>(
    name: &str,
    available: &'a [S],
    strict: bool,
    inflection: &Inflection,
) -> Result<&'a str, ColumnMismatch> {
    if let Some(column) = find(available, |column| column == name) {
        return Ok(column);
    }
    if !strict && !name.is_empty() {
        let lower = name.to_lowercase();
        let found = find(available, |column| is_lower(column, &lower))
            .or_else(|| in_other_number(&lower, available, inflection))
            .or_else(|| in_other_case(name, available));
        if let Some(column) = found {
            return Ok(column);
        }
    }
    Err(ColumnMismatch {
        name: name.to_owned(),
        available: available.iter().map(|column| column.as_ref().to_owned()).collect(),
        schema: None,
        table: None,
        suggestions: suggestions(name, available),
    })
}

fn find<S: AsRef<str>>(available: &[S], same: impl Fn(&str) -> bool) -> Option<&str> {
    available.iter().map(AsRef::as_ref).find(|column| same(column))
}

fn in_other_number<'a, S: AsRef<str>>(
    lower: &str,
    available: &'a [S],
    inflection: &Inflection,
) -> Option<&'a str> {
    if *inflection == Inflection::Off {
        return None;
    }
    let singular = inflection.singular(lower);
    find(available, |column| inflection.singular(column) == singular)
}

fn in_other_case<'a, S: AsRef<str>>(name: &str, available: &'a [S]) -> Option<&'a str> {
    let (snake, camel) = (to_snake(name), to_camel(name));
    // What is in one of the two forms already is the name itself.
    let is_snake = |column: &str| match column.chars().any(char::is_uppercase) {
        true => to_snake(column) == snake,
        false => column == snake,
    };
    let is_camel = |column: &str| match column.contains('_') {
        true => to_camel(column) == camel,
        false => column == camel,
    };
    find(available, |column| is_snake(column) || is_camel(column))
}

/// Whether a name in lower case is this one.
fn is_lower(name: &str, lower: &str) -> bool {
    match name.is_ascii() {
        true => name.eq_ignore_ascii_case(lower),
        false => name.to_lowercase() == lower,
    }
}

/// `userName` as `user_name`: a `_` before every capital that is not the first character.
fn to_snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, character) in name.chars().enumerate() {
        if at > 0 && character.is_uppercase() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

/// `user_name` as `userName`: the first part as it is, the others with a capital.
fn to_camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut characters = part.chars();
        camel.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        camel.extend(characters.flat_map(char::to_lowercase));
    }
    camel
}

/// Names that differ in few characters, whatever their case and separators.
fn suggestions<S: AsRef<str>>(name: &str, available: &[S]) -> Vec<String> {
    let wanted = folded(name);
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut near: Vec<(usize, &str)> = available
        .iter()
        .map(|column| (strsim::osa_distance(&wanted, &folded(column.as_ref())), column.as_ref()))
        // A third of the letters may be wrong.
        .filter(|(distance, _)| *distance * 3 <= wanted.chars().count())
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(SUGGESTIONS_MAX).map(|(_, column)| column.to_owned()).collect()
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 19] = [
        "id",
        "name",
        "email",
        "created_at",
        "user_id",
        "address",
        "status",
        "categories",
        "is_active",
        "people",
        "data",
        "children",
        "userName",
        "HTTPCode",
        "tags",
        "news",
        "analyses",
        "series",
        "quantity",
    ];

    fn matched(name: &str) -> Option<&'static str> {
        match_column(name, &COLUMNS, false, &Inflection::default()).ok()
    }

    /// The examples of the specification.
    #[test]
    fn golden_names_match() {
        let cases = [
            ("userId", "user_id"),
            ("UserId", "user_id"),
            ("User_Id", "user_id"),
            ("user_ids", "user_id"),
            ("ids", "id"),
            ("createdAt", "created_at"),
            ("CreatedAt", "created_at"),
            ("addresses", "address"),
            ("statuses", "status"),
            ("category", "categories"),
            ("person", "people"),
            ("persons", "people"),
            ("datum", "data"),
            ("datas", "data"),
            ("child", "children"),
            ("childs", "children"),
            ("user_name", "userName"),
            ("username", "userName"),
            ("httpCode", "HTTPCode"),
            ("tag", "tags"),
            ("new", "news"),
            ("analysis", "analyses"),
            ("isActive", "is_active"),
            ("series", "series"),
        ];
        for (name, column) in cases {
            assert_eq!(matched(name), Some(column), "{name}");
        }
    }

    #[test]
    fn golden_strangers_do_not_match() {
        let strangers =
            ["USERID", "userIds", "http_code", "addres", "is active", "e-mail", "UserID", "", "_"];
        for name in strangers {
            assert_eq!(matched(name), None, "{name}");
        }
    }

    #[test]
    fn strict_takes_the_exact_name_only() {
        let inflection = Inflection::default();
        assert!(match_column("ID", &COLUMNS, true, &inflection).is_err());
        assert_eq!(match_column("id", &COLUMNS, true, &inflection), Ok("id"));
        assert!(match_column("tag", &COLUMNS, false, &Inflection::Off).is_err());
    }

    #[test]
    fn error_names_columns_and_neighbours() {
        let columns = ["id", "name", "email", "created_at", "user_id"];
        let mut mismatch =
            match_column("usr_id", &columns, false, &Inflection::default()).unwrap_err();
        mismatch.table = Some("users".into());
        assert_eq!(
            mismatch.to_string(),
            "Column 'usr_id' not found in table 'users'. Available columns: id, name, email, \
             created_at, user_id. Did you mean: user_id?"
        );
        mismatch.schema = Some("public".into());
        assert!(mismatch.to_string().contains("in table 'public.users'. "));
        let strange = match_column("zzz", &columns, false, &Inflection::default()).unwrap_err();
        assert!(strange.to_string().ends_with("created_at, user_id"));
    }
}
