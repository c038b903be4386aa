// SPDX-License-Identifier: GPL-2.0

//! Which frames a port takes from the cable: by their length, and by the address that they are for.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::ops::Range;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use offload_tests::cable::Cable;
use offload_tests::frames::mark;
use offload_tests::link::{Link, Statistics};
use offload_tests::wire::groups::Member;
use offload_tests::wire::Sender;
use offload_uapi::{flags, limits, stats};

const NEAR: &str = "10.7.0.1";
const FAR: &str = "10.7.0.2";
const BROADCAST: [u8; 6] = [0xff; 6];
/// A host that is somewhere else, and a group.
const OTHER: [u8; 6] = [0x02, 0xaa, 0, 0, 0, 1];
const GROUP: [u8; 6] = [0x01, 0, 0x5e, 1, 2, 3];

/// A frame of `len` bytes to `address`.
fn frame(address: [u8; 6], len: usize) -> Vec<u8> {
    let mut frame = mark(0x88b8, 1);
    frame[..6].copy_from_slice(&address);
    frame.resize(len, 0x5a);
    frame
}

/// What became of frames at the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    taken: u64,
    filtered: u64,
    too_long: u64,
}

impl Taken {
    fn new(taken: u64, filtered: u64, too_long: u64) -> Self {
        Self {
            taken,
            filtered,
            too_long,
        }
    }

    fn since(before: &Statistics, far: &Link) -> Result<Self> {
        let now = far.statistics()?;
        Ok(Self {
            taken: now.since(before, stats::RX_DEVICE_FRAMES)?,
            filtered: now.since(before, stats::RX_FILTERED)?,
            too_long: now.since(before, stats::RX_TOO_LONG_DROPS)?,
        })
    }

    fn all(self) -> u64 {
        self.taken + self.filtered + self.too_long
    }
}

/// Sends `frames`, and tells what becomes of them at the far end.
fn send(cable: &Cable, frames: &[Vec<u8>]) -> Result<Taken> {
    let before = cable.far.statistics()?;
    let sender = Sender::new(&cable.near)?;
    for frame in frames {
        sender.send(frame)?;
    }
    arrivals(&cable.far, &before, frames.len() as u64)
}

/// What has become of `count` frames since `before`, once something has of each.
fn arrivals(far: &Link, before: &Statistics, count: u64) -> Result<Taken> {
    far.await_that("all frames", |far| {
        Ok(Taken::since(before, far)?.all() >= count)
    })?;
    Taken::since(before, far)
}

/// Whether a frame for `address` is taken.
fn takes(cable: &Cable, address: [u8; 6]) -> Result<bool> {
    let found = send(cable, &[frame(address, 60)])?;
    ensure!(found.all() == 1 && found.too_long == 0, "{found:?}");
    Ok(found.taken == 1)
}

/// Waits until frames for `address` are taken, or are not: the stack tells a device in its own time.
fn await_taken(cable: &Cable, address: [u8; 6], expected: bool) -> Result<()> {
    let what = format!("frames for {address:02x?} taken: {expected}");
    cable
        .far
        .await_that(&what, |_| Ok(takes(cable, address)? == expected))
}

/// Two ports whose far one is not promiscuous, and may get longer frames than it takes.
fn cable() -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    cable.near.set("mtu 9000").run()?;
    cable.far.set("promisc off").run()?;
    Ok(cable)
}

#[test]
fn frames_longer_than_the_mtu_are_length_errors() -> Result<()> {
    let cable = cable()?;
    let own = cable.far.address()?;
    let lengths = |lengths: &[usize]| -> Result<Taken> {
        let frames: Vec<_> = lengths.iter().map(|len| frame(own, *len)).collect();
        send(&cable, &frames)
    };
    // With a header and two tags, or without.
    let mtu = 14 + 8 + 1500;
    let check = |programs: &str| -> Result<()> {
        let errors = |what| cable.far.stat("rx", what);
        let before = (errors("errors")?, errors("length_errors")?);
        let packets = errors("packets")?;
        let found = lengths(&[60, mtu, mtu + 1, 5000, 9014, 60])?;
        ensure!(found == Taken::new(3, 0, 3), "{programs}: {found:?}");
        cable.far.await_that("three frames", |far| {
            Ok(far.stat("rx", "packets")? == packets + 3)
        })?;
        let after = (errors("errors")?, errors("length_errors")?);
        ensure!(
            after == (before.0 + 3, before.1 + 3),
            "{programs}: {before:?}, then {after:?}"
        );
        Ok(())
    };
    check("no program")?;
    // One that only reads, which meets frames ahead of the ring, and one that writes.
    for object in ["pass", "resize"] {
        cable.attach(object)?;
        if object == "pass" {
            check(object)?;
            let far = cable.far.statistics()?;
            ensure!(far.get(stats::XDP_HW_PASS)? == 3, "{far:?}");
        } else {
            let found = lengths(&[mtu, mtu + 1, 9014])?;
            ensure!(found == Taken::new(1, 0, 2), "{object}: {found:?}");
        }
        cable.detach()?;
    }
    // It counts what the MTU is when a frame comes.
    cable.far.set("mtu 9000").run()?;
    let found = lengths(&[mtu + 1, 9014])?;
    ensure!(found == Taken::new(2, 0, 0), "9000: {found:?}");
    cable.far.set("mtu 68").run()?;
    let found = lengths(&[68 + 22, 68 + 23, 1514])?;
    ensure!(found == Taken::new(1, 0, 2), "68: {found:?}");
    Ok(())
}

