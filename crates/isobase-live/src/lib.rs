//! Live events: what happens in collections, told to those who listen while it happens.
//!
//! One task of the process follows the change feed while somebody listens. Each change is read
//! once, compared once with each distinct pair of filter and rule, rendered once as the text of a
//! server-sent event, and handed to all who listen as the same bytes. A listener that is slower
//! than what happens has a bounded mailbox, and is told when something was left out. Where changes
//! come faster than they can be told to everybody, telling takes a bounded part of the time. Every
//! event carries its place in the feed, so that a listener goes on where it was, on any process over
//! the same database.
//!
//! Reading order: [`Topic`] (what makes events), [`Sight`] (who sees what), [`Interest`] (what a
//! listener asks for), the texts of events, [`Piece`], mailboxes, the room where listeners are, the pace at
//! which they are told, the tail of the feed, [`Listener`], [`Hub`].

mod event;
mod gauge;
mod hub;
mod interest;
mod listener;
mod mailbox;
mod options;
mod pace;
mod piece;
mod reader;
mod replay;
mod room;
mod sight;
mod tail;
mod topic;

pub use gauge::{Behind, Gauge};
pub use hub::{Hub, Subscription};
pub use interest::Interest;
pub use listener::Listener;
pub use options::LiveOptions;
pub use piece::Piece;
pub use sight::Sight;
pub use topic::{Render, Topic};
