// SPDX-License-Identifier: GPL-2.0

//! The clock of a NIC, and the frames that are stamped with it as they leave and arrive.

use std::io::{IoSliceMut, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use anyhow::{ensure, Context, Result};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::socket::{
    recvmsg, setsockopt, sockopt, ControlMessageOwned, MsgFlags, TimestampingFlag,
};
use nix::sys::time::TimeSpec;
use offload_tests::bpf::{may_ask, Attached};
use offload_tests::clock::{Clock, Clocks, Stamping};
use offload_tests::compiled::Compiled;
use offload_tests::link::{Link, PATIENCE};
use offload_tests::module::Module;
use offload_tests::netns::NetNs;
use offload_tests::nic::Nic;
use offload_uapi::stats;

const SECOND: i64 = 1_000_000_000;
/// `HWTSTAMP_TX_*` and `HWTSTAMP_FILTER_*`.
const OFF: u32 = 0;
const ON: u32 = 1;
const ONE_STEP: u32 = 2;
const NONE: u32 = 0;
const ALL: u32 = 1;
const SOME: u32 = 2;
const PTP_V2_EVENT: u32 = 12;
/// `SOF_TIMESTAMPING_OPT_TX_SWHW`.
const BOTH: TimestampingFlag = TimestampingFlag::from_bits_retain(1 << 14);

/// What is known of when a frame left or arrived: by the system's clock, and by the device's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamps {
    software: i64,
    hardware: i64,
}

fn nanoseconds(time: TimeSpec) -> i64 {
    time.tv_sec() * SECOND + time.tv_nsec()
}

/// What comes with the next message of `socket`, of its error queue if `flags` say so.
fn stamps(socket: &impl AsFd, flags: MsgFlags) -> Result<Stamps> {
    let event = match flags.contains(MsgFlags::MSG_ERRQUEUE) {
        true => PollFlags::POLLERR,
        false => PollFlags::POLLIN,
    };
    let mut fds = [PollFd::new(socket.as_fd(), event)];
    let patience = PollTimeout::try_from(PATIENCE.as_millis())?;
    ensure!(poll(&mut fds, patience)? == 1, "no message: {flags:?}");
    let mut bytes = [0; 256];
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let mut control = vec![0; 512];
    let fd = socket.as_fd().as_raw_fd();
    let message = recvmsg::<()>(fd, &mut slices, Some(&mut control), flags)?;
    let found = message.cmsgs()?.find_map(|it| match it {
        ControlMessageOwned::ScmTimestampsns(stamps) => Some(Stamps {
            software: nanoseconds(stamps.system),
            hardware: nanoseconds(stamps.hw_raw),
        }),
        _ => None,
    });
    Ok(found.unwrap_or_default())
}

fn ask(socket: &impl AsFd, flags: TimestampingFlag) -> Result<()> {
    setsockopt(socket, sockopt::Timestamping, &flags).context("SO_TIMESTAMPING")
}

/// Two ports of one NIC, with an address each in a namespace of their own.
struct Pair {
    clocks: Clocks,
    near: Link,
    far: Link,
    sender: UdpSocket,
    receiver: UdpSocket,
    near_ns: NetNs,
    far_ns: NetNs,
}

