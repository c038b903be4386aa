// SPDX-License-Identifier: GPL-2.0

//! What MACs count of the frames on the wire: `ethtool -S X --groups eth-mac eth-ctrl rmon`.

use std::net::UdpSocket;

use anyhow::{ensure, Context, Result};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::frames::mark;
use offload_tests::link::Link;
use offload_tests::netns;
use offload_tests::nic::{plug, unplug};
use offload_tests::wire::Sender;
use offload_uapi::stats;
use serde_json::Value;

/// The ranges of lengths, with the frame check sequence.
const RANGES: [(usize, usize); 10] = [
    (0, 64),
    (65, 127),
    (128, 255),
    (256, 511),
    (512, 1023),
    (1024, 1518),
    (1519, 2047),
    (2048, 4095),
    (4096, 8191),
    (8192, 9242),
];

/// All that the MAC of a port counts.
#[derive(Clone)]
struct Counts(Value);

impl Counts {
    fn of(link: &Link) -> Result<Self> {
        let cmd = format!(
            "ethtool --json -S {} --groups eth-mac eth-ctrl rmon",
            link.name
        );
        Ok(Self(link.cmd(cmd).json()?[0].take()))
    }

    fn get(&self, group: &str, name: &str) -> Result<u64> {
        self.0[group][name]
            .as_u64()
            .with_context(|| format!("no {name} in {group}: {}", self.0))
    }

    fn since(&self, before: &Self, group: &str, name: &str) -> Result<u64> {
        Ok(self.get(group, name)? - before.get(group, name)?)
    }

    /// Frames in each range, sent or received.
    fn lengths(&self, direction: &str) -> Result<Vec<u64>> {
        let ranges = self.0["rmon"][format!("{direction}-pktsNtoM")].as_array();
        let ranges = ranges.with_context(|| format!("no ranges: {}", self.0))?;
        let found: Vec<_> = ranges.iter().map(|it| (&it["low"], &it["high"])).collect();
        let same = found.len() == RANGES.len()
            && found
                .iter()
                .zip(RANGES)
                .all(|((low, high), range)| **low == range.0 && **high == range.1);
        ensure!(same, "other ranges: {found:?}");
        let counts = ranges.iter().map(|it| it["val"].as_u64());
        counts.collect::<Option<_>>().context("no count")
    }
}

/// What both ends have counted since the beginning: the near one sent, the far one received.
struct Wire<'a> {
    cable: &'a Cable,
    before: (Counts, Counts),
}

/// What is on a wire.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    frames: u64,
    octets: u64,
    multicast: u64,
    broadcast: u64,
    lengths: [u64; RANGES.len()],
}

impl Expected {
    /// `frames` frames of `len` bytes without a frame check sequence.
    fn add(&mut self, len: usize, frames: u64) {
        self.frames += frames;
        self.octets += (len as u64 + 4) * frames;
        let range = RANGES
            .iter()
            .position(|(low, high)| (*low..=*high).contains(&(len + 4)));
        if let Some(range) = range {
            self.lengths[range] += frames;
        }
    }
}

impl<'a> Wire<'a> {
    fn new(cable: &'a Cable) -> Result<Self> {
        let before = (Counts::of(&cable.near)?, Counts::of(&cable.far)?);
        Ok(Self { cable, before })
    }

    /// Only `expected` was on the wire.
    fn check(&self, expected: &Expected) -> Result<()> {
        self.check_sent(expected)?;
        let back = Counts::of(&self.cable.far)?;
        let back = back.since(&self.before.1, "eth-mac", "FramesTransmittedOK")?;
        ensure!(back == 0, "the far end has sent {back}");
        Ok(())
    }

    /// Only `expected` was on the wire from the near end to the far one.
    fn check_sent(&self, expected: &Expected) -> Result<()> {
        let (sent, received) = (Counts::of(&self.cable.near)?, Counts::of(&self.cable.far)?);
        let count = |now: &Counts, before: &Counts, how: &str, direction: &str| -> Result<_> {
            let mac = |name: &str| now.since(before, "eth-mac", name);
            let lengths = now.lengths(direction)?;
            let mut found = Expected {
                frames: mac(&format!("Frames{}", how.replace("Xmitted", "Transmitted")))?,
                octets: mac(&format!("Octets{}", how.replace("Xmitted", "Transmitted")))?,
                multicast: mac(&format!("MulticastFrames{how}"))?,
                broadcast: mac(&format!("BroadcastFrames{how}"))?,
                ..Expected::default()
            };
            let grown = lengths.iter().zip(before.lengths(direction)?);
            for (place, (now, before)) in found.lengths.iter_mut().zip(grown) {
                *place = now - before;
            }
            Ok(found)
        };
        let found = count(&sent, &self.before.0, "XmittedOK", "tx")?;
        ensure!(found == *expected, "sent {found:?}, not {expected:?}");
        let found = count(&received, &self.before.1, "ReceivedOK", "rx")?;
        ensure!(found == *expected, "received {found:?}, not {expected:?}");
        Ok(())
    }
}

