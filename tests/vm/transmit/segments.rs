// SPDX-License-Identifier: GPL-2.0

//! What the stack leaves to the NIC when it sends: checksums and super-frames. Who did it is
//! counted, and whoever did it, the same data arrives in frames that fit the wire.

use std::net::{IpAddr, UdpSocket};

use anyhow::{ensure, Context, Result};
use etherparse::PacketBuilder;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::bpf::{Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::link::{Link, Statistics, PATIENCE};
use offload_tests::netns;
use offload_tests::nic::set_profile;
use offload_tests::streams::{self, pattern};
use offload_tests::wire::{checked_payload, Capture, Sender};
use offload_uapi::stats;

const NEAR: &str = "10.7.0.1";
const FAR: &str = "10.7.0.2";
const MTU: usize = 1500;
const ETH_HLEN: usize = 14;

/// A cable whose ends have addresses, and whose stacks leave all they can to the NIC. What is
/// received is not put together again.
fn offloading() -> Result<Cable> {
    let cable = Cable::onic(MTU)?;
    for (link, address) in [(&cable.near, NEAR), (&cable.far, FAR)] {
        let name = &link.name;
        link.cmd(format!("ethtool -K {name} rx on tx on sg on tso on gso on"))
            .run()?;
        link.set("arp on").run()?;
        link.cmd(format!("ip address add {address}/24 dev {name}"))
            .run()?;
    }
    Ok(cable)
}

/// Sends `len` bytes from the near end to the far one by TCP in large writes, and wants them to
/// arrive as they are.
fn transfer(cable: &Cable, len: usize) -> Result<()> {
    let far: IpAddr = FAR.parse()?;
    streams::tcp(&cable.near, &cable.far, far, len)
}

/// How many bytes a transfer has: a debug kernel is slow.
fn volume() -> usize {
    if env::is_slow() {
        1 << 20
    } else {
        16 << 20
    }
}

/// The counters of both ends, before and after something.
struct Counted {
    near: [Statistics; 2],
    far: [Statistics; 2],
}

impl Counted {
    /// Counts while `work` is done, from when the far end has taken all that the near one has sent
    /// until it has again.
    fn during(cable: &Cable, work: impl FnOnce() -> Result<()>) -> Result<Self> {
        // From the beginning: what was sent last may come at any time.
        let all_taken = || {
            cable.far.await_that("all frames that were sent", |end| {
                let taken = end.statistics()?.get(stats::RX_DEVICE_FRAMES)?;
                Ok(taken == cable.near.stat("tx", "packets")?)
            })
        };
        all_taken()?;
        let (near, far) = (cable.near.statistics()?, cable.far.statistics()?);
        work()?;
        all_taken()?;
        Ok(Self {
            near: [near, cable.near.statistics()?],
            far: [far, cable.far.statistics()?],
        })
    }

    fn near(&self, name: &str) -> Result<u64> {
        self.near[1].since(&self.near[0], name)
    }

    fn far(&self, name: &str) -> Result<u64> {
        self.far[1].since(&self.far[0], name)
    }

    /// The near end's counters whose names begin with `prefix`, together.
    fn all(&self, prefix: &str) -> u64 {
        let sum = |counted: &Statistics| counted.sum(|name| name.starts_with(prefix));
        sum(&self.near[1]) - sum(&self.near[0])
    }

    fn ensure_no_drops(&self) -> Result<()> {
        for [before, after] in [&self.near, &self.far] {
            for (name, count) in after.iter().filter(|(name, _)| name.ends_with("_drops")) {
                let lost = count - before.get(name)?;
                ensure!(lost == 0, "{name} counts {lost}");
            }
        }
        Ok(())
    }
}

#[test]
fn the_device_cuts_super_frames() -> Result<()> {
    let cable = offloading()?;
    let counted = Counted::during(&cable, || transfer(&cable, volume()))?;
    counted.ensure_no_drops()?;
    let (cut, wire) = (
        counted.near(stats::TX_HW_GSO_PACKETS)?,
        counted.near(stats::TX_HW_GSO_WIRE_PACKETS)?,
    );
    ensure!(cut > 0 && wire > cut, "{cut} super-frames, {wire} frames");
    // Each segment has headers of its own, at least 54 bytes.
    let (bytes, wire_bytes) = (
        counted.near(stats::TX_HW_GSO_BYTES)?,
        counted.near(stats::TX_HW_GSO_WIRE_BYTES)?,
    );
    ensure!(
        wire_bytes >= bytes + (wire - cut) * 54,
        "{bytes} bytes became {wire_bytes} in {wire} frames of {cut}"
    );
    let average = wire_bytes / wire;
    ensure!(
        average as usize <= MTU + ETH_HLEN,
        "frames of {average} bytes on the wire"
    );
    ensure!(counted.near(stats::TX_HW_CHECKSUMS)? > 0, "no checksums");
    for prefix in [stats::TX_SW_CSUM_PREFIX, stats::TX_SW_GSO_PREFIX] {
        ensure!(counted.all(prefix) == 0, "{prefix}: software did it");
    }
    let (summed, taken) = (
        counted.far(stats::RX_CSUM_COMPLETE)?,
        counted.far(stats::RX_DEVICE_FRAMES)?,
    );
    ensure!(summed == taken, "{summed} of {taken} frames were summed");
    Ok(())
}

#[test]
fn every_profile_brings_the_same_data() -> Result<()> {
    let cable = offloading()?;
    for (profile, device_cuts, reason) in [
        ("legacy", true, None),
        ("none", false, Some("not_offered")),
        ("legacy-unchecked", true, None),
        ("programmable", true, None),
    ] {
        set_profile(0, profile)?;
        let counted = Counted::during(&cable, || transfer(&cable, volume()))?;
        counted.ensure_no_drops()?;
        let cut = counted.near(stats::TX_HW_GSO_PACKETS)?;
        ensure!((cut > 0) == device_cuts, "{profile}: the device cut {cut}");
        let software = counted.all(stats::TX_SW_GSO_PREFIX);
        let named = match reason {
            Some(reason) => counted.near(&format!("{}{reason}", stats::TX_SW_GSO_PREFIX))?,
            None => 0,
        };
        ensure!(
            software == named && (software > 0) != device_cuts,
            "{profile}: software cut {software}, {named} of them because of {reason:?}"
        );
        let told = counted.far(stats::RX_CSUM_COMPLETE)?;
        ensure!(
            (told > 0) != (profile == "none"),
            "{profile}: {told} sums were told"
        );
    }
    Ok(())
}

/// Offloaded programs get frames as they are on the wire, each segment by itself, whether they
/// only read, where the device has put them already, or write.
#[test]
fn programs_in_the_device_see_wire_frames() -> Result<()> {
    let cable = offloading()?;
    for object in ["pass", "stamp_a"] {
        let _program = cable.attach(object)?;
        let counted = Counted::during(&cable, || transfer(&cable, volume()))?;
        counted.ensure_no_drops()?;
        let (seen, taken) = (
            counted.far(stats::XDP_HW_PASS)?,
            counted.far(stats::RX_DEVICE_FRAMES)?,
        );
        ensure!(
            seen == taken && taken > counted.near(stats::TX_HW_GSO_PACKETS)?,
            "{object}: {seen} frames in the program, {taken} on the wire"
        );
        cable.detach()?;
    }
    Ok(())
}

/// As before, for a program of the host, on each frame that the device hands up.
#[test]
fn native_programs_see_wire_frames() -> Result<()> {
    let cable = offloading()?;
    Attached::new(&cable.far, Mode::Native, "pass")?;
    let counted = Counted::during(&cable, || transfer(&cable, volume()))?;
    counted.ensure_no_drops()?;
    let (seen, taken) = (
        counted.far(stats::XDP_NATIVE_PASS)?,
        counted.far(stats::RX_DEVICE_FRAMES)?,
    );
    ensure!(seen == taken, "{seen} frames in the program, {taken} taken");
    let told = counted.far(stats::RX_CSUM_COMPLETE)?;
    ensure!(
        told == 0,
        "{told} sums of frames that the program may change"
    );
    Ok(())
}

/// Segments that a program sends back are frames of the wire: whole, with checksums.
#[test]
fn segments_are_sent_back() -> Result<()> {
    const SEGMENT: usize = 1001;
    const BATCH: u16 = 0x88b9;
    let cable = offloading()?;
    let datagram = pattern(9 * SEGMENT + 1);
    for profile in ["programmable", "none"] {
        set_profile(0, profile)?;
        // Once, so that the near end knows the far one's address.
        cable.detach()?;
        cable.near.cmd(format!("ping -c 1 {FAR}")).run()?;
        cable.attach("bounce")?;
        let capture = Capture::start(&cable.near, "")?;
        netns::enter(cable.near.ns.as_deref(), || {
            let socket = UdpSocket::bind((NEAR, 0))?;
            setsockopt(&socket, UdpGsoSegment, &(SEGMENT as i32))?;
            socket.send_to(&datagram, (FAR, 9))?;
            Ok(())
        })?;
        Sender::new(&cable.near)?.end_batch(BATCH, 0)?;
        let frames = capture.until(|frame| frame[12..14] == BATCH.to_be_bytes())?;
        let mut back = Vec::new();
        for frame in &frames {
            back.extend(checked_payload(frame).with_context(|| profile.to_owned())?);
        }
        ensure!(
            frames.len() == 10 && back == datagram,
            "{profile}: {} frames came back with {} bytes",
            frames.len(),
            back.len()
        );
        capture.stop()?;
    }
    Ok(())
}

/// The kernel's count of UDP datagrams with a wrong checksum at the far end.
fn wrong_checksums(cable: &Cable) -> Result<u64> {
    let json = cable.far.cmd("nstat --json -asz UdpInCsumErrors").json()?;
    let count = &json["kernel"]["UdpInCsumErrors"];
    count.as_u64().with_context(|| json.to_string())
}

/// The host takes the device's word for the checksum of a frame, whatever follows the packet in it;
/// and a frame with a wrong one is handed up all the same.
#[test]
fn padded_and_broken_frames_are_told_apart() -> Result<()> {
    let cable = offloading()?;
    let sender = Sender::new(&cable.near)?;
    let socket = netns::enter(cable.far.ns.as_deref(), || {
        let socket = UdpSocket::bind((FAR, 0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    })?;
    let port = socket.local_addr()?.port();
    let to = cable.far.address()?;
    let frame = |len: usize, padding: usize| -> Result<Vec<u8>> {
        let packet = PacketBuilder::ethernet2([2; 6], to)
            .ipv4([10, 7, 0, 1], [10, 7, 0, 2], 64)
            .udp(9, port);
        let mut frame = Vec::new();
        packet.write(&mut frame, &pattern(len))?;
        frame.extend((0..padding).map(|at| 0xa1 + at as u8));
        Ok(frame)
    };
    for profile in ["programmable", "legacy", "none"] {
        set_profile(0, profile)?;
        let wrong = wrong_checksums(&cable)?;
        let counted = Counted::during(&cable, || {
            for (len, padding) in [
                (0, 18),
                (1, 0),
                (2, 1),
                (17, 1),
                (18, 3),
                (999, 2),
                (1000, 7),
            ] {
                sender.send(&frame(len, padding)?)?;
                let mut received = [0; 2 * MTU];
                let got = socket.recv(&mut received).with_context(|| {
                    format!("{profile}: {len} bytes with {padding} behind the packet")
                })?;
                ensure!(received[..got] == pattern(len), "{profile}: {len} bytes");
            }
            let mut broken = frame(100, 5)?;
            broken[50] ^= 0x10;
            sender.send(&broken)?;
            sender.send(&frame(3, 0)?)?;
            let got = socket.recv(&mut [0; 2 * MTU])?;
            ensure!(got == 3, "{profile}: the broken datagram was delivered");
            Ok(())
        })?;
        counted.ensure_no_drops()?;
        let wrong = wrong_checksums(&cable)? - wrong;
        ensure!(wrong == 1, "{profile}: the kernel has found {wrong} wrong");
        let told = counted.far(stats::RX_CSUM_COMPLETE)?;
        let expected = match profile {
            "programmable" => 9,
            // Of the broken one the device can't say that it is right.
            "legacy" => 8,
            _ => 0,
        };
        ensure!(told == expected, "{profile}: {told} sums were told");
    }
    Ok(())
}

/// Each feature can be off: then the stack does it before the NIC sees the frame.
#[test]
fn features_can_be_switched_off_under_way() -> Result<()> {
    let cable = offloading()?;
    let switch = |end: &Link, what: &str| end.cmd(format!("ethtool -K {} {what}", end.name)).run();
    for (off, on) in [
        ("tso off", "tso on"),
        ("gso off", "gso on"),
        ("sg off", "sg on tso on"),
        ("tx off", "tx on tso on"),
    ] {
        switch(&cable.near, off)?;
        let counted = Counted::during(&cable, || transfer(&cable, volume()))?;
        counted.ensure_no_drops()?;
        let cut = counted.near(stats::TX_HW_GSO_PACKETS)?;
        ensure!(off == "gso off" || cut == 0, "{off}: the device cut {cut}");
        switch(&cable.near, on)?;
    }
    switch(&cable.far, "rx off")?;
    let counted = Counted::during(&cable, || transfer(&cable, volume()))?;
    let told = counted.far(stats::RX_CSUM_COMPLETE)?;
    ensure!(told == 0, "rx off, and {told} sums were told");
    Ok(())
}
