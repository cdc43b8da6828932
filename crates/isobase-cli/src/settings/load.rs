//! Defaults, file, environment and flags, laid over each other.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
};

use isobase::store::Rules;
use isobase_auth::{PROVIDERS_MAX, Provider};

use super::{
    api::ApiSettings,
    env_file,
    file::{self, Term},
    mentions::Mention,
    origin::Origin,
    providers::DeclaredProvider,
    setting::{AnySetting, Optional, Reading, Setting, without_line_end},
    similar::most_similar,
    table,
};
use crate::failure::{Failure, Problem};

/// The name of the settings file in an app folder.
const FILE_NAME: &str = "isobase.toml";

/// Variables with the prefix of ours that are not settings.
const OTHER_VARIABLES: [&str; 2] = ["ISOBASE_KEY", "ISOBASE_PASSPHRASE"];
/// The prefix of the variables of the test suite.
const TEST_VARIABLES: &str = "ISOBASE_TEST_";

/// The settings that the command line names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The app folder.
    pub(crate) app: PathBuf,
    /// A settings file that must be there, in place of the one in the app folder.
    pub(crate) file: Option<PathBuf>,
    /// A file of variables, which must be there.
    pub(crate) env_file: Option<PathBuf>,
    /// Settings that the database keeps: key and value. Those that cannot be taken are left out.
    pub(crate) stored: Vec<(String, String)>,
    /// Flags: the key of the setting, the flag as it is written, the value.
    pub(crate) flags: Vec<(String, String, String)>,
}

/// All settings, read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Those that are set, by their keys.
    set: HashMap<&'static str, (Reading, Origin)>,
    /// Declared indexes: collection, fields, where.
    pub(crate) indexes: Vec<(String, String, Origin)>,
    /// Files of schemas: collection, path as it is written, where.
    pub(crate) schemas: Vec<(String, String, Origin)>,
    /// Terms of collections: collection, what is said, where.
    pub(crate) terms: Vec<(String, Term, Origin)>,
    /// Declared collections: name, rules, where.
    pub(crate) rules: Vec<(String, Rules, Origin)>,
    /// Declared collections: name, how it is shown, where.
    pub(crate) collections: Vec<(String, ApiSettings, Origin)>,
    /// Schemas that the file writes as fields: collection, their text, where.
    pub(crate) fields: Vec<(String, String, Origin)>,
    /// Services whose accounts sign in here, with their secrets, and where they are declared.
    pub(crate) providers: Vec<(Provider, Origin)>,
    /// Fields and collections that the file names beside their declarations, and where.
    pub(crate) mentions: Vec<(Mention, Origin)>,
    /// Warnings: what is odd but no error.
    pub(crate) warnings: Vec<Problem>,
    /// The app folder.
    pub(crate) app: PathBuf,
}

impl Loaded {
    /// The files of schemas, from the current folder.
    pub(crate) fn schema_files(&self) -> Vec<PathBuf> {
        let files = self.schemas.iter();
        files.map(|(_, path, origin)| in_folder(&self.base_of(origin), path)).collect()
    }

    /// The value of a setting.
    pub(super) fn get<T: Clone>(&self, setting: &Setting<T>) -> T {
        let set = self.set.get(setting.key()).and_then(|(reading, _)| reading.value::<T>());
        set.cloned().unwrap_or_else(|| setting.default_value())
    }

    /// The value of a setting that may be unset.
    pub(super) fn find<T>(&self, setting: &Optional<T>) -> Option<&T> {
        self.set.get(setting.key()).and_then(|(reading, _)| reading.value())
    }

    /// The text of a setting, if it is set and a text.
    pub(super) fn text(&self, setting: &dyn AnySetting) -> Option<&String> {
        self.reading(setting)?.value()
    }

    /// The value of a setting of any type, if it is set.
    pub(super) fn reading(&self, setting: &dyn AnySetting) -> Option<&Reading> {
        self.set.get(setting.declared().key).map(|(reading, _)| reading)
    }