#[test]
fn each_length_is_counted_in_its_range() -> Result<()> {
    let cable = Cable::onic_with_queues(2, 9216)?;
    let wire = Wire::new(&cable)?;
    let sender = Sender::new(&cable.near)?;
    let mut expected = Expected::default();
    let edges = RANGES.iter().flat_map(|(low, high)| [*low, *high]);
    // 9,216 bytes are the most of a packet.
    let lengths = edges.map(|len| len.saturating_sub(4).clamp(14, 9_230));
    for (len, times) in lengths.zip(1..) {
        let mut frame = mark(0x88b7, 0);
        frame.resize(len, 0x5a);
        for _ in 0..times {
            sender.send(&frame)?;
        }
        expected.add(len, times);
        wire.check(&expected).with_context(|| format!("{len}"))?;
    }
    let short = Counts::of(&cable.far)?.since(&wire.before.1, "rmon", "etherStatsUndersizePkts")?;
    // Of 18 bytes and of 64.
    ensure!(short == 1, "{short} are too short, not 1");
    Ok(())
}

#[test]
fn groups_and_control_are_counted() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let wire = Wire::new(&cable)?;
    let sender = Sender::new(&cable.near)?;
    let mut expected = Expected::default();
    let pauses = |link: &Link| -> Result<Value> {
        let cmd = format!("ethtool --json -I -a {}", link.name);
        Ok(link.cmd(cmd).json()?[0]["statistics"].take())
    };
    let before = (pauses(&cable.near)?, pauses(&cable.far)?);
    let kinds = [
        ([0xff; 6], [0x88, 0xb7, 0, 0], 3),
        ([0x01, 0x00, 0x5e, 0, 0, 1], [0x88, 0xb7, 0, 0], 5),
        // PAUSE, and some other opcode of MAC control.
        ([0x01, 0x80, 0xc2, 0, 0, 1], [0x88, 0x08, 0, 1], 7),
        ([0x01, 0x80, 0xc2, 0, 0, 1], [0x88, 0x08, 0x01, 0x01], 11),
    ];
    for (to, kind, times) in kinds {
        let mut frame = mark(0x88b7, 0);
        frame[..6].copy_from_slice(&to);
        frame[12..16].copy_from_slice(&kind);
        for _ in 0..times {
            sender.send(&frame)?;
        }
        expected.add(frame.len(), times);
        if to == [0xff; 6] {
            expected.broadcast += times;
        } else {
            expected.multicast += times;
        }
    }
    wire.check(&expected)?;
    let (near, far) = (Counts::of(&cable.near)?, Counts::of(&cable.far)?);
    let control = [
        near.since(&wire.before.0, "eth-ctrl", "MACControlFramesTransmitted")?,
        far.since(&wire.before.1, "eth-ctrl", "MACControlFramesReceived")?,
        near.since(&wire.before.0, "eth-ctrl", "MACControlFramesReceived")?,
    ];
    ensure!(control == [18, 18, 0], "{control:?}");
    let grown = |now: Value, before: &Value, name: &str| -> Result<u64> {
        let count = |it: &Value| it[name].as_u64().with_context(|| format!("{it}"));
        Ok(count(&now)? - count(before)?)
    };
    let sent = grown(pauses(&cable.near)?, &before.0, "tx_pause_frames")?;
    let received = grown(pauses(&cable.far)?, &before.1, "rx_pause_frames")?;
    ensure!((sent, received) == (7, 7), "{sent} and {received} of 7");
    // What no such link has.
    for name in [
        "SingleCollisionFrames",
        "FrameCheckSequenceErrors",
        "AlignmentErrors",
        "FrameTooLongErrors",
    ] {
        ensure!(far.get("eth-mac", name)? == 0, "{name}");
    }
    Ok(())
}

