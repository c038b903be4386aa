// SPDX-License-Identifier: GPL-2.0

//! What packets carry, as far as rules look at it: two bytes at an offset.
//!
//! Where they are depends on the frame, and no frame is looked at so closely unless a rule asks for that.
//! So they are none of its [keys](crate::parser::Keys): who looks up rules asks for them.

use super::look::Look;
use crate::parser::{FlowType, Layer4, Parsed};
use crate::protocol::{SCTP_HEADER, TCP_DATA_OFFSET, TCP_HEADER, UDP_HEADER};

/// Whose payload it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Carrier {
    /// That of IP: it begins behind the IP header and its extension headers.
    Ip,
    /// That of TCP, UDP or SCTP: it begins behind their header, with the options that TCP has.
    Transport,
}

/// Where in a packet's payload two bytes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Whose payload.
    pub of: Carrier,
    /// Where they begin in it, in bytes.
    pub offset: u8,
}

impl Place {
    /// The bytes there of the `frame` that was `parsed`. None of a fragment: no piece but the first begins
    /// with what the packet does.
    #[inline(never)]
    pub(super) fn read(self, parsed: &Parsed, frame: &dyn Look) -> Option<[u8; 2]> {
        let ip = usize::from(parsed.transport_offset);
        if ip == 0 || parsed.keys.layer4 == Layer4::Fragment {
            return None;
        }
        let header = match self.of {
            Carrier::Ip => 0,
            Carrier::Transport => match parsed.flow {
                FlowType::Tcp4 | FlowType::Tcp6 => {
                    let [words, _] = frame.pair(ip.checked_add(TCP_DATA_OFFSET)?)?;
                    let len = usize::from(words >> 4).wrapping_mul(4);
                    (len >= TCP_HEADER).then_some(len)?
                }
                FlowType::Udp4 | FlowType::Udp6 => UDP_HEADER,
                FlowType::Sctp4 | FlowType::Sctp6 => SCTP_HEADER,
                _ => return None,
            },
        };
        frame.pair(ip.checked_add(header)?.checked_add(self.offset.into())?)
    }
}
