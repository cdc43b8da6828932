//! Moving whole databases.
