//! Settings: one table says what there is; everything else is made from it.
//!
//! A setting is read from the defaults, `isobase.toml`, the database, a file of variables, the
//! environment and the flags, in this order: a later one wins. Each value keeps its origin.

mod addresses;
mod api;
mod changeable;
mod config;
mod env_file;
mod fields;
mod file;
mod kinds;
mod load;
mod log_format;
mod mentions;
mod origin;
mod providers;
mod report;
mod rules;
mod setting;
mod similar;
mod table;
mod units;
mod uploads;

pub(crate) use changeable::offered;
pub(crate) use config::{
    Config, DeclaredIndex, account_options, audit_keep, backups, connections_max, first_owner,
    has_sql, internal_api_key, licence_options, licence_source, log_filter, log_format,
    mail_server, schedule, sealer, server_config, webhooks_private,
};
pub(crate) use load::{Given, Loaded, load};
pub(crate) use log_format::LogFormat;
pub(crate) use report::{as_text, as_typed_json, documentation, setting_keys};
pub(crate) use setting::{AnySetting, without_line_end};
pub(crate) use similar::most_similar;
pub(crate) use table::{DATA, HOST, INTERNAL_API_KEY, LOG, OPEN, PORT, RECORDS_URL, changeable};
pub(crate) use units::parse_duration;
