//! HTTP client of the record service.
