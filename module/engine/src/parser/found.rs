// SPDX-License-Identifier: GPL-2.0

//! What a parser has found in a frame.

use parse_graph::{stop, Carrier, Field, Target};

use super::number::LOAD;
use crate::fields::get;

/// How many nodes of its way a parser remembers: as many as the usual frame has, and then some.
pub const STEPS: usize = 24;
/// Bytes of all fields.
const BYTES: usize = Field::FLOW_KEYS_BYTES + Field::DEVICE_BYTES;
/// Words of all fields.
const WORDS: usize = BYTES.div_ceil(LOAD);

/// How a parser stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Verdict {
    /// All is well (`BPF_OK`).
    Okay = 0,
    /// The frame is broken or unknown; what was found until then stays (`BPF_DROP`).
    #[default]
    Fail = 2,
    /// The graph leaves the frame to the kernel's own code (`BPF_FLOW_DISSECTOR_CONTINUE`): nothing that
    /// was found counts.
    LeftOut = 129,
}

impl Verdict {
    /// How a parser stops at `target`, which is no node.
    pub(super) const fn of(target: Target) -> Self {
        match target {
            Target::OKAY => Self::Okay,
            Target::FAIL => Self::Fail,
            _ => Self::LeftOut,
        }
    }
}

/// A node of a parser's way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Number of the node.
    pub node: u16,
    /// Offset of its header in the frame, in bytes.
    pub offset: u16,
}

/// What a parser has found in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// The bytes of all fields, the first one in the highest place of the first word.
    pub(super) words: [u64; WORDS],
    /// How it stopped.
    pub verdict: Verdict,
    pub(super) steps: [Step; STEPS],
    pub(super) count: u8,
}

/// Where a field lies among all of them.
#[inline]
pub(super) const fn place(field: Field) -> u8 {
    match field.carrier() {
        Carrier::FlowKeys(at) => at,
        // CAST: 56 bytes.
        Carrier::Device(at) => at.wrapping_add(Field::FLOW_KEYS_BYTES as u8),
    }
}

impl Default for Found {
    #[inline]
    fn default() -> Self {
        Self {
            words: [0; WORDS],
            verdict: Verdict::Fail,
            steps: [Step { node: 0, offset: 0 }; STEPS],
            count: 0,
        }
    }
}

impl Found {
    /// Forgets all.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.words = [0; WORDS];
        self.count = 0;
    }

    /// The bytes of a field, of which it must have `N`; zeroes where it has not.
    #[inline]
    pub fn get<const N: usize>(&self, field: Field) -> [u8; N] {
        debug_assert!(usize::from(field.size()) == N);
        get(&self.bytes(), place(field).into()).unwrap_or([0; N])
    }

    /// All fields.
    #[inline]
    fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (to, word) in bytes.chunks_exact_mut(LOAD).zip(self.words) {
            to.iter_mut()
                .zip(word.to_be_bytes())
                .for_each(|(to, from)| *to = from);
        }
        bytes
    }

    /// The fields of `struct bpf_flow_keys`, as that lies in memory.
    #[inline]
    pub fn flow_keys(&self) -> [u8; Field::FLOW_KEYS_BYTES] {
        get(&self.bytes(), 0).unwrap_or([0; Field::FLOW_KEYS_BYTES])
    }

    /// The fields that only a device has, by their offsets.
    #[inline]
    pub fn device_fields(&self) -> [u8; Field::DEVICE_BYTES] {
        get(&self.bytes(), Field::FLOW_KEYS_BYTES).unwrap_or([0; Field::DEVICE_BYTES])
    }

    /// The first [`STEPS`] nodes of its way.
    pub fn steps(&self) -> &[Step] {
        self.steps.get(..self.count.into()).unwrap_or_default()
    }

    /// Notes that the parser came to a node.
    #[inline(always)]
    pub(super) fn step(&mut self, node: u16, offset: u16) {
        if let Some(step) = self.steps.get_mut(usize::from(self.count)) {
            *step = Step { node, offset };
            self.count = self.count.wrapping_add(1);
        }
    }

    /// Notes the way that the parser came.
    #[inline(always)]
    pub(super) fn go(&mut self, way: &[Step]) {
        for (to, step) in self.steps.iter_mut().zip(way) {
            *to = *step;
        }
        // CAST: At most 24.
        self.count = way.len().min(STEPS) as u8;
    }

    /// Whether the packet is a fragment.
    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.number(Field::IsFrag) != 0
    }

    /// A field as a number, whose highest byte is its first one; not more than eight bytes of it.
    #[inline(always)]
    pub(super) fn number(&self, field: Field) -> u64 {
        let Span { word, bits, low } = Span::of(field);
        (self.word(word) & bits).wrapping_shr(low)
    }

    /// A field that is an address of IPv6.
    #[inline(always)]
    pub(super) fn address(&self, field: Field) -> [u8; 16] {
        let Span { word: first, .. } = Span::of(field);
        let [high, low] = [first, first.wrapping_add(1)].map(|word| self.word(word));
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    #[inline(always)]
    fn word(&self, word: u8) -> u64 {
        self.words.get(usize::from(word)).copied().unwrap_or(0)
    }

    /// Sets a field to a number, as [`Self::number`] gives it.
    #[inline(always)]
    pub(super) fn set_number(&mut self, field: Field, number: u64) {
        let Span { word, bits, low } = Span::of(field);
        if let Some(word) = self.words.get_mut(usize::from(word)) {
            *word = (*word & !bits) | (number.wrapping_shl(low) & bits);
        }
    }

    /// Those of `conditions` that are true, where the caller asks for `asked`.
    #[inline(always)]
    fn true_of(&self, asked: u16, conditions: u16) -> u16 {
        let found = if self.is_fragment() { stop::IS_FRAG } else { 0 };
        (asked | found) & conditions
    }

    /// Whether one of `conditions` is true.
    #[inline(always)]
    pub(super) fn meets(&self, asked: u16, conditions: u16) -> bool {
        self.true_of(asked, conditions) != 0
    }

    /// Whether all of `conditions` are true.
    #[inline(always)]
    pub(super) fn has(&self, asked: u16, conditions: u16) -> bool {
        self.true_of(asked, conditions) == conditions
    }
}

/// Bytes of fields that lie in one word.
#[derive(Clone, Copy)]
pub(super) struct Span {
    /// Number of the word.
    pub(super) word: u8,
    /// Which bits of the word they are.
    pub(super) bits: u64,
    /// How far the last of them is from the word's lower end, in bits.
    pub(super) low: u32,
}

impl Span {
    /// `len` bytes from the place `to` on, or as many of them as lie in its word.
    #[inline(always)]
    pub(super) const fn new(to: u8, len: u8) -> Self {
        let behind = Self::room(to).saturating_sub(len);
        let low = (behind as u32).wrapping_mul(8);
        let bits = (len as u32).wrapping_mul(8);
        let all = u64::MAX.wrapping_shr(u64::BITS.saturating_sub(bits));
        Self {
            // CAST: 8.
            word: to.wrapping_div(LOAD as u8),
            bits: all.wrapping_shl(low),
            low,
        }
    }

    /// How many bytes from the place `to` on lie in its word.
    pub(super) const fn room(to: u8) -> u8 {
        // CAST: 8.
        let size = LOAD as u8;
        size.wrapping_sub(to.wrapping_rem(size))
    }

    /// A field, or the first word of a longer one.
    #[inline(always)]
    const fn of(field: Field) -> Self {
        Self::new(place(field), field.size())
    }
}
