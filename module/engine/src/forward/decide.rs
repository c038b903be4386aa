// SPDX-License-Identifier: GPL-2.0

//! What a frame is to the router, or the bridge, that its port belongs to.

use super::decision::{Decision, Dropped, Forward, Hits, Trap};
use super::log::Family;
use super::lpm::Outcome;
use super::nexthop::{NoWay, Way};
use super::packet::Packet;
use super::prefix::IpAddress;
use super::rewrite::Rewrite;
use super::tables::{address_of, neighbour_key, station_key, Step, Tables};
use crate::fields::{get, get16};
use crate::filter::{is_group, Address};
use crate::frame::ETH_HLEN;
use crate::memory::Memory;
use crate::protocol::{ETH_P_IP, ETH_P_IPV6};
use crate::vlan::{TagKind, VLAN_HLEN};

const ETH_P_ARP: u16 = 0x0806;
const ETH_P_RARP: u16 = 0x8035;

/// The least EtherType: a lower number is a length.
const ETH_P_802_3_MIN: u16 = 0x0600;

/// A frame that has come.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    /// What it begins with: 54 bytes, or all of it, are enough. A tag that was taken out has gone back.
    pub front: &'a [u8],
    /// Its length, in bytes, without a frame check sequence. Not that of a super-frame: of the frames that it
    /// stands for, each is asked about.
    pub len: u32,
}

/// The port by which a frame comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InPort {
    /// Its number.
    pub number: u16,
    /// What it does.
    pub role: Role,
}

/// What a port does with frames that are not for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It belongs to a router.
    Routed(Routed),
    /// It belongs to a bridge.
    Bridged(Bridged),
}

/// A port of a router.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Routed {
    /// Its address of Ethernet.
    pub address: Address,
    /// The number of the table in which routes are looked up: that of its VRF.
    pub table: u32,
    /// Whether IPv4 is forwarded.
    pub ipv4: bool,
    /// Whether IPv6 is.
    pub ipv6: bool,
    /// Where the source of an IPv4 packet must be (`rp_filter`).
    pub source: SourceCheck,
}

/// Where the source of a packet must be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceCheck {
    /// Anywhere but in the router itself: no route that traps or drops may have it.
    None,
    /// Where a route leads.
    Loose,
    /// Where a route leads that is by this port.
    Strict,
}

/// A port of a bridge that forwards and learns, and is neither locked nor isolated. The bridge suppresses no
/// neighbour discovery, and takes part in neither CFM nor MRP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bridged {
    /// The number of the bridge.
    pub bridge: u32,
    /// The VLAN of frames without a tag, which leave without one, too. 0 in a bridge that knows none.
    pub vlan: u16,
}

/// A port by which a frame may leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutPort {
    /// How long a packet may be, in bytes.
    pub mtu: u32,
    /// The bridge to which it belongs, if it does, as [`Bridged`] has it; with the same [VLAN](Bridged::vlan).
    pub bridge: Option<Bridged>,
}

impl<M: Memory> Tables<M> {
    /// What becomes of a `frame` that has come `by` a port.
    ///
    /// `out` tells of another port, if it is up. `hash` is that of the frame's flow: 31 bits, as
    /// `fib_multipath_hash()` gives them; `None` if the device can't compute that.
    ///
    /// Any context, as [a reader](super::Readers).
    #[inline]
    pub fn decide(
        &self,
        frame: &Arrived<'_>,
        by: &InPort,
        out: impl FnOnce(u16) -> Option<OutPort>,
        hash: impl FnOnce() -> Option<u32>,
    ) -> Decision {
        let decided = match &by.role {
            Role::Routed(routed) => self.route(frame, (by.number, routed), out, hash),
            Role::Bridged(bridged) => self.bridge(frame, (by.number, bridged), out),
        };
        decided.unwrap_or_else(Decision::Trap)
    }

