// SPDX-License-Identifier: GPL-2.0

//! What a MAC counts of the frames that it sends: IEEE 802.3 clause 30.3 and RFC 2819.
//!
//! Frames are those of the wire, and have a frame check sequence of four bytes, which their lengths and
//! octets include, as they do the Ethernet header. Nothing is padded on a wire that is memory: a frame
//! may be shorter than the 64 bytes of Ethernet.

use crate::filter;
use crate::transmit::TxPlan;

/// Bytes of a frame check sequence.
const FCS: usize = 4;

/// The longest frame in bytes: 9216 of a packet, an Ethernet header, two VLAN tags, a frame check
/// sequence.
pub const LONGEST: u16 = 9216 + 14 + 2 * 4 + 4;

/// The ranges of lengths in which frames are counted, in bytes: the smallest and the largest.
pub const RANGES: [(u16, u16); 10] = [
    (0, 64),
    (65, 127),
    (128, 255),
    (256, 511),
    (512, 1023),
    (1024, 1518),
    (1519, 2047),
    (2048, 4095),
    (4096, 8191),
    (8192, LONGEST),
];

/// Bytes of the shortest frame that is not too short.
const SHORTEST: usize = 64;

/// The ranges, and frames that are shorter or longer than they may be.
const BINS: usize = RANGES.len() + 2;
const UNDERSIZE: usize = RANGES.len();
const OVERSIZE: usize = RANGES.len() + 1;

/// EtherType of MAC control, and its opcode for PAUSE.
const MAC_CONTROL: [u8; 2] = [0x88, 0x08];
const PAUSE: [u8; 2] = [0x00, 0x01];

/// The bin for frames of `len` bytes with the frame check sequence. Those that are too short are in
/// the first range, too.
#[inline]
fn bin(len: usize) -> usize {
    if len < SHORTEST {
        return UNDERSIZE;
    }
    let mut ranges = RANGES.iter();
    let found = ranges.position(|(_, high)| len <= usize::from(*high));
    found.unwrap_or(OVERSIZE)
}

/// To whom frames go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Cast {
    /// One.
    #[default]
    Unicast,
    /// A group.
    Multicast,
    /// All.
    Broadcast,
}

/// What frames are for the MAC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Class {
    cast: Cast,
    is_control: bool,
    is_pause: bool,
}

impl Class {
    /// That of a frame that begins with `bytes`.
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        let cast = match bytes.first() {
            Some(first) if first & 1 == 0 => Cast::Unicast,
            _ if bytes.starts_with(&filter::BROADCAST) => Cast::Broadcast,
            Some(_) => Cast::Multicast,
            None => Cast::Unicast,
        };
        let is_control = bytes.get(12..14) == Some(&MAC_CONTROL);
        Self {
            cast,
            is_control,
            is_pause: is_control && bytes.get(14..16) == Some(&PAUSE),
        }
    }
}

/// Frames that go on the wire together: what one frame of the stack's becomes.
#[derive(Clone, Debug, Default)]
pub struct Burst {
    class: Class,
    frames: u32,
    /// Without frame check sequences.
    bytes: u64,
    bins: [u32; BINS],
}

impl Burst {
    /// `frames` more, of `len` bytes each without a frame check sequence, which begin with `bytes`:
    /// all of a burst are of one class.
    #[inline]
    pub fn add(&mut self, bytes: &[u8], len: usize, frames: u32) {
        if self.frames == 0 {
            self.class = Class::of(bytes);
        }
        self.frames = self.frames.saturating_add(frames);
        // CAST: A `usize` has at most 64 bits.
        let total = (len as u64).wrapping_mul(frames.into());
        self.bytes = self.bytes.wrapping_add(total);
        if let Some(bin) = self.bins.get_mut(bin(len.saturating_add(FCS))) {
            *bin = bin.saturating_add(frames);
        }
    }

