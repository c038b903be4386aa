// SPDX-License-Identifier: GPL-2.0

//! Lists of packets that GRO has made on receive (`rx-gro-list`), forwarded. Each packet has headers of
//! its own, beside the frame: software takes the list apart.

use anyhow::{ensure, Context, Result};
use offload_tests::link::Link;
use offload_tests::netns::NetNs;
use offload_tests::nic::set_profile;
use offload_tests::streams;
use offload_tests::wire::twins::Twins;
use offload_uapi::stats;

use super::{profiles, stream, DATAGRAMS, DATAGRAM_FRAMES};

/// Makes the near end of the cable a router for `source`, which it returns with the namespace.
fn routed(twins: &Twins) -> Result<(Link, NetNs)> {
    let ns = NetNs::new("tsource")?;
    let source = Link::within(&ns, "source");
    let entry = Link {
        name: "entry".to_owned(),
        ..twins.near.clone()
    };
    let router = twins.near.ns.as_deref().context("no namespace")?;
    let lines: [(&Link, &[&str]); 3] = [
        (
            &entry,
            &[
                "ip link set dev entry up",
                "ip address add 10.8.4.1/24 dev entry",
                "ip address add fd18::1/64 nodad dev entry",
                "sysctl -q net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
                "ethtool -K entry gro on rx-gro-list on",
            ],
        ),
        (
            &source,
            &[
                "ip link set dev source up",
                "ip address add 10.8.4.2/24 dev source",
                "ip address add fd18::2/64 nodad dev source",
                "ip route add default via 10.8.4.1",
                "ip -6 route add default via fd18::1",
                // What arrives at the router are single packets, with their checksums.
                "ethtool -K source tx off sg off tso off gso off tx-udp-segmentation off",
            ],
        ),
        (
            &twins.far,
            &[
                "ip route add 10.8.4.0/24 via 10.8.0.1",
                "ip -6 route add fd18::/64 via fd08::1",
            ],
        ),
    ];
    ns.cmd(format!(
        "ip link add source type veth peer name entry netns {router}"
    ))
    .run()?;
    for (link, lines) in lines {
        for line in lines {
            link.cmd(line).run()?;
        }
    }
    Ok((source, ns))
}

#[test]
fn forwarded_lists_are_the_same() -> Result<()> {
    let twins = Twins::new(1500)?;
    let (source, _ns) = routed(&twins)?;
    for target in ["10.8.0.2", "fd08::2"] {
        let address = target.parse()?;
        // What waits until a neighbour has answered would be sent behind all others.
        source.cmd(format!("ping -c 1 {target}")).run()?;
        for profile in profiles() {
            set_profile(0, profile)?;
            let what = || format!("{target}, {profile}");
            let datagrams = || streams::datagrams(&source, &twins.far, address, &DATAGRAMS);
            let outcome = twins.compare(datagrams).with_context(what)?;
            outcome.ensure_same().with_context(what)?;
            ensure!(outcome.frames.len() >= DATAGRAM_FRAMES, "{}", what());
            let why = match *profile {
                "none" => "not_offered",
                _ => "fragment_list",
            };
            let lists = outcome.count(&format!("{}{why}", stats::TX_SW_GSO_PREFIX))?;
            println!("{}: {lists} lists of datagrams", what());
            ensure!(lists > 0, "{}: no list", what());
            let stream = || streams::tcp(&source, &twins.far, address, stream());
            let outcome = twins.compare(stream).with_context(what)?;
            outcome.ensure_same().context("TCP").with_context(what)?;
        }
    }
    Ok(())
}
