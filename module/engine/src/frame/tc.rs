// SPDX-License-Identifier: GPL-2.0

//! What a classifier sees of a frame beside its bytes: `struct __sk_buff` at TC ingress.
//!
//! Software runs a classifier on a frame that the stack has already looked at: the address decided
//! on the packet type, the EtherType on the protocol, and the outermost VLAN tag is out of the
//! bytes. None of this is looked up again when the program changes the bytes, so it is kept beside
//! them, and goes to the host with the frame.

use super::{Frame, ETH_HLEN};
use crate::filter::{is_group, BROADCAST};
use crate::protocol::{ETH_P_8021AD, ETH_P_8021Q};
use crate::verdict::TcVerdict;

/// Bytes of an Ethernet address.
const ETH_ALEN: usize = 6;
/// Where the EtherType or the first VLAN tag is, and what is moved when a tag comes or goes.
pub(crate) const ADDRESSES: usize = 2 * ETH_ALEN;
/// Bytes of a VLAN tag.
pub const VLAN_HLEN: usize = 4;
/// Smallest number that is an EtherType and no length.
const ETH_P_802_3_MIN: u16 = 0x0600;
/// What stands for the protocol of frames with a length: raw 802.3 (Novell), and 802.2.
const ETH_P_802_3: u16 = 0x0001;
const ETH_P_802_2: u16 = 0x0004;

/// Packet types of `linux/if_packet.h`.
const PACKET_HOST: u8 = 0;
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;
/// The greatest packet type that a program may choose.
pub(crate) const PACKET_OTHERHOST: u8 = 3;

/// A VLAN tag that is not among the bytes of its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VlanTag {
    /// The tag's EtherType, in host byte order: 0x8100 or 0x88a8 where the device put it.
    pub protocol: u16,
    /// Priority, drop eligibility and VLAN number, in host byte order.
    pub tci: u16,
}

/// The rest of `struct __sk_buff`, and what a classifier decides beside its verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcContext {
    /// EtherType, in host byte order.
    pub protocol: u16,
    /// To whom the frame is addressed, by `linux/if_packet.h`; the program may change it.
    pub pkt_type: u8,
    /// The tag that was taken out of the bytes, or that the program pushed.
    pub vlan: Option<VlanTag>,
    /// Interface index of the port that received the frame.
    pub ifindex: u32,
    /// The receive queue plus 1, as the stack records it: 16 bits. The program may change it.
    pub queue_mapping: u32,
    /// The packet mark; the program may change it.
    pub mark: u32,
    /// The queueing priority; the program may change it.
    pub priority: u32,
    /// 16 bits for queueing disciplines; the program may change them.
    pub tc_index: u32,
    /// The class, 16 bits: at first that of the filter. The program may change it.
    pub tc_classid: u32,
    /// Whether the program returns a class, not a verdict: its filter has no direct action.
    pub returns_class: bool,
    /// Scratch space of the program.
    pub cb: [u32; 5],
    /// Bytes from the first one of the frame to its network header: the length that the stack takes
    /// the link-layer header to have.
    pub network_offset: u32,
    /// Bytes from the first one of the frame to what the stack takes for its transport header,
    /// which may lie before the frame: a lower limit of what the frame can be cut to.
    pub transport_offset: i32,
    /// Bytes behind the link-layer header as the frame came in.
    pub wire_len: u32,
    /// Whether the program declared the receive hash to be wrong.
    pub hash_invalid: bool,
    /// Interface index that the program gave to `bpf_redirect()` last; `None` before it does.
    pub redirect: Option<u32>,
}

impl TcContext {
    /// Whether a frame with the bytes `frame` has a tag that [`of_frame`](Self::of_frame) takes out
    /// of it, for which it must be writable.
    pub fn is_tagged(frame: &[u8]) -> bool {
        is_vlan(be16(frame, ADDRESSES).unwrap_or(0))
    }

