//! What is shipped to a Windows test machine, made and checked on any host.
//!
//! | module | what it is |
//! |---|---|
//! | [`inf`] | an INF file as sections and lines, with line numbers |
//! | [`lint`] | the rules of a "Windows Driver" INF, and agreement with the driver's own tables |
//! | [`stamp`] | DriverVer |
//! | [`catalog`] | the catalog: which files, by their hashes, belong to the package |
//! | [`sign`] | the test certificate and the signatures |
//! | [`later`] | the same image as a later release, to upgrade to |
//! | [`assemble`] | all of it in one folder and one zip |

pub mod assemble;
pub mod catalog;
pub mod inf;
pub mod later;
pub mod lint;
pub mod sign;
pub mod stamp;