    /// Where the value of a setting comes from.
    pub(super) fn origin(&self, setting: &dyn AnySetting) -> &Origin {
        self.set.get(setting.declared().key).map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// Why the value of a setting cannot be.
    pub(super) fn wrong(&self, setting: &dyn AnySetting, reason: impl fmt::Display) -> Failure {
        let (key, origin) = (setting.declared().key, self.origin(setting));
        Failure::usage(format!("setting {key} ({origin}): {reason}"))
    }

    /// The path of a setting, as seen from the current folder.
    pub(super) fn path(&self, setting: &Setting<String>) -> PathBuf {
        in_folder(&self.base_of(self.origin(setting)), self.get(setting))
    }

    /// The folder from which a relative path is meant.
    pub(super) fn base_of(&self, origin: &Origin) -> PathBuf {
        match origin {
            Origin::Default => self.app.clone(),
            Origin::File { path, .. } => match path.parent() {
                Some(folder) if folder != Path::new("") => folder.to_owned(),
                _ => PathBuf::from("."),
            },
            Origin::Database
            | Origin::Env { .. }
            | Origin::EnvFile { .. }
            | Origin::Flag { .. } => PathBuf::from("."),
        }
    }
}

/// Reads all settings.
///
/// # Errors
/// Everything that is wrong, each with its place and what was expected.
pub(crate) fn load(given: &Given, environment: &[(String, String)]) -> Result<Loaded, Failure> {
    let mut loading = Loading::default();
    let file = loading.file(given)?;
    let OfCollections { indexes, schemas, fields, terms, rules, collections, mentions, providers } =
        file;
    loading.stored(given);
    loading.variables(given, environment)?;
    let providers = loading.secrets(providers, given, environment)?;
    loading.environment(environment);
    loading.flags(given);
    if loading.problems.is_empty() {
        let (set, warnings) = (loading.set, loading.warnings);
        let app = given.app.clone();
        Ok(Loaded {
            set,
            indexes,
            schemas,
            fields,
            terms,
            rules,
            collections,
            mentions,
            providers,
            warnings,
            app,
        })
    } else {
        Err(Failure::usage_all(loading.problems))
    }
}

/// Declarations of collections: collection, text, where.
type Declared = Vec<(String, String, Origin)>;

/// Everything that a file says of collections, and of providers.
#[derive(Default)]
struct OfCollections {
    indexes: Declared,
    schemas: Declared,
    fields: Declared,
    terms: Vec<(String, Term, Origin)>,
    rules: Vec<(String, Rules, Origin)>,
    collections: Vec<(String, ApiSettings, Origin)>,
    mentions: Vec<(Mention, Origin)>,
    providers: Vec<(DeclaredProvider, Origin)>,
}

#[derive(Default)]
struct Loading {
    set: HashMap<&'static str, (Reading, Origin)>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Loading {
    /// Reads the file, and returns what it declares of collections.
    fn file(&mut self, given: &Given) -> Result<OfCollections, Failure> {
        let (path, must_exist) = match &given.file {
            Some(path) => (path.clone(), true),
            None => (in_folder(&given.app, FILE_NAME), false),
        };
        let contents = file::read(&path).map_err(|error| {
            Failure::usage(format!("cannot read the settings file {}: {error}", path.display()))
        })?;
        let Some(contents) = contents else {
            if must_exist {
                return Err(Failure::usage(format!("there is no file {}", path.display())));
            }
            return Ok(OfCollections::default());
        };
        self.problems.extend(contents.problems);
        let origin = |line| Origin::File { path: path.clone(), line };
        for (setting, reading, line) in contents.values {
            self.set.insert(setting.declared().key, (reading, origin(line)));
        }
        let declared = |list: Vec<(String, String, usize)>| {
            list.into_iter()
                .map(|(collection, text, line)| (collection, text, origin(line)))
                .collect()
        };
        let (terms, rules) = (contents.terms.into_iter(), contents.rules.into_iter());
        let collections = contents.collections.into_iter();
        let (mentions, providers) = (contents.mentions.into_iter(), contents.providers.into_iter());
        Ok(OfCollections {
            indexes: declared(contents.indexes),
            schemas: declared(contents.schemas),
            fields: declared(contents.fields),
            terms: terms.map(|(name, term, line)| (name, term, origin(line))).collect(),
            rules: rules.map(|(name, rules, line)| (name, rules, origin(line))).collect(),
            collections: collections.map(|(name, it, line)| (name, it, origin(line))).collect(),
            mentions: mentions.map(|(it, line)| (it, origin(line))).collect(),
            providers: providers.map(|(it, line)| (it, origin(line))).collect(),
        })
    }

