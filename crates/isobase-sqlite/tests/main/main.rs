//! The connection layer against real files.

mod crash;
mod fixture;
mod opening;
mod reading;
mod writing;
