//! Texts that are too long.

/// The mark at the end of a text that was cut.
pub const TRUNCATED: &str = "... [truncated]";

/// The first characters of a text, and a mark when there were more. Says whether there were.
#[must_use]
pub fn cut(text: &str, characters_max: usize) -> (String, bool) {
    match text.char_indices().nth(characters_max) {
        None => (text.to_owned(), false),
        Some((end, _)) => (format!("{}{TRUNCATED}", &text[..end]), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("äbc", 3), ("äbc".to_owned(), false));
        assert_eq!(cut("äbcd", 3), ("äbc... [truncated]".to_owned(), true));
        assert_eq!(cut("a", 0), (TRUNCATED.to_owned(), true));
        assert_eq!(cut("a", 1), ("a".to_owned(), false));
        assert_eq!(cut("", 0), (String::new(), false));
    }
}