    /// Takes what the database keeps: perhaps by another version or from a copy, so what cannot be is
    /// told and left out.
    fn stored(&mut self, given: &Given) {
        for (key, text) in &given.stored {
            let none =
                || "no setting of this name can be changed while the service runs".to_owned();
            let setting = table::changeable(key).ok_or_else(none);
            match setting.and_then(|setting| Ok((setting, setting.parse_stored(text)?))) {
                Ok((setting, reading)) => {
                    self.set.insert(setting.declared().key, (reading, Origin::Database));
                }
                Err(error) => {
                    let message = format!("{key} = {text:?} in the database is not taken: {error}");
                    let hint =
                        Some("forget it on the screen Settings of the admin site".to_owned());
                    self.warnings.push(Problem { message, hint });
                }
            }
        }
    }

    /// Reads the file of variables, if there is one.
    fn variables(
        &mut self,
        given: &Given,
        environment: &[(String, String)],
    ) -> Result<(), Failure> {
        let Some(path) = &given.env_file else { return Ok(()) };
        let file = env_file::read(path, environment)?;
        let pairs: Vec<_> =
            file.iter().rev().map(|it| (it.name.clone(), it.value.clone())).collect();
        let origin = |name: &str| {
            let line = file.iter().rev().find(|it| it.name == name).map_or(1, |it| it.line);
            Origin::EnvFile { path: path.clone(), line, name: name.to_owned() }
        };
        self.take_variables(&pairs, origin);
        // A command reads these from its process alone.
        for variable in file.iter().filter(|it| OTHER_VARIABLES.contains(&it.name.as_str())) {
            let message = format!("{} in {} is not taken", variable.name, path.display());
            let hint = Some("set the variable itself".to_owned());
            self.warnings.push(Problem { message, hint });
        }
        Ok(())
    }

    /// Fills in the secrets that variables hold.
    fn secrets(
        &mut self,
        providers: Vec<(DeclaredProvider, Origin)>,
        given: &Given,
        environment: &[(String, String)],
    ) -> Result<Vec<(Provider, Origin)>, Failure> {
        let mut variables = environment.to_vec();
        if let Some(path) = &given.env_file {
            let file = env_file::read(path, environment)?;
            variables.extend(file.into_iter().rev().map(|it| (it.name, it.value)));
        }
        if providers.len() > PROVIDERS_MAX {
            let message = format!("there are {} providers", providers.len());
            let hint = Some(format!("at most {PROVIDERS_MAX} are allowed"));
            self.problems.push(Problem { message, hint });
        }
        let filled = providers.into_iter().map(|(declared, origin)| {
            let DeclaredProvider { mut provider, secret_variable } = declared;
            if let Some(variable) = secret_variable {
                let found = variables.iter().find(|(name, _)| *name == variable);
                match found.map(|(_, text)| without_line_end(text)).filter(|it| !it.is_empty()) {
                    Some(secret) => provider.client_secret = Some(secret.into()),
                    None => {
                        let message = format!(
                            "the secret of the provider {} ({origin}) is to be in the environment \
                             variable {variable}, which is not set",
                            provider.id
                        );
                        self.problems.push(Problem { message, hint: None });
                    }
                }
            }
            (provider, origin)
        });
        Ok(filled.collect())
    }

