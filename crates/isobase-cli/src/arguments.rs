//! The command line.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::{ArgValueCompleter, Shell};
use isobase::ops::import::{self, ColumnType};
use isobase_auth::{InvalidScope, Role, Scope, Scopes};

use crate::{
    candidates,
    flags::{AppFlags, SettingFlags, UploadFlags, flag},
    license::LicenseCommand,
    print::Color,
    settings::{Given, parse_duration},
};

pub(crate) use crate::flags::TargetFlags;

const EXAMPLES: &str = "\
Examples:
  isobase new my-app                     an app to begin with
  isobase serve my-app                   that app, on http://127.0.0.1:8002
  isobase serve                          records in data/isobase.db, without an app
  isobase serve --port 9000 --data /srv/records
  DATABASE_URL=postgres://me:secret@db/app isobase serve
  isobase import orders.csv --collection orders
  isobase export --collection orders --filter 'status=open&sort=-created_at' -o open.ndjson
  isobase copy sqlite://data/isobase.db postgres://me:secret@db/app
  isobase dump backup.isobase
  isobase index create orders status,-created_at
  isobase key create app --scope write
  isobase license create ann@example.com --days 365
  isobase user create ann --owner
  isobase config print
  isobase doctor                         could a service run here?
  isobase help import

Settings come from isobase.toml, the environment and flags; see isobase config print.";

/// The same backend on every database: one executable serves JSON records over HTTP from SQLite,
/// PostgreSQL, CouchDB, DynamoDB, Firestore or memory, and moves them between any two.
#[derive(Debug, Parser)]
#[command(name = "isobase", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(infer_long_args = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How commands speak.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    /// Print results as JSON, progress as JSON lines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an app folder to begin with
    #[command(after_help = crate::new::EXAMPLES)]
    New(crate::new::NewArguments),
    /// Serve the records over HTTP
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArguments),
    /// Read records from a file into a collection
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArguments),
    /// Write the records of a collection to a file
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArguments),
    /// Copy everything from one database to another, and prove that nothing changed
    #[command(after_help = COPY_EXAMPLES)]
    Copy(CopyArguments),
    /// Write everything into an archive that any engine can read
    #[command(after_help = DUMP_EXAMPLES)]
    Dump(DumpArguments),
    /// Write archives into a database
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(RestoreArguments),
    /// Read archives and compare every checksum
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
    /// Make and list backups in the data folder
    #[command(after_help = crate::backup::EXAMPLES)]
    Backup {
        #[command(subcommand)]
        command: crate::backup::BackupCommand,
    },
    /// Verify the audit, which says who changed what
    #[command(after_help = crate::audit::EXAMPLES)]
    Audit {
        #[command(subcommand)]
        command: crate::audit::AuditCommand,
    },
    /// Find what other programs wrote into the database
    #[command(after_help = RECONCILE_EXAMPLES)]
    Reconcile(ReconcileArguments),
    /// Compare isobase.toml with the database
    #[command(after_help = crate::schema::EXAMPLES)]
    Schema {
        #[command(subcommand)]
        command: crate::schema::SchemaCommand,
    },
    /// Write the types of an app's collections for TypeScript
    #[command(after_help = crate::types::EXAMPLES)]
    Types(crate::types::TypesArguments),
    /// Declare, list and drop indexes
    Index {
        #[command(subcommand)]
        command: IndexCommand,
    },
    /// Make, list and revoke API keys
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Make, list, change, import and verify licenses
    License {
        #[command(subcommand)]
        command: LicenseCommand,
    },
    /// Make, list, change and delete accounts of people
    #[command(after_help = USER_EXAMPLES)]
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Work on a PostgreSQL or SQLite database of your own
    #[cfg(feature = "toolkit")]
    #[command(after_help = crate::db::EXAMPLES)]
    Db {
        #[command(subcommand)]
        command: crate::db::DbCommand,
    },
    /// Show the settings
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Ask a service whether it works; the exit code says so
    #[command(after_help = HEALTH_EXAMPLES)]
    Health {
        #[command(flatten)]
        app: AppFlags,
        /// Its address; without it the port of the settings on this machine
        #[arg(long, value_name = "URL")]
        url: Option<String>,
    },
    /// Look whether a service could run here; the exit code says so
    #[command(after_help = crate::doctor::EXAMPLES)]
    Doctor {
        #[command(flatten)]
        app: AppFlags,
    },
    /// Send one request to the running service, and print the answer
    #[command(after_help = crate::api::EXAMPLES)]
    Api(crate::api::ApiArguments),
    /// Print the OpenAPI document of the service
    Openapi,
    /// Print what this build is: version, commit, features
    Version,
    /// Write manual pages into a folder
    Man {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print generated pages of the documentation
    #[command(hide = true)]
    Docs {
        /// Which page
        page: DocumentationPage,
    },
}

