// SPDX-License-Identifier: GPL-2.0

//! Multicast groups of the link layer that somebody is in who has packet sockets, as `lldpd` or `ptp4l`.

use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use nix::libc;
use nix::sys::socket::sockopt::SetStruct;
use nix::sys::socket::{setsockopt, SockProtocol};

use super::packet_socket;
use crate::link::Link;

#[derive(Clone, Copy)]
struct Join;
nix::setsockopt_impl!(
    Join,
    libc::SOL_PACKET,
    libc::PACKET_ADD_MEMBERSHIP,
    libc::packet_mreq,
    SetStruct<libc::packet_mreq>
);

#[derive(Clone, Copy)]
struct Leave;
nix::setsockopt_impl!(
    Leave,
    libc::SOL_PACKET,
    libc::PACKET_DROP_MEMBERSHIP,
    libc::packet_mreq,
    SetStruct<libc::packet_mreq>
);

/// A packet socket that is in groups, until it is dropped.
#[derive(Debug)]
pub struct Member {
    socket: OwnedFd,
    ifindex: i32,
}

impl Member {
    /// A socket on `link` that is in no group yet.
    ///
    /// # Errors
    ///
    /// Where there is no such interface, or without CAP_NET_RAW.
    pub fn new(link: &Link) -> Result<Self> {
        Ok(Self {
            socket: packet_socket(link, SockProtocol::EthAll)?,
            ifindex: link.index()?.try_into()?,
        })
    }

    fn request(&self, group: [u8; 6]) -> Result<libc::packet_mreq> {
        let mut mr_address = [0; 8];
        mr_address[..6].copy_from_slice(&group);
        Ok(libc::packet_mreq {
            mr_ifindex: self.ifindex,
            mr_type: u16::try_from(libc::PACKET_MR_MULTICAST)?,
            mr_alen: 6,
            mr_address,
        })
    }

    /// Joins `group`.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses that.
    pub fn join(&self, group: [u8; 6]) -> Result<()> {
        setsockopt(&self.socket, Join, &self.request(group)?).context("join a group")
    }

    /// Leaves `group`.
    ///
    /// # Errors
    ///
    /// Where the socket is not in it.
    pub fn leave(&self, group: [u8; 6]) -> Result<()> {
        setsockopt(&self.socket, Leave, &self.request(group)?).context("leave a group")
    }
}
