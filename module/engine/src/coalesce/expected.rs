// SPDX-License-Identifier: GPL-2.0

//! What the next frame of a stream looks like, so that most need not be looked at.

use super::headers::{Ip, Transport};
use super::held::FixedIds;
use super::segment::{Segment, TCP_CHECK};
use crate::checksum::{sum, Sum};
use crate::descriptor::{RxDescriptor, ToldFlow, TxCapability, TxChecksum, TxDescriptor};
use crate::fields::{get, get16, put, put_all};
use crate::frame::ETH_HLEN;
use crate::vlan::VlanTag;

/// The most bytes of headers. With longer ones nothing is expected.
const LONGEST: usize = 128;

/// The headers that the next segment of a flow has, if it is as long as the first one and nothing in it is new: they
/// are those of the last one that was put behind others, with another sequence number and other identifications.
///
/// Whatever [`Held::verdict`](super::Held::verdict) goes by is in the headers, but for how long a packet may get: so
/// one that looks like this goes where the last one went.
pub struct Expected {
    /// Where that is.
    slot: Option<u16>,
    header: [u8; LONGEST],
    header_len: usize,
    /// Length of the frame, and of what it carries.
    len: u32,
    payload: u32,
    /// The checksum that the sender leaves open, or none if it comes filled in.
    open: TxChecksum,
    /// The sum of the pseudo header, without what is between the Ethernet header and that of TCP: IPv4 headers add
    /// up to nothing, and so to the same whatever they say.
    pseudo: Sum,
    /// What else the device says of it.
    flow: Option<ToldFlow>,
    vlan: Option<VlanTag>,
    /// Offset of the TCP header.
    transport: usize,
    /// The IPv4 headers whose identifications grow.
    growing: [Option<Ip>; 2],
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            slot: None,
            header: [0; LONGEST],
            header_len: 0,
            len: 0,
            payload: 0,
            open: TxChecksum::None,
            pseudo: Sum::ZERO,
            flow: None,
            vlan: None,
            transport: 0,
            growing: [None; 2],
        }
    }
}

impl Expected {
    /// Nothing is noted, and nothing expected any more: settings may be others.
    #[inline]
    pub fn forget(&mut self) {
        self.slot = None;
        self.header_len = 0;
    }

    /// Length of its headers.
    #[inline]
    pub(crate) fn header_len(&self) -> usize {
        self.header_len
    }

    /// Expects nothing behind what is held in `slot`, which goes up.
    #[inline]
    pub(crate) fn forget_slot(&mut self, slot: u16) {
        if self.slot == Some(slot) {
            self.slot = None;
        }
    }

    /// Notes a segment of `frame`, which is going to be put behind others. Of the frame the device says `descriptor`,
    /// and its sender has left `open` open. Nothing is expected yet.
    pub(crate) fn note(
        &mut self,
        segment: &Segment,
        frame: &[u8],
        (descriptor, open): (&RxDescriptor, TxChecksum),
    ) {
        self.forget();
        let headers = segment.headers;
        let (len, transport) = (segment.header_len(), headers.transport);
        let is_plain = headers.kind == Transport::Tcp && headers.gre.is_none();
        let parts = frame.get(..len).zip(frame.get(ETH_HLEN..transport));
        let Some((header, before)) = parts.filter(|_| is_plain) else {
            return;
        };
        if put_all(&mut self.header, 0, header).is_none() {
            return;
        }
        self.header_len = len;
        // CAST: It was found in a frame, which is shorter than 4 GiB.
        self.len = (len as u32).wrapping_add(segment.len);
        self.payload = segment.len;
        self.open = open;
        let from_transport = len.saturating_sub(transport);
        // CAST: A `usize` has at least 32 bits.
        let from_transport = from_transport.wrapping_add(segment.len as usize);
        let pseudo = headers.pseudo_header(frame, from_transport);
        self.pseudo = pseudo.sub(sum(before));
        (self.flow, self.vlan) = (descriptor.flow, descriptor.vlan);
        self.transport = transport;
        let mut networks = headers.networks();
        for growing in &mut self.growing {
            *growing = networks.next().filter(|ip| !ip.v6);
        }
    }

    /// The segment that was noted last is now behind those in `slot`, whose identifications are `fixed`, and others
    /// may come behind it: expects the next one.
    pub(crate) fn expect(&mut self, slot: u16, fixed: FixedIds) {
        if self.header_len == 0 {
            return;
        }
        for (growing, fixed) in self.growing.iter_mut().zip([fixed.outer, fixed.inner]) {
            if fixed {
                *growing = None;
            }
        }
        self.slot = self.advance().map(|()| slot);
    }

    /// Where a frame goes whose headers are `header`, and which its sender describes so, if it is the one that is
    /// expected. Its checksum is open and going to be right, as that of the last one was.
    #[inline]
    pub(crate) fn slot_of_open(&self, header: &[u8], sent: &TxDescriptor) -> Option<u16> {
        let is_alike = self.slot.is_some()
            && sent.len == self.len
            && sent.checksum == self.open
            && sent.capability != TxCapability::ProtocolSpecific
            && self.header.get(..self.header_len) == Some(header);
        self.slot.filter(|_| is_alike)
    }

    /// Where `frame` goes, of which the device says `descriptor`, if it is the one that is expected, and its
    /// checksum is right. `rest` is the sum of all that is behind its Ethernet header.
    #[inline]
    pub(crate) fn slot_of(
        &self,
        frame: &[u8],
        descriptor: &RxDescriptor,
        rest: u16,
    ) -> Option<u16> {
        let slot = self.slot?;
        let is_said = self.open == TxChecksum::None
            && descriptor.flow == self.flow
            && descriptor.vlan == self.vlan;
        // CAST: A `usize` has at least 32 bits.
        if !is_said || frame.len() != self.len as usize {
            return None;
        }
        // All but the checksum.
        let check = self.transport.checked_add(TCP_CHECK)?;
        let behind = check.checked_add(2)?..self.header_len;
        let is_alike = frame.get(..check)? == self.header.get(..check)?
            && frame.get(behind.clone())? == self.header.get(behind)?;
        let sum = self.pseudo.add(Sum::of_field(rest.to_le_bytes()));
        (is_alike && sum.fold() == u16::MAX).then_some(slot)
    }

    /// The one that was expected has come.
    #[inline]
    pub(crate) fn came(&mut self) {
        if self.advance().is_none() {
            self.slot = None;
        }
    }

    /// Has the headers be those of the segment behind.
    #[inline]
    fn advance(&mut self) -> Option<()> {
        let at = self.transport.checked_add(4)?;
        let sequence = u32::from_be_bytes(get(&self.header, at)?).wrapping_add(self.payload);
        put(&mut self.header, at, sequence.to_be_bytes())?;
        for ip in self.growing.into_iter().flatten() {
            let id = get16(&self.header, ip.at.checked_add(4)?)?;
            ip.replace(&mut self.header, 4, id.wrapping_add(1).into())?;
        }
        Some(())
    }
}
