// SPDX-License-Identifier: GPL-2.0

//! What runs a program side by side, and the frames that it gets.

use engine::image::Fusion;

use crate::device::Device;
use crate::listing::Listing;
use crate::rival::{Mode, Rival};
use crate::traffic::{self, Traffic};

/// The frames of a program: one packet, and, where the way through the program depends on the
/// packet, mixed ones.
pub(crate) fn traffic_of(name: &str) -> Vec<(&'static str, Traffic)> {
    let one = (
        "one packet",
        traffic::one(if name == "checksum" { 1500 } else { 64 }),
    );
    match name {
        "parse" | "lookup" | "balancer" | "router" | "keyed_hash" => {
            vec![one, ("mixed", traffic::mixed(64))]
        }
        "options" => vec![
            ("one packet", traffic::one_with_options()),
            ("mixed", traffic::mixed_with_options()),
        ],
        "extensions" => vec![
            ("one packet", traffic::one_with_extensions()),
            ("mixed", traffic::mixed_with_extensions()),
        ],
        _ => vec![one],
    }
}

/// The device, as it is and without fusion, rbpf's interpreter and rbpf's JIT, as far as they can run a
/// program.
pub(crate) struct Machines {
    pub(crate) device: Device,
    pub(crate) unfused: Device,
    pub(crate) interpreter: Result<Rival, String>,
    pub(crate) jit: Result<Rival, String>,
}

impl Machines {
    /// Sets the machines up and has them agree on all frames.
    pub(crate) fn new(listing: &Listing, traffic: &Traffic) -> Self {
        let mut machines = Self {
            device: Device::new(listing, traffic, Fusion::On),
            unfused: Device::new(listing, traffic, Fusion::Off),
            interpreter: Rival::new(listing, traffic, Mode::Interpreter),
            jit: Rival::new(listing, traffic, Mode::Jit),
        };
        for frame in 0..traffic.frames.len() {
            let verdict = machines.device.run(frame);
            let theirs = machines.unfused.run(frame);
            assert_eq!(verdict, theirs, "{}, frame {frame}", listing.name);
            let (left, theirs) = (machines.device.left(frame), machines.unfused.left(frame));
            assert_eq!(left, theirs, "{}, frame {frame}", listing.name);
            for rival in [&mut machines.interpreter, &mut machines.jit]
                .into_iter()
                .flatten()
            {
                let theirs = rival.run(frame);
                assert_eq!(verdict, theirs, "{}, frame {frame}", listing.name);
                let (left, theirs) = (machines.device.left(frame), rival.left(frame));
                assert_eq!(left, theirs, "{}, frame {frame}", listing.name);
            }
        }
        machines
    }
}
