//! The routes of licences, through the service in process.

mod access;
mod contract;
mod faults;
mod lifecycle;
mod usage;
