// SPDX-License-Identifier: GPL-2.0

//! The matrix of packets that must look the same on the wire whoever finishes them.

use super::tunnels::Tunnel;

/// What is in front of the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer2 {
    /// An Ethernet header.
    Plain,
    /// And one tag.
    Vlan,
    /// And two.
    QinQ,
    /// And two labels.
    Mpls,
}

/// IP header, and what extends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4.
    V4,
    /// IPv4 with options.
    V4Options,
    /// The first fragment of an IPv4 packet.
    V4Fragment,
    /// IPv6.
    V6,
    /// IPv6 with hop-by-hop options.
    V6HopByHop,
    /// IPv6 with destination options.
    V6Destination,
    /// IPv6 with hop-by-hop options, destination options and a routing header that is done.
    V6Three,
    /// IPv6 with a segment routing header and a segment left: the header's address is not yet that
    /// of the pseudo header.
    V6SegmentsLeft,
    /// The same with no segment left.
    V6SegmentsDone,
    /// The first fragment of an IPv6 packet.
    V6Fragment,
    /// An IPv6 packet in a single fragment.
    V6Atomic,
}

impl Network {
    const ALL: [Self; 11] = [
        Self::V4,
        Self::V4Options,
        Self::V4Fragment,
        Self::V6,
        Self::V6HopByHop,
        Self::V6Destination,
        Self::V6Three,
        Self::V6SegmentsLeft,
        Self::V6SegmentsDone,
        Self::V6Fragment,
        Self::V6Atomic,
    ];

    /// Whether it is IPv6.
    pub fn is_v6(self) -> bool {
        !matches!(self, Self::V4 | Self::V4Options | Self::V4Fragment)
    }

    /// Whether it has a fragment's header.
    pub fn is_fragment(self) -> bool {
        matches!(self, Self::V4Fragment | Self::V6Fragment | Self::V6Atomic)
    }
}

/// What is behind the IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// TCP with time stamps.
    TcpTimestamp,
    /// UDP.
    Udp,
    /// An echo request of ICMP or ICMPv6.
    Echo,
    /// A protocol that nobody knows, with a checksum of its own.
    Experiment,
}

/// What is left to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing.
    Nothing,
    /// The checksum.
    Checksum,
    /// Segments of so many bytes, and their checksums.
    Segments(u16),
}

/// How the kernel keeps the frame, if it is longer than a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In one piece.
    Linear,
    /// The headers in one piece, the payload in pages.
    HeadersLinear,
    /// The headers and seven bytes in one piece.
    OddLinear,
    /// The first 16 bytes in one piece.
    LittleLinear,
}

/// What the sender has written into the fields that its packet and the checksum begin with. Packet
/// sockets and virtual machines may write anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// What the stack would have written.
    Right,
    /// 0 where the sum of the pseudo header belongs.
    NoSeed,
    /// Something else there.
    OtherSeed,
    /// An IP length of some bytes more than there are.
    Longer,
    /// An IP length of some bytes less.
    Shorter,
}

impl Fields {
    const WRONG: [Self; 4] = [Self::NoSeed, Self::OtherSeed, Self::Longer, Self::Shorter];

    /// By how many bytes the IP length is wrong.
    pub fn length_error(self) -> isize {
        match self {
            Self::Longer => 3,
            Self::Shorter => -3,
            _ => 0,
        }
    }
}

/// One packet of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Combination {
    /// The device it is sent on, `None` for the port itself.
    pub tunnel: Option<&'static Tunnel>,
    /// What is in front of the IP header, where the device takes Ethernet frames.
    pub layer2: Layer2,
    /// The IP header.
    pub network: Network,
    /// The header behind it.
    pub transport: Transport,
    /// What is left to be done.
    pub work: Work,
    /// Bytes behind the headers.
    pub payload: usize,
    /// How they are kept.
    pub storage: Storage,
    /// Whether the payload is such that the checksum is 0.
    pub zero: bool,
    /// What its headers say of it.
    pub fields: Fields,
}

impl Combination {
    /// Whether it begins with an Ethernet header.
    pub fn has_link_layer(&self) -> bool {
        self.tunnel.is_none_or(|tunnel| tunnel.ethernet)
    }

    /// Whether the stack finishes it, and cuts it, before the tunnel that it goes through gets it.
    pub fn is_finished_before_tunnel(&self) -> bool {
        let tagged = self.layer2 == Layer2::Vlan;
        self.tunnel
            .is_some_and(|tunnel| tagged && !tunnel.leaves_tagged)
    }

    /// Frames that it makes on the wire.
    ///
    /// What is behind the 20 bytes of a TCP header decides whether a packet socket makes a super-frame
    /// of a packet. If that is only more than a segment because of options, software finds nothing to
    /// cut and the packet is lost. So is each super-frame under MPLS labels: nobody has noted for
    /// software where the packet behind them begins.
    pub fn frames(&self) -> usize {
        let options = match self.transport {
            Transport::TcpTimestamp => 12,
            _ => 0,
        };
        match self.work {
            Work::Segments(size) => {
                let size = usize::from(size);
                if self.payload <= size && self.payload + options > size {
                    return 0;
                }
                if self.layer2 == Layer2::Mpls && self.payload + options > size {
                    return 0;
                }
                self.payload.div_ceil(size).max(1)
            }
            _ => 1,
        }
    }
}

