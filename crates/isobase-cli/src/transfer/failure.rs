//! Messages for work that did not come to its end.

use isobase::ops::{Difference, OpsError, Refusal, Side, archive::ArchiveError};

use crate::{
    failure::{Failure, Problem},
    progress::thousands,
};

/// The state in which work has left its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetState {
    /// The work writes to no database.
    None,
    /// This command wrote nothing into it.
    Untouched,
    /// A load is begun there, by this command or by one that it resumes.
    Begun,
}

/// The failure with a way out.
pub(crate) fn failure(error: OpsError, target: TargetState) -> Failure {
    use TargetState::{Begun, None, Untouched};
    let hint = match (&error, target) {
        (OpsError::Refused { refusals, count }, _) => return refused(refusals, *count, target),
        (OpsError::Differs { differences, count }, _) => return differs(differences, *count),
        (OpsError::Stopped { .. }, None) => {
            return Failure::new("stopped before the end")
                .hint("the same command begins at the beginning");
        }
        (OpsError::Stopped { .. }, Untouched) => "nothing was loaded by this command",
        (OpsError::Stopped { .. }, Begun) => "run the same command again to resume",
        (OpsError::NotEmpty { .. }, _) => {
            "--overwrite replaces documents with the same ids, --skip-existing leaves them"
        }
        (OpsError::NotResumable { .. }, _) => {
            "finish what was begun, or forget it and begin anew with --restart"
        }
        (OpsError::ChangesGone { .. }, _) => "begin anew with --restart",
        (OpsError::OtherHistory { .. }, _) => {
            "dump everything, without --since, and go on from that archive"
        }
        (OpsError::TakenOver, _) => {
            "the same command was started twice: leave the work to the one that goes on"
        }
        (OpsError::UnknownRevision { .. }, _) => {
            "load into another database, or without --overwrite and --skip-existing into an empty one"
        }
        (OpsError::RestoreDiffers { .. }, _) => {
            "the target stays unfinished: --restart begins anew"
        }
        (OpsError::Archive { source: ArchiveError::PassphraseNeeded, .. }, _) => {
            "set ISOBASE_PASSPHRASE, or name a file with --passphrase-file"
        }
        (OpsError::Archive { source: ArchiveError::Gap { .. }, .. }, _) => {
            "name the archive with everything first, then every one with changes, in their order"
        }
        (OpsError::Archive { .. }, Untouched) => "the target was not touched by this command",
        (OpsError::Archive { .. }, Begun) => {
            "the target stays unfinished: the same command resumes when the archive can be read"
        }
        (OpsError::Engine { side: Side::Target, .. }, Untouched) => "run the same command again",
        (OpsError::Files { .. }, Untouched) => "the target was not touched by this command",
        (OpsError::Engine { side: Side::Target, .. } | OpsError::Files { .. }, Begun) => {
            "run the same command again to resume"
        }
        _ => "",
    };
    let failure = Failure::from_error(anyhow::Error::new(error));
    if hint.is_empty() { failure } else { failure.hint(hint) }
}

fn refused(refusals: &[Refusal], count: u64, target: TargetState) -> Failure {
    let mut problems: Vec<_> = refusals.iter().map(problem).collect();
    let hint = match target {
        TargetState::Begun => {
            "the target stays unfinished; the same command with --leave-out goes on without them"
        }
        _ => "nothing was written by this command; --leave-out copies the others",
    };
    problems.push(Problem {
        message: format!("the target cannot hold {} documents", thousands(count)),
        hint: Some(hint.to_owned()),
    });
    Failure { problems, usage: false }
}

/// A refused document in a sentence.
pub(crate) fn describe(refusal: &Refusal) -> String {
    let Refusal { collection, id, path, reason } = refusal;
    // Ids are chosen by callers: control characters must not reach a terminal.
    let id = id.escape_debug();
    match path.is_empty() {
        true => format!("{collection}/{id}: {reason}"),
        false => format!("{collection}/{id} at {}: {reason}", path.escape_debug()),
    }
}

fn problem(refusal: &Refusal) -> Problem {
    Problem { message: describe(refusal), hint: None }
}

fn differs(differences: &[Difference], count: u64) -> Failure {
    let problem = |it: &Difference| Problem {
        message: format!("{}/{}: {}", it.collection, it.id.escape_debug(), it.kind.describe()),
        hint: None,
    };
    let mut problems: Vec<_> = differences.iter().map(problem).collect();
    problems.push(Problem {
        message: format!("{} documents differ between source and target", thousands(count)),
        hint: Some("the target stays unfinished: --restart copies anew".to_owned()),
    });
    Failure { problems, usage: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(error: OpsError, target: TargetState) -> String {
        let problem = failure(error, target).problems.pop().unwrap();
        problem.hint.unwrap_or_default()
    }

    #[test]
    fn hints_say_what_became_of_the_target() {
        let refused = || OpsError::Refused { refusals: Vec::new(), count: 1 };
        let stopped = || OpsError::Stopped { documents: 0 };
        let archive =
            || OpsError::Archive { name: "a".to_owned(), source: ArchiveError::NotAnArchive };
        for error in [refused, stopped] {
            let untouched = hint(error(), TargetState::Untouched);
            assert!(untouched.contains("nothing was "), "{untouched}");
            let begun = hint(error(), TargetState::Begun);
            assert!(!begun.contains("nothing was "), "{begun}");
        }
        assert!(hint(archive(), TargetState::Untouched).contains("not touched"));
        assert!(hint(archive(), TargetState::Begun).contains("stays unfinished"));
        assert_eq!(hint(archive(), TargetState::None), "");
        let dump = failure(OpsError::Stopped { documents: 7 }, TargetState::None);
        assert!(!dump.to_string().contains("resumes"), "{dump}");
    }
}
