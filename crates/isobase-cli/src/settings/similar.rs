//! Suggestions for misspelled words.

/// Below this the suggestion would be a guess.
const SIMILAR_MIN: f64 = 0.65;

/// The candidate most like a misspelt word, if one is like it at all.
pub(crate) fn most_similar<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = normal(word);
    let scored = candidates.into_iter().map(|candidate| (similarity(&word, candidate), candidate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score >= SIMILAR_MIN).map(|(_, candidate)| candidate)
}

fn similarity(word: &str, candidate: &str) -> f64 {
    let candidate = normal(candidate);
    // The right word in the wrong table, or without its table.
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    if last(word) == last(&candidate) {
        return 0.99;
    }
    let whole = strsim::normalized_damerau_levenshtein(word, &candidate);
    let last_only = strsim::normalized_damerau_levenshtein(&last(word), &last(&candidate));
    whole.max(last_only * 0.95)
}

fn normal(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["port", "host", "limits.body_bytes", "limits.page_size_max", "log"];
        let cases = [
            ("prot", Some("port")),
            ("Port", Some("port")),
            ("limits.body-bytes", Some("limits.body_bytes")),
            ("limit.body_bytes", Some("limits.body_bytes")),
            ("body_bytes", Some("limits.body_bytes")),
            ("limits.pagesize_max", Some("limits.page_size_max")),
            ("server.port", Some("port")),
            ("colour", None),
            ("", None),
        ];
        for (word, meant) in cases {
            assert_eq!(most_similar(word, known), meant, "{word}");
        }
    }
}
