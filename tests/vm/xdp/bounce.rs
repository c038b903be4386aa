// SPDX-License-Identifier: GPL-2.0

//! Two ports whose programs both answer XDP_TX: frames go to and fro for ever, as they
//! would in hardware, and the machine has to stay usable, other traffic of the same queues too.

use std::fs;
use std::net::UdpSocket;
use std::thread;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::command::Cmd;
use offload_tests::env;
use offload_tests::frames::{mark, MARK_AWAY, MARK_TX};
use offload_tests::link::{await_that, Link, PATIENCE};
use offload_tests::netns;
use offload_tests::sockets;
use offload_tests::wire::Sender;
use offload_uapi::stats;

const NEAR: &str = "10.7.0.1";
const FAR: &str = "10.7.0.2";
const PORT: u16 = 7000;

fn bounced(link: &Link) -> Result<u64> {
    link.statistics()?.get(stats::XDP_HW_TX)
}

#[test]
fn bouncing_for_ever() -> Result<()> {
    let cable = Cable::onic(1500)?;
    let both = [&cable.near, &cable.far];
    for end in both {
        Attached::new(end, Mode::Offload, "bounce")?;
    }
    let sender = Sender::new(&cable.near)?;
    for number in 0..64 {
        sender.send(&mark(0x88b7, number))?;
    }
    for end in both {
        end.await_that("frames that go to and fro", |end| Ok(bounced(end)? > 2_000))?;
    }

    // The machine is usable: ordinary commands end, on one that has much else to do as well.
    let began = Instant::now();
    for _ in 0..5 {
        Cmd::new("ip -s link show").run()?;
        cable.near.statistics()?;
    }
    let took = began.elapsed();
    ensure!(took < PATIENCE, "ten commands took {took:?}");

    // Programs can be changed while frames bounce, and it goes on.
    cable
        .far
        .cmd("ip -force link set dev onic1 xdpoffload obj")
        .arg(env::object("bounce")?)
        .args("sec xdp")
        .run()?;
    let then = bounced(&cable.far)?;
    cable
        .far
        .await_that("more of them", |far| Ok(bounced(far)? > then))?;

    // Taking a port down ends it, and it does not begin again by itself.
    cable.far.set("down").run()?;
    cable
        .near
        .await_that("no carrier", |near| Ok(!near.has_carrier()?))?;
    // Every frame on its way back was either taken by the other end or counted as lost; what
    // waited for the end of a pause is now.
    await_that("every frame is accounted for", || {
        let (near, far) = (cable.near.statistics()?, cable.far.statistics()?);
        let sent: u64 = [&near, &far]
            .iter()
            .map(|end| {
                let lost =
                    end.sum(|name| name.starts_with(stats::XDP_HW_TX) && name.ends_with("_drops"));
                Ok(end.get(stats::XDP_HW_TX)? - lost)
            })
            .sum::<Result<u64>>()?
            + 64;
        let taken = near.get(stats::RX_DEVICE_FRAMES)?
            + far.get(stats::RX_DEVICE_FRAMES)?
            + near.get(stats::RX_DOWN_DROPS)?
            + far.get(stats::RX_DOWN_DROPS)?;
        Ok(sent == taken)
    })?;
    let after = (bounced(&cable.near)?, bounced(&cable.far)?);
    cable.far.set("up").run()?;
    cable.near.await_carrier()?;
    let again = (bounced(&cable.near)?, bounced(&cable.far)?);
    ensure!(after == again, "still bouncing: {after:?}, then {again:?}");
    for end in both {
        detach(end, Mode::Offload)?;
    }
    Ok(())
}

/// A cable whose ends have addresses, and programs by which the frames that are `ethertype`'s marks
/// bounce; `count` of them do.
fn bouncing(ethertype: u16, count: u32) -> Result<Cable> {
    let cable = Cable::onic(1500)?;
    for (end, address) in [(&cable.near, NEAR), (&cable.far, FAR)] {
        Attached::new(end, Mode::Offload, "linger")?;
        end.set("arp on").run()?;
        end.cmd(format!("ip address add {address}/24 dev {}", end.name))
            .run()?;
    }
    let sender = Sender::new(&cable.near)?;
    for number in 0..count {
        sender.send(&mark(ethertype, number))?;
    }
    for end in [&cable.near, &cable.far] {
        end.await_that("frames that go to and fro", |end| Ok(bounced(end)? > 2))?;
    }
    Ok(cable)
}

