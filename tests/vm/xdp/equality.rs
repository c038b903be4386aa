// SPDX-License-Identifier: GPL-2.0

//! The law of the project: what a program does in the device is what it does on
//! the host's processor. The same object gets the same frames, once as native XDP
//! on a veth pair and once offloaded to a port, and everything that can be seen
//! from outside must be the same: the frames that pass and those that bounce, byte
//! for byte and in order, how many are dropped, and every map.

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::Attached;
use offload_tests::env;
use offload_tests::frames::{Frames, JUMBO_MTU};
use offload_tests::outcome::{self, Outcome, Prepare};

/// Frames per program: the promised number where kernel code runs at native speed,
/// fewer where the same frames have been through already and it would take hours.
fn how_many() -> usize {
    if env::is_checked() {
        500
    } else if env::is_slow() {
        1_000
    } else {
        10_000
    }
}

/// Those that run on kernels with checkers too: all verdicts; heads and tails that move; maps that
/// user space and programs share.
const EVERYWHERE: [&str; 3] = ["actions", "resize", "flows"];

fn nothing(_: &Attached) -> Result<()> {
    Ok(())
}

/// The same law for one program.
fn equal(object: &str, seed: u64, prepare: Prepare, expected: fn(&Outcome) -> bool) -> Result<()> {
    equal_up_to(JUMBO_MTU, object, seed, prepare, expected)
}

/// As [`equal`], with frames that fit into `mtu` though the links could carry more.
fn equal_up_to(
    mtu: usize,
    object: &str,
    seed: u64,
    prepare: Prepare,
    expected: fn(&Outcome) -> bool,
) -> Result<()> {
    if env::is_left_to_others(object, &EVERYWHERE) {
        return Ok(());
    }
    let mut source = Frames::new(seed, mtu);
    let frames: Vec<_> = (0..how_many()).map(|_| source.next_frame()).collect();
    let native =
        outcome::equal(object, prepare, &frames).with_context(|| format!("seed {seed}"))?;
    ensure!(
        expected(&native),
        "the frames did not exercise {object} under native XDP"
    );
    Ok(())
}

fn some_pass(outcome: &Outcome) -> bool {
    let passed = outcome.observed.passed.len();
    passed > how_many() / 20 && passed < how_many()
}

fn some_pass_some_bounce(outcome: &Outcome) -> bool {
    some_pass(outcome) && outcome.observed.bounced.len() > how_many() / 20
}

/// Rules for some of the addresses and ports that the generator uses.
fn add_rules(program: &Attached) -> Result<()> {
    let mut keys = Vec::new();
    for host in 1..5_u8 {
        for (proto, port) in [
            (6, 80_u16),
            (6, 8080),
            (17, 53),
            (17, 5201),
            (1, 0),
            (58, 0),
        ] {
            for v4 in [true, false] {
                let mut key = vec![0; 20];
                if v4 {
                    key[10..16].copy_from_slice(&[0xff, 0xff, 10, 0, 0, host]);
                } else {
                    key[0] = 0xfd;
                    key[15] = host;
                }
                key[16..18].copy_from_slice(&port.to_be_bytes());
                key[18] = proto;
                keys.push(key);
            }
        }
    }
    program.map("rules")?.update_all(&keys, &[0; 16])
}

#[test]
fn firewall_with_rules() -> Result<()> {
    equal("firewall", 1, add_rules, some_pass)
}

#[test]
fn firewall_with_an_allow_list() -> Result<()> {
    equal("firewall_allow", 2, add_rules, some_pass)
}

#[test]
fn load_balancer() -> Result<()> {
    equal("balancer", 3, nothing, some_pass_some_bounce)
}

#[test]
fn vlan_gateway() -> Result<()> {
    equal("vlan", 4, nothing, some_pass_some_bounce)
}

#[test]
fn resizing() -> Result<()> {
    // A frame that grew beyond its MTU does not fit through a veth any more, which says
    // nothing about the program; so leave it the 216 bytes by which it may grow.
    let mtu = JUMBO_MTU - 216;
    equal_up_to(mtu, "resize", 5, nothing, some_pass_some_bounce)
}

#[test]
fn protocol_counter() -> Result<()> {
    equal("protocols", 6, nothing, some_pass)
}

#[test]
fn flow_table() -> Result<()> {
    equal("flows", 7, nothing, |outcome| {
        let every_answer = outcome.maps["answers"]
            .values()
            .all(|count| count != &[0; 8]);
        // The rarest answers need more frames than a slow kernel gets, which fill the table.
        let full = outcome.maps["flows"].len() == 256;
        every_answer || env::is_slow() && full
    })
}

#[test]
fn calls_and_atomics() -> Result<()> {
    equal("calls", 8, nothing, some_pass_some_bounce)
}

#[test]
fn checksum_of_the_whole_frame() -> Result<()> {
    equal("checksum", 9, nothing, some_pass_some_bounce)
}

#[test]
fn arithmetic_corners() -> Result<()> {
    equal("arithmetic", 10, nothing, some_pass_some_bounce)
}

#[test]
fn every_verdict_and_none() -> Result<()> {
    equal("actions", 11, nothing, some_pass_some_bounce)
}

#[test]
fn checksum_differences() -> Result<()> {
    equal("csum_diff", 12, nothing, |outcome| {
        // A sum over bytes is 0 or all ones now and then; a seed alone often is.
        let counts = &outcome.maps["results"];
        let all = counts.values().filter(|count| **count != [0; 8]).count();
        some_pass_some_bounce(outcome) && all >= 12
    })
}