const USER_EXAMPLES: &str = "\
Examples:
  isobase user create ann --owner      an account that may do everything; its password is printed
  isobase user create bob --email bob@example.org --role viewer --password-stdin < password.txt
  isobase user list
  isobase user role bob admin
  isobase user password bob            a new password, printed; all sessions of bob end
  isobase user delete bob

NAME is a name, an e-mail address or an id. While a service runs with this data folder, it is asked.";

const SERVE_EXAMPLES: &str = "\
Examples:
  isobase serve                        this folder; records in ./data/isobase.db
  isobase serve my-app                 the same in the folder my-app
  isobase serve my-app 3000            on port 3000
  isobase serve --port 0               a free port, printed at start
  INTERNAL_API_KEY=… isobase serve --host 0.0.0.0

SIGTERM, SIGHUP and Ctrl-C let requests finish, for 10 seconds; a second one ends at once.";

const HEALTH_EXAMPLES: &str = "\
Examples:
  isobase health                       for a container or a supervisor: 0 when the database answers
  isobase health --url https://data.example.com";

const IMPORT_EXAMPLES: &str = "\
Examples:
  isobase import movies.json --collection movies
  isobase import flights.csv --collection flights --chunk 500
  isobase import orders.ndjson.gz --collection orders --ids keep
  isobase import data.db
  isobase import movies.json --collection movies --url https://db.example.com

An import that was cut off is finished by running the same command again, within a day
(idempotency.keep_for) and with the same --chunk: what is stored already is recognised. So is an
import that ended at a wrong record: its chunk is not stored, so mend the record and run it again.
What --skip-bad leaves out is named; mend it in a file of its own.

