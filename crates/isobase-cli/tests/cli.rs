//! The executable as a black box.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod black_box {
    mod admin;
    mod app;
    mod audit;
    #[cfg(feature = "s3")]
    mod bucket;
    mod collections;
    mod command;
    mod config;
    mod databases;
    #[cfg(feature = "toolkit")]
    mod db;
    mod described;
    mod documented;
    mod examples;
    mod existing;
    mod former;
    mod import;
    mod index;
    mod js;
    mod key;
    mod licence_sources;
    mod licences;
    mod live_settings;
    mod mail;
    mod metrics;
    mod operations;
    mod pages;
    #[cfg(feature = "providers")]
    mod providers;
    mod request_log;
    mod rules;
    mod screens_on_servers;
    mod serve;
    mod slow;
    #[cfg(feature = "toolkit")]
    mod sql_screens;
    mod streams;
    mod transfer;
    mod tus;
    mod types;
    mod unseen;
    mod uploads;
    mod user;
    mod view;
    mod webhooks;
}

/// What the service survives. The runner starts tests with this name one at a time.
#[expect(clippy::print_stderr, reason = "those who run them see what is hit, and what was counted")]
mod fault {
    mod client;
    mod file;
    mod full;
    mod kill;
    mod licences;
    mod memory;
    mod nodes;
    mod postgres;
    mod repeat;
    mod services;
    mod stop;
    mod stored;
    mod strace;
    mod support;
    mod swap;
    mod sync;
    mod waiting;
}
