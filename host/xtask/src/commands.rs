//! One command a file.

pub(crate) mod bench;
pub(crate) mod checks;
pub(crate) mod demo;
pub(crate) mod dmusctl;
pub(crate) mod inf;
pub(crate) mod oracle;
pub(crate) mod package;
pub(crate) mod prove;
pub(crate) mod soak;
pub(crate) mod sys;
pub(crate) mod test;
pub(crate) mod wine;
