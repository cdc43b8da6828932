//! `isobase license`: licences from the command line.
//!
//! Every command is a request of the licence routes: to the service that is named or that holds the
//! database, or to those routes over the database itself.

mod caller;
mod create;
mod extend;
mod file;
mod import;
mod list;
mod period;
mod show;
mod source;
mod verify;

use anyhow::Result;
use clap::Subcommand;
use http::Method;

use self::caller::Caller;
use crate::{
    command::AppCommand,
    flags::TargetFlags,
    print::Printer,
    settings::{Config, Given, Loaded},
};

/// Licences and installations of the file of another licence service, which was sent to this one.
pub(super) fn read_sent(bytes: &[u8]) -> Result<source::Rows, String> {
    source::read_sent(bytes).map_err(|error| format!("{error:#}"))
}

/// Make, list, change, import and verify licenses
#[derive(Debug, Subcommand)]
pub(crate) enum LicenseCommand {
    Create(create::CreateArguments),
    List(list::ListArguments),
    /// Show a license and its installations
    Show {
        /// Its number or its key
        license: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Let a license be used no more, until it is reinstated
    Suspend {
        /// Its number or its key
        license: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Let a suspended license be used again
    Reinstate {
        /// Its number or its key
        license: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// End a license for good
    Revoke {
        /// Its number or its key
        license: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Put a license into the bin
    Delete {
        /// Its number or its key
        license: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Take a license out of the bin
    Restore {
        /// Its number
        license: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    Extend(extend::ExtendArguments),
    File(file::FileArguments),
    Verify(verify::VerifyArguments),
    Import(import::ImportArguments),
}

impl LicenseCommand {
    /// Where the licences are; `verify` works offline.
    fn target(&self) -> Option<&TargetFlags> {
        match self {
            Self::Create(create::CreateArguments { target, .. })
            | Self::List(list::ListArguments { target, .. })
            | Self::Show { target, .. }
            | Self::Suspend { target, .. }
            | Self::Reinstate { target, .. }
            | Self::Revoke { target, .. }
            | Self::Delete { target, .. }
            | Self::Restore { target, .. }
            | Self::Extend(extend::ExtendArguments { target, .. })
            | Self::File(file::FileArguments { target, .. })
            | Self::Import(import::ImportArguments { target, .. }) => Some(target),
            Self::Verify(_) => None,
        }
    }
}

impl AppCommand for LicenseCommand {
    fn given(&self) -> Given {
        self.target().map(|target| target.app.given()).unwrap_or_default()
    }

    async fn run_in(self, (loaded, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let Some(target) = self.target() else {
            let Self::Verify(arguments) = &self else { return Ok(()) };
            return verify::run(arguments, printer);
        };
        let caller = Caller::open(target, (loaded, config), printer).await?;
        let done = carry_out(&self, loaded, &caller, printer).await;
        caller.close().await?;
        done
    }
}

async fn carry_out(
    command: &LicenseCommand,
    loaded: &Loaded,
    caller: &Caller,
    printer: Printer,
) -> Result<()> {
    match command {
        LicenseCommand::Create(arguments) => create::run(arguments, caller, printer).await,
        LicenseCommand::List(arguments) => list::run(arguments, caller, printer).await,
        LicenseCommand::Show { license, .. } => {
            let licence = caller.find(license).await?;
            let id = licence["id"].to_string();
            let installations = caller.get(&["license", &id, "installations"], &[]).await?;
            show::one(&licence, &installations["installations"], printer);
            Ok(())
        }
        LicenseCommand::Suspend { license, .. } => step(license, "suspend", caller, printer).await,
        LicenseCommand::Reinstate { license, .. } => {
            step(license, "reinstate", caller, printer).await
        }
        LicenseCommand::Revoke { license, .. } => step(license, "revoke", caller, printer).await,
        LicenseCommand::Restore { license, .. } => step(license, "restore", caller, printer).await,
        LicenseCommand::Delete { license, .. } => {
            let licence = caller.find(license).await?;
            let id = licence["id"].to_string();
            caller.send(Method::DELETE, &["license", &id], &[], None).await?;
            let again = caller.get(&["license", &id], &[]).await?;
            show::changed(&again, printer);
            Ok(())
        }
        LicenseCommand::Extend(arguments) => extend::run(arguments, caller, printer).await,
        LicenseCommand::File(arguments) => file::run(arguments, caller, printer).await,
        LicenseCommand::Import(arguments) => import::run(arguments, loaded, caller, printer).await,
        LicenseCommand::Verify(_) => Ok(()),
    }
}

async fn step(license: &str, action: &str, caller: &Caller, printer: Printer) -> Result<()> {
    let licence = caller.find(license).await?;
    let id = licence["id"].to_string();
    let changed = caller.send(Method::POST, &["license", &id, action], &[], None).await?;
    show::changed(&changed, printer);
    Ok(())
}