impl Pair {
    fn new() -> Result<Self> {
        let (near_ns, far_ns) = (NetNs::new("tnear")?, NetNs::new("tfar")?);
        let (mut near, mut far) = (Link::new("onic0"), Link::new("onic1"));
        for (link, ns, address) in [(&mut near, &near_ns, 1), (&mut far, &far_ns, 2)] {
            link.move_to(ns)?;
            link.cmd(format!(
                "ip address add 10.9.0.{address}/24 dev {}",
                link.name
            ))
            .run()?;
            link.set("up").run()?;
        }
        near.await_carrier()?;
        far.await_carrier()?;
        let bound = |ns: &NetNs, address: &str| ns.enter(|| Ok(UdpSocket::bind(address)?));
        let (sender, receiver) = (
            bound(&near_ns, "10.9.0.1:7")?,
            bound(&far_ns, "10.9.0.2:7")?,
        );
        sender.connect("10.9.0.2:7")?;
        ask(
            &sender,
            TimestampingFlag::SOF_TIMESTAMPING_TX_HARDWARE
                | TimestampingFlag::SOF_TIMESTAMPING_TX_SOFTWARE
                | TimestampingFlag::SOF_TIMESTAMPING_RAW_HARDWARE
                | TimestampingFlag::SOF_TIMESTAMPING_SOFTWARE
                | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY,
        )?;
        ask(
            &receiver,
            TimestampingFlag::SOF_TIMESTAMPING_RX_HARDWARE
                | TimestampingFlag::SOF_TIMESTAMPING_RAW_HARDWARE,
        )?;
        Ok(Self {
            clocks: Clocks::new()?,
            near,
            far,
            sender,
            receiver,
            near_ns,
            far_ns,
        })
    }

    /// Has frames stamped that leave the near end, and those that arrive at the far one.
    fn set(&self, sent: u32, received: u32) -> Result<()> {
        for (link, sent, received) in [(&self.near, sent, NONE), (&self.far, OFF, received)] {
            let stamping = Stamping { sent, received };
            let set = self.clocks.stamp(link, stamping)?;
            ensure!(set == Ok(stamping), "{link}: {stamping:?}: {set:?}");
        }
        Ok(())
    }

    /// What the sender and the receiver of a datagram are told.
    fn send(&self) -> Result<(Stamps, Stamps)> {
        self.sender.send(b"now")?;
        let received = stamps(&self.receiver, MsgFlags::empty())?;
        Ok((stamps(&self.sender, MsgFlags::MSG_ERRQUEUE)?, received))
    }

    /// A datagram leaves and arrives between two readings of `clock`, or, without one, of what goes as
    /// the system's clock does.
    fn check(&self, clock: Option<&Clock<'_>>) -> Result<()> {
        let time = || match clock {
            Some(clock) => clock.time(),
            None => {
                let now = std::time::UNIX_EPOCH.elapsed()?;
                Ok(i64::try_from(now.as_nanos())?)
            }
        };
        // The two are apart by what the system's clock is steered while the test runs.
        let apart = if clock.is_some() { 0 } else { SECOND };
        let before = time()?;
        let (sent, received) = self.send()?;
        let after = time()?;
        let all = [
            before - apart,
            sent.hardware,
            received.hardware,
            after + apart,
        ];
        ensure!(all.is_sorted(), "{all:?}");
        ensure!(sent.software == 0, "{sent:?}: one of two");
        Ok(())
    }
}

