//! Licences and installations on the wire, and how their routes are described.

mod described;
mod flow_operations;
mod imported;
mod installation;
mod installation_operations;
mod licence;
mod licence_operations;
mod verdict;

pub(super) use flow_operations::*;
pub(super) use imported::*;
pub(super) use installation::*;
pub(super) use installation_operations::*;
pub(super) use licence::*;
pub(super) use licence_operations::*;
pub(super) use verdict::*;
