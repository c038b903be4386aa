// SPDX-License-Identifier: GPL-2.0

//! Why a device is not asked for what it is there for.

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why the CPU does what the device could have been asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
        }

        impl Reason {
            /// All of them, in the order of their numbers.
            pub const ALL: [Self; [$(Self::$reason),*].len()] = [$(Self::$reason),*];

            /// A short name for statistics: lower case, words joined by `_`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// The device offers no checksums, or is set not to, or is not permitted to cut without a program.
    NotOffered = "not_offered",
    /// The device does not cut super-frames of this kind.
    Kind = "kind",
    /// The super-frame is a list of packets with headers of their own; or it is to be cut where its
    /// fragments end, and the device can't.
    FragmentList = "fragment_list",
    /// The super-frame is a datagram to be sent as IP fragments.
    IpFragments = "ip_fragments",
    /// The super-frame is to be encrypted.
    Encrypted = "encrypted",
    /// The super-frame is in a tunnel in a tunnel.
    NestedTunnels = "nested_tunnels",
    /// A header that the device has to see does not lie in the linear part.
    HeaderNotLinear = "header_not_linear",
    /// The device looks for the checksum itself, and not in inner headers.
    Encapsulated = "encapsulated",
    /// As before, and not behind what lies between Ethernet and IP.
    LinkHeader = "link_header",
    /// As before, and not in fragments.
    Fragment = "fragment",
    /// As before, and not behind extension headers.
    ExtensionHeader = "extension_header",
    /// As before, and would take the address of the next hop for that of the destination.
    RoutingHeader = "routing_header",
    /// As before, and of other protocols than TCP and UDP.
    Transport = "transport",
    /// As before, and it is no CRC32c.
    Crc32c = "crc32c",
    /// As before, and the packet's length is not that of the frame.
    Length = "length",
    /// As before, and the checksum's field does not hold the sum of the pseudo header.
    PseudoHeader = "pseudo_header",
    /// The headers are not what the stack says that they are.
    Malformed = "malformed",
    /// More segments than the device cuts a super-frame into.
    TooManySegments = "too_many_segments",
}