/// Each is judged by what it is on the wire: of these three, the last one is short enough.
#[test]
fn segments_of_a_super_frame() -> Result<()> {
    const SEGMENT: usize = 2000;
    let cable = cable()?;
    for (link, address) in [(&cable.near, NEAR), (&cable.far, FAR)] {
        let name = &link.name;
        link.cmd(format!("ethtool -K {name} rx on tx on sg on gso on"))
            .run()?;
        link.set("arp on").run()?;
        link.cmd(format!("ip address add {address}/24 dev {name}"))
            .run()?;
    }
    // So that the near end knows the far one's address.
    cable.near.cmd(format!("ping -c 1 {FAR}")).run()?;
    let enter = |link: &Link, address: &str, port: u16| -> Result<UdpSocket> {
        offload_tests::netns::enter(link.ns.as_deref(), || {
            UdpSocket::bind((address, port)).context("bind")
        })
    };
    let receiver = enter(&cable.far, FAR, 5001)?;
    receiver.set_read_timeout(Some(offload_tests::link::PATIENCE))?;
    let sender = enter(&cable.near, NEAR, 0)?;
    setsockopt(&sender, UdpGsoSegment, &i32::try_from(SEGMENT)?)?;
    let payload = offload_tests::streams::pattern(2 * SEGMENT + 1000);
    for switches in ["gro on", "gro off"] {
        cable
            .far
            .cmd(format!("ethtool -K {} {switches}", cable.far.name))
            .run()?;
        let before = (cable.near.statistics()?, cable.far.statistics()?);
        sender.send_to(&payload, (FAR, 5001))?;
        let mut buffer = vec![0; 9000];
        let len = receiver.recv(&mut buffer).context(switches)?;
        ensure!(buffer[..len] == payload[2 * SEGMENT..], "{len} bytes came");
        let found = Taken::since(&before.1, &cable.far)?;
        ensure!(found == Taken::new(1, 0, 2), "{switches}: {found:?}");
        let near = cable.near.statistics()?;
        let cut = near.since(&before.0, stats::TX_HW_GSO_PACKETS)?;
        ensure!(cut == 1, "{cut} super-frames went on the cable");
    }
    Ok(())
}

#[test]
fn a_flag_takes_frames_of_any_length() -> Result<()> {
    let cable = cable()?;
    let far = &cable.far;
    let shown = || -> Result<String> {
        far.cmd(format!("ethtool --show-priv-flags {}", far.name))
            .run()
    };
    let set = |flag: &str| far.cmd(format!("ethtool --set-priv-flags {} {flag}", far.name));
    let is_on = |expected: &str| -> Result<()> {
        let shown = shown()?;
        let line = shown.lines().find(|line| line.contains(flags::RX_OVER_MTU));
        let line = line.with_context(|| format!("no such flag: {shown}"))?;
        ensure!(line.ends_with(expected), "{line}");
        Ok(())
    };
    let long = [frame(far.address()?, 9014)];
    is_on("off")?;
    for (state, expected) in [
        ("on", Taken::new(1, 0, 0)),
        ("off", Taken::new(0, 0, 1)),
        ("on", Taken::new(1, 0, 0)),
    ] {
        set(&format!("{} {state}", flags::RX_OVER_MTU)).run()?;
        is_on(state)?;
        let found = send(&cable, &long)?;
        ensure!(found == expected, "{state}: {found:?}");
    }
    set("rx-under-mtu on").refused()?;
    is_on("on")
}

