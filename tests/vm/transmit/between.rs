// SPDX-License-Identifier: GPL-2.0

//! What a machine between two NICs sends on of frames that its NIC has put together (`rx-gro-hw`): on the
//! second wire is what was on the first, whoever cuts it again.

use anyhow::{ensure, Context, Result};
use offload_tests::env;
use offload_tests::gro::{await_batches, batch, ethtool, random_batch, BATCH, MTU};
use offload_tests::link::Link;
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::wire::vnet::VnetTap;
use offload_tests::wire::Sender;
use offload_uapi::stats;

use crate::gro::frames::{Frame, Gre, Ip, DO_NOT_FRAGMENT};
use crate::gro::sequences;

/// Who puts together at the near side, who cuts again at the far one, and whether tags go beside frames.
const WAYS: [(&str, &str, &str); 2] = [
    (
        "rx-gro-hw on gro off rx-udp-gro-forwarding on",
        "gso on tso on tx on",
        "off",
    ),
    (
        "rx-gro-hw on gro off rx-udp-gro-forwarding on",
        "gso on tso off tx off",
        "on",
    ),
];
/// Segments of a flow, and flows of a batch.
const SEGMENTS: usize = 3;
const FLOWS: usize = 9;
/// Bytes that a segment carries.
const PAYLOAD: usize = 100;
/// What is behind the router.
const TARGET: [u8; 4] = [10, 13, 0, 2];

fn flows() -> usize {
    if env::is_slow() {
        1_000
    } else {
        10_000
    }
}

/// Who sends, a machine with two NICs, and who gets what that sends on.
struct Between {
    inward: Link,
    outward: Link,
    far: Link,
    sender: Sender,
    // Dropped in this order: a namespace gives a port back before the module goes.
    router: NetNs,
    _ends: [NetNs; 2],
    _module: Module,
}

impl Between {
    /// Where frames wait for as many as a batch has. The machine sends nothing on yet.
    fn new() -> Result<Self> {
        let module = Module::insert("nics=2 ports=2 queues=1")?;
        let (ends, router) = ([NetNs::new("ga")?, NetNs::new("gb")?], NetNs::new("gr")?);
        let link = |port: usize, ns: &NetNs| -> Result<Link> {
            let mut link = Link::new(&format!("onic{port}"));
            link.move_to(ns)?;
            ns.silence()?;
            link.set(format!("arp off promisc on mtu {MTU} up")).run()?;
            Ok(link)
        };
        let (near, inward) = (link(0, &ends[0])?, link(1, &router)?);
        let (outward, far) = (link(2, &router)?, link(3, &ends[1])?);
        ethtool(&near, "rx off tx off gso off tso off")?;
        ethtool(&far, "rx on gro off rx-gro-hw off")?;
        for link in [&near, &inward, &outward, &far] {
            link.await_carrier()?;
        }
        await_batches(&inward, BATCH)?;
        Ok(Self {
            sender: Sender::new(&near)?,
            inward,
            outward,
            far,
            router,
            _ends: ends,
            _module: module,
        })
    }

    /// Has the machine be a bridge.
    fn bridge(&self) -> Result<()> {
        let bridge = "ip link add bridge mtu 2000 type bridge mcast_snooping 0";
        self.router.cmd(bridge).run()?;
        for link in [&self.inward, &self.outward] {
            link.set("master bridge").run()?;
        }
        self.router.cmd("ip link set bridge up").run()?;
        for link in [&self.inward, &self.outward] {
            link.await_forwarding()?;
        }
        Ok(())
    }

    /// Has the machine be a router, to [`TARGET`].
    fn route(&self) -> Result<()> {
        let (inward, outward) = (&self.inward.name, &self.outward.name);
        for line in [
            "sysctl -q net.ipv4.ip_forward=1",
            &format!("ip address add 10.12.255.254/16 dev {inward}"),
            &format!("ip address add 10.13.0.1/24 dev {outward}"),
            &format!(
                "ip neighbour add 10.13.0.2 lladdr {} dev {outward}",
                self.far.address_text()?
            ),
        ] {
            self.router.cmd(line).run()?;
        }
        Ok(())
    }

    /// Has `exchange` send what it likes by this way, which is to have more than `least` super-frames.
    fn by(
        &self,
        (gro, cut, tags): (&str, &str, &str),
        least: usize,
        exchange: impl FnOnce(&VnetTap) -> Result<()>,
    ) -> Result<()> {
        ethtool(
            &self.inward,
            &format!("{gro} rx-vlan-hw-parse {tags} rx-vlan-stag-hw-parse {tags}"),
        )?;
        ethtool(&self.outward, cut)?;
        let before = self.inward.statistics()?;
        exchange(&VnetTap::new(&self.far)?).with_context(|| format!("{gro}, {cut}"))?;
        let now = self.inward.statistics()?;
        let together = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
        println!("{gro}, {cut}: {together} super-frames");
        ensure!(together > least as u64, "{cut}: {together} super-frames");
        Ok(())
    }

