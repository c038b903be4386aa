// SPDX-License-Identifier: GPL-2.0

//! Makes seeds for the fuzz target `image` of those for `program`, so that they always have the
//! device's format: `cargo run --example image_seeds -- fuzz/corpus/program fuzz/corpus/image`.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(programs), Some(seeds)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other(
            "image_seeds PROGRAMS SEEDS: two directories",
        ));
    };
    std::fs::create_dir_all(&seeds)?;
    for entry in std::fs::read_dir(programs)? {
        let entry = entry?;
        let images = fuzz::images(&std::fs::read(entry.path())?);
        for (number, image) in images.iter().enumerate() {
            let name = format!("{}-{number}", entry.file_name().to_string_lossy());
            std::fs::write(seeds.join(name), image)?;
        }
    }
    Ok(())
}