Records get new ids. --ids keep keeps those they have (\"id\", or \"_id\"), so that what export wrote
comes back as it was; --ids upsert replaces what has the same ids.

CSV: the first row names the fields. A column has numbers when all of its cells are JSON numbers of
at most 15 digits, booleans when all are true or false, and text otherwise; what was decided is
said, and --types decides otherwise. An empty cell is null, \"\" an empty text. Tabs, semicolons and
the line sep=; are recognised, as are UTF-16 and gzip.

Without --collection the file is a whole database of another program: the data.db of a record
service, the backup.json of a document store, a backup of PocketBase. It is copied with its ids,
times and counter into a database that no service holds, and compared.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  isobase export --collection orders > orders.ndjson
  isobase export --collection orders --format json --output orders.json
  isobase export --collection orders --filter 'status=open&total[gte]=100&sort=-total&fields=total'

The filter has the parameters of GET /records/{collection}. A file appears when it is complete, with
the mode of the one before it; links are followed, and a pipe is written into.";

const COPY_EXAMPLES: &str = "\
Examples:
  isobase copy sqlite://data/isobase.db postgres://me:secret@db/app
  isobase copy sqlite://data/isobase.db dynamodb://eu-central-1/app_ --dry-run
  isobase copy postgres://… couchdb://me:secret@host:5984/app_ --collections orders,customers
  isobase copy sqlite://data/isobase.db postgres://… --follow

Keys and accounts travel too, sessions do not. Ids, times and the counter of ids are kept; revisions too when nothing was ever written to the
target. Nothing is written before every document was shown to the target. Until both sides were
read again and compared, the target is marked as unfinished and no service opens it.

A copy that was cut off is resumed by the same command. --follow copies what is written meanwhile
until Ctrl-C, then brings the last writes over and compares; with --until-caught-up it ends by
itself. To switch an application over: follow, stop the writes, press Ctrl-C, start it on the
target.";

const DUMP_EXAMPLES: &str = "\
Examples:
  isobase dump
  isobase dump backup.isobase
  isobase dump monday.isobase --url postgres://me:secret@db/app
  isobase dump tuesday.isobase --since monday.isobase
  ISOBASE_PASSPHRASE=… isobase dump backup.isobase --encrypt
  isobase dump - | ssh backup 'cat > backup.isobase'

Only its owner may read a new archive: keys and accounts are in it, unless --without-system is given. It is of one moment where the engine allows it, and says so. An encrypted one is opened by
the age tool too. docs/archive.md describes the format.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  isobase restore backup.isobase --url postgres://me:secret@db/app
  isobase restore monday.isobase tuesday.isobase wednesday.isobase
  ssh backup 'cat backup.isobase' | isobase restore -

Archives are read from the first byte to the last before anything is written: a damaged one
changes nothing. A restore that was cut off is resumed by the same command.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  isobase verify backup.isobase
  isobase verify monday.isobase tuesday.isobase";

const RECONCILE_EXAMPLES: &str = "\
Examples:
  isobase reconcile --url couchdb://me:secret@host:5984/app_
  isobase reconcile --url firestore://project/database --collections orders

Reads whole collections, takes what other programs wrote or changed into the listings, and tells it
in the change feed. What they deleted leaves the listings; the change feed does not tell it.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  isobase completions bash > ~/.local/share/bash-completion/completions/isobase
  isobase completions zsh > ~/.zfunc/_isobase
  isobase completions fish > ~/.config/fish/completions/isobase.fish";

/// Flags of the service itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct ServiceFlags {
    /// Address to listen on [default: 127.0.0.1] [env: HOST]
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on, 0 for a free one [default: 8002] [env: PORT]
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Let everyone read and write, also beyond this machine
    #[arg(long)]
    open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// App folder
    #[arg(value_name = "APP", default_value = ".", hide_default_value = true)]
    app: PathBuf,
    /// Port to listen on, as --port: hosts of many apps give it so
    #[arg(value_name = "PORT", conflicts_with = "port")]
    app_port: Option<String>,
    /// Take changes of isobase.toml while it serves
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    service: ServiceFlags,
    #[command(flatten)]
    settings: SettingFlags,
}

/// How records are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// An array of objects
    Json,
    /// One object per line
    Ndjson,
    /// A row of names, then one row per record
    Csv,
}

impl From<Format> for import::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Ndjson => Self::Ndjson,
            Format::Csv => Self::Csv,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// File to read, - for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Collection to write to; without it the file is the whole database of another program
    #[arg(long, short, value_name = "NAME", add = collection_names())]
    pub(crate) collection: Option<String>,
    /// How the file is written [default: guessed from its name, else its first character]
    #[arg(long, short, value_enum)]
    pub(crate) format: Option<Format>,
    /// Records in one chunk
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) chunk: u32,
    /// Store the records again, though this file was imported before
    #[arg(long)]
    pub(crate) again: bool,
    /// Leave out records that cannot be stored, and count them
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// What becomes of the ids that records have: kept, given out anew, or written over what is there
    /// [default: new]
    #[arg(long, value_enum, value_name = "IDS")]
    pub(crate) ids: Option<IdsFrom>,
    /// CSV: keep every cell as text
    #[arg(long, conflicts_with = "types")]
    pub(crate) text: bool,
    /// What columns are, as in zip=text,total=number; boolean and json too [default: in CSV decided by
    /// all cells of a column, in JSON as they are]
    #[arg(long, value_name = "COLUMN=TYPE", value_delimiter = ',', value_parser = column_type)]
    pub(crate) types: Vec<(String, ColumnType)>,
    /// CSV: what separates cells [default: a tab in .tsv files, else what the first row has most of]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    #[command(flatten)]
    pub(crate) target: TargetFlags,
}

