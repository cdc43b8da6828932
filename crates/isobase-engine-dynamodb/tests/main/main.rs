//! The backend against an emulator, and against answers that no emulator gives.

mod adopted;
mod commits;
mod exact;
mod faults;
mod fixture;
mod loads;
mod script;
