//! Statements as strangers may read them: their words, and none of their values.

use sqlparser::{
    dialect::{Dialect as Grammar, PostgreSqlDialect, SQLiteDialect},
    tokenizer::{Token, Tokenizer, Word},
};

use crate::{
    Dialect,
    lexer::{Kind, Lexer, first_word},
};

/// What stands where a text was, and where a number was.
const TEXT: &str = "'***'";
const NUMBER: &str = "***";

/// Words that a statement may begin with; of one that cannot be read no other word is shown.
const FIRST_WORDS: [&str; 24] = [
    "ALTER", "ANALYZE", "CALL", "COMMENT", "CREATE", "DELETE", "DO", "DROP", "EXPLAIN", "GRANT",
    "INSERT", "LOCK", "MERGE", "NOTIFY", "PRAGMA", "REFRESH", "REINDEX", "REPLACE", "REVOKE",
    "SELECT", "SET", "TRUNCATE", "UPDATE", "WITH",
];

/// A statement without the values in it: texts in all their quotes, numbers, comments.
///
/// Two readers must find the same texts in it. Where they do not, or where a setting of the server decides
/// whether a backslash ends a text, its first word and its length are all that is told.
#[must_use]
pub fn masked(dialect: Dialect, sql: &str) -> String {
    without_values(dialect, sql).unwrap_or_else(|| {
        let first = first_word(dialect, sql);
        let known = FIRST_WORDS.iter().find(|word| **word == first).unwrap_or(&"a statement");
        format!("{known} … ({} characters, which are not shown)", sql.chars().count())
    })
}

fn without_values(dialect: Dialect, sql: &str) -> Option<String> {
    let grammar: &dyn Grammar = match dialect {
        Dialect::Postgres => &PostgreSqlDialect {},
        Dialect::Sqlite => &SQLiteDialect {},
    };
    let tokens = Tokenizer::new(grammar, sql).tokenize().ok()?;
    let (mut text, mut texts) = (String::with_capacity(sql.len()), 0);
    for token in &tokens {
        match token {
            // Comments too: they may be about anything.
            Token::Whitespace(_) if text.ends_with(' ') => {}
            Token::Whitespace(_) => text.push(' '),
            Token::Word(word) => push_word(word, &mut text),
            // SQLite's names of parameters may hold `$`; to another reader it would be a text.
            Token::Placeholder(name) if name.rfind('$').is_some_and(|at| at > 0) => return None,
            Token::Placeholder(name) => text.push_str(name),
            Token::Number(..) => text.push_str(NUMBER),
            token if is_text(token) => {
                // It ends there with `standard_conforming_strings`, and without it does not.
                if matches!(token, Token::SingleQuotedString(it) if it.contains('\\'))
                    && dialect == Dialect::Postgres
                {
                    return None;
                }
                texts += 1;
                text.push_str(TEXT);
            }
            token => {
                let shown = token.to_string();
                let is_mark = !shown.contains(char::is_alphanumeric);
                text.push_str(if is_mark { &shown } else { NUMBER });
            }
        }
    }
    let others = Lexer::new(dialect, sql).filter(|token| token.kind == Kind::Text).count();
    (texts == others).then(|| text.trim().to_owned())
}

fn is_text(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
    )
}

fn push_word(word: &Word, text: &mut String) {
    match word.quote_style {
        None => text.push_str(&word.value),
        Some('[') => text.push_str(&format!("[{}]", word.value)),
        Some(quote) => {
            let doubled = word.value.replace(quote, &format!("{quote}{quote}"));
            text.push_str(&format!("{quote}{doubled}{quote}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in every value below.
    const SECRET: &str = "hunter2";

    #[test]
    fn words_stay_and_values_go() {
        let cases = [
            ("ALTER ROLE \"a\"\"b\" PASSWORD 'hunter2'", "ALTER ROLE \"a\"\"b\" PASSWORD '***'"),
            (
                "INSERT INTO t (a, b)\n VALUES ('hunter2', 12.5e3), (E'\\'hunter2', $1)",
                "INSERT INTO t (a, b) VALUES ('***', ***), ('***', $1)",
            ),
            (
                "UPDATE t SET a = $x$ hunter2 ' $$ $x$ -- hunter2\n WHERE b = U&'hunter2'",
                "UPDATE t SET a = '***' WHERE b = '***'",
            ),
            ("DELETE FROM t /* ' /* hunter2 */ ' */ WHERE a", "DELETE FROM t WHERE a"),
            ("SELECT N'hunter2', B'1', x'2', 'it''s hunter2'", "SELECT '***', '***', '***', '***'"),
            ("DO $$ BEGIN PERFORM 'hunter2'; END $$", "DO '***'"),
            ("SELECT $é$hunter2$é$", "SELECT '***'"),
        ];
        for (sql, shown) in cases {
            assert_eq!(masked(Dialect::Postgres, sql), shown);
        }
        let sqlite = "UPDATE [a b] SET `c` = 'hunter2', \"d\" = :e WHERE f = x'00' -- hunter2";
        let shown = "UPDATE [a b] SET `c` = '***', \"d\" = :e WHERE f = '***'";
        assert_eq!(masked(Dialect::Sqlite, sqlite), shown);
    }

    #[test]
    fn hostile_quotes_show_nothing() {
        let both = [
            "INSERT INTO t VALUES ('hunter2",
            "INSERT INTO t VALUES ('a''hunter2', 'b'' , ''hunter2')",
            "SELECT $a$ , 'x$a$ hunter2', '$a$'",
            "SELECT 1 -- it's\r, 'hunter2'",
            "SELECT 1 --'\r/*\n'*/ || 'hunter2'",
            "SELECT /* /* */ 'hunter2' */ ",
            "SELECT e'\\' , 'hunter2'",
            "SELECT 'a\\', ' hunter2 ', '\\'",
            "SELECT 'a' 'hunter2' \n 'hunter2'",
            "SELECT \"a' || 'hunter2' || '\"\" || 'hunter2'",
            "SELECT $1$$hunter2$$",
            "SELECT U&'\\hunter2'",
            "SELECT U&'\\0041hunter2' UESCAPE 'h'",
        ];
        for sql in both {
            for dialect in [Dialect::Postgres, Dialect::Sqlite] {
                let shown = masked(dialect, sql);
                assert!(!shown.contains(SECRET), "{dialect:?} {sql}: {shown}");
            }
        }
        let cut = "INSERT INTO t VALUES ('hunter2";
        let told = "INSERT … (30 characters, which are not shown)";
        assert_eq!(masked(Dialect::Postgres, cut), told);
    }
}
