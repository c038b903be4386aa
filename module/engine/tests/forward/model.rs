// SPDX-License-Identifier: GPL-2.0

//! Tables with a writer, and what to put into them; and routes as a list.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use engine::forward::{
    Action, Arrived, Bridged, Decision, EntryError, Forward, InPort, IpAddress, NeighbourKey,
    Nexthop, OutPort, Owned, Prefix, Readers, Role, RouteKey, RouteSizes, Routed, Sizes,
    SourceCheck, Stamp, StationKey, Tables, Trap, Via, Writer,
};
use engine::memory::HostMemory;

pub(crate) type WriterFor<R> = Writer<HostMemory, Arc<Tables<HostMemory>>, R>;
pub(crate) type HostWriter = WriterFor<Counted>;

/// Readers of which there are none when they are waited for, but who count how often they are.
#[derive(Clone, Default)]
pub(crate) struct Counted(pub(crate) Rc<Cell<u32>>);

impl Readers for Counted {
    fn wait(&self) {
        self.0.set(self.0.get() + 1);
    }
}

pub(crate) const OWNER: u32 = 7;

pub(crate) fn stamp(generation: u32) -> Stamp {
    let owner = OWNER;
    Stamp {
        owned: Owned { owner, generation },
        now: 0,
    }
}

/// Room for what the tests do.
pub(crate) const SIZES: Sizes = Sizes {
    route4: RouteSizes {
        routes: 4096,
        tables: 8,
        nodes: 1 << 20,
    },
    route6: RouteSizes {
        routes: 4096,
        tables: 8,
        nodes: 4 << 20,
    },
    nexthops: 64,
    records: 1 << 16,
    neighbours: 64,
    stations: 64,
};

pub(crate) fn writer(sizes: &Sizes) -> HostWriter {
    pair(sizes).1
}

/// Tables, and their writer.
pub(crate) fn pair(sizes: &Sizes) -> (Arc<Tables<HostMemory>>, HostWriter) {
    with_readers(sizes, Counted::default())
}

/// Tables, and their writer, who waits for `readers`.
pub(crate) fn with_readers<R: Readers>(
    sizes: &Sizes,
    readers: R,
) -> (Arc<Tables<HostMemory>>, WriterFor<R>) {
    let tables = Arc::new(Tables::new(&HostMemory, sizes, 0x5eed).expect("memory"));
    let writer = Writer::new(&HostMemory, tables.clone(), readers);
    let writer = writer.expect("memory").expect("there was no writer");
    (tables, writer)
}

pub(crate) fn prefix4(address: [u8; 4], bits: u8) -> Prefix {
    let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
    let address = u32::from_be_bytes(address) & mask;
    Prefix {
        address: IpAddress::V4(address.to_be_bytes()),
        bits,
    }
}

pub(crate) fn prefix6(address: [u8; 16], bits: u8) -> Prefix {
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    let address = u128::from_be_bytes(address) & mask;
    Prefix {
        address: IpAddress::V6(address.to_be_bytes()),
        bits,
    }
}

pub(crate) fn route(table: u32, prefix: Prefix) -> RouteKey {
    RouteKey { table, prefix }
}

/// Whether `prefix` has `address`, bit by bit.
pub(crate) fn covers(prefix: &Prefix, address: &IpAddress) -> bool {
    let bit = |bytes: &[u8], index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    prefix.address.family() == address.family()
        && (0..usize::from(prefix.bits))
            .all(|index| bit(prefix.address.bytes(), index) == bit(address.bytes(), index))
}

/// Routes as a list.
#[derive(Clone, Default)]
pub(crate) struct Linear(pub(crate) Vec<(RouteKey, Action)>);

impl Linear {
    pub(crate) fn set(&mut self, key: RouteKey, action: Action) {
        match self.0.iter_mut().find(|(other, _)| *other == key) {
            Some((_, old)) => *old = action,
            None => self.0.push((key, action)),
        }
    }

    pub(crate) fn remove(&mut self, key: &RouteKey) -> Result<(), EntryError> {
        let index = self.0.iter().position(|(other, _)| other == key);
        self.0.swap_remove(index.ok_or(EntryError::NotFound)?);
        Ok(())
    }

