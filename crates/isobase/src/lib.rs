//! Opens a store from a URL: one line and one feature per engine.