/// How often frames were sent back, at both ends.
fn hops(cable: &Cable) -> Result<u64> {
    Ok(bounced(&cable.near)? + bounced(&cable.far)?)
}

/// A socket at each end, connected to the other one.
struct Ends {
    near: UdpSocket,
    far: UdpSocket,
}

impl Ends {
    fn new(cable: &Cable) -> Result<Self> {
        let bind = |end: &Link, address: &str, other: &str| {
            netns::enter(end.ns.as_deref(), || {
                let socket = UdpSocket::bind((address, PORT)).context("bind")?;
                socket.set_read_timeout(Some(PATIENCE))?;
                socket.connect((other, PORT))?;
                Ok(socket)
            })
        };
        Ok(Self {
            near: bind(&cable.near, NEAR, FAR)?,
            far: bind(&cable.far, FAR, NEAR)?,
        })
    }

    /// Sends `count` requests from the near end, each when the one before was answered.
    fn round_trips(&self, count: u32) -> Result<()> {
        thread::scope(|scope| {
            let echo = scope.spawn(|| -> Result<()> {
                let mut request = [0; 4];
                for number in 0..count {
                    self.far
                        .recv(&mut request)
                        .with_context(|| format!("no request {number}"))?;
                    self.far.send(&request)?;
                }
                Ok(())
            });
            for number in 0..count {
                let mut reply = [0; 4];
                self.near.send(&number.to_ne_bytes())?;
                self.near
                    .recv(&mut reply)
                    .with_context(|| format!("no reply {number}"))?;
                ensure!(reply == number.to_ne_bytes(), "another reply: {reply:?}");
            }
            echo.join().ok().context("the echo panicked")?
        })
    }
}

#[test]
fn other_frames_do_not_wait_for_those_that_bounce() -> Result<()> {
    const BOUNCING: u32 = 8;
    const TRIPS: u32 = 400;
    let cable = bouncing(MARK_AWAY, BOUNCING)?;
    let ends = Ends::new(&cable)?;
    // The first one is for the addresses.
    ends.round_trips(1)?;
    let before = hops(&cable)?;
    ends.round_trips(TRIPS)?;
    let hops = hops(&cable)? - before;
    // A poll takes the time of many trips for all frames that bounce, and five times as long passes
    // until the next one. If trips waited for these, each would have two of them.
    let polls = hops / u64::from(BOUNCING);
    ensure!(
        u64::from(TRIPS) > polls,
        "{TRIPS} round trips took as long as {polls} polls of frames that bounce"
    );
    // They do go on.
    cable
        .near
        .await_that("more of them", |end| Ok(bounced(end)? > before))?;
    Ok(())
}

/// Frames that sockets of `end`'s namespace have got by polling themselves.
fn busy_polled(end: &Link) -> Result<u64> {
    netns::enter(end.ns.as_deref(), || {
        let text = fs::read_to_string("/proc/thread-self/net/netstat")?;
        let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = lines.next().zip(lines.next()).context("no TcpExt")?;
        let mut both = names.split_whitespace().zip(values.split_whitespace());
        let (_, value) = both
            .find(|(name, _)| *name == "BusyPollRxPackets")
            .context("no BusyPollRxPackets")?;
        Ok(value.parse()?)
    })
}

#[test]
fn tasks_that_poll_share_the_queues_with_frames_that_bounce() -> Result<()> {
    const TRIPS: u32 = 300;
    let cable = bouncing(MARK_TX, 20)?;
    for end in [&cable.near, &cable.far] {
        end.defer_interrupts(200_000)?;
    }
    let before = [busy_polled(&cable.near)?, busy_polled(&cable.far)?];
    let ends = Ends::new(&cable)?;
    for socket in [&ends.near, &ends.far] {
        sockets::poll_busily(socket)?;
    }
    let then = hops(&cable)?;
    ends.round_trips(TRIPS)?;
    for (end, before) in [&cable.near, &cable.far].into_iter().zip(before) {
        let polled = busy_polled(end)? - before;
        ensure!(polled > 0, "no task has polled the queue of {end}");
    }
    cable.far.await_that("frames that still bounce", |_| {
        Ok(hops(&cable)? > then + 100)
    })?;
    Ok(())
}
