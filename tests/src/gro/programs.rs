// SPDX-License-Identifier: GPL-2.0

//! Programs that say which frames are put together, compiled where they are used.

use anyhow::{ensure, Result};

use crate::compiled::Compiled;
use crate::link::Link;

const HEADER: &str = include_str!("../../../samples/gro/offload_gro.h");
const KERNEL: &str = include_str!("../../../samples/gro/kernel.bpf.c");

/// The sample: the rules of GRO.
///
/// # Errors
///
/// As those of [`Compiled::bpf`].
pub fn rules() -> Result<Compiled> {
    let include = "#include \"offload_gro.h\"\n";
    ensure!(KERNEL.contains(include), "another way to the header");
    Compiled::bpf("kernel", &KERNEL.replace(include, HEADER))
}

/// The program `name` that is `text` behind the checks of what it is shown, which is `gro`.
///
/// # Errors
///
/// As those of [`Compiled::bpf`].
pub fn program(name: &str, text: &str) -> Result<Compiled> {
    let source = format!(
        "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n{HEADER}\n\
         SEC(\"xdp\") int {name}(struct xdp_md *ctx)\n{{\n\
         struct offload_gro *gro = (void *)(long)ctx->data;\n\
         if ((void *)(gro + 1) > (void *)(long)ctx->data_end || gro->version != GRO_VERSION)\n\
         return GRO_PASS;\n{text}\n}}\nchar _license[] SEC(\"license\") = \"GPL\";\n"
    );
    Compiled::bpf(name, &source)
}

/// Has `link` go by `program`, which is loaded with `options`.
///
/// # Errors
///
/// Where `offloadctl` fails.
pub fn load(link: &Link, program: &Compiled, options: &str) -> Result<()> {
    let (path, name) = (program.path(), &link.name);
    let line = format!("program load gro {} {name} {options}", path.display());
    link.offloadctl(line)?.run()?;
    Ok(())
}

/// Has `link` go by no program any more.
///
/// # Errors
///
/// As those of [`load`].
pub fn unload(link: &Link) -> Result<()> {
    link.offloadctl(format!("program unload gro {}", link.name))?
        .run()?;
    Ok(())
}
