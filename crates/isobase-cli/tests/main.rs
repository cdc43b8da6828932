//! The executable as a black box.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod black_box {
    mod command;
    mod config;
    mod index;
    mod key;
    mod pages;
    mod serve;
    mod transfer;
}