#[test]
fn a_port_takes_what_is_for_it() -> Result<()> {
    let cable = cable()?;
    let own = cable.far.address()?;
    let frames = [own, OTHER, BROADCAST, GROUP, own].map(|address| frame(address, 60));
    let found = send(&cable, &frames)?;
    ensure!(found == Taken::new(3, 2, 0), "{found:?}");
    let lost = cable.far.statistics()?.sum(|name| name.ends_with("_drops"));
    ensure!(lost == 0, "{lost} counted as dropped");

    // Programs see nothing else: those of the device, where they read or write, nor the host's.
    for object in ["pass", "resize"] {
        cable.attach(object)?;
        let before = cable.far.statistics()?;
        let found = send(&cable, &frames)?;
        ensure!(found == Taken::new(3, 2, 0), "{object}: {found:?}");
        let ran = cable
            .far
            .statistics()?
            .sum(|name| [stats::XDP_HW_PASS, stats::XDP_HW_DROP, stats::XDP_HW_TX].contains(&name));
        let ran = ran
            - before.sum(|name| {
                [stats::XDP_HW_PASS, stats::XDP_HW_DROP, stats::XDP_HW_TX].contains(&name)
            });
        ensure!(ran == 3, "{object} has run {ran} times");
        cable.detach()?;
    }

    // The device says so itself.
    for (address, reason) in [(OTHER, "filtered"), (own, "single-queue")] {
        let bytes = frame(address, 60);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let far = &cable.far;
        let tool = far.offloadctl(format!("--json steer explain {} --frame {hex}", far.name))?;
        let said = tool.json()?;
        ensure!(said[0]["reason"] == reason, "{address:02x?}: {said}");
        ensure!(said[0]["queue"].is_null() == (address == OTHER), "{said}");
    }

    // Another address is its own at once, and the old one is none.
    cable.far.set("address 02:bb:00:00:00:07").run()?;
    let moved = [0x02, 0xbb, 0, 0, 0, 7];
    let found = send(&cable, &[own, moved].map(|address| frame(address, 60)))?;
    ensure!(found == Taken::new(1, 1, 0), "moved: {found:?}");
    Ok(())
}

#[test]
fn a_port_takes_what_the_stack_expects() -> Result<()> {
    let cable = cable()?;
    let far = &cable.far;
    let name = &far.name;
    let own = far.address()?;
    let expect = |what: &str, expected: [bool; 3]| -> Result<()> {
        for (address, expected) in [OTHER, GROUP, own].into_iter().zip(expected) {
            await_taken(&cable, address, expected).with_context(|| what.to_owned())?;
        }
        Ok(())
    };
    let run = |line: &str| far.cmd(line).run().map(drop);

    expect("nothing", [false, false, true])?;
    for (switch, expected) in [
        ("promisc on", [true, true, true]),
        ("promisc off", [false, false, true]),
        ("allmulticast on", [false, true, true]),
        ("allmulticast off", [false, false, true]),
    ] {
        far.set(switch).run()?;
        // A request by `ip link` is answered when it is done.
        for (address, expected) in [OTHER, GROUP, own].into_iter().zip(expected) {
            let found = takes(&cable, address)?;
            ensure!(found == expected, "{switch}: {address:02x?}: {found}");
        }
    }

    run(&format!("bridge fdb add 02:aa:00:00:00:01 dev {name} self"))?;
    expect("fdb add", [true, false, true])?;
    run(&format!("bridge fdb del 02:aa:00:00:00:01 dev {name} self"))?;
    expect("fdb del", [false, false, true])?;

    run(&format!("ip maddr add 01:00:5e:01:02:03 dev {name}"))?;
    expect("maddr add", [false, true, true])?;
    // What is expected is so again when the port has been down.
    far.set("down").run()?;
    far.set("up").run()?;
    far.await_carrier()?;
    cable.near.await_carrier()?;
    expect("up again", [false, true, true])?;
    run(&format!("ip maddr del 01:00:5e:01:02:03 dev {name}"))?;
    expect("maddr del", [false, false, true])?;

    // A VLAN with an address of its own, and a group that only it is in.
    run(&format!(
        "ip link add link {name} name onicv address 02:aa:00:00:00:01 type vlan id 7"
    ))?;
    run("ip link set dev onicv up")?;
    expect("a vlan", [true, false, true])?;
    run("ip maddr add 01:00:5e:01:02:03 dev onicv")?;
    expect("a group of a vlan", [true, true, true])?;
    run("ip link set dev onicv address 02:aa:00:00:00:02")?;
    expect("a vlan moved", [false, true, true])?;
    run("ip link del dev onicv")?;
    expect("no vlan", [false, false, true])?;

    // A bridge wants to see all.
    run("ip link add name onicb type bridge")?;
    run(&format!("ip link set dev {name} master onicb"))?;
    expect("a bridge", [true, true, true])?;
    run(&format!("ip link set dev {name} nomaster"))?;
    run("ip link del dev onicb")?;
    expect("no bridge", [false, false, true])
}

