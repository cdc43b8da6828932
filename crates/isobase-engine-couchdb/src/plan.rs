//! Steps for an administrator where the service may not do them.

use std::fmt;

use isobase_journal::{CatalogueEntry, IndexNumber};

use crate::{
    CouchDbOptions,
    client::segment,
    codec::quoted,
    databases::{creation_path, index_definition},
    names::Names,
};

/// One request of an administrator. Displayed as a `curl` command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupStep {
    /// Its effect, in a sentence.
    pub about: String,
    /// `PUT` or `POST`.
    pub method: &'static str,
    /// The whole URL, without a login.
    pub url: String,
    /// JSON, if there is any.
    pub body: Option<String>,
}

/// Shell commands: the login stands in `COUCHDB_LOGIN` as `user:password`.
impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.about)?;
        write!(f, "curl -sS -u \"$COUCHDB_LOGIN\" -X {} '{}'", self.method, self.url)?;
        match &self.body {
            Some(body) => write!(f, " -H 'Content-Type: application/json' -d '{body}'"),
            None => Ok(()),
        }
    }
}

/// Databases and Mango indexes that collections need, for servers where the service may not
/// create them. Repeating a step is harmless: what is there already answers 412 or `exists`.
///
/// `members` are users that may read and write the databases (`_security`); none leaves that to
/// the administrator.
#[must_use]
pub fn setup_steps(
    options: &CouchDbOptions,
    catalogue: &[CatalogueEntry],
    members: &[String],
) -> Vec<SetupStep> {
    let names = Names::new(&options.prefix);
    let base = options.base_url();
    let mut steps = Vec::new();
    let journal = names.journal();
    let url = |database: &str| format!("{base}{}", creation_path(database, &journal));
    steps.push(database_step(url(&journal), "the journal"));
    steps.extend(security_step(&base, &journal, members));
    for entry in catalogue {
        let database = names.database(&entry.collection);
        let about = format!("the collection '{}'", entry.collection.as_str().escape_debug());
        steps.push(database_step(url(&database), &about));
        steps.extend(security_step(&base, &database, members));
        steps.push(index_step(
            &base,
            &database,
            0,
            "the order of ids, where one is an integer or begins with '_'",
        ));
        for index in &entry.indexes {
            let about = format!("the order {}", index.definition.order());
            steps.push(index_step(&base, &database, index.number, &about));
            if let Some(number) = index.unique_number() {
                let about = format!("the unique values of {}", index.definition.order());
                steps.push(index_step(&base, &database, number, &about));
            }
        }
    }
    steps
}

fn database_step(url: String, about: &str) -> SetupStep {
    SetupStep { about: format!("the database of {about}"), method: "PUT", url, body: None }
}

fn index_step(base: &str, database: &str, index: IndexNumber, about: &str) -> SetupStep {
    SetupStep {
        about: format!("an index in '{database}' for {}", about.escape_debug()),
        method: "POST",
        url: format!("{base}/{}/_index", segment(database)),
        body: Some(index_definition(index)),
    }
}

fn security_step(base: &str, database: &str, members: &[String]) -> Option<SetupStep> {
    let names: Vec<String> =
        members.iter().map(|member| quoted(member).replace('\'', "\\u0027")).collect();
    let names = names.join(",");
    (!members.is_empty()).then(|| SetupStep {
        about: format!("who may read and write '{database}'"),
        method: "PUT",
        url: format!("{base}/{}/_security", segment(database)),
        body: Some(format!(
            "{{\"admins\":{{\"names\":[],\"roles\":[\"_admin\"]}},\
             \"members\":{{\"names\":[{names}],\"roles\":[]}}}}"
        )),
    })
}

#[cfg(test)]
mod tests {
    use isobase_engine::{IndexDefinition, IndexState};
    use isobase_journal::IndexEntry;
    use isobase_types::{CollectionName, Order};

    use super::*;

    #[test]
    fn steps_are_commands() {
        let options = CouchDbOptions::parse("couchdb://ann:secret@db:5984/app_").unwrap();
        let entry = CatalogueEntry {
            collection: CollectionName::new("Notes").unwrap(),
            indexes: vec![IndexEntry {
                number: 7,
                definition: IndexDefinition::new(Order::parse("-at").unwrap()).unwrap(),
                state: IndexState::Ready,
            }],
            adopted: true,
            deleting: None,
        };
        let steps = setup_steps(&options, &[entry], &["o'neil".to_owned()]);
        let text: Vec<String> = steps.iter().map(SetupStep::to_string).collect();
        let text = text.join("\n");
        for part in [
            "-X PUT 'http://db:5984/app_isobase_journal?n=1'",
            "-X PUT 'http://db:5984/app_%244eotes'",
            "'http://db:5984/app_%244eotes/_index' -H 'Content-Type: application/json' -d \
             '{\"index\":{\"fields\":[\"isobase_meta.keys.k7\"]},\"ddoc\":\"isobase_k7\",\
             \"name\":\"k7\",\"type\":\"json\"}'",
            "# an index in 'app_$4eotes' for the order -at",
            "\"names\":[\"o\\u0027neil\"]",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("secret"));
    }
}