#[test]
fn what_programs_send_is_counted_where_it_leaves() -> Result<()> {
    let cable = Cable::onic(1500)?;
    for mode in [Mode::Offload, Mode::Native] {
        // What comes back ends there.
        Attached::new(&cable.near, Mode::Native, "drop")?;
        Attached::new(&cable.far, mode, "bounce")?;
        let before = (Counts::of(&cable.near)?, Counts::of(&cable.far)?);
        let sender = Sender::new(&cable.near)?;
        for _ in 0..50 {
            sender.send(&mark(0x88b7, 0))?;
        }
        cable.near.await_that("all are back", |near| {
            let now = Counts::of(near)?;
            Ok(now.since(&before.0, "eth-mac", "FramesReceivedOK")? == 50)
        })?;
        let far = Counts::of(&cable.far)?;
        for name in ["FramesReceivedOK", "FramesTransmittedOK"] {
            let frames = far.since(&before.1, "eth-mac", name)?;
            ensure!(frames == 50, "{mode:?}: {name} is {frames}");
        }
        detach(&cable.far, mode)?;
        detach(&cable.near, Mode::Native)?;
    }
    Ok(())
}

#[test]
fn counts_outlast_cables() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let send = |count: u64| -> Result<()> {
        let sender = Sender::new(&cable.near)?;
        (0..count).try_for_each(|_| sender.send(&mark(0x88b7, 0)))
    };
    let wire = Wire::new(&cable)?;
    let mut expected = Expected::default();
    for round in 1..4 {
        send(round)?;
        expected.add(60, round);
        wire.check(&expected)?;
        unplug(&cable.near)?;
        wire.check(&expected)?;
        plug(&cable.far, &cable.near)?;
        for end in [&cable.near, &cable.far] {
            end.await_carrier()?;
        }
        wire.check(&expected)?;
    }
    // In a loop a port receives what it sends.
    let before = Counts::of(&cable.near)?;
    let loopback = |value: &str| {
        let cmd = format!("ethtool -K {} loopback {value}", cable.near.name);
        cable.near.cmd(cmd).run()
    };
    loopback("on")?;
    cable.near.await_carrier()?;
    send(9)?;
    loopback("off")?;
    let now = Counts::of(&cable.near)?;
    for name in ["FramesTransmittedOK", "FramesReceivedOK"] {
        let frames = now.since(&before, "eth-mac", name)?;
        ensure!(frames == 9, "{name} is {frames}");
    }
    let far = Counts::of(&cable.far)?.since(&wire.before.1, "eth-mac", "FramesReceivedOK")?;
    ensure!(far == expected.frames, "the far end received {far}");
    Ok(())
}

#[test]
fn a_super_frame_counts_as_its_segments() -> Result<()> {
    let cable = Cable::onic(1500)?;
    for (link, host) in [(&cable.near, 1), (&cable.far, 2)] {
        let name = &link.name;
        link.cmd(format!(
            "ethtool -K {name} tx on sg on tso on gso on tx-udp-segmentation on"
        ))
        .run()?;
        link.set("arp on").run()?;
        link.cmd(format!("ip address add 10.7.0.{host}/24 dev {name}"))
            .run()?;
    }
    // Who is where is known before anything is counted.
    cable.near.cmd("ping -n -c 1 -w 60 10.7.0.2").run()?;
    for software in [false, true] {
        if software {
            // The stack cuts by itself.
            let name = &cable.near.name;
            let off = format!("ethtool -K {name} tx-udp-segmentation off");
            cable.near.cmd(off).run()?;
        }
        let wire = Wire::new(&cable)?;
        let offloads = cable.near.statistics()?;
        // Four datagrams of 1,000 bytes and one of 500, in one write.
        netns::enter(cable.near.ns.as_deref(), || {
            let socket = UdpSocket::bind("10.7.0.1:0")?;
            setsockopt(&socket, UdpGsoSegment, &1000)?;
            ensure!(socket.send_to(&[7; 4_500], "10.7.0.2:9")? == 4_500);
            Ok(())
        })?;
        let mut expected = Expected::default();
        expected.add(14 + 20 + 8 + 1000, 4);
        expected.add(14 + 20 + 8 + 500, 1);
        wire.check_sent(&expected)
            .with_context(|| format!("software: {software}"))?;
        let cut = cable
            .near
            .statistics()?
            .since(&offloads, stats::TX_HW_GSO_PACKETS)?;
        ensure!(cut == u64::from(!software), "{cut} cut by the device");
    }
    Ok(())
}