    fn environment(&mut self, environment: &[(String, String)]) {
        self.take_variables(environment, |name| Origin::Env { name: name.to_owned() });
    }

    /// Takes the variables that are settings: of those of one setting the first that is set.
    fn take_variables(
        &mut self,
        environment: &[(String, String)],
        origin: impl Fn(&str) -> Origin,
    ) {
        for setting in table::all() {
            let variables = setting.declared().all_variables();
            // An empty variable is an unset one: that is how compose files leave them.
            let found = variables.iter().find_map(|name| {
                environment.iter().find(|(known, text)| {
                    known == name && !without_line_end(text).is_empty() && !is_of_links(name, text)
                })
            });
            if let Some((name, text)) = found {
                self.set(setting, text, origin(name));
            }
        }
        let known: Vec<_> =
            table::all().flat_map(|setting| setting.declared().all_variables()).collect();
        for (name, text) in environment {
            let ours = name.starts_with("ISOBASE_")
                && !name.starts_with(TEST_VARIABLES)
                && !is_of_links(name, text);
            if ours && !known.contains(name) && !OTHER_VARIABLES.contains(&name.as_str()) {
                let message = format!("the environment variable {name} is not a setting");
                let meant = most_similar(name, known.iter().map(String::as_str));
                let hint = meant.map(|meant| format!("did you mean {meant}?"));
                self.warnings.push(Problem { message, hint });
            }
        }
    }

    fn flags(&mut self, given: &Given) {
        for (key, flag, text) in &given.flags {
            match table::find(key) {
                Some(setting) => self.set(setting, text, Origin::Flag { name: flag.clone() }),
                None => {
                    let known = table::all().map(|setting| setting.declared().key);
                    let meant = most_similar(key, known);
                    let hint = meant.map(|meant| format!("did you mean {meant}?"));
                    let message = format!("unknown setting {key} (flag {flag})");
                    self.problems.push(Problem { message, hint });
                }
            }
        }
    }

    fn set(&mut self, setting: &'static dyn AnySetting, text: &str, origin: Origin) {
        let key = setting.declared().key;
        match setting.parse(text) {
            Ok(reading) => {
                self.set.insert(key, (reading, origin));
            }
            Err(expected) => {
                let shown = setting.shown(text);
                let message = format!("setting {key} is {shown:?} ({origin}), expected {expected}");
                self.problems.push(Problem { message, hint: None });
            }
        }
    }
}

/// Whether a variable tells of another container. Kubernetes puts them into every pod beside a service,
/// named after it: beside one called `isobase` there is `ISOBASE_PORT=tcp://10.96.12.7:8002`. Source:
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_of_links(name: &str, text: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme));
    let of_port = |(_, rest): (&str, &str)| rest.starts_with(|c: char| c.is_ascii_digit());
    (name.ends_with("_PORT") && is_address)
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.split_once("_PORT_").is_some_and(of_port)
}

