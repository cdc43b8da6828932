//! A setting: declared once with its name, type, default and documentation, and read typed.

use std::{any::Any, fmt};

use serde_json::Value;

use super::kinds::{Kind, Shape};

/// A setting whose values are of the type `T`. By default it has a value; an [`Optional`] one is unset.
#[derive(Debug)]
pub(crate) struct Setting<T: 'static, D = fn() -> T> {
    declared: Declared,
    /// Reads, checks and shows its values.
    kind: &'static dyn Kind<T>,
    default: D,
    /// The least value that may be set while the service runs.
    least: Option<Least<T>>,
}

/// A setting that is unset by default.
pub(crate) type Optional<T> = Setting<T, Unset>;

/// The default of a setting that has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unset;

/// The declaration of a setting, apart from the type of its values.
#[derive(Debug)]
pub(crate) struct Declared {
    /// Its place in `isobase.toml`: `limits.body_bytes`. Its variable and its flag have their names
    /// from it.
    pub(crate) key: &'static str,
    /// Its effect: sentences in Markdown.
    pub(super) about: &'static str,
    /// Variables that set it besides its own; the first that is set wins.
    pub(super) variables: &'static [&'static str],
    /// Whether commands have a flag of its own for it.
    has_flag: bool,
    /// Whether it can be changed while the service runs.
    pub(super) is_changeable: bool,
}

/// A bound on what the API may set: with less, no request could get through that takes the change
/// back. Files, variables and flags are changed on the machine, and have no such bound.
#[derive(Clone, Copy, Debug)]
struct Least<T> {
    value: fn() -> T,
    is_less: fn(&T, &T) -> bool,
}

impl<T: 'static> Setting<T> {
    /// A setting with a default.
    pub(super) const fn new(
        key: &'static str,
        kind: &'static dyn Kind<T>,
        default: fn() -> T,
        about: &'static str,
    ) -> Self {
        Self { declared: Declared::new(key, about), kind, default, least: None }
    }

    /// The value that holds unless another one is set.
    pub(super) fn default_value(&self) -> T {
        (self.default)()
    }
}

impl<T: 'static> Optional<T> {
    /// A setting that is unset by default.
    pub(super) const fn optional(
        key: &'static str,
        kind: &'static dyn Kind<T>,
        about: &'static str,
    ) -> Self {
        Self { declared: Declared::new(key, about), kind, default: Unset, least: None }
    }
}

impl<T: 'static, D> Setting<T, D> {
    /// Its place in `isobase.toml`.
    pub(crate) fn key(&self) -> &'static str {
        self.declared.key
    }
}

impl<T: 'static, D: Copy> Setting<T, D> {
    /// Other variables that set it, too.
    pub(super) const fn variables(mut self, names: &'static [&'static str]) -> Self {
        self.declared.variables = names;
        self
    }

    /// Commands have a flag for it.
    pub(super) const fn flag(mut self) -> Self {
        self.declared.has_flag = true;
        self
    }

    /// It can be changed while the service runs.
    pub(super) const fn changeable(mut self) -> Self {
        self.declared.is_changeable = true;
        self
    }
}

impl<T: PartialOrd + 'static, D: Copy> Setting<T, D> {
    /// It can be changed while the service runs, to no less than this.
    pub(super) const fn changeable_from(mut self, least: fn() -> T) -> Self {
        self.declared.is_changeable = true;
        self.least = Some(Least { value: least, is_less: T::lt });
        self
    }
}

impl Declared {
    const fn new(key: &'static str, about: &'static str) -> Self {
        Self { key, about, variables: &[], has_flag: false, is_changeable: false }
    }

    /// The flag of the commands that have one.
    pub(crate) fn flag(&self) -> Option<String> {
        self.has_flag.then(|| format!("--{}", self.key))
    }

    /// The variable every setting has: `ISOBASE_LIMITS_BODY_BYTES`.
    fn own_variable(&self) -> String {
        format!("ISOBASE_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// All variables, the one that wins first.
    pub(crate) fn all_variables(&self) -> Vec<String> {
        let own = self.own_variable();
        std::iter::once(own).chain(self.variables.iter().map(|&name| name.to_owned())).collect()
    }
}

/// A value that was read.
pub(crate) struct Reading {
    /// Of the type of its setting.
    value: Box<dyn Any + Send + Sync>,
    /// As it would be written, fit to be shown.
    pub(crate) shown: String,
    /// The same for programs, where it is no text.
    pub(super) json: Option<Value>,
}

impl Reading {
    /// The value as the setting has it from which it was read.
    pub(super) fn value<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value itself may be a secret.
        f.debug_struct("Reading").field("shown", &self.shown).finish_non_exhaustive()
    }
}

/// A setting of any type.
pub(crate) trait AnySetting: fmt::Debug + Sync {
    /// Its declaration, apart from the type of its values.
    fn declared(&self) -> &Declared;

