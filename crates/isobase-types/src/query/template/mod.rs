//! Filters with values that are known only when somebody asks.

mod fact;
mod facts;
mod node;
mod read;

use std::{fmt, sync::Arc};

use self::{
    fact::Fact,
    node::{Node, Source},
    read::read,
};
use crate::{FieldPath, Filter};

pub use facts::{Facts, NewDocument, User};

/// Longest text of a template, in bytes.
///
/// Ours: a rule of a few conditions has a few hundred.
pub const TEMPLATE_BYTES_MAX: usize = 8 << 10;

/// A filter in which facts stand beside constants: who asks (`@user.id`, `@user.name`,
/// `@user.role`), when (`@now`), and a document as a write would leave it (`@new.field`).
///
/// The text is the language of queries, conditions joined by `&`: `owner=@user.id&status[ne]=old`.
/// `true` holds for every document, `false` for none, `@user` for the one who is signed in.
///
/// A comparison with a fact that is not there (`@user.id` of no one) is unknown, and so is its
/// opposite: what is not known to hold does not.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterTemplate {
    text: Arc<str>,
    node: Node,
}

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", self.at + 1)]
pub struct InvalidTemplate {
    /// The place in the text, in characters from 0.
    pub at: usize,
    /// The fault, and the expected value.
    pub message: String,
}