    /// What the stack finds out about a frame before its classifiers see it. The outermost VLAN tag
    /// leaves the frame.
    ///
    /// `port_address` is the Ethernet address of the port that received the frame in its queue
    /// `queue`, `ifindex` its interface index.
    ///
    /// `None` for frames that no classifier gets to see: they are shorter than an Ethernet header,
    /// or their tag is cut off, and the stack will drop them. Then the frame is as it was; also, if
    /// it has a tag and may only be read.
    pub fn of_frame(
        frame: &mut Frame<'_>,
        port_address: &[u8; ETH_ALEN],
        ifindex: u32,
        queue: u16,
    ) -> Option<Self> {
        let data = frame.data();
        let destination: &[u8; ETH_ALEN] = data.first_chunk()?;
        let (outer, pkt_type) = (ether_type(data)?, packet_type(destination, port_address));
        // The stack takes the network header of the tagged frame for the transport header.
        let mut transport_offset = ETH_HLEN as i32;
        let mut protocol = outer;
        let mut vlan = None;
        if is_vlan(outer) {
            let tci = be16(data, ADDRESSES.wrapping_add(2))?;
            // Without two bytes behind the inner EtherType the frame has no protocol for the stack.
            let needed = ETH_HLEN.wrapping_add(VLAN_HLEN).wrapping_add(2);
            if data.len() < needed {
                return None;
            }
            frame.remove(ADDRESSES, VLAN_HLEN).ok()?;
            protocol = ether_type(frame.data())?;
            transport_offset = transport_offset.wrapping_sub(VLAN_HLEN as i32);
            vlan = Some(VlanTag {
                protocol: outer,
                tci,
            });
        }
        Some(Self {
            protocol,
            pkt_type,
            vlan,
            ifindex,
            queue_mapping: u32::from(queue).wrapping_add(1),
            network_offset: ETH_HLEN as u32,
            transport_offset,
            wire_len: frame.len().saturating_sub(ETH_HLEN) as u32,
            ..Self::default()
        })
    }

    /// What the filter makes of the number that its program returned. A frame that it lets through
    /// gets the class as its `tc_index`: the one that the program has returned or, with direct
    /// action, written. The class of the filter itself, which -1 stands for, is 0 for the device.
    pub(crate) fn decide(&mut self, returned: i32) -> TcVerdict {
        let (verdict, class) = match returned {
            _ if !self.returns_class => (TcVerdict::of_filter(returned), self.tc_classid),
            0 => (TcVerdict::Unspec, 0),
            -1 => (TcVerdict::Ok, 0),
            class => (TcVerdict::Ok, class as u32),
        };
        if verdict == TcVerdict::Ok {
            self.tc_index = class & 0xffff;
        }
        verdict
    }

    /// Puts the VLAN tag, if there is one, back among the bytes of `frame`: how the frame goes out
    /// of a port.
    ///
    /// # Errors
    ///
    /// A (positive) error number if the frame may only be read or has no room.
    pub fn insert_tag(&mut self, frame: &mut Frame<'_>) -> Result<(), i32> {
        let Some(tag) = self.vlan else {
            return Ok(());
        };
        frame.insert(ADDRESSES, VLAN_HLEN)?;
        let [protocol, tci] = [tag.protocol.to_be_bytes(), tag.tci.to_be_bytes()];
        frame.put(ADDRESSES, &protocol);
        frame.put(ADDRESSES.wrapping_add(2), &tci);
        self.vlan = None;
        self.transport_offset = self.transport_offset.wrapping_add(VLAN_HLEN as i32);
        Ok(())
    }
}

/// Whether `ether_type` announces a VLAN tag.
pub(crate) const fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, ETH_P_8021Q | ETH_P_8021AD)
}

/// The protocol of the frame with bytes `data`, as the stack finds it behind the addresses; `None`
/// if the frame ends before.
pub(crate) fn ether_type(data: &[u8]) -> Option<u16> {
    let number = be16(data, ADDRESSES)?;
    if number >= ETH_P_802_3_MIN {
        return Some(number);
    }
    let raw = be16(data, ETH_HLEN) == Some(0xffff);
    Some(if raw { ETH_P_802_3 } else { ETH_P_802_2 })
}

fn packet_type(destination: &[u8; ETH_ALEN], port_address: &[u8; ETH_ALEN]) -> u8 {
    if destination == port_address {
        PACKET_HOST
    } else if *destination == BROADCAST {
        PACKET_BROADCAST
    } else if is_group(*destination) {
        PACKET_MULTICAST
    } else {
        PACKET_OTHERHOST
    }
}

/// The number in network byte order at `offset`.
pub(crate) fn be16(data: &[u8], offset: usize) -> Option<u16> {
    let bytes = data.get(offset..)?.first_chunk()?;
    Some(u16::from_be_bytes(*bytes))
}
