//! What is said to `isobase license`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::flags::TargetFlags;

const IMPORT_EXAMPLES: &str = "\
Examples:
  isobase license import licenses.db --dry-run
  isobase license import licenses.db
  isobase license import postgresql://me:secret@db/licenses
  isobase license import http://127.0.0.1:8003    from a running service of the same routes

A license is known by its key and an installation by its email and id: what is here already is not
made twice, and an import that broke off is simply repeated.";

const CREATE_EXAMPLES: &str = "\
Examples:
  isobase license create ann@example.com --days 365
  isobase license create shop@example.com --days 30 --count 100
  isobase license create --from customers.csv --days 365

A table has the columns email (needed), days or expiry_date (a date, or never), license_key,
max_installations, at_limit, allow_n, grace_days, note, tags (separated by ;) and from_first_activation.
Of many licenses each is a line: key, email and expiry, with tabs between them. The same table with the
same flags makes no license twice within a day: its keys are printed again.";

#[derive(Debug, Subcommand)]
pub(crate) enum LicenseCommand {
    /// Make a license and print its key, or many
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArguments),
    /// List licenses, the newest first
    List(ListArguments),
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
    /// Make a license good for longer
    Extend(ExtendArguments),
    /// Make a file that a product can verify offline
    File(FileArguments),
    /// Verify a license file
    Verify(VerifyArguments),
    /// Take licenses and installations over from another license service
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
}

impl LicenseCommand {
    /// Where the licences are; `verify` asks nobody.
    pub(crate) fn target(&self) -> Option<&TargetFlags> {
        match self {
            Self::Create(CreateArguments { target, .. })
            | Self::List(ListArguments { target, .. })
            | Self::Show { target, .. }
            | Self::Suspend { target, .. }
            | Self::Reinstate { target, .. }
            | Self::Revoke { target, .. }
            | Self::Delete { target, .. }
            | Self::Restore { target, .. }
            | Self::Extend(ExtendArguments { target, .. })
            | Self::File(FileArguments { target, .. })
            | Self::Import(ImportArguments { target, .. }) => Some(target),
            Self::Verify(_) => None,
        }
    }
}

/// How long a licence is good for.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct PeriodFlags {
    /// For N days
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Until this date or moment, in UTC
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// For ever
    #[arg(long)]
    forever: bool,
}

impl PeriodFlags {
    pub(super) fn write(&self, body: &mut Map<String, Value>) {
        if let Some(days) = self.days {
            body.insert("days".to_owned(), json!(days));
        }
        if let Some(until) = &self.until {
            body.insert("expiry_date".to_owned(), json!(until));
        }
        if self.forever {
            body.insert("expiry_date".to_owned(), Value::Null);
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// Whose it is
    #[arg(required_unless_present = "from")]
    pub(super) email: Option<String>,
    /// Make N of them, each with a key of its own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    #[arg(conflicts_with = "license_key")]
    pub(super) count: Option<u32>,
    /// Make those of a table (CSV, JSON, lines of JSON); the flags are for what it does not say
    #[arg(long, value_name = "FILE", conflicts_with_all = ["email", "count", "license_key"])]
    pub(super) from: Option<PathBuf>,
    #[command(flatten)]
    pub(super) period: PeriodFlags,
    /// The days begin with the first activation
    #[arg(long, requires = "days")]
    pub(super) first_use: bool,
    /// A key of one's own [default: a random one]
    #[arg(long, value_name = "KEY")]
    pub(super) license_key: Option<String>,
    /// Its own limit of installations [default: that of the email over all its licenses]
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
    /// What happens at the limit
    #[arg(long, value_name = "POLICY", value_parser = ["replace_oldest", "reject", "allow_n"])]
    pub(super) at_limit: Option<String>,
    /// How many more than the limit allow_n lets in
    #[arg(long, value_name = "N")]
    pub(super) allow_n: Option<u32>,
    /// For how many days it can be used after its expiry
    #[arg(long, value_name = "N")]
    pub(super) grace_days: Option<u32>,
    /// A note
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// A word to find it by; may be repeated
    #[arg(long, value_name = "WORD")]
    pub(super) tag: Vec<String>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Of this email
    #[arg(long, value_name = "EMAIL")]
    pub(super) email: Option<String>,
    /// That stand so: active, not_started, expired, suspended, revoked, deleted, unreadable
    #[arg(long, value_name = "STATE")]
    pub(super) state: Option<String>,
    /// With this text in email or note, or with a key that ends so
    #[arg(long, value_name = "TEXT")]
    pub(super) search: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

#[derive(Debug, Args)]
pub(crate) struct ExtendArguments {
    /// Its number or its key
    pub(super) license: String,
    #[command(flatten)]
    pub(super) period: PeriodFlags,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

#[derive(Debug, Args)]
pub(crate) struct FileArguments {
    /// Its number or its key
    pub(super) license: String,
    /// For how many days the file is good
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(super) days: u32,
    /// For this installation only
    #[arg(long, value_name = "ID")]
    pub(super) installation: Option<String>,
    /// Write the file here [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The license file, - for standard input
    pub(super) file: PathBuf,
    /// The public key: Base64, as GET /api/v1/license/public-key shows it
    #[arg(long, value_name = "KEY")]
    pub(super) public_key: String,
    /// The installation it must be for
    #[arg(long, value_name = "ID")]
    pub(super) installation: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// SQLite file of the other service, its database (postgres://…) or its address (http://…)
    /// [default: licences.source of the settings, else data/licenses.db]
    #[arg(value_name = "SOURCE")]
    pub(super) source: Option<String>,
    /// Write nothing, and say what would become of every row
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Key of the other service, where it asks for one
    #[arg(long, value_name = "KEY")]
    pub(super) source_key: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetFlags,
}
