// SPDX-License-Identifier: GPL-2.0

//! What sockets get through a pair of interfaces: TCP in large writes, and UDP in frames of 64 bytes.

use std::io::{IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use offload_tests::bpf::{detach, Attached, Mode};
use offload_tests::cable::Cable;
use offload_tests::env;
use offload_tests::link::Link;
use offload_tests::netns;
use rustix::io::Errno;
use rustix::net::{sendmmsg, MMsgHdr, SendAncillaryBuffer, SendFlags};

use crate::contest::{Contest, Entrant, Turn};
use crate::marks::Marks;
use crate::pairs::Netdevsim;

/// Rounds of each contest.
const TCP_ROUNDS: usize = 81;
const UDP_ROUNDS: usize = 21;
const RSS_ROUNDS: usize = 41;
const CUT_ROUNDS: usize = 41;

/// Bytes of one turn of TCP, of one write, and of a segment with time stamps.
const VOLUME: usize = 128 << 20;
const WRITE: usize = 1 << 20;
const SEGMENT: usize = 1448;
/// Datagrams of one turn of UDP, of one system call, and their payload: with the headers and the
/// checksum of Ethernet that makes 64 bytes.
const DATAGRAMS: usize = 100_000;
const BATCH: usize = 64;
const PAYLOAD: usize = 64 - 4 - 14 - 20 - 8;

/// Two linked interfaces with addresses.
struct Pair<'a> {
    near: &'a Link,
    far: &'a Link,
    target: String,
}

/// Our NIC, and a veth pair.
fn cables() -> Result<[Cable; 2]> {
    let cables = [Cable::onic(1500)?, Cable::veth(1500)?];
    // With a program a veth takes no super-frames.
    detach(&cables[1].near, Mode::Native)?;
    Ok(cables)
}

/// Who carries the most bytes of TCP.
fn of_bytes(what: &str, rounds: usize) -> Contest {
    Contest {
        what: format!("{what}, {}", env::flavour()),
        unit: "MB",
        piece: ("1,448 bytes", SEGMENT as f64 / 1e6),
        rounds,
    }
}

/// TCP through each pair, ours once with super-frames that stay whole and once with each cut.
pub(crate) fn tcp(marks: &mut Marks) -> Result<()> {
    let [onic, veth] = cables()?;
    let ours = Pair::new(1, &onic.near, &onic.far)?;
    let veth = Pair::new(2, &veth.near, &veth.far)?;
    let netdevsim = Netdevsim::new();
    let third = match &netdevsim {
        Ok(pair) => Some(Pair::new(3, &pair.near, &pair.far)?),
        Err(error) => {
            println!("skipped: netdevsim: {error:#}");
            None
        }
    };
    let mut entrants = vec![
        Entrant::new("offload_nic, super-frames stay whole", || {
            ours.keep_whole(true)?;
            ours.tcp()
        })
        .compared_as("whole"),
        Entrant::new("offload_nic, each is cut", || {
            ours.keep_whole(false)?;
            ours.tcp()
        })
        .compared_as("cut"),
        Entrant::new("veth", || veth.tcp()),
    ];
    if let Some(pair) = &third {
        entrants.push(Entrant::new("netdevsim", || pair.tcp()));
    }
    let contest = of_bytes("TCP", TCP_ROUNDS);
    contest.run(entrants, marks)
}

