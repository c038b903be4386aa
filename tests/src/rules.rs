// SPDX-License-Identifier: GPL-2.0

//! Programs that a port asks where fixed rules leave something open, compiled where they are used: which frames
//! are put together, and what the headers of segments are.

use anyhow::{ensure, Context, Result};
use offload_uapi::client::Client;
use offload_uapi::netlink::Slot;
use offload_uapi::types::SlotReport;

use crate::compiled::Compiled;
use crate::link::Link;
use crate::netns;

/// A slot whose program is asked, and the sample of one.
#[derive(Debug)]
pub struct Rules {
    /// The slot.
    pub slot: Slot,
    /// Its name in the sources.
    word: &'static str,
    header: &'static str,
    kernel: &'static str,
    /// What a program returns that is not shown what it expects.
    nothing: &'static str,
}

/// Which frames are put together.
pub const GRO: Rules = Rules {
    slot: Slot::Gro,
    word: "gro",
    header: include_str!("../../samples/gro/offload_gro.h"),
    kernel: include_str!("../../samples/gro/kernel.bpf.c"),
    nothing: "GRO_PASS",
};

/// What the headers of segments are.
pub const GSO: Rules = Rules {
    slot: Slot::Gso,
    word: "gso",
    header: include_str!("../../samples/gso/offload_gso.h"),
    kernel: include_str!("../../samples/gso/kernel.bpf.c"),
    nothing: "XDP_ABORTED",
};

impl Rules {
    /// The sample, with the header in it.
    fn source(&self) -> Result<String> {
        let include = format!("#include \"offload_{}.h\"\n", self.word);
        ensure!(self.kernel.contains(&include), "another way to the header");
        Ok(self.kernel.replace(&include, self.header))
    }

    /// The sample: the rules of the kernel.
    ///
    /// # Errors
    ///
    /// As those of [`Compiled::bpf`].
    pub fn sample(&self) -> Result<Compiled> {
        Compiled::bpf("kernel", &self.source()?)
    }

    /// The sample as the program `name`, which does what `text` says before it is done.
    ///
    /// # Errors
    ///
    /// As those of [`Compiled::bpf`].
    pub fn sample_and(&self, name: &str, text: &str) -> Result<Compiled> {
        let source = self.source()?;
        let (all, end) = source.rsplit_once("\treturn ").context("no end")?;
        Compiled::bpf(name, &format!("{all}{text}\n\treturn {end}"))
    }

    /// The program `name` that is `text` behind the checks of what it is shown, which is called as the slot is.
    ///
    /// # Errors
    ///
    /// As those of [`Compiled::bpf`].
    pub fn program(&self, name: &str, text: &str) -> Result<Compiled> {
        let Self {
            word,
            header,
            nothing,
            ..
        } = self;
        let version = format!("{}_VERSION", word.to_uppercase());
        let source = format!(
            "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n{header}\n\
             SEC(\"xdp\") int {name}(struct xdp_md *ctx)\n{{\n\
             struct offload_{word} *{word} = (void *)(long)ctx->data;\n\
             if ((void *)({word} + 1) > (void *)(long)ctx->data_end || {word}->version != {version})\n\
             return {nothing};\n{text}\n}}\nchar _license[] SEC(\"license\") = \"GPL\";\n"
        );
        Compiled::bpf(name, &source)
    }

    /// What `offloadctl` is told to have `link` go by `program`, which is loaded with `options`.
    pub fn line(&self, link: &Link, program: &Compiled, options: &str) -> String {
        let (word, path, name) = (self.word, program.path(), &link.name);
        format!("program load {word} {} {name} {options}", path.display())
    }

    /// Has `link` go by `program`, which is loaded with `options`.
    ///
    /// # Errors
    ///
    /// Where `offloadctl` fails.
    pub fn load(&self, link: &Link, program: &Compiled, options: &str) -> Result<()> {
        link.offloadctl(self.line(link, program, options))?.run()?;
        Ok(())
    }

    /// Has `link` go by no program any more.
    ///
    /// # Errors
    ///
    /// As those of [`load`](Self::load).
    pub fn unload(&self, link: &Link) -> Result<()> {
        link.offloadctl(format!("program unload {} {}", self.word, link.name))?
            .run()?;
        Ok(())
    }

    /// What `link` has in the slot.
    ///
    /// # Errors
    ///
    /// Where the kernel does not tell.
    pub fn report(&self, link: &Link) -> Result<SlotReport> {
        let ifindex = link.index()?;
        netns::enter(link.ns.as_deref(), || {
            Ok(Client::connect()?.slot(ifindex, self.slot)?)
        })
    }
}
