// SPDX-License-Identifier: GPL-2.0

//! Sockets of AF_XDP that get copies of frames, and send such, by a small program in C: their rings are
//! memory that is shared with the kernel.

use std::fmt::Write;

use anyhow::{bail, Context, Result};
use offload_uapi::types::hex;

use crate::bpf::Map;
use crate::command::Background;
use crate::compiled::Compiled;
use crate::link::Link;

/// `XDP_TXMD_FLAGS_TIMESTAMP`.
pub const TIMESTAMP: i64 = 1;
/// `XDP_TXMD_FLAGS_CHECKSUM`.
pub const CHECKSUM: i64 = 2;
/// `XDP_TXMD_FLAGS_LAUNCH_TIME`.
pub const LAUNCH_TIME: i64 = 4;
/// Bytes of `struct xsk_tx_metadata`.
const TX_METADATA: usize = 24;

/// The compiled program.
#[derive(Debug)]
pub struct Sockets(Compiled);

/// A frame to be sent, and what is asked for it.
#[derive(Clone, Debug)]
pub struct Request {
    /// [`TIMESTAMP`], [`CHECKSUM`] and [`LAUNCH_TIME`], or -1 for a frame without metadata.
    pub flags: i64,
    /// Where the sum begins, in bytes from the frame's first one.
    pub start: usize,
    /// Where it goes, in bytes from there.
    pub offset: usize,
    /// When the frame is to leave, in nanoseconds.
    pub launch_time: u64,
    /// How many of its last bytes lie in a buffer of their own; 0 for a frame in one.
    pub apart: usize,
    /// Its bytes: at most 3,840 in each buffer.
    pub frame: Vec<u8>,
}

/// When a frame was sent, by `CLOCK_TAI` in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// Before it was given to the kernel.
    pub before: i64,
    /// What the kernel says, or what stood there before.
    pub stamp: u64,
    /// After it was completed.
    pub after: i64,
}

/// A frame that a socket has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The queue of the socket.
    pub queue: u32,
    /// What a program has put before the frame.
    pub metadata: Vec<u8>,
    /// The frame.
    pub frame: Vec<u8>,
}

/// Sockets that wait for frames.
#[derive(Debug)]
pub struct Receivers(Background);

impl Sockets {
    /// Compiles the program.
    ///
    /// # Errors
    ///
    /// Where there is no C compiler.
    pub fn new() -> Result<Self> {
        Compiled::tool("xsk", include_str!("../xsk/xsk.c")).map(Self)
    }

    /// Opens a socket for each of the first `queues` queues of `link`, puts them into `map`, an XSKMAP, and
    /// has them wait for `count` frames in all, with `metadata` bytes before each.
    ///
    /// # Errors
    ///
    /// Where one can't be opened.
    pub fn receive(
        &self,
        link: &Link,
        map: &Map,
        queues: u32,
        count: usize,
        metadata: usize,
    ) -> Result<Receivers> {
        let line = format!(
            "{} receive {} {queues} {count} {metadata}",
            link.name, map.id
        );
        let mut receivers = Background::start(&link.cmd("").arg(self.0.path()).args(line))?;
        let said = receivers.next_line()?;
        if said != "ready" {
            bail!("not ready: {said}");
        }
        Ok(Receivers(receivers))
    }

    /// Sends frames by queue 0 of `link`, one after the other.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses one.
    pub fn send(&self, link: &Link, requests: &[Request]) -> Result<Vec<Completion>> {
        let mut text = String::new();
        for it in requests {
            let frame = hex(&it.frame);
            writeln!(
                text,
                "{} {} {} {} {} {frame}",
                it.flags, it.start, it.offset, it.launch_time, it.apart
            )?;
        }
        let file = self.0.beside("requests");
        std::fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        let said = link
            .cmd("")
            .arg(self.0.path())
            .args(format!("{} send", link.name))
            .arg(&file)
            .args(TX_METADATA.to_string())
            .run()?;
        said.lines().map(completion).collect()
    }
}

/// The three numbers of a line.
fn completion(line: &str) -> Result<Completion> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        [before, stamp, after] => Ok(Completion {
            before: before.parse()?,
            stamp: stamp.parse()?,
            after: after.parse()?,
        }),
        _ => bail!("not three numbers: {line}"),
    }
}

impl Receivers {
    /// The next frame that one of them has got.
    ///
    /// # Errors
    ///
    /// Where none comes for a long time.
    pub fn next_frame(&mut self) -> Result<Arrived> {
        let line = self.0.next_line()?;
        match line.split(' ').collect::<Vec<_>>()[..] {
            [queue, metadata, frame] => Ok(Arrived {
                queue: queue.parse()?,
                metadata: bytes(metadata)?,
                frame: bytes(frame)?,
            }),
            _ => bail!("not three words: {line}"),
        }
    }
}

/// What hexadecimal digits stand for.
fn bytes(digits: &str) -> Result<Vec<u8>> {
    (0..digits.len())
        .step_by(2)
        .map(|at| {
            let pair = digits.get(at..at + 2).context("half a byte")?;
            Ok(u8::from_str_radix(pair, 16)?)
        })
        .collect()
}
