// SPDX-License-Identifier: GPL-2.0

//! Wire equality: whatever the device, the driver's helpers or the stack finish, the bytes on the
//! wire are those that the kernel's software makes of the same packet.

use anyhow::{ensure, Result};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::nic::set_profile;
use offload_tests::wire::run::{difference, replay, run, transmit_offloads, Wires};
use offload_tests::wire::{matrix, predict, tunnels};
use offload_uapi::stats;

/// The MTU of the wire, which leaves room for a single frame of more than a page.
const MTU: usize = 9000;
/// Combinations that at least one frame came out of.
const ENOUGH: usize = 2000;
/// How many differences are told of.
const TOLD: usize = 12;

/// Does `f`, and a second time if it fails: once in a while a frame that the stack sends by itself
/// comes between. What is wrong with the bytes is wrong each time.
fn twice<T>(what: &str, f: impl Fn() -> Result<T>) -> Result<T> {
    f().or_else(|error| {
        println!("{what}: again, as {error}");
        f()
    })
}

/// Whether each combination made the frames that it should.
fn as_many_as_expected(combinations: &[matrix::Combination], wires: &Wires) -> Result<()> {
    for (number, (c, frames)) in combinations.iter().zip(wires).enumerate() {
        ensure!(
            frames.len() == c.frames(),
            "software made {} frames, not {}: {}\n{:02x?}",
            frames.len(),
            c.frames(),
            replay(number, c),
            frames
                .iter()
                .map(|frame| &frame[..frame.len().min(64)])
                .collect::<Vec<_>>()
        );
    }
    Ok(())
}

/// What `link` says that it has lost.
fn drops(link: &Link) -> Result<String> {
    let statistics = link.statistics()?;
    let lost = statistics
        .iter()
        .filter(|(name, count)| name.ends_with("_drops") && *count > 0);
    let lost: Vec<_> = lost
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    Ok(format!("{link} has lost: {}", lost.join(", ")))
}

/// Tells of the combinations in which `wires` are not as `is_wrong` says of each.
fn judge(
    profile: &str,
    combinations: &[matrix::Combination],
    software: &Wires,
    wires: &Wires,
    is_wrong: impl Fn(&matrix::Combination) -> bool,
) -> Result<()> {
    let (mut bad, mut wrong) = (0, 0);
    for (number, c) in combinations.iter().enumerate() {
        let found = difference(&software[number], &wires[number]);
        wrong += usize::from(found.is_some());
        let told = match (found, is_wrong(c)) {
            (Some(_), true) | (None, false) => continue,
            (Some(difference), false) => difference,
            (None, true) => "is right, and should be wrong".to_owned(),
        };
        bad += 1;
        if bad <= TOLD {
            println!("{profile}: {told}\n    {}", replay(number, c));
        }
    }
    println!(
        "{profile}: {wrong} of {} differ from software",
        combinations.len()
    );
    ensure!(
        bad == 0,
        "{profile}: {bad} combinations are not as they should be"
    );
    Ok(())
}

#[test]
fn every_profile_sends_what_software_sends() -> Result<()> {
    if env::is_checked() {
        println!(
            "skipped: every_profile_sends_what_software_sends: bytes are compared on the kernels that \
             do not check themselves; transmit, transfer and faults take the same ways here"
        );
        return Ok(());
    }
    let cable = Cable::onic(MTU)?;
    let tunnels = tunnels::create(&cable.near)?;
    let combinations = matrix::all(&tunnels);
    transmit_offloads(&cable.near, false)?;
    let software = twice("software", || {
        let software = run(&cable.near, &cable.far, &combinations)?;
        as_many_as_expected(&combinations, &software)?;
        Ok(software)
    })?;
    let arrived = software.iter().filter(|frames| !frames.is_empty()).count();
    ensure!(arrived >= ENOUGH, "only {arrived} combinations");
    println!(
        "{arrived} combinations, {} lost by software",
        software.len() - arrived
    );

    transmit_offloads(&cable.near, true)?;
    let mut failed = Vec::new();
    for profile in ["programmable", "legacy", "none", "legacy-unchecked"] {
        set_profile(0, profile)?;
        let judged = twice(profile, || {
            let before = cable.near.statistics()?;
            let wires = run(&cable.near, &cable.far, &combinations)?;
            let now = cable.near.statistics()?;
            for counter in [stats::TX_HW_CHECKSUMS, stats::TX_HW_GSO_PACKETS] {
                let count = now.since(&before, counter)?;
                ensure!(
                    (count == 0) == (profile == "none"),
                    "{profile}: {counter} counts {count}"
                );
            }
            let is_wrong =
                |c: &matrix::Combination| profile == "legacy-unchecked" && predict::is_wrong(c);
            judge(profile, &combinations, &software, &wires, is_wrong)
        });
        if let Err(error) = judged {
            failed.push(format!("{error}; {}", drops(&cable.far)?));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("; "));
    Ok(())
}
