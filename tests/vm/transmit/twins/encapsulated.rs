// SPDX-License-Identifier: GPL-2.0

//! Frames through encapsulating routes, and through tunnels in tunnels.

use anyhow::{ensure, Context, Result};
use offload_tests::env;
use offload_tests::nic::set_profile;
use offload_tests::streams;
use offload_tests::wire::twins::{Outcome, Twins};
use offload_uapi::stats;

use super::{profiles, stream, DATAGRAMS, DATAGRAM_FRAMES, PROFILES};

/// A way between the two ends.
struct Way {
    name: &'static str,
    /// What is done at each end.
    setup: &'static [&'static str],
    /// What is undone.
    end: &'static [&'static str],
    target: &'static str,
    /// Whether TCP gets through.
    has_tcp: bool,
    /// Whether kernels that have few kinds of tunnels lack this one.
    is_rare: bool,
    /// Under the profile `programmable`.
    cut_by: CutBy,
    /// Under the profile `legacy-unchecked`.
    wrong: Wrong,
}

/// Who cuts super-frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CutBy {
    Device,
    /// The driver's helper, because of this.
    Software(&'static str),
    /// The stack, before the port gets them: a tunnel does not take what is in another one.
    Stack,
}

/// Which frames with an open checksum a protocol-specific device gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    None,
    /// All: it is not that of the header right behind the first IP header.
    All,
}

/// Routes to the other end through IPv6 with a segment routing header, and the end of that for IPv6.
/// The segment's address is none of the far end's own: what the stack takes out of such a packet would
/// arrive once more, and be captured twice.
const SRV6: &[&str] = &[
    "sysctl -q net.ipv6.conf.all.seg6_enabled=1",
    "sysctl -q net.ipv6.conf.PORT.seg6_enabled=1",
    "ip -6 route add fd0a::@/128 encap seg6local action End.DT6 table local dev PORT",
    "ip -6 route add fd0a::%/128 via fd08::%",
    "ip address add fd09::@/128 dev lo",
    "ip address add 10.9.0.@/32 dev lo",
    "ip -6 route add fd09::%/128 encap seg6 mode encap segs fd0a::% dev PORT src fd09::@",
    "ip route add 10.9.0.%/32 encap seg6 mode encap segs fd0a::%,fd0a::% dev PORT src 10.9.0.@",
];