/// A file in a folder; in the current folder without `./`, as it is shown to people.
pub(super) fn in_folder(folder: &Path, name: impl AsRef<Path>) -> PathBuf {
    if folder == Path::new(".") { name.as_ref().to_path_buf() } else { folder.join(name) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::table::{INTERNAL_API_KEY, PORT};

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn flag(key: &str, value: &str) -> (String, String, String) {
        (key.to_owned(), format!("--{key}"), value.to_owned())
    }

    #[test]
    fn variables_that_tell_of_another_container_are_none_of_ours() {
        let found = load(
            &Given { app: ".".into(), ..Given::default() },
            &environment(&[
                ("ISOBASE_PORT", "tcp://10.96.12.7:8002"),
                ("ISOBASE_PORT_8002_TCP", "tcp://10.96.12.7:8002"),
                ("ISOBASE_PORT_8002_TCP_ADDR", "10.96.12.7"),
                ("ISOBASE_SERVICE_HOST", "10.96.12.7"),
                ("ISOBASE_SERVICE_PORT", "8002"),
                ("ISOBASE_SERVICE_PORT_HTTP", "8002"),
                ("ISOBASE_DATA_PORT", "tcp://10.96.12.8:1"),
                ("PORT", "9000"),
            ]),
        )
        .unwrap();
        assert_eq!(found.warnings, []);
        assert_eq!(found.get(&PORT), 9000);
        let wrong = environment(&[("ISOBASE_PORT", "10.96.12.7:8002")]);
        assert!(load(&Given::default(), &wrong).is_err());
    }

    #[test]
    fn a_line_end_is_no_part_of_a_value() {
        let given = Given { app: ".".into(), ..Given::default() };
        let key = |text: &str| {
            let loaded = load(&given, &environment(&[("INTERNAL_API_KEY", text)]))?;
            Ok::<_, Failure>(loaded.find(&INTERNAL_API_KEY).cloned())
        };
        for text in ["secret\n", "secret\r\n", "secret"] {
            assert_eq!(key(text).unwrap().as_deref(), Some("secret"), "{text:?}");
        }
        assert_eq!(key("\n").unwrap(), None);
        let refused = key("sec\nret").unwrap_err().to_string();
        assert!(refused.contains("control characters") && !refused.contains("sec"), "{refused}");
    }

    #[test]
    fn later_origins_win() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let mut given = Given { app: folder.path().to_owned(), ..Given::default() };
        let port = |given: &Given, variables: &[(&str, &str)]| {
            let loaded = load(given, &environment(variables)).unwrap();
            (loaded.get(&PORT).to_string(), loaded.origin(&PORT).clone())
        };
        assert_eq!(port(&given, &[]), ("8002".to_owned(), Origin::Default));
        fs::write(&path, "\nport = 1\n").unwrap();
        assert_eq!(port(&given, &[]), ("1".to_owned(), Origin::File { path, line: 2 }));
        let named = |name: &str| Origin::Env { name: name.to_owned() };
        assert_eq!(port(&given, &[("PORT", "2")]), ("2".to_owned(), named("PORT")));
        let both = [("PORT", "2"), ("ISOBASE_PORT", "3")];
        assert_eq!(port(&given, &both), ("3".to_owned(), named("ISOBASE_PORT")));
        assert_eq!(port(&given, &[("PORT", "")]).0, "1");
        given.flags = vec![flag("port", "4")];
        let expected = ("4".to_owned(), Origin::Flag { name: "--port".to_owned() });
        assert_eq!(port(&given, &both), expected);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        let given = Given { flags: vec![flag("port", "x"), flag("prot", "1")], ..Given::default() };
        let failure = load(&given, &environment(&[("ISOBASE_LOG", "inof")])).unwrap_err();
        let text = format!("{failure:?}");
        assert!(
            text.contains("setting port is \\\"x\\\" (flag --port), expected a whole"),
            "{text}"
        );
        assert!(text.contains("unknown setting prot (flag --prot)"), "{text}");
        assert!(text.contains("(env ISOBASE_LOG)"), "{text}");
    }

    #[test]
    fn warns_about_unknown_variables() {
        let variables = environment(&[("ISOBASE_PROT", "1"), ("PROT", "1"), ("ISOBASE_KEY", "k")]);
        let loaded = load(&Given::default(), &variables).unwrap();
        assert_eq!(loaded.warnings.len(), 1);
        assert_eq!(loaded.warnings[0].hint.as_deref(), Some("did you mean ISOBASE_PORT?"));
    }

    #[test]
    fn wrong_secrets_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "internal_api_key = 12345\n").unwrap();
        let given = Given { app: folder.path().to_owned(), ..Given::default() };
        let failure = load(&given, &[]).unwrap_err();
        assert!(!format!("{failure:?}").contains("12345"));
    }
}
