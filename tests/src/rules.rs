// SPDX-License-Identifier: GPL-2.0

//! Programs that a port asks where fixed rules leave something open, compiled where they are used: which frames
//! are put together, and what the headers of segments are.

use anyhow::{ensure, Context, Result};
use offload_uapi::client::Client;
use offload_uapi::netlink::{Slot, State};
use offload_uapi::types::{Event, Known, SlotReport};

use crate::compiled::Compiled;
use crate::link::{await_that, Link};
use crate::netns;
use crate::nic::program_files;

/// Where a program can be damaged: in what the device was given, and in what it executes. File and bit.
pub const DAMAGES: [(&str, u32); 2] =
    [("flip_bit", 35), ("flip_image_bit", 8 * (64 + 16 * 3) + 64)];

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

    /// The number of the program that the device of `link` has in the slot.
    ///
    /// # Errors
    ///
    /// Where it has none, or the kernel does not tell.
    pub fn id(&self, link: &Link) -> Result<u32> {
        let device = self.report(link)?.device;
        device.and_then(|it| it.id).context("no program")
    }

    /// Takes the name away of the program of `link`, which the kernel gives up then, and waits until it is not in
    /// the slot any more.
    ///
    /// # Errors
    ///
    /// Where it stays there.
    pub fn give_up(&self, link: &Link) -> Result<()> {
        let id = self.id(link)?;
        std::fs::remove_file(format!("/sys/fs/bpf/offload_{}_{id}", self.word))?;
        await_that("the slot without it", || {
            let found = self.report(link)?.device;
            Ok(found.is_none_or(|it| it.id.is_none()))
        })
    }

    /// Flips bit `bit` of the program that `link` runs, by the file `file` of debugfs, and does `then`: what that
    /// gives, when it was told that the slot is faulted.
    ///
    /// # Errors
    ///
    /// Where it does not run before, or is not faulted behind.
    pub fn tamper<T>(
        &self,
        link: &Link,
        (file, bit): (&str, u32),
        then: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let is = |state: State| -> Result<()> {
            let found = self.report(link)?.device.context("nothing")?.state;
            ensure!(found == Some(Known::Is(state)), "{file}: {found:?}");
            Ok(())
        };
        let mut events = netns::enter(link.ns.as_deref(), || Ok(Client::connect()?.events()?))?;
        is(State::Active)?;
        let files = program_files(self.id(link)?.into())?;
        std::fs::write(files.join(file), bit.to_string()).context(file.to_owned())?;
        let then = then()?;
        await_that("the event", || {
            while let Some(event) = events.try_next()? {
                if matches!(event, Event::SlotFault(it) if it.slot == Known::Is(self.slot)) {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        is(State::Faulted)?;
        Ok(then)
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
