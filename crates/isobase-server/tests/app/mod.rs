//! Collections of an app, in the app's own shapes.

mod items;
mod pages;
mod posts;
mod shared;
mod support;
