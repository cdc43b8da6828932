//! The executable as a black box.

mod black_box {
    mod command;
    mod config;
    mod index;
    mod key;
    mod pages;
    mod serve;
    mod transfer;
}
