//! What is shipped to a Windows test machine, made and checked on any host.
//!
//! | module | what it is |
//! |---|---|
//! | [`catalog`] | the catalog: which files, by their hashes, belong to the package |
//! | [`inf`] | an INF file as sections and lines, with line numbers |
//! | [`lint`] | the rules of a "Windows Driver" INF, and agreement with the driver's own tables |
//! | [`stamp`] | DriverVer |

pub mod catalog;
pub mod inf;
pub mod lint;
pub mod stamp;
