// SPDX-License-Identifier: GPL-2.0

//! GRE between two IP headers (`gre_gro_receive()`).

use crate::fields::{get16, same_bytes};

const GRE_CSUM: u16 = 0x8000;
const GRE_KEY: u16 = 0x2000;
/// Flags and protocol, and each of what may be behind them.
const SECTION: usize = 4;

/// A GRE header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Gre {
    /// Its offset.
    pub(super) at: usize,
    /// Offset of what is behind it.
    pub(super) end: usize,
    /// Whether it has a checksum.
    pub(super) has_checksum: bool,
}

impl Gre {
    /// The one at `at`, and the EtherType of what is behind it; `None` if GRO does not take such a header, or
    /// what it makes of it can't be cut again: of a key behind a checksum it looks at the wrong bytes, and what
    /// is reserved there it does not look at.
    pub(super) fn at(frame: &[u8], at: usize) -> Option<(Self, u16)> {
        let (flags, protocol) = (get16(frame, at)?, get16(frame, at.wrapping_add(2))?);
        let base = at.wrapping_add(SECTION);
        let end = match flags {
            0 => base,
            GRE_KEY | GRE_CSUM => base.wrapping_add(SECTION),
            _ => return None,
        };
        let has_checksum = flags == GRE_CSUM;
        if has_checksum && get16(frame, base.wrapping_add(2))? != 0 {
            return None;
        }
        frame.get(at..end)?;
        let header = Self {
            at,
            end,
            has_checksum,
        };
        Some((header, protocol))
    }

    /// Whether two frames are of one tunnel, in which an IP header is at `inner`: in the same Ethernet and
    /// VLAN, if there are such headers between.
    pub(super) fn is_same_tunnel(self, inner: usize, one: &[u8], other: &[u8]) -> Option<bool> {
        let base = self.at.wrapping_add(SECTION);
        let rest = if self.has_checksum { self.end } else { base };
        Some(same_bytes(self.at..base, one, other)? && same_bytes(rest..inner, one, other)?)
    }
}