    fn route(
        &self,
        frame: &Arrived<'_>,
        (port, routed): (u16, &Routed),
        out: impl FnOnce(u16) -> Option<OutPort>,
        hash: impl FnOnce() -> Option<u32>,
    ) -> Result<Decision, Trap> {
        let link = Link::of(frame)?;
        if link.destination != routed.address {
            return Err(Trap::OtherHost);
        }
        let packet = match link.protocol {
            ETH_P_IP if routed.ipv4 => Packet::ipv4(link.payload, link.room)?,
            ETH_P_IPV6 if routed.ipv6 => Packet::ipv6(link.payload, link.room)?,
            ETH_P_IP | ETH_P_IPV6 => return Err(Trap::NotForwarded),
            _ => return Err(Trap::Protocol),
        };
        let family = packet.destination.family();
        let (found, _) = self.step(routed.table, &packet.destination);
        let (number, step) = found.map_err(trap)?;
        let route = Some((family, number));
        let entry = match step {
            Step::Trap => return Err(Trap::Route),
            Step::Drop => {
                let hits = Hits {
                    route,
                    ..Hits::default()
                };
                return Ok(Decision::Drop(Dropped { hits }));
            }
            Step::Nexthop(entry) => entry,
        };
        if family == Family::V4 {
            self.check_source(port, routed, &packet.source)?;
        }
        let way = self
            .nexthops
            .way(entry, hash)
            .map_err(|no_way| match no_way {
                NoWay::Missing => Trap::NoNexthop,
                NoWay::Unhashed => Trap::Unhashed,
            })?;
        let Way { group, entry, via } = way;
        // Software tells the sender of a better way.
        if via.port == port {
            return Err(Trap::SamePort);
        }
        let out = out(via.port).filter(|out| out.bridge.is_none());
        if packet.len > out.ok_or(Trap::NoPort)?.mtu {
            return Err(Trap::TooLong);
        }
        let gateway = via.gateway.unwrap_or(packet.destination);
        let key = neighbour_key(via.port, &gateway);
        let (neighbour, address) = self.neighbours.find(&key).ok_or(Trap::NoNeighbour)?;
        Ok(Decision::Forward(Forward {
            port: via.port,
            len: packet.len.wrapping_add(ETH_HLEN as u32),
            rewrite: Some(Rewrite {
                destination: address_of(address),
                source: via.source,
                family,
            }),
            hits: Hits {
                route,
                group,
                nexthop: Some(entry),
                neighbour: Some(neighbour),
                ..Hits::default()
            },
        }))
    }

    /// As `fib_validate_source()`, and stricter.
    fn check_source(&self, port: u16, routed: &Routed, source: &IpAddress) -> Result<(), Trap> {
        let (found, _) = self.step(routed.table, source);
        let is_fine = match (found, routed.source) {
            (Err(Outcome::None), check) => check == SourceCheck::None,
            (Err(outcome), _) => return Err(trap(outcome)),
            (Ok((_, Step::Nexthop(entry))), SourceCheck::Strict) => self.nexthops.uses(entry, port),
            (Ok((_, step)), _) => matches!(step, Step::Nexthop(_)),
        };
        is_fine.then_some(()).ok_or(Trap::ReversePath)
    }

    fn bridge(
        &self,
        frame: &Arrived<'_>,
        (port, bridged): (u16, &Bridged),
        out: impl FnOnce(u16) -> Option<OutPort>,
    ) -> Result<Decision, Trap> {
        let link = Link::of(frame)?;
        // The bridge may answer for others.
        if let ETH_P_ARP | ETH_P_RARP | ..ETH_P_802_3_MIN = link.protocol {
            return Err(Trap::Protocol);
        }
        let station = |address| {
            let key = station_key(bridged.bridge, bridged.vlan, address);
            let (entry, port) = self.stations.find(&key)?;
            // CAST: 16 bits were stored.
            Some((entry, port as u16))
        };
        let from = station(link.source).filter(|(_, at)| *at == port);
        let (from, _) = from.ok_or(Trap::Learn)?;
        let (to, leaves) = station(link.destination).ok_or(Trap::NoStation)?;
        if leaves == port {
            return Err(Trap::SamePort);
        }
        let out = out(leaves).filter(|out| out.bridge == Some(*bridged));
        // `is_skb_forwardable()`, which lets tags be longer than that.
        let longest = out
            .ok_or(Trap::NoPort)?
            .mtu
            .saturating_add((ETH_HLEN + VLAN_HLEN) as u32);
        if frame.len > longest {
            return Err(Trap::TooLong);
        }
        Ok(Decision::Bridge(Forward {
            port: leaves,
            len: frame.len,
            rewrite: None,
            hits: Hits {
                station: Some(to),
                from: Some(from),
                ..Hits::default()
            },
        }))
    }
}

/// Why what a look-up has not found a route for goes the ordinary way.
const fn trap(outcome: Outcome) -> Trap {
    match outcome {
        Outcome::Held => Trap::Held,
        Outcome::Changing => Trap::Changing,
        Outcome::None | Outcome::Route(_) => Trap::NoRoute,
    }
}

/// The Ethernet header of a frame that one station sends to one other, and what follows.
struct Link<'a> {
    destination: Address,
    source: Address,
    protocol: u16,
    payload: &'a [u8],
    /// Bytes of the whole payload.
    room: u32,
}

impl<'a> Link<'a> {
    #[inline]
    fn of(frame: &Arrived<'a>) -> Result<Self, Trap> {
        let bytes = |at| get::<6>(frame.front, at).ok_or(Trap::Short);
        let (destination, source) = (bytes(0)?, bytes(6)?);
        let protocol = get16(frame.front, 12).ok_or(Trap::Short)?;
        if is_group(source) || source == [0; 6] {
            return Err(Trap::SourceAddress);
        }
        if is_group(destination) {
            return Err(Trap::Group);
        }
        if TagKind::of(protocol).is_some() {
            return Err(Trap::Tagged);
        }
        let room = frame.len.checked_sub(ETH_HLEN as u32);
        Ok(Self {
            destination,
            source,
            protocol,
            payload: frame.front.get(ETH_HLEN..).unwrap_or_default(),
            room: room.ok_or(Trap::Short)?,
        })
    }
}
