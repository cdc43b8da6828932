//! Making programs up.

use crate::{Action, Batch, Condition, Operation, check::quoted};

/// A step of a program.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// One write.
    Write(&'static str, Operation, Option<String>),
    /// Several writes.
    Batch(&'static str, Batch),
    /// One document.
    Get(&'static str, String),
    /// One page, or everything.
    List(&'static str, Vec<(String, String)>),
    /// All pages by cursor.
    Walk(&'static str, Vec<(String, String)>, u32),
    /// The collections.
    Totals,
    /// A part of the feed.
    Changes(Option<&'static str>, u64, u32),
    /// An index more.
    CreateIndex(&'static str, String),
    /// An index less.
    DropIndex(&'static str, String),
    /// The indexes.
    Indexes(&'static str),
    /// A collection less.
    DeleteCollection(&'static str),
}

const COLLECTIONS: [&str; 3] = [EXPIRING, "b", "ünï cødé"];

/// The collection whose documents expire in some programs.
pub(super) const EXPIRING: &str = "a";
const FIELDS: [&str; 8] = ["s", "n", "c.x", "t", "m", "tags", "c", "id"];
const INDEXES: [&str; 19] = [
    "unique(n)",
    "unique(s,n)",
    "unique(c.x)",
    "s",
    "n",
    "-n",
    "c.x",
    "t",
    "s,n",
    "s,-n",
    "-s,-n",
    "n,s",
    "s,n,t",
    "m",
    "c.x,-m",
    "id",
    "s,id",
    "-n,id,s",
    "tags.0",
];
/// Conditional writes want a revision the document really has about as often as a wrong one.
const WRONG_REVISIONS: [&str; 4] = ["0", "99999", "x", "1"];

/// Numbers that look random and are the same for a seed for ever (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// What the generator knows of the program so far.
#[derive(Debug)]
pub(crate) struct Generator {
    pub(crate) dice: Dice,
    /// Writes so far, to guess ids and places in the feed.
    pub(crate) written: u64,
    /// Revisions that were seen, newest last.
    pub(crate) revisions: Vec<(String, String)>,
    /// Requests with a key so far.
    keyed: Vec<Step>,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed), written: 0, revisions: Vec::new(), keyed: Vec::new() }
    }

    /// The next step.
    pub(crate) fn step(&mut self) -> Step {
        let collection = self.collection();
        match self.dice.below(100) {
            0..30 => self.write(collection),
            30..42 => self.batch(collection),
            42..48 => Step::Get(collection, self.id()),
            48..72 => Step::List(collection, self.parameters(true)),
            72..84 => {
                let parameters = self.parameters(false);
                Step::Walk(collection, parameters, 1 + self.dice.below(9) as u32)
            }
            84..86 => Step::Totals,
            86..90 => {
                let collection = self.dice.one_in(2).then_some(collection);
                let since = self.dice.below(self.written as usize + 3) as u64;
                Step::Changes(collection, since, 1 + self.dice.below(20) as u32)
            }
            90..96 => Step::CreateIndex(collection, self.dice.pick(&INDEXES).to_owned()),
            96..98 => Step::DropIndex(collection, self.dice.pick(&INDEXES).to_owned()),
            98 => Step::Indexes(collection),
            _ => Step::DeleteCollection(collection),
        }
    }

    fn collection(&mut self) -> &'static str {
        // Most in one, so that it fills up.
        if self.dice.below(4) < 3 { COLLECTIONS[0] } else { self.dice.pick(&COLLECTIONS) }
    }

    fn write(&mut self, collection: &'static str) -> Step {
        if let Some(step) = self.repeat() {
            return step;
        }
        let operation = self.operation();
        let keyed = matches!(operation.action, Action::Create { .. }) && self.dice.one_in(5);
        let key = keyed.then(|| self.key(collection, "create"));
        let step = Step::Write(collection, operation, key);
        self.remember(&step, keyed);
        step
    }

    fn batch(&mut self, collection: &'static str) -> Step {
        if let Some(step) = self.repeat() {
            return step;
        }
        // Fill quickly at first: small collections hide mistakes.
        let most = if self.written < 10 { 25 } else { 7 };
        let count = 1 + self.dice.below(most);
        let atomic = self.dice.one_in(2);
        let mut operations: Vec<Operation> = (0..count).map(|_| self.operation()).collect();
        if atomic && self.dice.below(3) > 0 {
            // A long atomic batch of anything hardly ever succeeds.
            operations.truncate(3);
        }
        let keyed = self.dice.one_in(5);
        let idempotency_key =
            keyed.then(|| self.key(collection, if atomic { "atomic" } else { "each" }));
        let step = Step::Batch(collection, Batch { operations, atomic, idempotency_key });
        self.remember(&step, keyed);
        step
    }

    /// Interfaces may keep the keys of different routes apart, so these never share one.
    fn key(&mut self, collection: &str, route: &str) -> String {
        let place = COLLECTIONS.iter().position(|name| *name == collection);
        format!("{route}-{}-{}", place.unwrap_or_default(), self.dice.below(3))
    }

    fn remember(&mut self, step: &Step, keyed: bool) {
        if keyed {
            self.keyed.push(step.clone());
        }
    }

    /// Now and then the very same request once more.
    fn repeat(&mut self) -> Option<Step> {
        if self.keyed.is_empty() || !self.dice.one_in(12) {
            return None;
        }
        let keyed = self.keyed.clone();
        Some(self.dice.pick(&keyed))
    }

    fn operation(&mut self) -> Operation {
        let operation = match self.dice.below(20) {
            0..9 => return Operation::create(self.body()),
            9..12 => Operation::put(&self.id(), self.body()),
            12..15 => Operation::upsert(&self.id(), self.body()),
            15..18 => Operation::patch(&self.id(), self.patch()),
            _ => Operation::delete(&self.id()),
        };
        let condition = self.condition(&operation);
        operation.when(condition)
    }

    fn condition(&mut self, operation: &Operation) -> Condition {
        let id = match &operation.action {
            Action::Put { id, .. } | Action::Patch { id, .. } | Action::Delete { id } => id.clone(),
            Action::Create { .. } => return Condition::None,
        };
        let known = self.revisions.iter().rev().find(|(known, _)| *known == id);
        let known = known.map(|(_, revision)| revision.clone());
        let wrong = self.dice.pick(&WRONG_REVISIONS).to_owned();
        let is_put = matches!(operation.action, Action::Put { .. });
        match self.dice.below(12) {
            0..5 => Condition::None,
            5 => Condition::Exists,
            6 if is_put => Condition::Missing,
            7 => Condition::RevisionIn(vec![wrong]),
            8 => Condition::RevisionNotIn(vec![known.unwrap_or(wrong)]),
            9 => Condition::RevisionNotIn(vec![wrong]),
            _ => match known {
                Some(known) => Condition::RevisionIn(vec![wrong, known]),
                None => Condition::None,
            },
        }
    }

    fn id(&mut self) -> String {
        if self.dice.one_in(3) {
            format!("k{}", self.dice.below(6))
        } else {
            (1 + self.dice.below(self.written as usize + 2)).to_string()
        }
    }

    fn body(&mut self) -> String {
        let mut members = Vec::new();
        for (key, chance) in [("s", 6), ("n", 6), ("t", 3), ("m", 4), ("tags", 3)] {
            if self.dice.below(8) < chance {
                members.push(format!("\"{key}\":{}", self.value(key)));
            }
        }
        if self.dice.one_in(2) {
            let inner = match self.dice.below(5) {
                0 => self.value("n"),
                _ => format!("{{\"x\":{}}}", self.value("n")),
            };
            members.push(format!("\"c\":{inner}"));
        }
        if self.dice.one_in(10) {
            members.push("\"id\":77".to_owned());
        }
        format!("{{{}}}", members.join(","))
    }

    fn patch(&mut self) -> String {
        let mut members = Vec::new();
        for key in ["s", "n", "m", "t"] {
            if self.dice.one_in(3) {
                members.push(format!("\"{key}\":{}", self.value(key)));
            }
        }
        if self.dice.one_in(3) {
            members.push(format!("\"c\":{{\"x\":{}}}", self.value("n")));
        }
        format!("{{{}}}", members.join(","))
    }

    /// A value that suits the field, or any other.
    fn value(&mut self, key: &str) -> String {
        let other = self.dice.one_in(6);
        match key {
            _ if other => self
                .dice
                .pick(&[
                    "null",
                    "true",
                    "false",
                    "[]",
                    "[1,\"a\"]",
                    "{}",
                    "{\"x\":1}",
                    "\"\"",
                    "0",
                    "-0.0",
                    "\"null\"",
                    "\"true\"",
                ])
                .to_owned(),
            "s" => self.dice.pick(&["\"open\"", "\"closed\"", "\"new\"", "null"]).to_owned(),
            "m" => self.dice.below(4).to_string(),
            "tags" => self
                .dice
                .pick(&[
                    "[\"red\"]",
                    "[\"red\",\"blue\"]",
                    "[]",
                    "[1,2]",
                    "[1.0,null]",
                    "\"red\"",
                    "[[1]]",
                ])
                .to_owned(),
            "t" => quoted(&self.text()),
            _ => self
                .dice
                .pick(&[
                    "0",
                    "1",
                    "2",
                    "3",
                    "5",
                    "1.0",
                    "2.5",
                    "-1",
                    "1e2",
                    "100",
                    "\"1\"",
                    "\"5\"",
                    "9007199254740992",
                    "9007199254740993",
                    "9223372036854775807",
                    "9223372036854775808",
                    "123456789012345678901234567890",
                    "-0.0",
                    "5e-324",
                ])
                .to_owned(),
        }
    }

    /// Strings around the length that counts for an order, among others.
    fn text(&mut self) -> String {
        match self.dice.below(8) {
            0 => "x".repeat(255),
            1 => "x".repeat(256),
            2 => format!("{}{}", "x".repeat(256), self.dice.pick(&["a", "b", "", "\u{0}"])),
            3 => format!("{}é", "x".repeat(255)),
            4 => "a\u{0}b".to_owned(),
            5 => "a".to_owned(),
            6 => self.dice.pick(&["é", "e\u{301}", "😀", "\u{ffff}", "A", " a"]).to_owned(),
            _ => format!("w{}", self.dice.below(5)),
        }
    }

    /// The parameters of a listing. Half of the filters have two predicates or more.
    fn parameters(&mut self, with_page: bool) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        let predicates = match self.dice.below(8) {
            0 | 1 => 0,
            2 | 3 => 1,
            4 | 5 => 2,
            _ => 3,
        };
        for _ in 0..predicates {
            let parameter = match self.dice.below(6) {
                0 => {
                    let joint = self.dice.pick(&["or", "or", "and", "not"]);
                    (joint.to_owned(), self.group(2))
                }
                _ => self.predicate(),
            };
            parameters.push(parameter);
        }
        if self.dice.below(3) > 0 {
            parameters.push(("sort".to_owned(), self.sort()));
        }
        if self.dice.one_in(6) {
            let fields = self.dice.pick(&["s,n", "c.x", "id", "missing", "tags,c"]);
            parameters.push(("fields".to_owned(), fields.to_owned()));
        }
        if with_page {
            match self.dice.below(5) {
                0 => {}
                1 => {
                    parameters.push(("page".to_owned(), (1 + self.dice.below(4)).to_string()));
                    parameters.push(("limit".to_owned(), (1 + self.dice.below(8)).to_string()));
                }
                2 => {
                    parameters.push(("limit".to_owned(), (1 + self.dice.below(8)).to_string()));
                    parameters.push(("count".to_owned(), "exact".to_owned()));
                }
                _ => parameters.push(("limit".to_owned(), (1 + self.dice.below(30)).to_string())),
            }
        }
        parameters
    }

    fn sort(&mut self) -> String {
        let mut fields: Vec<&str> = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let field = self.dice.pick(&FIELDS);
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        let signed: Vec<String> = fields
            .iter()
            .map(|field| format!("{}{field}", if self.dice.one_in(2) { "-" } else { "" }))
            .collect();
        signed.join(",")
    }

    /// One predicate as a parameter.
    fn predicate(&mut self) -> (String, String) {
        let (field, word, value) = self.condition_parts();
        let name = match word {
            "eq" if self.dice.one_in(2) => field,
            _ => format!("{field}[{word}]"),
        };
        (name, value)
    }

    /// Field, operator and value as text that means the same in a parameter and in a group.
    fn condition_parts(&mut self) -> (String, &'static str, String) {
        let field = self.dice.pick(&FIELDS);
        let word = self.dice.pick(&[
            "eq", "eq", "eq", "ne", "gt", "gte", "lt", "lte", "in", "in", "nin", "like", "ilike",
            "null", "contains",
        ]);
        let value = match word {
            "null" => self.dice.pick(&["true", "false"]).to_owned(),
            "in" | "nin" => {
                let values: Vec<String> =
                    (0..=self.dice.below(4)).map(|_| self.literal(field)).collect();
                format!("({})", values.join(","))
            }
            "like" | "ilike" => self
                .dice
                .pick(&["%", "o%", "%e%", "W_", "x%", "%é", "red", "_", "k%", "1%"])
                .to_owned(),
            "gt" | "gte" | "lt" | "lte" => loop {
                let literal = self.literal(field);
                // Null has no order and is refused.
                if literal != "null" {
                    break literal;
                }
            },
            _ => self.literal(field),
        };
        (field.to_owned(), word, value)
    }

    fn literal(&mut self, field: &str) -> String {
        if field == "id" {
            let id = self.id();
            return if id.starts_with('k') && self.dice.one_in(2) { quoted(&id) } else { id };
        }
        let value = match field {
            "c.x" | "c" => self.value("n"),
            field => self.value(field),
        };
        // Arrays and objects cannot be written: take what is in them.
        if value.starts_with(['[', '{']) {
            self.dice.pick(&["1", "\"red\"", "null", "2"]).to_owned()
        } else {
            value
        }
    }

    fn group(&mut self, depth: usize) -> String {
        let mut conditions = Vec::new();
        for _ in 0..=self.dice.below(3) {
            if depth > 0 && self.dice.one_in(5) {
                let joint = self.dice.pick(&["or", "and", "not"]);
                conditions.push(format!("{joint}{}", self.group(depth - 1)));
            } else {
                let (field, word, value) = self.condition_parts();
                conditions.push(format!("{field}.{word}.{value}"));
            }
        }
        format!("({})", conditions.join(","))
    }
}
