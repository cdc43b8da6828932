//! Hash of a content.
