//! What the commands say. `println!` panics where its reader is gone; `cargo xtask sys | head -1` shall
//! build all the same, and its exit code say how that ended.

/// A line on standard output, if anybody reads it.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($what)*);
    }};
}

/// A line on standard error, if anybody reads it.
macro_rules! complain {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($what)*);
    }};
}
