//! PostgreSQL, over its connection layer.

mod arrays;
mod binary_rows;
mod copy;
mod decode;
mod failure;
mod load;
mod numeric;
mod parameter;
mod reader;
mod run;

pub(crate) use copy::{copy_in, copy_out};
pub(crate) use decode::{Raw, decode};
pub(crate) use failure::{of_connection, refused};
pub(crate) use load::load;
pub(crate) use parameter::Parameter;
pub(crate) use run::{Asked, run, run_in_open_schema, run_in_schema, run_raw};