/// A socket joins a group and leaves it, and gets what is sent to it in between.
#[test]
fn groups_of_sockets() -> Result<()> {
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let cable = cable()?;
    for (link, address) in [(&cable.near, NEAR), (&cable.far, FAR)] {
        link.set("arp on").run()?;
        link.cmd(format!("ip address add {address}/24 dev {}", link.name))
            .run()?;
    }
    let bind = |link: &Link, address: &str, port: u16| -> Result<UdpSocket> {
        offload_tests::netns::enter(link.ns.as_deref(), || {
            UdpSocket::bind((address, port)).context("bind")
        })
    };
    let near_address = NEAR.parse::<Ipv4Addr>()?;
    let route = format!("ip route add 239.0.0.0/8 dev {}", cable.near.name);
    cable.near.cmd(route).run()?;
    let sender = bind(&cable.near, NEAR, 0)?;
    let receiver = bind(&cable.far, "0.0.0.0", 5002)?;
    await_taken(&cable, GROUP, false)?;
    receiver.join_multicast_v4(&group, &FAR.parse()?)?;
    await_taken(&cable, GROUP, true)?;
    sender.send_to(b"for all of the group", (group, 5002))?;
    receiver.set_read_timeout(Some(offload_tests::link::PATIENCE))?;
    let mut buffer = [0; 64];
    let (len, from) = receiver.recv_from(&mut buffer)?;
    ensure!(
        &buffer[..len] == b"for all of the group" && from.ip() == near_address,
        "{len} bytes from {from}"
    );
    receiver.leave_multicast_v4(&group, &FAR.parse()?)?;
    await_taken(&cable, GROUP, false)?;
    receiver.set_read_timeout(Some(Duration::from_millis(1)))?;
    sender.send_to(b"for those who are left", (group, 5002))?;
    ensure!(receiver.recv_from(&mut buffer).is_err(), "it came");
    Ok(())
}

/// With more addresses than there is room for, a port takes all frames of that kind, and no others.
#[test]
fn more_addresses_than_room() -> Result<()> {
    /// Number `number` of the addresses that begin with `first`.
    fn address(first: u8, number: usize) -> [u8; 6] {
        let [.., high, low] = number.to_be_bytes();
        [first, 0xcc, 0, 0, high, low]
    }
    let cable = cable()?;
    let (far, name) = (&cable.far, &cable.far.name);
    let most = limits::MAX_FILTER_ADDRESSES as usize;
    // Of the kind whose addresses begin with `first` there are `count` now, where there is room for `most`.
    let check = |first: u8, count: usize, most: usize| -> Result<()> {
        for (address, expected) in [
            (address(first, 0x8000), count > most),
            (address(first ^ 1, 0x8000), false),
            (address(first, 0), count > 0),
        ] {
            await_taken(&cable, address, expected)
                .with_context(|| format!("{count} that begin with {first:02x}"))?;
        }
        Ok(())
    };

    let file = std::env::temp_dir().join(format!("addresses.{}", std::process::id()));
    let fdb = |verb: &str, numbers: Range<usize>| -> Result<()> {
        let mut lines = String::new();
        for number in numbers {
            let [a, b, c, d, e, f] = address(2, number);
            let address = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
            writeln!(lines, "fdb {verb} {address} dev {name} self")?;
        }
        fs::write(&file, lines)?;
        far.cmd("bridge -batch").arg(&file).run()?;
        fs::remove_file(&file)?;
        Ok(())
    };
    fdb("add", 0..most)?;
    check(2, most, most)?;
    fdb("add", most..most + 1)?;
    check(2, most + 1, most)?;
    fdb("del", most..most + 1)?;
    check(2, most, most)?;
    fdb("del", 0..most)?;
    check(2, 0, most)?;

    // The stack has groups of its own.
    let shown = far.cmd(format!("ip -j maddr show dev {name}")).json()?;
    let groups = shown[0]["maddr"].as_array().context("no groups")?;
    let own = groups.iter().filter(|group| group["link"].is_string());
    let most = most - own.count();
    let member = Member::new(far)?;
    (0..most).try_for_each(|number| member.join(address(3, number)))?;
    check(3, most, most)?;
    member.join(address(3, most))?;
    check(3, most + 1, most)?;
    member.leave(address(3, most))?;
    check(3, most, most)?;
    drop(member);
    check(3, 0, most)
}