/// What becomes of the ids that records have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdsFrom {
    /// They are kept; one that is taken is refused
    Keep,
    /// Ids are given out anew
    New,
    /// They are kept, and what has them already is replaced
    Upsert,
}

impl From<IdsFrom> for import::Ids {
    fn from(ids: IdsFrom) -> Self {
        match ids {
            IdsFrom::Keep => Self::Keep,
            IdsFrom::New => Self::New,
            IdsFrom::Upsert => Self::Upsert,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// Collection to read
    #[arg(long, short, value_name = "NAME", add = collection_names())]
    pub(crate) collection: String,
    /// How the file is written [default: ndjson]
    #[arg(long, short, value_enum, default_value_t = Format::Ndjson, hide_default_value = true)]
    pub(crate) format: Format,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Which records, in which order, which fields: parameters of a listing
    #[arg(long, value_name = "PARAMETERS", default_value = "", hide_default_value = true)]
    pub(crate) filter: String,
    #[command(flatten)]
    pub(crate) target: TargetFlags,
}

/// Whether what the service keeps about itself travels.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SystemFlags {
    /// Leave out what the service keeps about itself: keys, accounts and others; schemas travel
    #[arg(long)]
    pub(crate) without_system: bool,
}

/// How documents are written into a database.
#[derive(Debug, Args)]
#[command(next_help_heading = "Writing")]
pub(crate) struct LoadFlags {
    /// Replace documents of the target that have the same ids
    #[arg(long, conflicts_with = "skip_existing")]
    pub(crate) overwrite: bool,
    /// Leave documents of the target as they are
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Leave out documents that the target cannot hold, and name them
    #[arg(long)]
    pub(crate) leave_out: bool,
    /// Write at most N documents in a second
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<std::num::NonZeroU32>,
    /// Write so many parts at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) parallel: u32,
    /// Forget what an earlier run has written into the target, and begin anew
    #[arg(long)]
    pub(crate) restart: bool,
    /// Write the report as JSON into a file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// Which database a command is about.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct DatabaseFlags {
    /// URL of the database [default: the settings]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[command(flatten)]
    pub(crate) app: AppFlags,
}

/// Where a passphrase is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Encryption")]
pub(crate) struct PassphraseFlags {
    /// File whose first line is the passphrase [default: ISOBASE_PASSPHRASE]
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CopyArguments {
    /// URL of the database to read, or an app folder
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// URL of the database to write, or an app folder
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    /// Only these collections
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    pub(crate) collections: Vec<String>,
    /// Say what the target cannot hold, and write nothing; on a server an empty database may be
    /// made
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Make the target the same as the source: replace documents that have the same ids, and delete
    /// those that the source does not have
    #[arg(long, conflicts_with_all = ["overwrite", "skip_existing", "follow", "until_caught_up"])]
    pub(crate) mirror: bool,
    /// Go on with what is written meanwhile, until Ctrl-C
    #[arg(long)]
    pub(crate) follow: bool,
    /// End as soon as the target has everything that was written meanwhile
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    /// Where uploaded files are: a folder, or s3://bucket/prefix [default: uploads beside an SQLite
    /// file; what the settings say for the database of the settings]
    #[arg(long, value_name = "PLACE")]
    pub(crate) from_uploads: Option<String>,
    /// Where they come to [default: likewise]
    #[arg(long, value_name = "PLACE")]
    pub(crate) to_uploads: Option<String>,
    /// Leave uploaded files where they are
    #[arg(long, conflicts_with_all = ["from_uploads", "to_uploads"])]
    pub(crate) without_files: bool,
    #[command(flatten)]
    pub(crate) system: SystemFlags,
    #[command(flatten)]
    pub(crate) load: LoadFlags,
    #[command(flatten)]
    pub(crate) app: AppFlags,
}

#[derive(Debug, Args)]
pub(crate) struct DumpArguments {
    /// File to write, - for standard output [default: isobase-DATE-TIME.isobase in this folder]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Only these collections
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    pub(crate) collections: Vec<String>,
    /// Only what was written after another archive, or after a place of the change feed
    #[arg(long, value_name = "FILE|N")]
    pub(crate) since: Option<String>,
    #[command(flatten)]
    pub(crate) uploads: UploadFlags,
    #[command(flatten)]
    pub(crate) system: SystemFlags,
    /// Encrypt it with the passphrase
    #[arg(long)]
    pub(crate) encrypt: bool,
    /// Write the report as JSON into a file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFlags,
    #[command(flatten)]
    pub(crate) database: DatabaseFlags,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The archive with everything, then those with changes; - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) uploads: UploadFlags,
    #[command(flatten)]
    pub(crate) system: SystemFlags,
    #[command(flatten)]
    pub(crate) load: LoadFlags,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFlags,
    #[command(flatten)]
    pub(crate) database: DatabaseFlags,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The archive with everything, then those with changes; - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseFlags,
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// Only these collections
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    pub(crate) collections: Vec<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseFlags,
}

#[derive(Debug, Args)]
pub(crate) struct IndexPlanArguments {
    /// URL of the database [default: the settings]
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Only these collections, which need not be there yet
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    pub(crate) collections: Vec<String>,
    #[command(flatten)]
    pub(crate) app: AppFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Print what must be created in production, where the service may not do it
    Plan(IndexPlanArguments),
    /// List the indexes of a collection
    List {
        /// The collection
        #[arg(add = collection_names())]
        collection: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Declare an index and build it
    Create {
        /// The collection
        #[arg(add = collection_names())]
        collection: String,
        /// One to three fields: status,-created_at
        #[arg(allow_hyphen_values = true)]
        fields: String,
        /// Let only one document have the values of the fields
        #[arg(long)]
        unique: bool,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Drop an index
    Drop {
        /// The collection
        #[arg(add = collection_names())]
        collection: String,
        /// Its fields, as index list shows them
        #[arg(allow_hyphen_values = true)]
        fields: String,
        /// The unique index of these fields
        #[arg(long)]
        unique: bool,
        #[command(flatten)]
        target: TargetFlags,
    },
}

/// What a key may do, as one text with commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeList(pub(crate) Scopes);

impl FromStr for ScopeList {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let scopes = text.split(',').map(|scope| scope.trim().parse::<Scope>());
        let scopes = Scopes::new(scopes.collect::<Result<Vec<_>, _>>()?);
        scopes.map(Self).ok_or_else(|| InvalidScope(text.to_owned()))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it; it is not shown again
    Create {
        /// Its name, to list and revoke it by
        name: String,
        /// What it may do, several with commas: read, write, admin, or by feature licences:read,
        /// licences:write, requests:read, requests:write
        #[arg(long = "scope", value_name = "SCOPES")]
        scopes: ScopeList,
        #[command(flatten)]
        app: AppFlags,
    },
    /// List the keys
    List {
        #[command(flatten)]
        app: AppFlags,
    },
    /// Make a key in the place of another one, which goes on for a while, and print it
    Rotate {
        /// Its name or id
        name: String,
        /// How long services accept the former key: 24h, 7d; 0 revokes it at once
        #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
        overlap: Duration,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Revoke a key
    Revoke {
        /// Its name
        name: String,
        #[command(flatten)]
        app: AppFlags,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account
    Create {
        /// What it is called
        name: String,
        /// Its e-mail address
        #[arg(long)]
        email: Option<String>,
        /// Make it an owner, who may do everything
        #[arg(long, conflicts_with = "role")]
        owner: bool,
        /// What it may do: owner, admin, editor, support, viewer, user, or a word of the app's own
        #[arg(long, default_value = "user")]
        role: Role,
        #[command(flatten)]
        password: PasswordFlags,
        #[command(flatten)]
        app: AppFlags,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        app: AppFlags,
    },
    /// Give an account another role
    Role {
        /// Its name, e-mail address or id
        name: String,
        /// The role: owner, admin, user, or a word of the app's own
        role: Role,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Give an account another password, and end its sessions
    Password {
        /// Its name, e-mail address or id
        name: String,
        #[command(flatten)]
        password: PasswordFlags,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Remove the second factor of an account that has lost its app and its recovery codes
    ResetSecondFactor {
        /// Its name, e-mail address or id
        name: String,
        #[command(flatten)]
        app: AppFlags,
    },
    /// Delete an account with its sessions
    Delete {
        /// Its name, e-mail address or id
        name: String,
        #[command(flatten)]
        app: AppFlags,
    },
}

/// Where a password comes from.
#[derive(Debug, Args)]
pub(crate) struct PasswordFlags {
    /// Read the password from standard input, its first line; without this one is made and printed
    #[arg(long = "password-stdin")]
    pub(crate) from_stdin: bool,
}

impl UserCommand {
    /// The app it is about.
    pub(crate) fn app(&self) -> &AppFlags {
        match self {
            Self::Create { app, .. }
            | Self::List { app }
            | Self::Role { app, .. }
            | Self::Password { app, .. }
            | Self::ResetSecondFactor { app, .. }
            | Self::Delete { app, .. } => app,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and its origin
    Print(ServeArguments),
}

/// Generated pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentationPage {
    /// docs/errors.md
    Errors,
    /// docs/configuration.md
    Configuration,
    /// The table of engines
    Engines,
}

impl ServeArguments {
    /// What is said about settings.
    pub(crate) fn given(&self) -> Given {
        let mut given = self.settings.given(&self.app);
        let ServiceFlags { host, port, open } = &self.service;
        let open = open.then(|| "true".to_owned());
        for (key, value) in [("host", host), ("port", port), ("open", &open)] {
            given.flags.extend(value.iter().map(|value| flag(key, value)));
        }
        if let Some(port) = &self.app_port {
            given.flags.push(("port".to_owned(), "PORT".to_owned(), port.clone()));
        }
        given
    }
}

impl IndexCommand {
    /// What is said about settings.
    pub(crate) fn given(&self) -> Given {
        match self {
            Self::Plan(arguments) => arguments.app.given(),
            Self::List { target, .. } | Self::Create { target, .. } | Self::Drop { target, .. } => {
                target.app.given()
            }
        }
    }
}

/// A duration as settings have it.
fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("expected a duration such as 24h, 7d or 0")
}

impl KeyCommand {
    /// Which app it is about.
    pub(crate) fn app(&self) -> &AppFlags {
        match self {
            Self::Create { app, .. }
            | Self::List { app }
            | Self::Rotate { app, .. }
            | Self::Revoke { app, .. } => app,
        }
    }
}

/// What a shell offers for the name of a collection.
fn collection_names() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates::collections)
}

fn column_type(text: &str) -> Result<(String, ColumnType), String> {
    let (name, kind) = text.rsplit_once('=').ok_or("expected COLUMN=TYPE")?;
    let kind = kind.parse().map_err(|_| "expected text, number, boolean or json".to_owned())?;
    Ok((name.to_owned(), kind))
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [b'"' | b'\n' | b'\r'] => Err("expected another character".to_owned()),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ if text == "\\t" => Ok(b'\t'),
        _ => Err("expected one ASCII character".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
