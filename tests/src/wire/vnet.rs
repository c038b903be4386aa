// SPDX-License-Identifier: GPL-2.0

//! Frames that a packet socket leaves unfinished, or gets so: with a checksum that somebody below is to fill
//! in, or several segments long. What is to be done stands in a `virtio_net_hdr` in front of each.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use anyhow::{ensure, Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::socket::sockopt::RcvBufForce;
use nix::sys::socket::{recv, send, setsockopt, MsgFlags, SockProtocol};

use super::packet_socket;
use crate::link::{Link, PATIENCE};

#[derive(Clone, Copy)]
struct VnetHeader;
nix::setsockopt_impl!(
    VnetHeader,
    libc::SOL_PACKET,
    libc::PACKET_VNET_HDR,
    bool,
    nix::sys::socket::sockopt::SetBool
);

/// `VIRTIO_NET_HDR_GSO_UDP_L4`
const GSO_UDP_L4: u8 = 5;

/// Kinds of super-frames that a `virtio_net_hdr` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gso {
    /// `VIRTIO_NET_HDR_GSO_TCPV4`
    TcpV4,
    /// `VIRTIO_NET_HDR_GSO_TCPV6`
    TcpV6,
    /// `VIRTIO_NET_HDR_GSO_UDP_L4`
    UdpL4,
}

/// What is left to be done to a frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unfinished {
    /// From which byte of the frame the checksum is, and how far behind that it belongs.
    pub checksum: Option<(u16, u16)>,
    /// The kind of super-frame and the bytes of payload in a segment.
    pub segments: Option<(Gso, u16)>,
    /// CWR is set: it belongs into the first segment alone.
    pub congestion: bool,
    /// Bytes that the kernel is to keep in one piece if the frame is longer than a page, 0 for all;
    /// the others lie in pages.
    pub linear: u16,
}

impl Unfinished {
    /// The ten bytes in front of the frame, in the machine's own byte order.
    fn header(&self) -> Vec<u8> {
        let gso_type = match self.segments {
            None => 0,
            Some((Gso::TcpV4, _)) => 1,
            Some((Gso::TcpV6, _)) => 4,
            Some((Gso::UdpL4, _)) => GSO_UDP_L4,
        };
        let congestion = if self.congestion { 0x80 } else { 0 };
        let size = self.segments.map_or(0, |(_, size)| size);
        let (start, offset) = self.checksum.unwrap_or_default();
        let mut header = vec![u8::from(self.checksum.is_some()), gso_type | congestion];
        for word in [self.linear, size, start, offset] {
            header.extend(word.to_ne_bytes());
        }
        header
    }
}

/// Sends unfinished frames.
#[derive(Debug)]
pub struct VnetSender {
    socket: OwnedFd,
    link: String,
}

impl VnetSender {
    /// A socket on `link`, which must be up when it sends. `protocol` is that of the packets where
    /// the interface has no link layer that could tell, and [`SockProtocol::EthAll`] elsewhere.
    ///
    /// # Errors
    ///
    /// Where there is no such interface, or without CAP_NET_RAW.
    pub fn new(link: &Link, protocol: SockProtocol) -> Result<Self> {
        let socket = packet_socket(link, protocol)?;
        setsockopt(&socket, VnetHeader, &true).context("set PACKET_VNET_HDR")?;
        Ok(Self {
            socket,
            link: link.to_string(),
        })
    }

    /// Sends one frame; on an interface that has no link layer, one packet.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses it.
    pub fn send(&self, unfinished: &Unfinished, frame: &[u8]) -> Result<()> {
        let mut message = unfinished.header();
        message.extend(frame);
        send(self.socket.as_raw_fd(), &message, MsgFlags::empty())
            .with_context(|| format!("{} bytes on {}, {unfinished:?}", frame.len(), self.link))?;
        Ok(())
    }
}

