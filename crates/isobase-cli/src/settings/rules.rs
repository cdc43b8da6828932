//! Access rules of a collection, as the settings file has them.

use isobase::store::{Rule, RuleAction, Rules};
use toml::{Spanned, de::DeValue};

use super::similar::most_similar;

/// Something that is no rule: where it stands in the file, what is wrong, and the way out.
pub(super) struct Mistake {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Reads `rules = { list = "…", … }`, or the table `[collections.NAME.rules]`.
///
/// # Errors
/// Everything that is wrong.
pub(super) fn read(value: &Spanned<DeValue<'_>>) -> Result<Rules, Vec<Mistake>> {
    let Some(table) = value.get_ref().as_table() else {
        return Err(vec![Mistake {
            offset: value.span().start,
            message: "rules is not a table".to_owned(),
            hint: "write rules.list = \"owner = @user.id\", or true or false".to_owned(),
        }]);
    };
    let (mut rules, mut mistakes) = (Rules::default(), Vec::new());
    for (key, value) in table {
        match read_one(key.get_ref(), key.span().start, value) {
            Ok((action, rule)) => rules = rules.with(action, rule),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(rules) } else { Err(mistakes) }
}

fn read_one(
    name: &str,
    offset: usize,
    value: &Spanned<DeValue<'_>>,
) -> Result<(RuleAction, Rule), Mistake> {
    let action: RuleAction = name.parse().map_err(|reason: String| Mistake {
        offset,
        message: format!("rules.{name}: {reason}"),
        hint: match most_similar(name, RuleAction::ALL.map(RuleAction::as_str)) {
            Some(meant) => format!("did you mean rules.{meant}?"),
            None => "write rules.list = \"owner = @user.id\"".to_owned(),
        },
    })?;
    let wrong = |message: String| Mistake {
        offset: value.span().start,
        message: format!("rules.{name}: {message}"),
        hint: "docs/rules.md tells what a rule may say".to_owned(),
    };
    // A bare true or false is what it looks like.
    let text = match value.get_ref() {
        DeValue::String(text) => text.to_string(),
        DeValue::Boolean(constant) => constant.to_string(),
        other => {
            let kind = other.type_str();
            return Err(wrong(format!("expected a text, true or false, found one of type {kind}")));
        }
    };
    let rule = Rule::parse(action, &text).map_err(|error| wrong(error.to_string()))?;
    Ok((action, rule))
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn check(text: &str) -> Result<Rules, Vec<Mistake>> {
        let table = DeTable::parse(text).unwrap();
        read(table.get_ref().get("rules").unwrap())
    }

    #[test]
    fn rules_are_texts_or_constants() {
        let rules = check("[rules]\nlist = true\nupdate = \"owner = @user.id\"\n");
        let rules = rules.unwrap_or_default();
        let text = |action| rules.rule(action).map(Rule::as_text);
        assert_eq!(text(RuleAction::View), Some("true"));
        assert_eq!(text(RuleAction::Update), Some("owner = @user.id"));
        assert_eq!(text(RuleAction::Delete), None);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let text = "[rules]\nlst = true\nview = 7\ncreate = \"a==1\"\ndelete = \"@new.a=1\"\n";
        let mistakes = check(text).err().unwrap_or_default();
        let told: Vec<_> = mistakes
            .iter()
            .map(|it| format!("{} {} | {}", it.offset, it.message, it.hint))
            .collect();
        for expected in [
            "8 rules.lst: there is no action \"lst\"; use list, view, create, update or delete | \
             did you mean rules.list?",
            "rules.view: expected a text, true or false, found one of type integer",
            "rules.create: at character 3: equality is one =",
            "rules.delete: @new is a document as it is written",
        ] {
            assert!(told.iter().any(|told| told.contains(expected)), "{expected}: {told:?}");
        }
        assert_eq!(told.len(), 4);
        assert!(check("rules = 1").is_err());
    }
}
