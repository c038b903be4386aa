// SPDX-License-Identifier: GPL-2.0

//! Programs that are asked which frames are put together, and what the headers of segments are.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use nix::sys::socket::SockProtocol;
use offload_tests::compiled::Compiled;
use offload_tests::rules::{Rules, GRO, GSO};
use offload_tests::wire::matrix;
use offload_tests::wire::run::packet;
use offload_tests::wire::vnet::VnetSender;
use rand::seq::IndexedRandom;
use rand::Rng;

use super::{Action, Random};
use crate::fleet::Fleet;

pub(super) const ACTIONS: &[Action] = &[
    ("send super-frames", send_super_frames),
    ("send super-frames", send_super_frames),
    ("GRO program", |fleet, rng| {
        load(fleet, rng, &GRO, &GRO_PROGRAMS)
    }),
    ("no GRO program", |fleet, rng| {
        GRO.unload(&fleet.any_port(rng)?)
    }),
    ("GSO program", |fleet, rng| {
        load(fleet, rng, &GSO, &GSO_PROGRAMS)
    }),
    ("no GSO program", |fleet, rng| {
        GSO.unload(&fleet.any_port(rng)?)
    }),
];

/// The sample of a slot, and another program, compiled when they are asked for first.
struct Programs {
    sample: OnceLock<Compiled>,
    other: OnceLock<Compiled>,
    make_other: fn() -> Result<Compiled>,
}

static GRO_PROGRAMS: Programs = Programs::new(|| {
    // Pairs at most.
    GRO.program(
        "pairs",
        "return gro->segments ? GRO_MERGE_AND_END : GRO_HOLD;",
    )
});

static GSO_PROGRAMS: Programs = Programs::new(|| {
    // Of every other segment what is not permitted.
    GSO.sample_and(
        "wild",
        "\tif (gso->index & 1)\n\t\tgso->headers[14] ^= 0xff;\n",
    )
});

impl Programs {
    const fn new(make_other: fn() -> Result<Compiled>) -> Self {
        Self {
            sample: OnceLock::new(),
            other: OnceLock::new(),
            make_other,
        }
    }

    fn get(&self, rules: &Rules, is_sample: bool) -> Result<&Compiled> {
        let place = if is_sample { &self.sample } else { &self.other };
        if place.get().is_none() {
            let compiled = if is_sample {
                rules.sample()?
            } else {
                (self.make_other)()?
            };
            // Another thread may have been as fast.
            let _ = place.set(compiled);
        }
        place.get().context("it was compiled")
    }
}

/// Super-frames of some kinds, each to be cut by whoever can.
fn send_super_frames(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let combinations = matrix::all(&[]);
    let several = combinations.iter().zip(0..);
    let several: Vec<_> = several
        .filter(|(c, _)| c.frames() > 1 && c.has_link_layer())
        .collect();
    let sender = VnetSender::new(&port, SockProtocol::EthAll)?;
    for _ in 0..20 {
        let (c, number) = several.choose(rng).context("none is cut")?;
        let packet = packet(*number, c);
        sender.send(&packet.unfinished, &packet.bytes)?;
    }
    Ok(())
}

fn load(fleet: &Fleet, rng: &mut Random, rules: &Rules, programs: &Programs) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let compiled = programs.get(rules, rng.random_bool(0.5))?;
    let option = match rng.random_range(0..3) {
        0 => "--in-kernel",
        1 => "--device-only",
        _ => "",
    };
    rules.load(&port, compiled, option)
}
