//! Documents in CouchDB.