#[test]
fn frames_are_stamped_as_they_leave_and_arrive() -> Result<()> {
    let _module = Module::insert("")?;
    let pair = Pair::new()?;
    let (clocks, near, far) = (&pair.clocks, &pair.near, &pair.far);
    for link in [near, far] {
        let text = link.cmd(format!("ethtool -T {}", link.name)).run()?;
        let title = "Hardware Transmit Timestamp Modes:";
        let modes = text.split_once(title).context("no modes")?;
        for capability in [
            "hardware-transmit",
            "hardware-receive",
            "hardware-raw-clock",
        ] {
            ensure!(modes.0.contains(capability), "{text}");
        }
        let lines: Vec<_> = modes.1.lines().skip(1).map(str::trim).collect();
        let filters = "Hardware Receive Filter Modes:";
        ensure!(lines == ["off", "on", filters, "none", "all"], "{text}");
        let nothing = Stamping {
            sent: OFF,
            received: NONE,
        };
        ensure!(clocks.stamping(link)? == nothing, "{link} stamps frames");
    }

    // Nobody is told what nobody has noted.
    let (sent, received) = pair.send()?;
    ensure!(sent.hardware == 0 && sent.software != 0, "{sent:?}");
    ensure!(received.hardware == 0, "{received:?}");

    pair.set(ON, ALL)?;
    pair.check(clocks.of(near)?.as_ref())?;
    // Both, if that is what the sender wants.
    let flags = nix::sys::socket::getsockopt(&pair.sender, sockopt::Timestamping)?;
    ask(&pair.sender, flags | BOTH)?;
    let (first, _) = pair.send()?;
    let second = stamps(&pair.sender, MsgFlags::MSG_ERRQUEUE)?;
    ensure!(
        first.software != 0 && first.hardware == 0 && second.hardware != 0,
        "{first:?}, {second:?}"
    );
    ask(&pair.sender, flags)?;

    // What the device does not do is refused, and nothing changes; what it does more of, it says.
    for (sent, received) in [(ONE_STEP, NONE), (ON, SOME), (7, NONE), (ON, 99)] {
        let refused = clocks.stamp(far, Stamping { sent, received })?;
        ensure!(refused == Err("ERANGE".to_owned()), "{refused:?}");
    }
    let all = Stamping {
        sent: OFF,
        received: ALL,
    };
    ensure!(clocks.stamping(far)? == all, "the far end has changed");
    let asked = Stamping {
        received: PTP_V2_EVENT,
        ..all
    };
    let set = clocks.stamp(far, asked)?;
    ensure!(set == Ok(all), "{set:?}");

    super_frames(&pair)?;
    programs(&pair)?;
    pair.set(OFF, NONE)?;
    let (sent, received) = pair.send()?;
    ensure!(sent.hardware == 0 && received.hardware == 0);
    Ok(())
}

/// Each frame on the wire has a time of its own, also one of a super-frame; of those that the device puts
/// together that of the first stays, as GRO has it. Their sender is told of the last byte that it has written.
fn super_frames(pair: &Pair) -> Result<()> {
    let far = &pair.far;
    far.cmd(format!("ethtool -K {} rx-gro-hw on", far.name))
        .run()?;
    let before = far.statistics()?;
    let listener = pair.far_ns.enter(|| Ok(TcpListener::bind("10.9.0.2:8")?))?;
    let mut sender = pair
        .near_ns
        .enter(|| Ok(TcpStream::connect("10.9.0.2:8")?))?;
    let (mut receiver, _) = listener.accept()?;
    ask(
        &sender,
        TimestampingFlag::SOF_TIMESTAMPING_TX_HARDWARE
            | TimestampingFlag::SOF_TIMESTAMPING_RAW_HARDWARE
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_ID
            | TimestampingFlag::SOF_TIMESTAMPING_OPT_TSONLY,
    )?;
    ask(
        &receiver,
        TimestampingFlag::SOF_TIMESTAMPING_RX_HARDWARE
            | TimestampingFlag::SOF_TIMESTAMPING_RAW_HARDWARE,
    )?;
    // What fits into the window that a connection begins with: all of it leaves by itself.
    let text = vec![1; 8000];
    sender.write_all(&text)?;
    let first = stamps(&receiver, MsgFlags::empty())?;
    let mut rest = vec![0; text.len() - 256];
    receiver.read_exact(&mut rest)?;
    let left = stamps(&sender, MsgFlags::MSG_ERRQUEUE)?;
    ensure!(
        first.hardware != 0 && left.hardware != 0,
        "{first:?}, {left:?}"
    );
    let now = far.statistics()?;
    let frames = now.since(&before, stats::RX_DEVICE_FRAMES)?;
    let together = now.since(&before, stats::RX_HW_GRO_PACKETS)?;
    ensure!(frames > 5 && together > 0, "{together} of {frames} frames");
    Ok(())
}

/// A program of the host is told what the receiver is.
fn programs(pair: &Pair) -> Result<()> {
    const ENODATA: u64 = 61;
    let far = &pair.far;
    if !may_ask("programs are told when a frame arrived") {
        return Ok(());
    }
    let program = Compiled::bpf("arrived", include_str!("../../clock/arrived.bpf.c"))?;
    let noted = Attached::asking(far, &program)?.map("noted")?;
    let (_, received) = pair.send()?;
    let words = noted.words(&[0; 4])?;
    // CAST: A time after 1970.
    ensure!(
        words == [0, received.hardware as u64],
        "{words:?}, {received:?}"
    );
    pair.set(ON, NONE)?;
    let (_, received) = pair.send()?;
    let words = noted.words(&[0; 4])?;
    ensure!(words == [ENODATA, 0], "{words:?}, {received:?}");
    far.set("xdpdrv off").run().map(drop)
}

