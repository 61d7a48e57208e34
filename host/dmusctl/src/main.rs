//! `dmusctl`.

fn main() {}
