// SPDX-License-Identifier: GPL-2.0

//! What is done to the way of a frame to its queue, and to what the host is told of it.

use std::fs;

use anyhow::{ensure, Context, Result};
use offload_tests::frames::Frames;
use offload_tests::interrupt::Interrupt;
use offload_tests::link::Link;
use offload_uapi::types::hex;
use rand::seq::IndexedRandom;
use rand::Rng;

use super::{Action, Random};
use crate::fleet::{Fleet, QUEUES};

pub(super) const ACTIONS: &[Action] = &[
    ("spread over queues", spread),
    ("hashed fields", hash_fields),
    ("new context", new_context),
    ("delete a context", delete_context),
    ("steering rule", insert_rule),
    ("delete a rule", delete_rule),
    ("follow readers", follow),
    ("affinity", set_affinity),
    ("moderate interrupts", moderate),
    ("features", set_feature),
    ("audit of super-frames", audit),
    ("explain", explain),
    ("show tables", show_tables),
];

/// Contexts and rules that a port is given at most.
const CONTEXTS: u32 = 3;
const RULES: u32 = 8;
/// What `ethtool` calls types of frames that are hashed.
const TYPES: &[&str] = &["tcp4", "udp4", "sctp4", "tcp6", "udp6", "ether"];

/// `ethtool VERB PORT ARGS`.
fn ethtool(port: &Link, verb: &str, args: &str) -> Result<String> {
    port.cmd(format!("ethtool {verb} {} {args}", port.name))
        .run()
}

fn spread(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let args = match rng.random_range(0..4) {
        0 => "default".to_owned(),
        1 => format!("equal {}", rng.random_range(1..=QUEUES)),
        2 => format!("start {} equal 1", rng.random_range(0..QUEUES)),
        _ => {
            let key: [u8; 56] = rng.random();
            let bytes = key.map(|byte| format!("{byte:02x}"));
            format!("hkey {}", bytes.join(":"))
        }
    };
    ethtool(&port, "-X", &args).map(drop)
}

fn hash_fields(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let flow = TYPES.choose(rng).context("none")?;
    // The last of these drops them.
    let fields = ["sd", "sdfn", "v", "m", "r"].choose(rng).context("none")?;
    ethtool(&port, "-N", &format!("rx-flow-hash {flow} {fields}")).map(drop)
}

fn new_context(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let newest = (1..=CONTEXTS).find(|id| ethtool(&port, "-x", &format!("context {id}")).is_err());
    newest.context("it has enough")?;
    ethtool(&port, "-X", "context new").map(drop)
}

fn delete_context(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let id = rng.random_range(1..=CONTEXTS);
    let port = fleet.any_port(rng)?;
    ethtool(&port, "-X", &format!("context {id} delete")).map(drop)
}

fn insert_rule(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let flow = ["udp4", "tcp4", "udp6", "tcp6"]
        .choose(rng)
        .context("none")?;
    let queue = rng.random_range(0..QUEUES);
    let action = match rng.random_range(0..4) {
        0 => "action -1".to_owned(),
        1 => format!("context {} action 0", rng.random_range(1..=CONTEXTS)),
        _ => format!("action {queue}"),
    };
    let mask = ["", "m 0xff00", "m 0xfff0"].choose(rng).context("none")?;
    let (number, at): (u16, u32) = (rng.random(), rng.random_range(0..RULES));
    ethtool(
        &port,
        "-N",
        &format!("flow-type {flow} dst-port {number} {mask} {action} loc {at}"),
    )
    .map(drop)
}

fn delete_rule(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let at = rng.random_range(0..RULES);
    let port = fleet.any_port(rng)?;
    ethtool(&port, "-N", &format!("delete {at}")).map(drop)
}

/// Flows follow their readers by the device (`ndo_rx_flow_steer`), or not.
fn follow(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let flows = [0_u32, 256].choose(rng).context("none")?;
    fs::write(
        "/proc/sys/net/core/rps_sock_flow_entries",
        (flows * 4).to_string(),
    )?;
    let queue = rng.random_range(0..QUEUES);
    port.write(&format!("queues/rx-{queue}/rps_flow_cnt"), flows)?
        .run()
        .map(drop)
}

fn set_affinity(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let interrupts = Interrupt::of(&port.name)?;
    let interrupt = interrupts.choose(rng).context("it is down")?;
    interrupt.set_affinity(rng.random_range(0..interrupt.counts.len()))
}

fn moderate(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let (usecs, frames) = (rng.random_range(0..200), rng.random_range(1..64));
    ethtool(&port, "-C", &format!("rx-usecs {usecs} rx-frames {frames}")).map(drop)
}

/// What may be on or off while frames come and go.
const FEATURES: &[&str] = &[
    "rxhash",
    "ntuple",
    "rx-gro-hw",
    "rx-udp-gro-forwarding",
    "tx-udp-segmentation",
    "large-receive-offload",
    "rx-vlan-hw-parse",
    "rx-vlan-stag-hw-parse",
    "rx-vlan-filter",
    "tx-vlan-hw-insert",
];

fn set_feature(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let feature = FEATURES.choose(rng).context("none")?;
    let state = ["on", "off"].choose(rng).context("none")?;
    ethtool(&port, "-K", &format!("{feature} {state}")).map(drop)
}

/// Sets it or asks of it: in either case nothing that was put together may be different.
fn audit(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let set = match rng.random_range(0..6) {
        one_in @ 0..3 => format!("--one-in {one_in}"),
        _ => String::new(),
    };
    let audit = port.offloadctl(format!("gro audit {} {set}", port.name))?;
    let output = audit.output()?;
    // What is printed then is what there is to know.
    assert_ne!(output.code(), Some(3), "{}", output.stdout());
    ensure!(output.success(), "{}", output.stderr());
    Ok(())
}

fn explain(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let frame = Frames::new(rng.random(), 1500).next_frame();
    let (name, frame) = (&port.name, hex(&frame));
    let said = port.offloadctl(format!("steer explain {name} --frame {frame}"))?;
    let said = said.run()?;
    ensure!(!said.is_empty(), "it says nothing");
    Ok(())
}

/// Tables are read while others change them. What does not fit into the room of a socket is not shown.
fn show_tables(fleet: &Fleet, rng: &mut Random) -> Result<()> {
    let port = fleet.any_port(rng)?;
    let nic = fleet.nics.choose(rng).context("none")?.handle();
    let line = match rng.random_range(0..5) {
        0 => format!("devlink -j dpipe header show {nic}"),
        1 => format!("devlink -j dpipe table show {nic}"),
        other => {
            let table = ["ntuple", "rss", "arfs"][other - 2];
            format!("devlink -j dpipe table dump {nic} name {table}")
        }
    };
    port.cmd(line).json().map(drop)
}