/// A frame as the stack has got it, perhaps one that was put together of several of TCP or UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// From which byte on the checksum is that was left open, and how far behind that it belongs.
    pub checksum: Option<(u16, u16)>,
    /// The kind of a super-frame, as a `virtio_net_hdr` has it, and the bytes of payload in a segment.
    pub segments: Option<(u8, u16)>,
    /// The bytes.
    pub frame: Vec<u8>,
}

impl Received {
    /// What came out of a socket.
    fn new(message: &[u8]) -> Result<Self> {
        let (header, frame) = message.split_at_checked(10).context("no header")?;
        let word = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let (flags, kind) = (header[0], header[1]);
        Ok(Self {
            checksum: (flags & 1 != 0).then(|| (word(6), word(8))),
            segments: (kind != 0).then(|| (kind, word(4))),
            frame: frame.to_vec(),
        })
    }

    /// Length of the headers of a super-frame, all in all.
    fn header_len(&self) -> Option<usize> {
        let (start, _) = self.checksum?;
        if self.segments?.0 == GSO_UDP_L4 {
            return Some(usize::from(start) + 8);
        }
        let offset = self.frame.get(usize::from(start) + 12)?;
        Some(usize::from(start) + usize::from(offset >> 4) * 4)
    }

    /// How many frames it was on the wire.
    ///
    /// # Errors
    ///
    /// Where it is a super-frame without headers.
    pub fn wire_frames(&self) -> Result<usize> {
        let Some((_, size)) = self.segments else {
            return Ok(1);
        };
        let header = self.header_len().context("a super-frame without headers")?;
        ensure!(size > 0 && header < self.frame.len(), "{self:?}");
        Ok((self.frame.len() - header).div_ceil(size.into()))
    }
}

/// Sees what the stack gets, super-frames in one piece, and what was left to be done.
#[derive(Debug)]
pub struct VnetTap(OwnedFd);

impl VnetTap {
    /// A socket on `link`.
    ///
    /// # Errors
    ///
    /// As those of [`VnetSender::new`].
    pub fn new(link: &Link) -> Result<Self> {
        let socket = packet_socket(link, SockProtocol::EthAll)?;
        setsockopt(&socket, VnetHeader, &true).context("set PACKET_VNET_HDR")?;
        setsockopt(&socket, RcvBufForce, &(64 << 20)).context("set SO_RCVBUFFORCE")?;
        Ok(Self(socket))
    }

    /// What comes until all of it together was `wire_frames` frames on the wire.
    ///
    /// # Errors
    ///
    /// Where fewer or more come.
    pub fn next(&self, wire_frames: usize) -> Result<Vec<Received>> {
        let (mut all, mut count) = (Vec::new(), 0);
        while count < wire_frames {
            let received = self
                .one()
                .with_context(|| format!("{count} of {wire_frames} frames came"))?;
            count += received.wire_frames()?;
            all.push(received);
        }
        ensure!(count == wire_frames, "{count} frames, not {wire_frames}");
        Ok(all)
    }

    /// What comes until the first that is `last`, which is not among it.
    ///
    /// # Errors
    ///
    /// Where it does not come for a long time.
    pub fn until(&self, last: impl Fn(&[u8]) -> bool) -> Result<Vec<Received>> {
        let mut all = Vec::new();
        loop {
            let received = self.one()?;
            if last(&received.frame) {
                return Ok(all);
            }
            all.push(received);
        }
    }

    /// The next packet.
    fn one(&self) -> Result<Received> {
        let began = Instant::now();
        let mut buffer = vec![0; 1 << 17];
        loop {
            match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(len) => return Received::new(&buffer[..len]),
                Err(Errno::EAGAIN) => {
                    ensure!(began.elapsed() < PATIENCE, "nothing comes any more");
                    let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
                    poll(&mut fds, PollTimeout::from(100_u8)).context("poll")?;
                }
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).context("read a packet socket"),
            }
        }
    }

    /// Whether nothing has come that was not read.
    ///
    /// # Errors
    ///
    /// Where the socket can't be read.
    pub fn is_empty(&self) -> Result<bool> {
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut fds, PollTimeout::ZERO).context("poll")? == 0)
    }
}