/// Lengths of payload around the boundaries of segments of `size` bytes.
fn around(size: u16) -> impl Iterator<Item = usize> {
    let size = usize::from(size);
    [
        size - 1,
        size,
        size + 1,
        2 * size - 1,
        2 * size,
        2 * size + 1,
        17 * size,
        17 * size + 3,
    ]
    .into_iter()
}

const SINGLE: Combination = Combination {
    tunnel: None,
    layer2: Layer2::Plain,
    network: Network::V4,
    transport: Transport::Tcp,
    work: Work::Checksum,
    payload: 0,
    storage: Storage::Linear,
    zero: false,
    fields: Fields::Right,
};

/// Frames of one packet, sent on the port itself.
fn singles(all: &mut Vec<Combination>) {
    for layer2 in [Layer2::Plain, Layer2::Vlan, Layer2::QinQ, Layer2::Mpls] {
        for network in Network::ALL {
            for transport in [
                Transport::Tcp,
                Transport::TcpTimestamp,
                Transport::Udp,
                Transport::Echo,
                Transport::Experiment,
            ] {
                let base = Combination {
                    layer2,
                    network,
                    transport,
                    ..SINGLE
                };
                let with = |payload, storage, zero| Combination {
                    payload,
                    storage,
                    zero,
                    ..base
                };
                for payload in [0, 1, 2, 37, 1000] {
                    all.push(with(payload, Storage::Linear, false));
                }
                all.push(with(64, Storage::Linear, true));
                all.push(with(5001, Storage::HeadersLinear, false));
                all.push(with(6000, Storage::OddLinear, false));
                all.push(with(4500, Storage::LittleLinear, false));
                let work = Work::Nothing;
                all.push(Combination { work, ..base });
            }
        }
    }
}

/// Super-frames, sent on the port itself.
fn supers(all: &mut Vec<Combination>) {
    let networks = Network::ALL.into_iter().filter(|n| !n.is_fragment());
    for network in networks {
        for layer2 in [Layer2::Plain, Layer2::Vlan, Layer2::QinQ, Layer2::Mpls] {
            for transport in [Transport::Tcp, Transport::TcpTimestamp, Transport::Udp] {
                let mut add = |size, payload, storage| {
                    all.push(Combination {
                        layer2,
                        network,
                        transport,
                        work: Work::Segments(size),
                        payload,
                        storage,
                        ..SINGLE
                    });
                };
                for size in [8, 535] {
                    for payload in around(size) {
                        add(size, payload, Storage::HeadersLinear);
                    }
                }
                add(1400, 17 * 1400 + 1, Storage::Linear);
                add(1400, 17 * 1400 - 1, Storage::LittleLinear);
                add(1400, 23_000, Storage::OddLinear);
                if layer2 == Layer2::Plain {
                    add(1448, 65_000, Storage::HeadersLinear);
                    add(8000, 64_001, Storage::HeadersLinear);
                }
            }
        }
    }
}

/// Packets with fields that software adds up as they are, and devices may not.
fn misleading(all: &mut Vec<Combination>) {
    for layer2 in [Layer2::Plain, Layer2::Vlan, Layer2::QinQ] {
        for network in [Network::V4, Network::V4Options, Network::V6] {
            for transport in [Transport::Tcp, Transport::Udp] {
                for fields in Fields::WRONG {
                    let base = Combination {
                        layer2,
                        network,
                        transport,
                        fields,
                        ..SINGLE
                    };
                    for payload in [4, 37, 1000] {
                        all.push(Combination { payload, ..base });
                    }
                    for payload in [1071, 17 * 535] {
                        all.push(Combination {
                            work: Work::Segments(535),
                            payload,
                            storage: Storage::HeadersLinear,
                            ..base
                        });
                    }
                }
            }
        }
    }
}

/// Packets of each kind through `tunnel`.
fn through(tunnel: &'static Tunnel, all: &mut Vec<Combination>) {
    let layers: &[Layer2] = if tunnel.ethernet {
        &[Layer2::Plain, Layer2::Vlan]
    } else {
        &[Layer2::Plain]
    };
    for &layer2 in layers {
        for network in [
            Network::V4,
            Network::V4Options,
            Network::V6,
            Network::V6SegmentsLeft,
        ] {
            if network.is_v6() && !tunnel.takes_v6 {
                continue;
            }
            for transport in [Transport::Tcp, Transport::Udp] {
                let mut add = |work, payload, storage| {
                    all.push(Combination {
                        tunnel: Some(tunnel),
                        layer2,
                        network,
                        transport,
                        work,
                        payload,
                        storage,
                        ..SINGLE
                    });
                };
                add(Work::Nothing, 100, Storage::Linear);
                for payload in [0, 1, 1000] {
                    add(Work::Checksum, payload, Storage::Linear);
                }
                add(Work::Checksum, 5001, Storage::HeadersLinear);
                for payload in around(535) {
                    add(Work::Segments(535), payload, Storage::HeadersLinear);
                }
                add(Work::Segments(1300), 23_001, Storage::Linear);
                add(Work::Segments(1300), 60_000, Storage::HeadersLinear);
            }
        }
    }
}

/// All combinations, those through `tunnels` last; the same ones in the same order each time.
pub fn all(tunnels: &[&'static Tunnel]) -> Vec<Combination> {
    let mut all = Vec::new();
    singles(&mut all);
    supers(&mut all);
    misleading(&mut all);
    tunnels.iter().for_each(|tunnel| through(tunnel, &mut all));
    all
}