const WAYS: &[Way] = &[
    Way {
        name: "IPv4",
        setup: &[],
        end: &[],
        target: "10.8.0.2",
        has_tcp: true,
        is_rare: false,
        cut_by: CutBy::Device,
        wrong: Wrong::None,
    },
    Way {
        name: "IPv6 in SRv6",
        setup: &[],
        end: &[],
        target: "fd09::2",
        has_tcp: true,
        is_rare: false,
        cut_by: CutBy::Device,
        wrong: Wrong::All,
    },
    Way {
        name: "IPv4 in SRv6",
        setup: &[],
        end: &[],
        target: "10.9.0.2",
        // Out of the header without a VRF takes the kernel IPv6 alone.
        has_tcp: false,
        is_rare: false,
        cut_by: CutBy::Device,
        wrong: Wrong::All,
    },
    Way {
        name: "MPLS",
        setup: &[
            "sysctl -q net.mpls.platform_labels=100",
            "sysctl -q net.mpls.conf.PORT.input=1",
            "ip -f mpls route add 4@ dev lo",
            "ip address add 10.9.1.@/32 dev lo",
            "ip route add 10.9.1.%/32 encap mpls 4% via inet 10.8.0.% dev PORT src 10.9.1.@",
        ],
        end: &[],
        target: "10.9.1.2",
        has_tcp: true,
        is_rare: true,
        cut_by: CutBy::Device,
        wrong: Wrong::All,
    },
    // Not VXLAN: what it puts into SRv6 loses what tells the kernel that there is Ethernet inside
    // (`inner_protocol`), so that software can't cut its super-frames, whatever the device.
    Way {
        name: "ip6tnl in SRv6",
        setup: &[
            "ip link add over type ip6tnl local fd09::@ remote fd09::% mode any encaplimit none",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        end: &["ip link del over"],
        target: "10.8.1.2",
        has_tcp: true,
        is_rare: true,
        cut_by: CutBy::Software("nested_tunnels"),
        wrong: Wrong::All,
    },
    Way {
        name: "GRE in FOU",
        setup: &[
            "ip fou add port 7778 ipproto 47",
            "ip link add over type gre local 10.8.0.@ remote 10.8.0.% ttl 64 \
             encap fou encap-sport 7777 encap-dport 7778 encap-csum",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        end: &["ip link del over", "ip fou del port 7778"],
        target: "10.8.1.2",
        has_tcp: true,
        is_rare: true,
        cut_by: CutBy::Software("nested_tunnels"),
        wrong: Wrong::All,
    },
    Way {
        name: "VXLAN with remote checksums",
        setup: &[
            "ip link add over type vxlan id 8 dstport 4789 local 10.8.0.@ remote 10.8.0.% \
             noudpcsum remcsumtx remcsumrx",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
        ],
        end: &["ip link del over"],
        target: "10.8.1.2",
        has_tcp: true,
        is_rare: false,
        cut_by: CutBy::Software("kind"),
        wrong: Wrong::None,
    },
    Way {
        name: "GRE in VXLAN",
        setup: &[
            "ip link add over type vxlan id 8 dstport 4789 local 10.8.0.@ remote 10.8.0.% udpcsum",
            "ip address add 10.8.1.@/24 dev over",
            "ip link set dev over up",
            "ip link add over2 type gre local 10.8.1.@ remote 10.8.1.% ttl 64",
            "ip address add 10.8.2.@/24 dev over2",
            "ip link set dev over2 up",
        ],
        end: &["ip link del over2", "ip link del over"],
        target: "10.8.2.2",
        has_tcp: true,
        is_rare: false,
        cut_by: CutBy::Stack,
        wrong: Wrong::All,
    },
];

/// Whether `outcome` of datagrams or of a stream is as it should be.
fn judge(way: &Way, profile: &str, outcome: &Outcome) -> Result<()> {
    let device = outcome.count(stats::TX_HW_GSO_PACKETS)?;
    let software = outcome.count_all(stats::TX_SW_GSO_PREFIX);
    println!(
        "{}, {profile}: {} frames, {device} super-frames cut by the device, {software} by software",
        way.name,
        outcome.frames.len(),
    );
    if profile == "legacy-unchecked" && way.wrong == Wrong::All {
        let differing = outcome.differing()?;
        ensure!(
            differing == DATAGRAM_FRAMES,
            "{differing} are wrong, not {DATAGRAM_FRAMES}"
        );
        return Ok(());
    }
    outcome.ensure_same()?;
    if profile == "programmable" {
        let (by_device, reason) = match way.cut_by {
            CutBy::Device => (true, None),
            CutBy::Software(reason) => (false, Some(reason)),
            CutBy::Stack => (false, None),
        };
        let named = match reason {
            Some(reason) => outcome.count(&format!("{}{reason}", stats::TX_SW_GSO_PREFIX))?,
            None => 0,
        };
        ensure!(
            (device > 0) == by_device && software == named && (named > 0) == reason.is_some(),
            "{device} super-frames cut by the device, {named} by software because of {reason:?}"
        );
    }
    Ok(())
}

fn check(twins: &Twins, way: &Way, profile: &str) -> Result<()> {
    let target = way.target.parse()?;
    set_profile(0, profile)?;
    let datagrams = || streams::datagrams(&twins.near, &twins.far, target, &DATAGRAMS);
    let outcome = twins.compare(datagrams)?;
    ensure!(
        outcome.frames.len() >= DATAGRAM_FRAMES,
        "only {} frames",
        outcome.frames.len()
    );
    judge(way, profile, &outcome).context("datagrams")?;
    // Nothing that is wrong would arrive, and software is the same on both sides.
    let arrives = way.has_tcp && (profile != "legacy-unchecked" || way.wrong == Wrong::None);
    if arrives && profile != "none" {
        let stream = || streams::tcp(&twins.near, &twins.far, target, stream());
        judge(way, profile, &twins.compare(stream)?).context("TCP")?;
    }
    Ok(())
}

#[test]
fn encapsulated_frames_are_the_same() -> Result<()> {
    let twins = Twins::new(1500)?;
    twins.at_both_ends(SRV6)?;
    // Nothing asks for these by itself. A kernel may have them built in.
    for module in ["fou", "mpls_iptunnel"] {
        twins.near.cmd(format!("modprobe -q {module}")).output()?;
    }
    for way in WAYS {
        set_profile(0, PROFILES[0])?;
        if let Err(error) = twins.at_both_ends(way.setup) {
            ensure!(way.is_rare && env::is_slow(), "{}: {error:#}", way.name);
            println!("skipped on this kernel: {}: {error:#}", way.name);
            continue;
        }
        if way.has_tcp {
            // What waits until a neighbour has answered would be sent behind all others.
            let ping = format!("ping -c 1 {}", way.target);
            twins.near.cmd(ping).run()?;
        }
        for profile in profiles() {
            check(&twins, way, profile).with_context(|| format!("{}, {profile}", way.name))?;
        }
        twins.at_both_ends(way.end).with_context(|| way.name)?;
    }
    Ok(())
}
