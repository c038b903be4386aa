// SPDX-License-Identifier: GPL-2.0

//! Frames of VLAN interfaces, whose tags the device puts in.

use anyhow::{ensure, Context, Result};
use offload_tests::nic::set_profile;
use offload_tests::streams;
use offload_tests::wire::twins::{Outcome, Twins};
use offload_uapi::stats;

use super::{profiles, stream, DATAGRAMS, DATAGRAM_FRAMES, PROFILES};

/// VLANs between the two ends.
struct Way {
    name: &'static str,
    setup: &'static [&'static str],
    end: &'static str,
    target: &'static str,
    /// The tags that each frame has behind its addresses.
    tags: &'static [u8],
}

const WAYS: &[Way] = &[
    Way {
        name: "802.1Q",
        setup: &[
            "ip link add link PORT name over type vlan id 7 egress-qos-map 0:5",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        end: "ip link del over",
        target: "10.8.1.2",
        tags: &[0x81, 0x00, 0xa0, 0x07],
    },
    Way {
        name: "802.1ad, IPv6",
        setup: &[
            "ip link add link PORT name over type vlan proto 802.1ad id 4094",
            "sysctl -q net.ipv6.conf.over.disable_ipv6=0",
            "ip address add fd18::@/64 nodad dev over",
            "ip link set dev over up",
        ],
        end: "ip link del over",
        target: "fd18::2",
        tags: &[0x88, 0xa8, 0x0f, 0xfe],
    },
    Way {
        name: "802.1Q in 802.1ad",
        setup: &[
            "ip link add link PORT name outer type vlan proto 802.1ad id 9",
            "ip link set dev outer up",
            "ip link add link outer name over type vlan id 7",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        end: "ip link del outer",
        target: "10.8.1.2",
        tags: &[0x88, 0xa8, 0x00, 0x09, 0x81, 0x00, 0x00, 0x07],
    },
    Way {
        name: "VXLAN in 802.1Q",
        setup: &[
            "ip link add link PORT name outer type vlan id 3",
            "ip address add 10.8.2.@/24 dev outer",
            "ip link set dev outer up",
            "ip link add over type vxlan id 8 dstport 4789 local 10.8.2.@ remote 10.8.2.% udpcsum",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        end: "ip link del over && ip link del outer",
        target: "10.8.1.2",
        tags: &[0x81, 0x00, 0x00, 0x03],
    },
];

/// Whether tags are put in by the device.
fn insert(twins: &Twins, on: bool) -> Result<()> {
    let word = if on { "on" } else { "off" };
    twins
        .near
        .cmd(format!(
            "ethtool -K {} tx-vlan-hw-insert {word} tx-vlan-stag-hw-insert {word}",
            twins.near.name
        ))
        .run()
        .map(drop)
}

/// Whether `outcome` is as it should be where the device puts the tags in, or the stack does.
fn judge(way: &Way, outcome: &Outcome, by_device: bool) -> Result<()> {
    let tags = outcome.count(stats::TX_HW_VLAN_TAGS)?;
    println!(
        "{}: {} frames, {tags} tags by the device, {} super-frames cut by it",
        way.name,
        outcome.frames.len(),
        outcome.count(stats::TX_HW_GSO_PACKETS)?
    );
    outcome.ensure_same()?;
    ensure!((tags > 0) == by_device, "{tags} tags by the device");
    let is_tagged = |frame: &&Vec<u8>| frame.get(12..).is_some_and(|it| it.starts_with(way.tags));
    let tagged = outcome.frames.iter().filter(is_tagged).count();
    ensure!(tagged == outcome.frames.len(), "{tagged} frames are tagged");
    ensure!(outcome.count(stats::TX_VLAN_DROPS)? == 0, "tags are lost");
    Ok(())
}

fn check(twins: &Twins, way: &Way, profile: &str, by_device: bool) -> Result<()> {
    let target = way.target.parse()?;
    set_profile(0, profile)?;
    insert(twins, by_device)?;
    let datagrams = || streams::datagrams(&twins.near, &twins.far, target, &DATAGRAMS);
    let outcome = twins.compare(datagrams)?;
    let frames = outcome.frames.len();
    ensure!(frames >= DATAGRAM_FRAMES, "only {frames} frames");
    judge(way, &outcome, by_device).context("datagrams")?;
    if by_device {
        let bytes: usize = outcome.frames.iter().map(Vec::len).sum();
        let counted = outcome.count("tx0_bytes")?;
        // The two marks and their fillers are counted, too.
        ensure!(
            counted >= bytes as u64,
            "{counted} bytes counted, {bytes} on the wire"
        );
    }
    let stream = || streams::tcp(&twins.near, &twins.far, target, stream());
    let outcome = twins.compare(stream)?;
    judge(way, &outcome, by_device).context("TCP")?;
    let cut = outcome.count(stats::TX_HW_GSO_PACKETS)?;
    ensure!(
        profile != "programmable" || cut > 0,
        "no super-frame was left to the device"
    );
    Ok(())
}

#[test]
fn tagged_frames_are_the_same() -> Result<()> {
    let twins = Twins::new(1500)?;
    let mirror = &twins.mirror;
    mirror
        .cmd(format!(
            "ethtool -K {} tx-vlan-hw-insert off tx-vlan-stag-hw-insert off",
            mirror.name
        ))
        .run()?;
    for way in WAYS {
        set_profile(0, PROFILES[0])?;
        twins.at_both_ends(way.setup).context(way.name)?;
        // What waits until a neighbour has answered would be sent behind all others.
        twins
            .near
            .cmd(format!("ping -c 1 {}", way.target))
            .run()
            .context(way.name)?;
        // A device that gets tunnels wrong is another test's.
        let profiles = profiles().iter().filter(|it| **it != "legacy-unchecked");
        for profile in profiles {
            for by_device in [true, false] {
                check(&twins, way, profile, by_device)
                    .with_context(|| format!("{}, {profile}, {by_device}", way.name))?;
            }
        }
        let end: Vec<_> = way.end.split(" && ").collect();
        twins.at_both_ends(&end).context(way.name)?;
    }
    Ok(())
}
