// SPDX-License-Identifier: GPL-2.0

//! What sockets of AF_XDP may ask of the frames that they send (`xsk-features` of the family `netdev`).
//!
//! The core copies these frames, and they come as all others do (`ndo_start_xmit`).
//!
//! C header: [`include/net/xdp_sock.h`](srctree/include/net/xdp_sock.h)

use crate::netdev::{
    Operations,
    Table, //
};

impl<T: Operations> Table<T> {
    /// The port sums a frame up from any byte on, and puts the sum anywhere, which is among
    /// [`Features::CHECKSUMS`](crate::netdev::Features::CHECKSUMS): sockets of AF_XDP are told that they may
    /// ask for that (`XDP_TXMD_FLAGS_CHECKSUM`).
    pub const fn socket_checksums(mut self) -> Self {
        self.has_socket_checksums = true;
        self
    }
}
