//! Failures of commands: messages with a way out, and the exit code.

use std::fmt;

/// Something wrong and, where there is one, the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Names the thing, its value and what was expected.
    pub(crate) message: String,
    /// The way out.
    pub(crate) hint: Option<String>,
}

/// The end of a command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// At least one.
    pub(crate) problems: Vec<Problem>,
    /// The command or a setting is wrong: nothing was tried.
    pub(crate) usage: bool,
}

impl Failure {
    /// Something failed while the command ran.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { problems: vec![Problem { message: message.into(), hint: None }], usage: false }
    }

    /// The command or a setting is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { usage: true, ..Self::new(message) }
    }

    /// Several mistakes in the command or the settings.
    pub(crate) fn usage_all(problems: Vec<Problem>) -> Self {
        Self { problems, usage: true }
    }

    /// The same with a way out.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(problem) = self.problems.last_mut() {
            problem.hint = Some(hint.into());
        }
        self
    }

    /// 1 for a failure, 2 for a wrong command.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.usage { 2 } else { 1 }
    }

    /// The failure in an error, or one made of the error and its causes.
    pub(crate) fn from_error(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => Self::new(causes(&error)),
        }
    }
}

/// The message of an error and those of its causes, each once.
fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        // Some errors repeat their causes in their own message, whole or each on its own.
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<_> = self.problems.iter().map(|problem| &*problem.message).collect();
        f.write_str(&messages.join("; "))
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("disk full").context("write b: disk full").context("export");
        assert_eq!(causes(&error), "export: write b: disk full");
        let error = anyhow::anyhow!("Connection refused (os error 111)")
            .context("tcp connect error")
            .context("client error (Connect)")
            .context("cannot ask: client error (Connect): tcp connect error: Connection refused (os error 111): http://h/")
            .context("cannot open h");
        let told = causes(&error);
        assert_eq!(told.matches("Connection refused").count(), 1, "{told}");
        assert_eq!(told.matches("tcp connect error").count(), 1, "{told}");
        assert!(told.starts_with("cannot open h: cannot ask: "), "{told}");
    }

    #[test]
    fn a_failure_keeps_its_hint_and_code() {
        let failure = Failure::usage("a").hint("b");
        let failure = Failure::from_error(anyhow::Error::new(failure));
        assert_eq!(failure.problems[0].hint.as_deref(), Some("b"));
        assert_eq!(failure.exit_code(), 2);
        assert_eq!(Failure::from_error(anyhow::anyhow!("x")).exit_code(), 1);
    }
}
