//! The record routes.

use crate::Route;

/// The routes of records.
pub(crate) static ROUTES: &[Route] = &[];

/// The schemas the record routes refer to: name and JSON text.
pub(crate) static SCHEMAS: &[(&str, &str)] = &[];
