// SPDX-License-Identifier: GPL-2.0

//! What sockets of Linux can be told beyond what the standard library and `nix` know.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::setsockopt_impl;
use nix::sys::socket::sockopt::{SetBool, SetStruct};
use nix::sys::socket::{recv, send, setsockopt, MsgFlags};

/// For how many microseconds a task that waits polls the queue itself.
#[derive(Clone, Copy, Debug)]
struct BusyPoll;
setsockopt_impl!(
    BusyPoll,
    libc::SOL_SOCKET,
    libc::SO_BUSY_POLL,
    u32,
    SetStruct<'_, u32>
);

/// Whether it would rather do so than have the kernel do it.
#[derive(Clone, Copy, Debug)]
struct PreferBusyPoll;
setsockopt_impl!(
    PreferBusyPoll,
    libc::SOL_SOCKET,
    libc::SO_PREFER_BUSY_POLL,
    bool,
    SetBool
);

/// How many frames it takes at once.
#[derive(Clone, Copy, Debug)]
struct BusyPollBudget;
setsockopt_impl!(
    BusyPollBudget,
    libc::SOL_SOCKET,
    libc::SO_BUSY_POLL_BUDGET,
    u32,
    SetStruct<'_, u32>
);

/// Whether the pages that are sent may be lent.
#[derive(Clone, Copy, Debug)]
struct ZeroCopy;
setsockopt_impl!(ZeroCopy, libc::SOL_SOCKET, libc::SO_ZEROCOPY, bool, SetBool);

/// Has tasks that wait for `socket` poll its queue themselves.
///
/// # Errors
///
/// Where the kernel refuses it.
pub fn poll_busily(socket: &impl AsFd) -> Result<()> {
    setsockopt(socket, BusyPoll, &50).context("SO_BUSY_POLL")?;
    setsockopt(socket, PreferBusyPoll, &true).context("SO_PREFER_BUSY_POLL")?;
    setsockopt(socket, BusyPollBudget, &16).context("SO_BUSY_POLL_BUDGET")
}

/// Sends with pages that are lent (`MSG_ZEROCOPY`), each time.
#[derive(Debug)]
pub struct Lender<S>(S);

impl<S: AsFd> Lender<S> {
    /// Has `socket` lend pages.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses it.
    pub fn new(socket: S) -> Result<Self> {
        setsockopt(&socket, ZeroCopy, &true).context("SO_ZEROCOPY")?;
        Ok(Self(socket))
    }

    /// Sends all of `bytes`. They are read until they have arrived, which may be later.
    ///
    /// # Errors
    ///
    /// Where the socket can't send.
    pub fn send(&self, mut bytes: &[u8]) -> Result<()> {
        let fd = self.0.as_fd().as_raw_fd();
        let lend = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY);
        while !bytes.is_empty() {
            match send(fd, bytes, lend) {
                Ok(sent) => bytes = &bytes[sent..],
                // Too many notes about pages that came back; where there is none yet there will be.
                Err(Errno::ENOBUFS) => self.take_back()?,
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(io::Error::from(errno)).context("send lent pages"),
            }
        }
        self.take_back()
    }

    /// Reads the notes about pages that came back.
    fn take_back(&self) -> Result<()> {
        let fd = self.0.as_fd().as_raw_fd();
        loop {
            match recv(fd, &mut [], MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(()),
                Err(errno) => return Err(io::Error::from(errno)).context("read the error queue"),
            }
        }
    }
}
