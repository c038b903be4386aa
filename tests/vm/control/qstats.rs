// SPDX-License-Identifier: GPL-2.0

//! The statistics of queues that the kernel has for all NICs, read as `ynl` does: true whatever the
//! device can do.

use anyhow::{ensure, Result};
use offload_tests::cable::Cable;
use offload_tests::link::Link;
use offload_tests::nic::set_profile;
use offload_tests::qstats::{of_device, of_queues, Counts};
use offload_tests::streams;
use offload_tests::wire::run::transmit_offloads;
use offload_uapi::stats;

const QUEUES: u64 = 2;
const FAR: [u8; 4] = [10, 8, 0, 2];
/// Bytes of the headers of a datagram.
const HEADERS: u64 = 14 + 20 + 8;
/// Datagrams that nobody cuts, and super-frames: their bytes, and those of the segments.
const SINGLES: [(usize, Option<u16>); 3] = [(1, None), (700, None), (1400, None)];
const SUPERS: [(usize, Option<u16>); 2] = [(10 * 1000, Some(1000)), (2 * 800 + 1, Some(800))];
/// Frames that these make.
const CUT: u64 = 10 + 3;

/// A cable whose ends send nothing by themselves, not even questions for an address.
fn cable() -> Result<Cable> {
    let cable = Cable::onic_with_queues(QUEUES as u32, 1500)?;
    for (link, address, other) in [
        (&cable.near, "10.8.0.1", "10.8.0.2"),
        (&cable.far, "10.8.0.2", "10.8.0.1"),
    ] {
        let name = &link.name;
        transmit_offloads(link, true)?;
        link.cmd(format!("ethtool -K {name} rx on")).run()?;
        link.cmd(format!("ip address add {address}/24 dev {name}"))
            .run()?;
        link.cmd(format!(
            "ip neigh replace {other} lladdr 02:00:00:00:00:77 dev {name} nud permanent"
        ))
        .run()?;
    }
    Ok(cable)
}

/// The counters of all queues of a kind together.
fn sum_of_queues(link: &Link) -> Result<Counts> {
    let queues = of_queues(link)?;
    let expected: Vec<_> = [false, true]
        .into_iter()
        .flat_map(|transmits| (0..QUEUES).map(move |id| (transmits, id)))
        .collect();
    let found: Vec<_> = queues.keys().copied().collect();
    ensure!(found == expected, "{link} has the queues {found:?}");
    let mut sum = Counts::default();
    queues.values().for_each(|counts| sum.add(counts));
    Ok(sum)
}

/// How many frames were steered to the queues of `link`.
fn steered(link: &Link) -> Result<u64> {
    let counts = link.statistics()?;
    Ok(counts.sum(|name| name.starts_with(stats::RX_STEERED_PREFIX)))
}

#[test]
fn queues_tell_who_did_what() -> Result<()> {
    let cable = cable()?;
    let (near, far) = (&cable.near, &cable.far);
    let all: Vec<_> = SINGLES.into_iter().chain(SUPERS).collect();
    let payload = |of: &[(usize, Option<u16>)]| of.iter().map(|(len, _)| *len as u64).sum::<u64>();
    let frames = SINGLES.len() as u64 + CUT;
    let bytes = payload(&all) + frames * HEADERS;
    for profile in [
        "programmable",
        "legacy",
        "none",
        "legacy-unchecked",
        "programmable",
    ] {
        set_profile(0, profile)?;
        let before = (of_device(near)?, of_device(far)?);
        let ethtool = near.statistics()?;
        let steered = steered(far)?;
        streams::datagrams(near, far, FAR.into(), &all)?;
        far.await_that("all frames", |far| {
            Ok(of_device(far)?.since(&before.1)?.get("rx-packets") >= frames)
        })?;
        let sent = of_device(near)?.since(&before.0)?;
        let received = of_device(far)?.since(&before.1)?;

        // A device of old cuts TCP alone.
        let cut = profile == "programmable";
        let when = |holds: bool, count: u64| if holds { count } else { 0 };
        let by_device = when(profile != "none", frames);
        let supers = SUPERS.len() as u64;
        for (counts, name, expected) in [
            (&sent, "tx-packets", frames),
            (&sent, "tx-bytes", bytes),
            (&sent, "tx-needs-csum", by_device),
            (&sent, "tx-csum-none", frames - by_device),
            (&sent, "tx-hw-gso-packets", when(cut, supers)),
            (
                &sent,
                "tx-hw-gso-bytes",
                when(cut, payload(&SUPERS) + supers * HEADERS),
            ),
            (&sent, "tx-hw-gso-wire-packets", when(cut, CUT)),
            (
                &sent,
                "tx-hw-gso-wire-bytes",
                when(cut, payload(&SUPERS) + CUT * HEADERS),
            ),
            (&received, "rx-packets", frames),
            (&received, "rx-bytes", bytes),
            (&received, "rx-csum-complete", by_device),
            (&received, "rx-csum-unnecessary", 0),
            (&received, "rx-csum-none", frames - by_device),
        ] {
            let found = counts.get(name);
            ensure!(
                found == expected,
                "{profile}: {name} counts {found}, should be {expected}"
            );
        }
        // What was one frame of the stack's is steered once.
        let steered = self::steered(far)? - steered;
        ensure!(
            steered == all.len() as u64,
            "{profile}: {} frames of the stack's were steered {steered} times",
            all.len()
        );
        // The driver's own names for the same.
        let now = near.statistics()?;
        for (name, counter) in [
            ("tx-hw-gso-packets", stats::TX_HW_GSO_PACKETS),
            ("tx-hw-gso-bytes", stats::TX_HW_GSO_BYTES),
            ("tx-hw-gso-wire-packets", stats::TX_HW_GSO_WIRE_PACKETS),
            ("tx-hw-gso-wire-bytes", stats::TX_HW_GSO_WIRE_BYTES),
        ] {
            let (found, other) = (sent.get(name), now.since(&ethtool, counter)?);
            ensure!(
                found == other,
                "{profile}: {name} {found}, {counter} {other}"
            );
        }
        for link in [near, far] {
            let (device, queues) = (of_device(link)?, sum_of_queues(link)?);
            ensure!(
                device == queues,
                "{link}: {device:?}, its queues {queues:?}"
            );
        }
    }
    Ok(())
}
