//! `isobase schema`: what `isobase.toml` declares, beside what the database has.

mod check;
mod diff;
mod read;

use anyhow::Result;
use clap::Subcommand;

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::TargetFlags,
    print::Printer,
    settings::{Config, Given, Loaded},
    target::Target,
};

const EXAMPLES: &str = "\
Examples:
  isobase schema diff                  what the next start would change
  isobase schema check                 which stored documents do not fit the declaration
  isobase schema check --url postgres://me:secret@db/app

A start applies what is declared: it builds missing indexes and checks writes from then on. It
never changes a stored document and never drops an index. Both commands read every document of every
declared collection and end with 1 when one does not fit, so that they can stand before a deployment:
diff says what a start would do and could not do, check names the documents.";

/// Compare isobase.toml with the database
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum SchemaCommand {
    /// Say what a start with isobase.toml would change
    Diff {
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Read every document and say which do not fit isobase.toml
    Check {
        #[command(flatten)]
        target: TargetFlags,
    },
}

impl SchemaCommand {
    fn target(&self) -> &TargetFlags {
        match self {
            Self::Diff { target } | Self::Check { target } => target,
        }
    }
}

impl AppCommand for SchemaCommand {
    fn given(&self) -> Given {
        self.target().app.given()
    }

    async fn run_in(self, (loaded, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        if config.collections.is_empty() {
            let message = "no collections are declared";
            let hint = "declare them in isobase.toml, as in [collections.orders]";
            return Err(Failure::usage(message).hint(hint).into());
        }
        let flags = self.target();
        if flags.url.is_none() && config.records.missing_file().is_some() {
            printer.note("there is no database yet: the first start makes what is declared");
            return Ok(());
        }
        let target = Target::open(flags, loaded, config, printer).await?;
        let done = match &self {
            Self::Diff { .. } => diff::run(&target, config, printer).await,
            Self::Check { .. } => check::run(&target, config, printer).await,
        };
        target.close().await?;
        done
    }
}
