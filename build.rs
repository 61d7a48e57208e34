//! Hands the Windows link over to `wdk-build`; does nothing for any other target.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