    /// The frames that `plan` makes of one that begins with `bytes`; `fragments` are those that the plan
    /// was made with.
    pub fn add_cut(
        &mut self,
        bytes: &[u8],
        plan: &TxPlan,
        fragments: impl IntoIterator<Item = u32>,
    ) {
        if plan.is_by_fragments() {
            for frame in plan.wire_frames(fragments) {
                self.add(bytes, frame.len(), 1);
            }
            return;
        }
        // All are as long as the first one, but for the last.
        let first = plan.wire_frames([]).next().map_or(0, |frame| frame.len());
        let alike = plan.frames().saturating_sub(1);
        // CAST: A `usize` has at most 64 bits.
        let before_last = (first as u64).wrapping_mul(alike.into());
        let last = plan.wire_bytes().wrapping_sub(before_last);
        if alike > 0 {
            self.add(bytes, first, alike);
        }
        // CAST: The length of one frame.
        self.add(bytes, last as usize, 1);
    }

    /// How many frames.
    #[inline]
    pub fn frames(&self) -> u64 {
        self.frames.into()
    }

    /// Their bytes, without frame check sequences.
    #[inline]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Calls `count` for each counter that they change, with the number of the counter, which is below
    /// [`Counts::NUMBER`], and by how much.
    #[inline]
    pub fn each(&self, mut count: impl FnMut(usize, u64)) {
        let frames = self.frames();
        if frames == 1 {
            // CAST: The length of one frame.
            count(bin((self.bytes as usize).saturating_add(FCS)), 1);
        } else {
            for (number, frames) in (0..BINS).zip(self.bins) {
                if frames != 0 {
                    count(number, frames.into());
                }
            }
        }
        let checked = frames.wrapping_mul(FCS as u64);
        count(OCTETS, self.bytes.wrapping_add(checked));
        match self.class.cast {
            Cast::Unicast => {}
            Cast::Multicast => count(MULTICAST, frames),
            Cast::Broadcast => count(BROADCAST, frames),
        }
        if self.class.is_control {
            count(CONTROL, frames);
        }
        if self.class.is_pause {
            count(PAUSES, frames);
        }
    }
}

// The numbers of the counters behind those of the bins.
const OCTETS: usize = BINS;
const MULTICAST: usize = BINS + 1;
const BROADCAST: usize = BINS + 2;
const CONTROL: usize = BINS + 3;
const PAUSES: usize = BINS + 4;

/// The values of all counters. They wrap around at 2^64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts([u64; Self::NUMBER]);

impl Counts {
    /// How many counters there are.
    pub const NUMBER: usize = BINS + 5;
    /// All zero.
    pub const ZERO: Self = Self([0; Self::NUMBER]);

    /// Adds values in the order of the counters' numbers.
    pub fn add(&mut self, values: impl IntoIterator<Item = u64>) {
        for (sum, value) in self.0.iter_mut().zip(values) {
            *sum = sum.wrapping_add(value);
        }
    }