impl FilterTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// The first mistake with its place.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("expected at most {TEMPLATE_BYTES_MAX} bytes");
            return Err(InvalidTemplate { at: 0, message });
        }
        match read(text) {
            Ok(node) => Ok(Self { text: text.into(), node }),
            Err((at, message)) => {
                let at = text.get(..at).map_or(0, |before| before.chars().count());
                Err(InvalidTemplate { at, message })
            }
        }
    }

    /// The text it was read from.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The filter that it is with these facts: what is not known to hold holds for no document.
    #[must_use]
    pub fn bind(&self, facts: &Facts<'_>) -> Filter {
        self.node.bind(facts, true)
    }

    /// The fields of the document that it looks at, each once; not those of the new one.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldPath> {
        self.fields_of(Source::Document)
    }

    /// The fields that it names, each once: of the document and of the new one.
    #[must_use]
    pub fn named_fields(&self) -> Vec<FieldPath> {
        let mut fields = self.fields();
        fields.extend(self.fields_of(Source::New));
        self.node.each(&mut |node| {
            if let Node::Fact { fact: Fact::New(path), .. } = node {
                fields.push(path.clone());
            }
        });
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    fn fields_of(&self, source: Source) -> Vec<FieldPath> {
        let mut fields = Vec::new();
        self.node.each(&mut |node| match node {
            Node::Constants { of, filter } if *of == source => {
                fields.extend(filter.fields().into_iter().cloned());
            }
            Node::Fact { of, path, .. } if *of == source => fields.push(path.clone()),
            _ => {}
        });
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Whether it looks at the document as a write would leave it.
    #[must_use]
    pub fn reads_new(&self) -> bool {
        let mut reads = false;
        self.node.each(&mut |node| {
            reads |= match node {
                Node::Constants { of, .. } => *of == Source::New,
                Node::Fact { of, fact, .. } => *of == Source::New || matches!(fact, Fact::New(_)),
                _ => false,
            };
        });
        reads
    }

    /// Whether it says nothing of documents, so that it holds for all or for none.
    #[must_use]
    pub fn is_about_caller(&self) -> bool {
        self.fields().is_empty() && !self.reads_new()
    }
}

impl fmt::Display for FilterTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DocumentId, Timestamp};

    const NOW: Timestamp = Timestamp { unix_us: 1_795_183_740_000_000 };

    fn parse(text: &str) -> FilterTemplate {
        FilterTemplate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn ann() -> User {
        User::new(DocumentId::Integer(7), "Ann \"A\"", "editor")
    }

    fn holds_for(user: Option<&User>, text: &str, body: &str) -> bool {
        let facts = Facts { user, now: NOW, new: None };
        parse(text).bind(&facts).matches(body, &DocumentId::Integer(3))
    }

    #[test]
    fn facts_stand_for_their_values() {
        let cases = [
            ("owner=@user.id", r#"{"owner":7}"#, true),
            ("owner=@user.id", r#"{"owner":"7"}"#, true),
            ("owner = @user.id", r#"{"owner":8}"#, false),
            ("owner=@user.id", "{}", false),
            ("owner=\"@user.id\"", r#"{"owner":7}"#, false),
            ("owner=\"@user.id\"", r#"{"owner":"@user.id"}"#, true),
            ("owner[ne]=@user.id", r#"{"owner":8}"#, true),
            ("owner[ne]=@user.id", r#"{"owner":7}"#, false),
            ("name=@user.name", r#"{"name":"Ann \"A\""}"#, true),
            ("@user.role=editor", "{}", true),
            ("@user.role[in]=admin,editor", "{}", true),
            ("@user.role[in]=admin, owner", "{}", false),
            ("@user", "{}", true),
            ("@user.id[null]=false", "{}", true),
            ("@user.id=7", "{}", true),
            ("\"@user\".role=x", r#"{"@user":{"role":"x"}}"#, true),
            ("members[contains]=@user.id", r#"{"members":[1,7]}"#, true),
            ("members[contains]=@user.id", r#"{"members":["7"]}"#, true),
            ("members[contains]=@user.id", r#"{"members":"17"}"#, false),
            ("owner[in]=@user.id,all", r#"{"owner":"all"}"#, true),
            ("owner[in]=@user.id,all", r#"{"owner":7}"#, true),
            ("owner[nin]=@user.id,all", r#"{"owner":7}"#, false),
            ("from[lte]=@now & until[gt]=@now", r#"{"from":"2026","until":"2027"}"#, true),
            ("until[gt]=@now", r#"{"until":"2026-01-01"}"#, false),
            ("@now[gte]=2027", "{}", false),
            ("true", "{}", true),
            ("false", "{}", false),
            ("a=1 & true & b=\"&\"", r#"{"a":1,"b":"&"}"#, true),
            ("or( owner.eq.@user.id , public.eq.true )", r#"{"public":true}"#, true),
            ("or=(@user.role.eq.admin,owner.in.(1, @user.id))", r#"{"owner":7}"#, true),
            ("not(and(owner.eq.@user.id,@user.role.eq.editor))", r#"{"owner":7}"#, false),
            ("a=(x) & b=y", r#"{"a":"(x)","b":"y"}"#, true),
        ];
        for (text, body, holds) in cases {
            assert_eq!(holds_for(Some(&ann()), text, body), holds, "{text} {body}");
        }
    }

    #[test]
    fn what_is_not_known_does_not_hold() {
        for text in [
            "owner=@user.id",
            "owner[ne]=@user.id",
            "owner[nin]=@user.id,x",
            "owner[gt]=@user.id",
            "not(owner.eq.@user.id)",
            "not(owner.ne.@user.id)",
            "@user.role=admin",
            "@user.role[ne]=admin",
            "not(@user.role.eq.admin)",
            "@user",
            "members[contains]=@user.id",
            "not(members.contains.@user.id)",
        ] {
            for body in ["{}", r#"{"owner":null}"#, r#"{"owner":7,"members":[]}"#] {
                assert!(!holds_for(None, text, body), "{text} {body}");
            }
        }
        assert!(holds_for(None, "or(owner.eq.@user.id,public.eq.true)", r#"{"public":true}"#));
        assert!(holds_for(None, "owner[in]=@user.id,all", r#"{"owner":"all"}"#));
        assert!(holds_for(None, "@user.id[null]=true", "{}"));
        assert!(!holds_for(Some(&ann()), "@user.id[null]=true", "{}"));
    }

    #[test]
    fn what_says_nothing_of_documents_becomes_simple() {
        let facts = Facts { user: Some(&ann()), now: NOW, new: None };
        let bound = |text: &str| parse(text).bind(&facts);
        assert!(bound("true").is_all() && bound("@user & @user.role=editor").is_all());
        assert!(bound("or(@user.role.eq.editor,owner.eq.1)").is_all());
        assert!(bound("false").is_none() && bound("owner=1 & @user.role=admin").is_none());
        let own = bound("or(@user.role.eq.admin,owner.eq.@user.id)");
        assert_eq!(own, bound("owner=@user.id"));
        assert!(parse("@user.role=admin").is_about_caller());
        assert!(!parse("a=1").is_about_caller() && !parse("@new.a=1").is_about_caller());
    }

    #[test]
    fn new_documents_are_compared() {
        let id = DocumentId::Integer(3);
        let (before, after) =
            (r#"{"owner":7,"tags":[1,{"a":2}],"n":1}"#, r#"{"owner":7,"tags":[1,{"a":2}],"n":2}"#);
        let holds = |text: &str, id: Option<&DocumentId>| {
            let new = Some(NewDocument { id, before, after });
            let facts = Facts { user: Some(&ann()), now: NOW, new };
            parse(text).bind(&facts).matches(before, &DocumentId::Integer(3))
        };
        for (text, expected) in [
            ("@new.owner=@user.id", true),
            ("@new.owner=owner", false),
            ("owner=@new.owner", true),
            ("n=@new.n", false),
            ("n[lt]=@new.n", true),
            ("tags=@new.tags", true),
            ("missing=@new.missing", true),
            ("owner=@new.missing", false),
            ("@new.n[in]=1,2", true),
            ("@new.id=3", true),
            ("@user.id=@new.owner", true),
            ("not(n.eq.@new.n)", true),
        ] {
            assert_eq!(holds(text, Some(&id)), expected, "{text}");
        }
        assert!(!holds("@new.id=3", None) && !holds("@new.id[ne]=3", None));
        assert!(parse("@new.a=1").reads_new() && parse("a=@new.b").reads_new());
        assert!(!parse("a=@user.id").reads_new());
    }

    #[test]
    fn fields_of_documents_are_told() {
        let fields = |text: &str| {
            let fields = parse(text).fields();
            fields.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let text = "b.c=1 & owner=@user.id & or(a.eq.@now,b.c.eq.2) & @new.d=1 & @user.role=x";
        assert_eq!(fields(text), ["a", "b.c", "owner"]);
        assert_eq!(parse(text).to_string(), text);
    }

    #[test]
    fn mistakes_have_a_place() {
        let long = "a".repeat(TEMPLATE_BYTES_MAX + 1);
        for (text, at, message) in [
            ("", 1, "expected a condition, true or false"),
            ("a=1 &", 6, "expected a condition"),
            ("a=1 && b=2", 5, "joined by one &"),
            ("admin", 1, "a role is @user.role=admin"),
            ("true or a", 1, "or(a.eq.1,b.eq.2)"),
            ("owner == 1", 8, "equality is one ="),
            ("owner != 1", 1, "write owner[ne]="),
            ("age >= 1", 1, "write age[gte]="),
            ("größe=1 & a[gtt]=1", 11, "did you mean gt?"),
            ("a=1 & owner=@user.nmae", 13, "is no fact, expected @user, @user.id"),
            ("owner=@user", 7, "@user is no value"),
            ("owner=@me", 7, "stands in quotes"),
            ("@user.x=1", 1, "is no fact"),
            ("a[like]=@user.name", 9, "cannot stand here"),
            ("or(a.eq.1,b)", 12, "has no operator"),
            ("or(a.eq.1", 10, "expected ',' or ')'"),
            ("a=1 || b=2", 3, "|| is no operator"),
            ("or(a.eq.1) b=2", 12, "expected & or the end"),
            ("a[gt]=null", 7, "null has no order"),
            (&long, 1, "at most 8192 bytes"),
        ] {
            let error = FilterTemplate::parse(text).expect_err(text);
            let expected = error.at + 1 == at && error.message.contains(message);
            assert!(expected, "{text}: {error}, expected {at}: {message}");
        }
    }
}
