// SPDX-License-Identifier: GPL-2.0

//! What sockets get through a pair of interfaces: TCP in large writes, and UDP in frames of 64 bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use offload_tests::link::Link;
use offload_tests::netns;

/// Bytes of one run of TCP, and of one write.
const VOLUME: usize = 128 << 20;
const WRITE: usize = 1 << 20;
/// Datagrams of one run of UDP, and their payload: with the headers and the checksum of Ethernet
/// that makes 64 bytes.
const DATAGRAMS: u64 = 10_000;
const PAYLOAD: usize = 64 - 4 - 14 - 20 - 8;

/// Two linked interfaces and what was measured on them.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    near: Link,
    far: Link,
    target: String,
    /// Whether the far end may leave super-frames whole (`rx-gro-hw`), where it has a choice.
    keeps_whole: Option<bool>,
    pub(crate) rates: Vec<f64>,
}

impl Pair {
    /// Gives both ends addresses that tell pairs from each other by `number`, and all the offloads
    /// that they have.
    pub(crate) fn new(name: &'static str, number: u8, near: &Link, far: &Link) -> Result<Self> {
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
            name,
            near: near.clone(),
            far: far.clone(),
            target: format!("10.11.{number}.2"),
            keeps_whole: None,
            rates: Vec::new(),
        })
    }

    /// The same two interfaces, whose far end leaves super-frames whole or has each cut.
    pub(crate) fn keeping_whole(&self, name: &'static str, keeps_whole: bool) -> Self {
        Self {
            name,
            near: self.near.clone(),
            far: self.far.clone(),
            target: self.target.clone(),
            keeps_whole: Some(keeps_whole),
            rates: Vec::new(),
        }
    }

    /// Sets up what this pair has as a choice.
    pub(crate) fn prepare(&self) -> Result<()> {
        if let Some(keeps_whole) = self.keeps_whole {
            let state = if keeps_whole { "on" } else { "off" };
            let far = &self.far;
            far.cmd(format!("ethtool -K {} rx-gro-hw {state}", far.name))
                .run()?;
        }
        Ok(())
    }

    /// One run of TCP: megabytes that were read at the far end, per second.
    pub(crate) fn tcp(&self) -> Result<f64> {
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
            let elapsed = netns::enter(self.near.ns.as_deref(), || {
                let mut stream = TcpStream::connect((&*self.target, port)).context("connect")?;
                let chunk = vec![0x5a; WRITE];
                let start = Instant::now();
                for _ in 0..VOLUME / WRITE {
                    stream.write_all(&chunk)?;
                }
                stream.shutdown(Shutdown::Write)?;
                // The far end closes when it has everything.
                stream.read_to_end(&mut Vec::new())?;
                Ok(start.elapsed())
            })?;
            let received = receiver
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            ensure!(received == VOLUME, "{}: {received} bytes", self.name);
            Ok(VOLUME as f64 / 1e6 / elapsed.as_secs_f64())
        })
    }

    /// One run of UDP: frames that came in at the far end, per second.
    pub(crate) fn udp(&self) -> Result<f64> {
        // Nobody reads: what the interfaces carry is measured, not what a process takes.
        let socket = netns::enter(self.far.ns.as_deref(), || {
            UdpSocket::bind((&*self.target, 0)).context("bind")
        })?;
        let before = self.far.stat("rx", "packets")?;
        let elapsed = netns::enter(self.near.ns.as_deref(), || {
            let sender = UdpSocket::bind("0.0.0.0:0")?;
            sender.connect(socket.local_addr()?)?;
            let start = Instant::now();
            for _ in 0..DATAGRAMS {
                // A full queue is not waited for: what did not come in is not counted.
                let _ = sender.send(&[0x5a; PAYLOAD]);
            }
            Ok(start.elapsed())
        })?;
        let arrived = self.far.stat("rx", "packets")? - before;
        ensure!(
            arrived > DATAGRAMS / 2,
            "{}: of {DATAGRAMS} frames only {arrived} came in",
            self.name
        );
        Ok(arrived as f64 / elapsed.as_secs_f64())
    }
}