/// TCP in frames that each come by themselves, put together by the device, by the kernel's GRO, and as a veth does
/// that: cut by the sender's stack, and by the device for a program that sees each.
pub(crate) fn cut(marks: &mut Marks) -> Result<()> {
    let [onic, veth] = cables()?;
    let ours = Pair::new(1, &onic.near, &onic.far)?;
    let veth = Pair::new(2, &veth.near, &veth.far)?;
    let by_device = || {
        ours.keep_whole(true)?;
        ours.tcp()
    };
    let by_kernel = || {
        ours.keep_whole(false)?;
        ours.tcp()
    };
    let entrants = || {
        vec![
            Entrant::new("offload_nic, put together by the device", by_device)
                .compared_as("device"),
            Entrant::new("offload_nic, by the kernel", by_kernel).compared_as("kernel"),
        ]
    };
    {
        let mut entrants = entrants();
        entrants.push(Entrant::new("veth, by the kernel", || veth.tcp()));
        for pair in [&ours, &veth] {
            pair.cut_before(true)?;
        }
        of_bytes("TCP, cut by its sender", CUT_ROUNDS).run(entrants, marks)?;
        ours.cut_before(false)?;
    }
    let _program = Attached::new(ours.far, Mode::Offload, "pass")?;
    of_bytes("TCP, cut for a program of the device", CUT_ROUNDS).run(entrants(), marks)
}

/// TCP to a port that spreads frames over several queues, and tells their hash, and to one that has one queue
/// and does not look at them.
pub(crate) fn rss(marks: &mut Marks) -> Result<()> {
    const QUEUES: u32 = 4;
    let cable = Cable::onic_with_queues(QUEUES, 1500)?;
    let pair = Pair::new(1, &cable.near, &cable.far)?;
    pair.keep_whole(false)?;
    let far = pair.far;
    let spreading = |queues: u32, hash: &str| -> Result<Turn> {
        for line in [
            format!("ethtool -L {} combined {queues}", far.name),
            format!("ethtool -K {} rxhash {hash}", far.name),
        ] {
            far.cmd(line).run()?;
        }
        far.await_carrier()?;
        pair.tcp()
    };
    let entrants = vec![
        Entrant::new("RSS over 4 queues", || spreading(QUEUES, "on")).compared_as("RSS"),
        Entrant::new("one queue, no hash", || spreading(1, "off")),
    ];
    let contest = of_bytes("TCP, each super-frame cut", RSS_ROUNDS);
    contest.run(entrants, marks)
}

/// Small datagrams through each pair.
pub(crate) fn udp(marks: &mut Marks) -> Result<()> {
    let [onic, veth] = cables()?;
    let ours = Pair::new(1, &onic.near, &onic.far)?;
    let veth = Pair::new(2, &veth.near, &veth.far)?;
    let without_hash = || {
        ours.tell_hashes(false)?;
        let turn = ours.udp()?;
        ours.tell_hashes(true)?;
        Ok(turn)
    };
    let entrants = vec![
        Entrant::new("offload_nic", || ours.udp()).compared_as("offload_nic"),
        // Nor has veth any.
        Entrant::new("offload_nic, no hash", without_hash).compared_as("no hash"),
        Entrant::new("veth", || veth.udp()),
    ];
    let contest = Contest::of_frames("UDP in frames of 64 bytes", UDP_ROUNDS);
    contest.run(entrants, marks)
}

impl<'a> Pair<'a> {
    /// Gives both ends addresses that tell pairs from each other by `number`, and all the offloads
    /// that they have.
    fn new(number: u8, near: &'a Link, far: &'a Link) -> Result<Self> {
        for (link, host) in [(near, 1), (far, 2)] {
            // Not each has all of them.
            let on = "rx on tx on sg on tso on gso on gro on";
            link.cmd(format!("ethtool -K {} {on}", link.name))
                .output()?;
            link.set("arp on").run()?;
            let address = format!("10.11.{number}.{host}/24");
            link.cmd(format!("ip address replace {address} dev {}", link.name))
                .run()?;
        }
        Ok(Self {
            near,
            far,
            target: format!("10.11.{number}.2"),
        })
    }

    /// Has the far end tell the stack hashes of flows, or not look for what they are made of.
    fn tell_hashes(&self, tells: bool) -> Result<()> {
        let state = if tells { "on" } else { "off" };
        // One that never does can't be told.
        self.far
            .cmd(format!("ethtool -K {} rxhash {state}", self.far.name))
            .output()?;
        Ok(())
    }

