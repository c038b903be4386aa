// SPDX-License-Identifier: GPL-2.0

//! What crosses between driver and device with a frame.
//!
//! Plain values in host byte order; the bytes of a frame go beside them. The words for transmit
//! offloads are those of `skbuff.h`, so that a driver fills a descriptor by copying and does not
//! have to interpret headers.

mod transmit;

use core::num::NonZeroU64;

use crate::frame::{VlanTag, ETH_HLEN};
use crate::parser::FlowKeys;
use crate::receive_checksum::RxChecksum;
use crate::steer::Hash;
use crate::verdict::{TcVerdict, XdpVerdict};
pub use transmit::{Gso, GsoKind, InnerHeaders, TxCapability, TxChecksum, TxDescriptor, TxHeaders};

/// From device to driver: one received frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RxDescriptor {
    /// Length of the frame in bytes, after the program.
    pub len: u32,
    /// Length of the metadata in front of the frame in bytes.
    pub meta_len: u8,
    /// Receive queue by which the frame is handed up.
    pub queue: u32,
    /// The one that the offloaded program has chosen, if it has; `u16::MAX` stands for all numbers from
    /// there on.
    pub chosen_queue: Option<u16>,
    /// What the device tells of its flow, if it was to tell anything and the frame has it.
    pub flow: Option<ToldFlow>,
    /// What the offloaded program said; `None` if there is no program.
    pub verdict: Option<XdpVerdict>,
    /// Interface index of the port that the program wants the frame sent by, if the verdict is
    /// [`XdpVerdict::Redirect`] and the program named one.
    pub redirect: Option<u32>,
    /// What came of the offloaded classifier; `None` if it did not run.
    pub tc: Option<TcDescriptor>,
    /// Length of its headers in bytes if what is behind them goes to the host in pages, as that wants
    /// it; 0 if the frame lies in one piece, or its payload where the sender has it.
    pub header_len: u32,
    /// What the device found out about the checksum of the frame as it is handed up.
    pub checksum: RxChecksum,
    /// The VLAN tag that the device has taken out of the frame for the host, which its program has seen.
    pub vlan: Option<VlanTag>,
    /// What the frame was on the wire, if it was several.
    pub coalesced: Option<Coalesced>,
    /// When it arrived, by the clock of the card that receives, in nanoseconds since 1970, if that
    /// takes time stamps. The host takes 0 for none.
    pub stamp: Option<NonZeroU64>,
}

/// What a device tells of the flow that a frame is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ToldFlow {
    /// Its hash.
    Hash(Hash),
    /// What the kernel makes its own hash from, which only it can make: it has a secret of its own.
    Keys(FlowKeys),
}

/// The wire frames that one for the host stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Coalesced {
    /// Their number.
    pub frames: u32,
    /// Their bytes, from the Ethernet headers on.
    pub bytes: u64,
}

/// The part of a receive descriptor that a classifier leaves. The fields are those of `struct
/// sk_buff`, which the host is not to find out again from the frame's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcDescriptor {
    /// What the classifier said; [`TcVerdict::Shot`] if the device stopped it.
    pub verdict: TcVerdict,
    /// Interface index of the port that the program wants the frame sent by, if the verdict is
    /// [`TcVerdict::Redirect`] and the program named one.
    pub redirect: Option<u32>,
    /// EtherType, in host byte order.
    pub protocol: u16,
    /// Packet type of `linux/if_packet.h`.
    pub pkt_type: u8,
    /// Length of the link-layer header in bytes, at most that of the frame.
    pub network_offset: u32,
    /// VLAN tag that is not among the frame's bytes. `None` if the frame is to be sent: then the tag
    /// is in its bytes.
    pub vlan: Option<VlanTag>,
    /// Packet mark.
    pub mark: u32,
    /// Queueing priority.
    pub priority: u32,
    /// For queueing disciplines.
    pub tc_index: u16,
    /// The receive queue plus 1, as `skb_record_rx_queue` notes it.
    pub queue_mapping: u16,
    /// Whether the program declared the hash of the flow to be wrong: then the stack finds it out.
    pub hash_invalid: bool,
}

/// Where a received frame goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// To the host.
    Host,
    /// Back to the cable that it came from.
    Back,
    /// Out of the port with this interface index, if the program named one.
    Port(Option<u32>),
    /// Nowhere: it was dropped or consumed.
    Nowhere,
}

impl RxDescriptor {
    /// Where the frame goes.
    pub const fn outcome(&self) -> Outcome {
        match (self.verdict, self.tc) {
            (Some(XdpVerdict::Tx), _) => Outcome::Back,
            (Some(XdpVerdict::Redirect), _) => Outcome::Port(self.redirect),
            (Some(XdpVerdict::Aborted | XdpVerdict::Drop), _) => Outcome::Nowhere,
            (None | Some(XdpVerdict::Pass), None) => Outcome::Host,
            (None | Some(XdpVerdict::Pass), Some(tc)) => match tc.verdict {
                TcVerdict::Ok | TcVerdict::Unspec => Outcome::Host,
                TcVerdict::Redirect => Outcome::Port(tc.redirect),
                TcVerdict::Shot | TcVerdict::Stolen | TcVerdict::Trap => Outcome::Nowhere,
            },
        }
    }

    /// Length of the frame's link-layer header in bytes: what is behind it is the packet.
    pub const fn network_offset(&self) -> u32 {
        match self.tc {
            Some(tc) => tc.network_offset,
            None => ETH_HLEN as u32,
        }
    }

    /// Whether the frame goes to the host.
    pub const fn to_host(&self) -> bool {
        matches!(self.outcome(), Outcome::Host)
    }
}
