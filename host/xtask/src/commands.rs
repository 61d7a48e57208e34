//! One command a file.

pub(crate) mod prove;
pub(crate) mod sys;
