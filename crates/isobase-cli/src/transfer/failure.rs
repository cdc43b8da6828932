//! What to say when the work did not come to its end.

use isobase::ops::{Difference, OpsError, Refusal, Side, archive::ArchiveError};

use crate::{
    failure::{Failure, Problem},
    progress::thousands,
};

/// The failure with a way out.
pub(super) fn failure(error: OpsError) -> Failure {
    let hint = match &error {
        OpsError::Refused { refusals, count } => return refused(refusals, *count),
        OpsError::Differs { differences, count } => return differs(differences, *count),
        OpsError::Stopped { documents: 0 } => "nothing was written",
        OpsError::Stopped { .. } => "run the same command again to resume",
        OpsError::NotEmpty { .. } => {
            "--overwrite replaces documents with the same ids, --skip-existing leaves them"
        }
        OpsError::NotResumable { .. } => {
            "finish what was begun, or forget it and begin anew with --restart"
        }
        OpsError::ChangesGone { .. } => "begin anew with --restart",
        OpsError::RestoreDiffers { .. } => "the target stays unfinished: --restart begins anew",
        OpsError::Archive { source: ArchiveError::PassphraseNeeded, .. } => {
            "set ISOBASE_PASSPHRASE, or name a file with --passphrase-file"
        }
        OpsError::Archive { source: ArchiveError::Gap { .. }, .. } => {
            "name the archive with everything first, then every one with changes, in their order"
        }
        OpsError::Archive { .. } => "the target was not touched",
        OpsError::Engine { side: Side::Target, .. } => "run the same command again to resume",
        _ => "",
    };
    let failure = Failure::from_error(anyhow::Error::new(error));
    if hint.is_empty() { failure } else { failure.hint(hint) }
}

fn refused(refusals: &[Refusal], count: u64) -> Failure {
    let mut problems: Vec<_> = refusals.iter().map(problem).collect();
    problems.push(Problem {
        message: format!("the target cannot hold {} documents", thousands(count)),
        hint: Some("nothing was written; --leave-out copies the others".to_owned()),
    });
    Failure { problems, usage: false }
}

/// A refused document in a sentence.
pub(super) fn describe(refusal: &Refusal) -> String {
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
