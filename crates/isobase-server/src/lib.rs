//! The service: slices of routes over the store, behind keys.
//!
//! Reading order: [`Composition`] (which slices there are), a slice (`records`, `data_store`, `app`,
//! `keys`, `accounts`, `live`, `licences`, `requests`, `service`), the gate (who asks), [`serve`].

mod accounts;
mod actor;
mod admin;
mod answer;
mod app;
mod app_collection;
mod cached;
mod call;
mod codes;
mod compose;
mod connections;
mod counted;
mod csv;
mod data_store;
mod description;
mod durability;
mod etag;
mod failure;
mod files;
mod gate;
mod imports;
mod jobs;
mod keys;
mod licences;
mod live;
mod origin;
mod own_requests;
mod owner;
mod pages;
mod pieces;
mod range;
mod rate;
mod records;
mod request;
mod requests;
mod serve;
mod service;
mod session_cookie;
mod settings;
#[cfg(feature = "sql")]
mod sql;
mod tus;
mod views;
mod webhooks;

use call::{Call, Route};

pub use admin::{AdminFacts, Machine, Space};
pub use app_collection::{AppCollection, FieldTexts, Texts};
pub use compose::{Composition, Index, Providers, ServerConfig, compose};
pub use description::{errors_markdown, openapi};
pub use durability::Durability;
pub use gate::{Gate, Service};
#[cfg(feature = "s3")]
pub use isobase_files::Bucket;
pub use isobase_files::{FilesError, FilesOptions, MediaTypes, Shelf};
pub use isobase_http::{Body, HttpConfig, IpNet, Measure, OpenTo, RequestBody, parse_network};
pub use isobase_jobs::{Jobs, JobsOptions};
pub use isobase_licences::{LicenceOptions, Secret};
pub use isobase_live::{LiveOptions, Render, Topic};
pub use isobase_requests::{LeftOut, RequestOptions};
pub use isobase_webhooks::{Webhooks, WebhooksOptions};
pub use licences::ReadLicenceFile;
pub use live::LiveConfig;
pub use own_requests::{OwnRequestOptions, OwnRequests};
pub use pages::PagesConfig;
pub use serve::{serve, serve_operator};
pub use settings::{Offered, RunningSettings, SETTINGS_COLLECTION, StoredSettings};
#[cfg(feature = "sql")]
pub use sql::SqlOptions;