    /// The values in the order of the counters' numbers.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().copied()
    }

    /// By how much each counter has grown since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut grown = *self;
        for (value, before) in grown.0.iter_mut().zip(before.values()) {
            *value = value.wrapping_sub(before);
        }
        grown
    }

    fn get(&self, number: usize) -> u64 {
        self.0.get(number).copied().unwrap_or(0)
    }

    /// Frames of any length.
    pub fn frames(&self) -> u64 {
        let bins = self.values().take(BINS);
        bins.fold(0, u64::wrapping_add)
    }

    /// Frames whose length is in range number `range` of [`RANGES`].
    pub fn in_range(&self, range: usize) -> u64 {
        let short = if range == 0 { self.undersize() } else { 0 };
        let known = (range < RANGES.len()).then(|| self.get(range));
        known.map_or(0, |count| count.wrapping_add(short))
    }

    /// Frames of less than 64 bytes.
    pub fn undersize(&self) -> u64 {
        self.get(UNDERSIZE)
    }

    /// Frames of more than [`LONGEST`] bytes.
    pub fn oversize(&self) -> u64 {
        self.get(OVERSIZE)
    }

    /// Bytes of all frames.
    pub fn octets(&self) -> u64 {
        self.get(OCTETS)
    }

    /// Frames to a group that is not all.
    pub fn multicast(&self) -> u64 {
        self.get(MULTICAST)
    }

    /// Frames to all.
    pub fn broadcast(&self) -> u64 {
        self.get(BROADCAST)
    }

    /// Frames of MAC control.
    pub fn control(&self) -> u64 {
        self.get(CONTROL)
    }

    /// PAUSE frames.
    pub fn pauses(&self) -> u64 {
        self.get(PAUSES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const UNICAST: [u8; 14] = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00];

    fn counted(burst: &Burst) -> Counts {
        let mut counts = Counts::ZERO;
        let mut values = [0; Counts::NUMBER];
        burst.each(|number, amount| values[number] += amount);
        counts.add(values);
        counts
    }

    fn of_frames(bytes: &[u8], lengths: &[(usize, u32)]) -> Counts {
        let mut burst = Burst::default();
        for (len, frames) in lengths {
            burst.add(bytes, *len, *frames);
        }
        counted(&burst)
    }

    #[test]
    fn ranges_join() {
        assert!(RANGES
            .windows(2)
            .all(|pair| pair[0].0 < pair[0].1 && pair[0].1 + 1 == pair[1].0));
        assert_eq!(RANGES[RANGES.len() - 1].1, LONGEST);
    }

    #[test]
    fn each_length_has_one_place() {
        for len in 14..12_000usize {
            let counts = of_frames(&UNICAST, &[(len, 1)]);
            let wire = len + 4;
            for (range, (low, high)) in (0..).zip(RANGES) {
                let is_in = (usize::from(low)..=usize::from(high)).contains(&wire);
                assert_eq!(counts.in_range(range), u64::from(is_in), "{len} {range}");
            }
            assert_eq!(counts.in_range(RANGES.len()), 0);
            assert_eq!(counts.undersize(), u64::from(wire < 64));
            assert_eq!(counts.oversize(), u64::from(wire > usize::from(LONGEST)));
            assert_eq!((counts.frames(), counts.octets()), (1, wire as u64));
        }
    }

    #[test]
    fn a_burst_counts_as_its_frames() {
        let lengths: Vec<_> = (0..40)
            .map(|it| (14 + it * it * 7, 1 + it as u32 % 3))
            .collect();
        let mut alone = Counts::ZERO;
        for (len, frames) in &lengths {
            for _ in 0..*frames {
                alone.add(of_frames(&UNICAST, &[(*len, 1)]).values());
            }
        }
        assert_eq!(of_frames(&UNICAST, &lengths), alone);
        assert_eq!(counted(&Burst::default()), Counts::ZERO);
    }

    #[test]
    fn classes_are_told_by_the_header() {
        let with = |to: [u8; 6], kind: [u8; 4]| {
            let mut bytes = UNICAST.to_vec();
            bytes[..6].copy_from_slice(&to);
            bytes.truncate(12);
            bytes.extend(kind);
            of_frames(&bytes, &[(60, 2), (70, 1)])
        };
        let of = |counts: Counts| {
            (
                counts.multicast(),
                counts.broadcast(),
                counts.control(),
                counts.pauses(),
            )
        };
        let (ip, one) = ([0x08, 0, 0x45, 0], [2, 0, 0, 0, 0, 1]);
        assert_eq!(of(with(one, ip)), (0, 0, 0, 0));
        assert_eq!(of(with([0xff; 6], ip)), (0, 3, 0, 0));
        assert_eq!(of(with([1, 0, 0x5e, 0, 0, 1], ip)), (3, 0, 0, 0));
        assert_eq!(
            of(with([0xff, 0xff, 0xff, 0xff, 0xff, 0xfd], ip)),
            (3, 0, 0, 0)
        );
        assert_eq!(of(with(one, [0x88, 8, 0, 1])), (0, 0, 3, 3));
        assert_eq!(of(with(one, [0x88, 8, 1, 1])), (0, 0, 3, 0));
        assert_eq!(of(of_frames(&[], &[(60, 1)])), (0, 0, 0, 0));
        assert_eq!(of(of_frames(&[0xff; 5], &[(60, 1)])), (1, 0, 0, 0));
    }

    #[test]
    fn counts_wrap_around() {
        let mut counts = Counts([u64::MAX; Counts::NUMBER]);
        let before = counts;
        counts.add([3; Counts::NUMBER]);
        assert_eq!(counts.octets(), 2);
        assert_eq!(counts.since(&before).octets(), 3);
    }
}
