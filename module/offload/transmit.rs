// SPDX-License-Identifier: GPL-2.0

//! Transmit offloads: which frames a device may be given as the stack leaves them, and what software
//! does for the others.
//!
//! A driver announces `NETIF_F_HW_CSUM` and all kinds of GSO, whatever its device can do, and has
//! [`prepare`] make of each frame what the device gets.

mod check;
mod decision;
mod prepare;
mod reason;

pub use check::skb_csum_hwoffload_legacy_check;
pub use decision::{
    check_checksum,
    check_segmentation,
    Capabilities,
    Checksums, //
};
pub use prepare::{
    checksum_helper,
    prepare,
    skb_gso_helper,
    Prepared,
    Transmitter,
    Work, //
};
pub use reason::Reason;
