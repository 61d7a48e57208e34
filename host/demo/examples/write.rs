//! Writes the bundled bank and song as files: `cargo run -p dmusmini-demo --example write -- DIRECTORY`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let directory: PathBuf = std::env::args_os()
        .nth(1)
        .unwrap_or_else(|| ".".into())
        .into();
    std::fs::create_dir_all(&directory)?;
    for (name, bytes) in [
        ("demo.dls", dmusmini_demo::bank().to_dls()),
        ("demo.mid", dmusmini_demo::song()),
    ] {
        println!("{}: {} bytes", directory.join(name).display(), bytes.len());
        std::fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}