    /// The value that holds unless another one is set.
    fn default_reading(&self) -> Option<Reading>;

    /// Reads a value as it is written in a variable or a flag.
    ///
    /// # Errors
    /// A description of the values that are expected.
    fn parse(&self, text: &str) -> Result<Reading, String>;

    /// Reads a value that the database keeps, or is to keep.
    ///
    /// # Errors
    /// A description of the values that are expected.
    fn parse_stored(&self, text: &str) -> Result<Reading, String>;

    /// A text that was given for it, fit to be shown.
    fn shown(&self, text: &str) -> String;

    /// A description of right values, to follow the word "expected".
    fn expected(&self) -> String;

    /// The same in the documentation.
    fn described(&self) -> String;

    /// How the file writes it.
    fn shape(&self) -> Shape;
}

/// The default of a setting, if it has one.
pub(crate) trait DefaultOf<T>: fmt::Debug + Copy + Sync {
    /// The value.
    fn value(self) -> Option<T>;
}

impl<T> DefaultOf<T> for fn() -> T {
    fn value(self) -> Option<T> {
        Some(self())
    }
}

impl<T> DefaultOf<T> for Unset {
    fn value(self) -> Option<T> {
        None
    }
}

impl<T: fmt::Debug + Send + Sync + 'static, D: DefaultOf<T>> Setting<T, D> {
    fn reading(&self, value: T) -> Reading {
        let shown = self.kind.shown(&self.kind.write(&value));
        let json = self.kind.json(&value);
        Reading { value: Box::new(value), shown, json }
    }

    fn read(&self, text: &str) -> Result<T, String> {
        let text = without_line_end(text);
        self.kind.read(text).ok_or_else(|| self.kind.expected_for(text))
    }
}

impl<T: fmt::Debug + Send + Sync + 'static, D: DefaultOf<T>> AnySetting for Setting<T, D> {
    fn declared(&self) -> &Declared {
        &self.declared
    }

    fn default_reading(&self) -> Option<Reading> {
        self.default.value().map(|value| self.reading(value))
    }

    fn parse(&self, text: &str) -> Result<Reading, String> {
        self.read(text).map(|value| self.reading(value))
    }

    fn parse_stored(&self, text: &str) -> Result<Reading, String> {
        let value = self.read(text)?;
        if let Some(Least { value: least, is_less }) = &self.least {
            let least = least();
            if is_less(&value, &least) {
                let least = self.kind.write(&least);
                return Err(format!("at least {least}, so that it can be changed again"));
            }
        }
        Ok(self.reading(value))
    }

    fn shown(&self, text: &str) -> String {
        self.kind.shown(text)
    }

    fn expected(&self) -> String {
        self.kind.expected()
    }

    fn described(&self) -> String {
        self.kind.described()
    }

    fn shape(&self) -> Shape {
        self.kind.shape()
    }
}

/// A value without the end of its line: secrets are files, and files end in one.
pub(crate) fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::{
        super::kinds::{MASK, Text, Whole},
        *,
    };

    #[test]
    fn never_shows_a_secret() {
        let key = Setting::optional("k", &Text::SECRET, "");
        assert_eq!(key.parse("hush").unwrap().shown, MASK);
        let url = Setting::optional("u", &Text::DATABASE, "");
        assert_eq!(url.parse("postgres://u:hush@h/d").unwrap().shown, "postgres://u:***@h/d");
        assert!(!format!("{:?}", key.parse("hush")).contains("hush"));
    }

    #[test]
    fn variables_and_flags_have_the_name_of_the_setting() {
        let number = Setting::optional("a.b", &Text::ANY, "");
        assert_eq!(number.declared().all_variables(), ["ISOBASE_A_B"]);
        assert_eq!(number.declared().flag(), None);
        let port = Setting::optional("port", &Text::ANY, "").variables(&["PORT"]).flag();
        assert_eq!(port.declared().all_variables(), ["ISOBASE_PORT", "PORT"]);
        assert_eq!(port.declared().flag().as_deref(), Some("--port"));
    }

    #[test]
    fn the_least_value_bounds_what_the_database_keeps() {
        static NUMBER: Whole<u32> = Whole::from(1);
        let most = Setting::new("n", &NUMBER, || 9, "").changeable_from(|| 5);
        assert!(most.parse("4").is_ok());
        assert!(most.parse_stored("4").unwrap_err().starts_with("at least 5"));
        assert_eq!(most.parse_stored("5").unwrap().value(), Some(&5_u32));
        assert_eq!(most.default_reading().unwrap().shown, "9");
    }
}