#[test]
fn a_nic_has_a_clock_for_all_of_its_ports() -> Result<()> {
    let _module = Module::insert("nics=2")?;
    let pair = Pair::new()?;
    let clocks = &pair.clocks;
    let Some(clock) = clocks.of(&pair.near)? else {
        ensure!(!Path::new("/sys/class/ptp/ptp0").exists(), "a clock");
        println!(
            "skipped: a_nic_has_a_clock_for_all_of_its_ports: this kernel has no \
             CONFIG_PTP_1588_CLOCK; those of the distribution have"
        );
        return Ok(());
    };
    let index = |link: &Link| anyhow::Ok(clocks.of(link)?.context("no clock")?.index);
    let other = index(&Link::new("onic2"))?;
    ensure!(index(&pair.far)? == clock.index, "one NIC, two clocks");
    ensure!(other != clock.index, "two NICs, one clock");
    ensure!(index(&Link::new("onic3"))? == other, "one NIC, two clocks");
    let name = format!("/sys/class/ptp/ptp{other}/clock_name");
    let name = std::fs::read_to_string(name)?;
    ensure!(name.trim() == "offload_nic", "{name}");

    // It begins with the system's time, and is known at the same moment as that.
    let moment = clock.moment()?;
    ensure!(
        moment.time.abs_diff(moment.system) < SECOND as u64,
        "{moment:?}"
    );
    pair.set(ON, ALL)?;
    for time in [SECOND, 2_000_000_000 * SECOND + 7] {
        clock.set(time)?;
        let passed = clock.time()? - time;
        ensure!(
            (0..60 * SECOND).contains(&passed),
            "{passed} ns since {time}"
        );
        pair.check(Some(&clock))?;
        clock.shift(3600 * SECOND)?;
        pair.check(Some(&clock))?;
        clock.shift(-1800 * SECOND - 1)?;
        let passed = clock.time()? - time - 1800 * SECOND + 1;
        ensure!(
            (0..60 * SECOND).contains(&passed),
            "{passed} ns since {time}"
        );
    }

    // As much faster and slower as it goes, against the counter that it goes by.
    let most = clock.most()?;
    let rate = (most / 1000) << 16;
    for rate in [rate, -rate, 65_536, -1, 0] {
        clock.adjust(rate)?;
        let before = clock.moment()?;
        pair.check(Some(&clock))?;
        let after = clock.moment()?;
        let counted = i128::from(after.raw - before.raw);
        let expected = counted + counted * i128::from(rate) / (1_000_000 << 16);
        let passed = i128::from(after.time - before.time);
        ensure!(
            counted > 0 && (passed - expected).abs() <= 1,
            "{before:?}, {after:?}, {rate}"
        );
    }

    // Out of range: refused, and all is as it was.
    let before = clock.time()?;
    for (what, error) in [
        (format!("rate {}", rate + 65_536), "ERANGE"),
        (format!("rate {}", -rate - 65_536), "ERANGE"),
        (format!("set {}", i64::MAX), "EINVAL"),
        (format!("shift {}", -before - 3600 * SECOND), "EINVAL"),
    ] {
        let refused = clock.ask(&what)?;
        ensure!(refused == Err(error.to_owned()), "{what}: {refused:?}");
    }
    let passed = clock.time()? - before;
    ensure!((0..60 * SECOND).contains(&passed), "{passed} ns later");

    // It goes with its NIC, and with nothing else.
    let path = clock.path();
    ensure!(path.exists(), "no {path:?}");
    Nic { id: 1 }.remove()?;
    ensure!(!Path::new(&format!("/sys/class/ptp/ptp{other}")).exists());
    pair.check(Some(&clock))
}