    /// Sends `frames`, and sees that `expected` come out, in whatever order those of different flows are.
    fn exchange(&self, tap: &VnetTap, frames: &[Vec<u8>], expected: Vec<Vec<u8>>) -> Result<()> {
        for frame in frames {
            self.sender.send(frame)?;
        }
        let received = tap.next(expected.len())?.into_iter();
        let mut received: Vec<_> = received.map(|packet| kept(packet.frame)).collect();
        let mut expected: Vec<_> = expected.into_iter().map(kept).collect();
        received.sort();
        expected.sort();
        ensure!(received == expected, "other frames");
        Ok(())
    }
}

#[test]
fn on_the_second_wire_as_on_the_first() -> Result<()> {
    let between = Between::new()?;
    between.bridge()?;
    let target = between.far.address()?;
    let count = sequences() / 4;
    for way in WAYS {
        between.by(way, usize::try_from(count / 2)?, |tap| {
            for seed in 0..count {
                let frames = random_batch(seed, target);
                let sent = frames.clone();
                between
                    .exchange(tap, &frames, sent)
                    .with_context(|| format!("seed {seed}"))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Segment number `index` of flow number `flow`, on its way from `source` to `target`, with as many hops to go.
fn segment(
    (source, target): ([u8; 6], [u8; 6]),
    flow: usize,
    index: usize,
    ttl: u8,
) -> Result<Vec<u8>> {
    let [high, low] = u16::try_from(flow)?.to_be_bytes();
    let ip = Ip::V4 {
        tos: 0,
        id: u16::try_from(index)?,
        fragment: DO_NOT_FRAGMENT,
        ttl,
        source: [10, 12, high, low],
        target: TARGET,
        options: 0,
    };
    let payload = (0..PAYLOAD).map(|at| (flow + index + at) as u8).collect();
    let mut frame = Frame::segment_at(&[ip], index * PAYLOAD, payload);
    (frame.source, frame.target) = (source, target);
    Ok(frame.bytes())
}

/// The host's own GRO, if it is on behind the device's, does not forget how a super-frame in GRE is to be cut.
#[test]
fn with_another_gro_behind_it() -> Result<()> {
    let between = Between::new()?;
    between.bridge()?;
    let target = between.far.address()?;
    let way = ("rx-gro-hw on gro on", "gso on tso on tx on", "off");
    between.by(way, 3, |tap| {
        for (checksum, step) in [(None, 0), (None, 1), (Some(0), 0), (Some(0), 1)] {
            let frames: Vec<_> = (0..SEGMENTS)
                .map(|index| tunnelled(target, checksum, index, step))
                .collect();
            let sent = batch(target, &frames);
            between
                .exchange(tap, &sent, sent.clone())
                .with_context(|| format!("checksum {checksum:?}, step {step}"))?;
        }
        Ok(())
    })
}

/// Segment number `index` of a flow in GRE, all of one length. The identifications count up by `step`.
fn tunnelled(target: [u8; 6], checksum: Option<u16>, index: usize, step: usize) -> Vec<u8> {
    let ip = Ip::V4 {
        tos: 0,
        id: (7 + index * step) as u16,
        fragment: DO_NOT_FRAGMENT,
        ttl: 64,
        source: [10, 12, 0, 1],
        target: TARGET,
        options: 0,
    };
    let payload = (0..PAYLOAD).map(|at| (index + at) as u8).collect();
    let mut frame = Frame::segment_at(&[ip.clone(), ip], index * PAYLOAD, payload);
    frame.target = target;
    frame.gre = Some(Gre {
        checksum,
        ..Gre::default()
    });
    frame.bytes()
}

/// A router changes the addresses of the link and the hops to go, and nothing else, in thousands of flows.
#[test]
fn routed_is_what_was_on_the_wire_but_for_a_hop() -> Result<()> {
    let between = Between::new()?;
    between.route()?;
    let first = ([2, 0, 0, 0, 0, 9], between.inward.address()?);
    let second = (between.outward.address()?, between.far.address()?);
    for (way, count) in WAYS.into_iter().zip([flows(), flows() / 10]) {
        let all: Vec<usize> = (1..=count).collect();
        between.by(way, count * 9 / 10, |tap| {
            for flows in all.chunks(FLOWS) {
                let frames = |way, ttl| -> Result<Vec<_>> {
                    let segments = (0..SEGMENTS).flat_map(|index| {
                        let segments = flows.iter().map(move |flow| (*flow, index));
                        segments.map(|(flow, index)| segment(way, flow, index, ttl))
                    });
                    segments.collect()
                };
                let (sent, expected) = (frames(first, 64)?, frames(second, 63)?);
                // What fills the batch up is routed nowhere.
                between
                    .exchange(tap, &batch(first.1, &sent), expected)
                    .with_context(|| format!("flows {flows:?}"))?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// A frame without its VLAN tags, which a packet socket shows beside it, and without what GRO loses by its own
/// rules: the identification of an IPv4 header with IPv6 inside, and so its checksum.
fn kept(mut frame: Vec<u8>) -> Vec<u8> {
    while matches!(frame.get(12..14), Some([0x81, 0] | [0x88, 0xa8])) && frame.len() >= 20 {
        frame.drain(12..16);
    }
    if frame.get(12..14) == Some(&[8, 0]) && frame.get(23) == Some(&41) {
        frame[18..20].fill(0);
        if let Some(check) = frame.get_mut(24..26) {
            check.fill(0);
        }
    }
    frame
}
