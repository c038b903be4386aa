// SPDX-License-Identifier: GPL-2.0

//! Frames that a packet socket leaves unfinished: with a checksum that somebody below is to fill in,
//! or several segments long. What is to be done stands in a `virtio_net_hdr` in front of each.

use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use nix::libc;
use nix::sys::socket::{send, setsockopt, MsgFlags, SockProtocol};

use super::packet_socket;
use crate::link::Link;

#[derive(Clone, Copy)]
struct VnetHeader;
nix::setsockopt_impl!(
    VnetHeader,
    libc::SOL_PACKET,
    libc::PACKET_VNET_HDR,
    bool,
    nix::sys::socket::sockopt::SetBool
);

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
            Some((Gso::UdpL4, _)) => 5,
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