    /// Has the far end leave super-frames whole, or cut each.
    fn keep_whole(&self, keeps: bool) -> Result<()> {
        let state = if keeps { "on" } else { "off" };
        self.far
            .cmd(format!("ethtool -K {} rx-gro-hw {state}", self.far.name))
            .run()?;
        Ok(())
    }

    /// Has the sender's stack cut super-frames before the NIC gets them, or not.
    fn cut_before(&self, cuts: bool) -> Result<()> {
        let state = if cuts { "off" } else { "on" };
        self.near
            .cmd(format!("ethtool -K {} tso {state}", self.near.name))
            .run()?;
        Ok(())
    }

    /// One turn of TCP: megabytes that were read at the far end.
    fn tcp(&self) -> Result<Turn> {
        let listener = netns::enter(self.far.ns.as_deref(), || {
            TcpListener::bind((&*self.target, 0)).context("listen")
        })?;
        let port = listener.local_addr()?.port();
        thread::scope(|scope| {
            let receiver = scope.spawn(move || -> Result<usize> {
                let (mut stream, _) = listener.accept()?;
                let (mut buffer, mut received) = (vec![0; WRITE], 0);
                loop {
                    match stream.read(&mut buffer)? {
                        0 => return Ok(received),
                        count => received += count,
                    }
                }
            });
            let mut stream = netns::enter(self.near.ns.as_deref(), || {
                TcpStream::connect((&*self.target, port)).context("connect")
            })?;
            let chunk = vec![0x5a; WRITE];
            let turn = Turn::of(|| {
                let start = Instant::now();
                for _ in 0..VOLUME / WRITE {
                    stream.write_all(&chunk)?;
                }
                stream.shutdown(Shutdown::Write)?;
                // The far end closes when it has everything.
                stream.read_to_end(&mut Vec::new())?;
                Ok((VOLUME as f64 / 1e6, start.elapsed()))
            })?;
            let received = receiver
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            ensure!(received == VOLUME, "{received} bytes came in");
            Ok(turn)
        })
    }

    /// One turn of UDP: frames that came in at the far end. Many go with one system call, which are
    /// slow on User Mode Linux.
    fn udp(&self) -> Result<Turn> {
        // Nobody reads: what the interfaces carry is measured, not what a process takes.
        let socket = netns::enter(self.far.ns.as_deref(), || {
            UdpSocket::bind((&*self.target, 0)).context("bind")
        })?;
        let sender = netns::enter(self.near.ns.as_deref(), || {
            let sender = UdpSocket::bind("0.0.0.0:0")?;
            sender.connect(socket.local_addr()?)?;
            Ok(sender)
        })?;
        let payload = [0x5a; PAYLOAD];
        let payload = [IoSlice::new(&payload)];
        let mut nothing_else: [_; BATCH] = std::array::from_fn(|_| SendAncillaryBuffer::default());
        let mut messages = nothing_else
            .each_mut()
            .map(|control| MMsgHdr::new(&payload, control));
        let before = self.far.stat("rx", "packets")?;
        let mut turn = Turn::of(|| {
            let start = Instant::now();
            let mut left = DATAGRAMS;
            while left > 0 {
                let batch = &mut messages[..left.min(BATCH)];
                match sendmmsg(&sender, batch, SendFlags::empty()) {
                    Ok(sent) => left -= sent,
                    // A full queue: what did not come in is not counted.
                    Err(Errno::NOBUFS) => left -= 1,
                    Err(error) => return Err(error).context("sendmmsg"),
                }
            }
            Ok((0.0, start.elapsed()))
        })?;
        let arrived = self.far.stat("rx", "packets")? - before;
        ensure!(
            arrived > DATAGRAMS as u64 / 2,
            "of {DATAGRAMS} frames only {arrived} came in"
        );
        turn.amount = arrived as f64;
        Ok(turn)
    }
}
