// SPDX-License-Identifier: GPL-2.0

//! What a parser finds out of a frame.

use core::ffi::CStr;

/// Who knows a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// The kernel as well: it lies at this offset of `struct bpf_flow_keys`, in bytes.
    FlowKeys(u8),
    /// The device alone: it lies at this offset behind the flow keys, in bytes.
    Device(u8),
}

/// In which order its bytes lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// As on the wire.
    Wire,
    /// As a number of the host.
    Host,
}

/// Lists the fields once: their numbers in the canonical form, their names in JSON, their sizes in bytes,
/// and where they lie.
macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal, $size:literal, $carrier:expr, $order:ident;)+) => {
        /// What a parser finds out of a frame. What it does not find is zero.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Field {
            $($(#[doc = $doc])+ $variant = $number,)+
        }

        impl Default for Field {
            /// The first one.
            fn default() -> Self {
                let [first, ..] = Self::ALL;
                first
            }
        }

        impl Field {
            /// All of them, sorted by their numbers.
            pub const ALL: [Self; [$($number),+].len()] = [$(Self::$variant),+];

            /// The field with a number of the canonical form.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its name in JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// As [`name`](Self::name), for who wants it to end with NUL.
            pub const fn c_name(self) -> &'static CStr {
                match self {
                    $(Self::$variant => {
                        // Looked at by the compiler, and by nobody later.
                        const NAME: &CStr =
                            match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                                Ok(name) => name,
                                Err(_) => panic!("a name with NUL"),
                            };
                        NAME
                    })+
                }
            }

            /// How long it is, in bytes.
            pub const fn size(self) -> u8 {
                match self {
                    $(Self::$variant => $size,)+
                }
            }

            /// Who knows it, and where it lies.
            #[inline]
            pub const fn carrier(self) -> Carrier {
                match self {
                    $(Self::$variant => $carrier,)+
                }
            }

            /// In which order its bytes lie.
            pub const fn order(self) -> Order {
                match self {
                    $(Self::$variant => Order::$order,)+
                }
            }
        }
    };
}

use Carrier::{Device, FlowKeys};

fields! {
    /// Offset of the network header.
    Nhoff = 0, "nhoff", 2, FlowKeys(0), Host;
    /// Offset of the transport header: where the parser stopped. No store names it.
    Thoff = 1, "thoff", 2, FlowKeys(2), Host;
    /// EtherType of the addresses.
    AddrProto = 2, "addr_proto", 2, FlowKeys(4), Host;
    /// 1 in a fragment.
    IsFrag = 3, "is_frag", 1, FlowKeys(6), Wire;
    /// 1 in the first fragment.
    IsFirstFrag = 4, "is_first_frag", 1, FlowKeys(7), Wire;
    /// 1 if the packet carries another.
    IsEncap = 5, "is_encap", 1, FlowKeys(8), Wire;
    /// Protocol behind the IP header.
    IpProto = 6, "ip_proto", 1, FlowKeys(9), Wire;
    /// EtherType of the network header.
    NProto = 7, "n_proto", 2, FlowKeys(10), Wire;
    /// Both ports.
    Ports = 8, "ports", 4, FlowKeys(12), Wire;
    /// Source address of IPv4.
    Ipv4Src = 9, "ipv4_src", 4, FlowKeys(16), Wire;
    /// Destination address of IPv4.
    Ipv4Dst = 10, "ipv4_dst", 4, FlowKeys(20), Wire;
    /// Source address of IPv6, which lies where those of IPv4 do.
    Ipv6Src = 11, "ipv6_src", 16, FlowKeys(16), Wire;
    /// Destination address of IPv6.
    Ipv6Dst = 12, "ipv6_dst", 16, FlowKeys(32), Wire;
    /// Flow label of IPv6, in the lower 20 bits.
    FlowLabel = 13, "flow_label", 4, FlowKeys(52), Wire;
    /// Destination address of the Ethernet header.
    EthDst = 32, "eth_dst", 6, Device(0), Wire;
    /// Source address of the Ethernet header.
    EthSrc = 33, "eth_src", 6, Device(6), Wire;
    /// TPID of the outermost VLAN tag.
    VlanTpid = 34, "vlan_tpid", 2, Device(12), Wire;
    /// Tag control information of the outermost VLAN tag.
    VlanTci = 35, "vlan_tci", 2, Device(14), Wire;
    /// TPID of the VLAN tag behind it.
    CvlanTpid = 36, "cvlan_tpid", 2, Device(16), Wire;
    /// Tag control information of the VLAN tag behind it.
    CvlanTci = 37, "cvlan_tci", 2, Device(18), Wire;
    /// Type of service, or traffic class.
    Tos = 38, "tos", 1, Device(20), Wire;
    /// Time to live, or hop limit.
    Ttl = 39, "ttl", 1, Device(21), Wire;
    /// Flags of TCP with the reserved bits: 12 bits.
    TcpFlags = 40, "tcp_flags", 2, Device(22), Wire;
    /// Key of GRE.
    GreKey = 41, "gre_key", 4, Device(24), Wire;
    /// Number of the virtual network, or tunnel end point: VXLAN, GENEVE, GTP-U.
    TunnelId = 42, "tunnel_id", 4, Device(28), Wire;
    /// A label of MPLS with its class, bottom of stack and time to live.
    Mpls = 43, "mpls", 4, Device(32), Wire;
    /// Type and code of ICMP.
    Icmp = 44, "icmp", 2, Device(36), Wire;
    /// Segments left of a routing header.
    SegmentsLeft = 45, "segments_left", 1, Device(38), Wire;
    /// 1 if there are options of IPv4, or extension headers of IPv6.
    IsExtended = 46, "is_extended", 1, Device(39), Wire;
    /// For what a graph finds and has no name here.
    User0 = 47, "user0", 4, Device(40), Wire;
    /// The next of these.
    User1 = 48, "user1", 4, Device(44), Wire;
    /// The next of these.
    User2 = 49, "user2", 4, Device(48), Wire;
    /// The last of these.
    User3 = 50, "user3", 4, Device(52), Wire;
}

impl Field {
    /// How many bytes `struct bpf_flow_keys` has.
    pub const FLOW_KEYS_BYTES: usize = 56;
    /// How many bytes those that only the device knows take.
    pub const DEVICE_BYTES: usize = 56;

    /// How many bits of it mean something: the lowest ones.
    pub const fn bits(self) -> u32 {
        match self {
            Self::IsFrag | Self::IsFirstFrag | Self::IsEncap | Self::IsExtended => 1,
            Self::TcpFlags => 12,
            Self::FlowLabel => 20,
            // CAST: To a longer number.
            _ => self.size() as u32 * 8,
        }
    }

    /// Whether only the device knows it.
    pub const fn is_device_only(self) -> bool {
        matches!(self.carrier(), Carrier::Device(_))
    }
}
