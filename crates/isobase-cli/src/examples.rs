//! Examples in every help: a command without a text of its own shows the lines about it from the
//! texts of the commands above it, and from the list below.

use clap::Command;

/// The first line of every text with examples.
const HEADING: &str = "Examples:";

/// Examples of commands that have no text of their own, in which an example of them could stand.
const MORE: &[&str] = &[
    "isobase help import",
    "isobase version",
    "isobase version --json",
    "isobase openapi > openapi.json",
    "isobase man ~/.local/share/man/man1",
    "isobase config print --json",
    "isobase config print --set limits.body_bytes=16MiB",
    "isobase index plan --collections orders",
    "isobase index list orders",
    "isobase index create users email --unique",
    "isobase index drop orders status,-created_at",
    "isobase key list",
    "isobase key rotate app --overlap 24h",
    "isobase key revoke app",
    "isobase license list --state revoked",
    "isobase license show 7",
    "isobase license suspend 7",
    "isobase license reinstate 7",
    "isobase license revoke 7",
    "isobase license delete 7",
    "isobase license restore 7",
    "isobase license extend 7 --days 365",
    "isobase license file 7 --days 30 > ann.license",
    "isobase license verify ann.license --public-key KEY",
    "isobase user reset-second-factor bob",
    "isobase db migrate status",
    "isobase db migrate diff",
    "isobase db schema ensure my_project",
    "isobase db schema verify my_project",
    "isobase db schema fix my_project",
    "isobase db queries --top 20",
    "isobase db list",
    "isobase db sync --from me@backup",
    "isobase db git --commit --push",
    "isobase db workflow dump_and_commit",
    "isobase db workflow sync_from_remote me@backup",
];

/// The command with examples in the help of everything below it.
pub(crate) fn complete(command: Command) -> Command {
    let known = MORE.iter().map(|line| (*line).to_owned()).collect();
    let name = command.get_name().to_owned();
    below(command, &name, known)
}

fn below(command: Command, path: &str, mut known: Vec<String>) -> Command {
    known.extend(lines_of(&command));
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(&name, |subcommand| {
            let path = format!("{path} {name}");
            let subcommand = below(subcommand, &path, known.clone());
            if subcommand.get_after_help().is_some() {
                return subcommand;
            }
            let fitting = known.iter().filter(|line| is_about(line, &path));
            let text: String = fitting.map(|line| format!("\n  {line}")).collect();
            if text.is_empty() {
                subcommand
            } else {
                subcommand.after_help(format!("{HEADING}{text}"))
            }
        })
    })
}

/// The lines with examples of a command.
fn lines_of(command: &Command) -> Vec<String> {
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.strip_prefix("  "));
    lines.filter(|line| line.starts_with("isobase ")).map(str::to_owned).collect()
}

fn is_about(line: &str, path: &str) -> bool {
    line.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    /// Every example of a command and of those below it.
    fn examples(command: &Command, out: &mut Vec<String>) {
        let name = command.get_name();
        let shown = lines_of(command);
        assert!(!shown.is_empty() || name == "docs" || name == "help", "{name} has no example");
        out.extend(shown);
        command.get_subcommands().for_each(|command| examples(command, out));
    }

    #[test]
    fn every_example_is_understood() {
        let command = complete(Arguments::command());
        let mut found = Vec::new();
        examples(&command, &mut found);
        for line in found {
            // Without the remark behind it, and without the redirections of a shell.
            let said = line.split("   ").next().unwrap_or_default();
            let said = said.split(['>', '<', '|']).next().unwrap_or_default();
            let words = said.split_whitespace().map(|word| word.trim_matches('\''));
            if let Err(error) = command.clone().try_get_matches_from(words) {
                let fine =
                    [clap::error::ErrorKind::DisplayHelp, clap::error::ErrorKind::DisplayVersion];
                assert!(fine.contains(&error.kind()), "{line}: {error}");
            }
        }
    }
}