    pub(crate) fn look_up(&self, table: u32, address: &IpAddress) -> Option<Action> {
        let of_table = self.0.iter().filter(|(key, _)| key.table == table);
        let matching = of_table.filter(|(key, _)| covers(&key.prefix, address));
        let longest = matching.max_by_key(|(key, _)| key.prefix.bits);
        longest.map(|(_, action)| *action)
    }
}

/// The nexthops that tests have: 0 to `NEXTHOPS`, each by a port of its own.
pub(crate) const NEXTHOPS: u32 = 8;

/// Numbers of ports: that by which frames come, and the first one by which they leave.
pub(crate) const IN: u16 = 1;
pub(crate) const OUT: u16 = 100;

pub(crate) const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 2];

pub(crate) fn gateway(id: u32) -> IpAddress {
    IpAddress::V4([10, 200, 0, id as u8])
}

pub(crate) fn mac(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [2, 1, a, b, c, d]
}

/// Puts the nexthops in, with neighbours.
pub(crate) fn with_nexthops<R: Readers>(writer: &mut WriterFor<R>) {
    for id in 0..NEXTHOPS {
        let port = OUT + id as u16;
        let via = Via {
            port,
            source: mac(1000 + id),
            gateway: Some(gateway(id)),
        };
        let set = writer.set_nexthop(id, &Nexthop::Via(via), stamp(0));
        set.expect("there is room");
        let key = NeighbourKey {
            port,
            address: gateway(id),
        };
        let set = writer.set_neighbour(&key, mac(id), stamp(0));
        set.expect("there is room");
    }
}

pub(crate) const ROUTED: Routed = Routed {
    address: ROUTER,
    table: 254,
    ipv4: true,
    ipv6: true,
    source: SourceCheck::None,
};

pub(crate) fn in_port(role: Role) -> InPort {
    InPort { number: IN, role }
}

/// What any port takes.
pub(crate) fn out_port(bridge: Option<Bridged>) -> impl Fn(u16) -> Option<OutPort> {
    move |_| Some(OutPort { mtu: 1500, bridge })
}

/// What is decided about a `frame` that comes by a port of a router.
pub(crate) fn decide(writer: &HostWriter, frame: &[u8], routed: Routed) -> Decision {
    decide_by(writer.tables(), frame, routed)
}

pub(crate) fn decide_by(tables: &Tables<HostMemory>, frame: &[u8], routed: Routed) -> Decision {
    let arrived = Arrived {
        front: frame,
        len: frame.len() as u32,
    };
    let by = in_port(Role::Routed(routed));
    tables.decide(&arrived, &by, out_port(None), || None)
}

/// The same of a frame of a bridge.
pub(crate) fn bridge(writer: &HostWriter, frame: &[u8], bridged: Bridged) -> Decision {
    let arrived = Arrived {
        front: frame,
        len: frame.len() as u32,
    };
    let by = in_port(Role::Bridged(bridged));
    let out = out_port(Some(bridged));
    writer.tables().decide(&arrived, &by, out, || None)
}

pub(crate) fn forwarded(decision: Decision) -> Forward {
    match decision {
        Decision::Forward(forward) | Decision::Bridge(forward) => forward,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn trapped(decision: Decision) -> Trap {
    match decision {
        Decision::Trap(trap) => trap,
        other => panic!("{other:?}"),
    }
}

/// What a frame to `address` has done to it, by the tables alone: a route, or none.
pub(crate) fn looked_up(writer: &HostWriter, table: u32, address: IpAddress) -> Option<Action> {
    // Its source is where it goes, so that the route of the one is that of the other.
    let frame = super::frames::between(address, address);
    match decide(writer, &frame, Routed { table, ..ROUTED }) {
        Decision::Forward(forward) => Some(Action::Nexthop(u32::from(forward.port - OUT))),
        Decision::Drop(_) => Some(Action::Drop),
        Decision::Trap(Trap::Route) => Some(Action::Trap),
        Decision::Trap(Trap::NoRoute) => None,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn station(address: [u8; 6], bridged: Bridged) -> StationKey {
    StationKey {
        bridge: bridged.bridge,
        vlan: bridged.vlan,
        address,
    }
}
