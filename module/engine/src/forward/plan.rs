// SPDX-License-Identifier: GPL-2.0

//! How a node of a tree of prefixes becomes another one.

use core::sync::atomic::{AtomicU64, Ordering};

use super::node::{Node, WORDS};

/// A node that is to be: as another one, but for one bit.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    /// That other one, or an empty one.
    old: Node<'a>,
    bit: u32,
    /// The reference that goes with the bit; `None` if the bit goes.
    reference: Option<u32>,
}

impl<'a> Plan<'a> {
    /// One with `bit` alone.
    pub(super) const fn one(bit: u32, reference: u32) -> Self {
        Self::with(Node::EMPTY, bit, reference)
    }

    /// As `old`, which does not have `bit`, and that with `reference`.
    pub(super) const fn with(old: Node<'a>, bit: u32, reference: u32) -> Self {
        Self {
            old,
            bit,
            reference: Some(reference),
        }
    }

    /// As `old`, and not `bit`, which that has.
    pub(super) const fn without(old: Node<'a>, bit: u32) -> Self {
        Self {
            old,
            bit,
            reference: None,
        }
    }

    fn bits(&self, number: u32) -> u64 {
        let change = if self.bit >> 6 == number { 1 } else { 0 };
        self.old.bits(number) ^ change << (self.bit & 63)
    }

    fn mask(&self) -> u32 {
        (0..WORDS).fold(0, |mask, number| {
            mask | u32::from(self.bits(number) != 0) << (number & 31)
        })
    }

    fn len(&self) -> u32 {
        match self.reference {
            Some(_) => self.old.len().wrapping_add(1),
            None => self.old.len().wrapping_sub(1),
        }
    }

    /// How many words it takes.
    pub(super) fn words(&self) -> usize {
        let references = self.len().wrapping_add(1) >> 1;
        // CAST: Some hundred.
        1_u32
            .wrapping_add(self.mask().count_ones())
            .wrapping_add(references) as usize
    }

    /// The reference with number `index`, behind which `place` is that of the bit.
    fn reference(&self, index: u32, place: u32) -> u64 {
        let reference = match self.reference {
            _ if index < place => self.old.reference(index),
            Some(reference) if index == place => reference,
            Some(_) => self.old.reference(index.wrapping_sub(1)),
            None => self.old.reference(index.wrapping_add(1)),
        };
        u64::from(reference)
    }

    /// Writes it to `to`, which nobody else sees yet.
    pub(super) fn write(&self, to: &[AtomicU64]) {
        let (mask, len, place) = (self.mask(), self.len(), self.old.rank(self.bit));
        let mut to = to.iter();
        let mut put = |word: u64| {
            if let Some(to) = to.next() {
                to.store(word, Ordering::Relaxed);
            }
        };
        put(u64::from(mask) | u64::from(len) << 16);
        (0..WORDS)
            .map(|number| self.bits(number))
            .filter(|bits| *bits != 0)
            .for_each(&mut put);
        let mut index = 0;
        while index < len {
            let next = index.wrapping_add(1);
            let high = if next < len {
                self.reference(next, place)
            } else {
                0
            };
            put(self.reference(index, place) | high << 32);
            index = next.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Plan;
    use crate::forward::arena::LONGEST;
    use crate::forward::node::{route, Node};
    use core::sync::atomic::AtomicU64;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    fn room() -> Vec<AtomicU64> {
        (0..LONGEST).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    /// One bit after the other comes and goes, and the node has what a map has.
    #[test]
    fn a_node_is_a_map() {
        let (mut now, mut next) = (room(), room());
        let mut model = BTreeMap::new();
        let mut random = 7_u64;
        let most = (0..768).filter(|bit| *bit < 256 || *bit > 257).count();
        for round in 0..6_000_u32 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let number = (random >> 33) as u32;
            let bit = number % 768;
            if bit == 256 || bit == 257 {
                continue;
            }
            // Grows until it has all, and then shrinks until it has nothing.
            let grows = round < 4_000;
            let node = Node::new(&now);
            let plan = match (grows, model.contains_key(&bit)) {
                (true, false) if model.is_empty() => Plan::one(bit, number),
                (true, false) => Plan::with(node, bit, number),
                (false, true) => Plan::without(node, bit),
                (true, true) => {
                    node.set(bit, number);
                    model.insert(bit, number);
                    continue;
                }
                (false, false) => continue,
            };
            assert!(plan.words() <= next.len());
            plan.write(&next);
            core::mem::swap(&mut now, &mut next);
            match grows {
                true => model.insert(bit, number),
                false => model.remove(&bit),
            };
            let node = Node::new(&now);
            assert_eq!(node.len() as usize, model.len());
            let listed: Vec<_> =
                core::iter::successors(node.next(0), |at| node.next(at + 1)).collect();
            assert!(listed.iter().eq(model.keys()));
            for probe in (0..768).step_by(7) {
                assert_eq!(node.get(probe), model.get(&probe).copied(), "bit {probe}");
            }
            let byte = number as u8;
            let longest = (1..=8).rev().map(|bits| route(byte, bits));
            assert_eq!(
                node.longest(byte),
                longest.into_iter().find(|bit| model.contains_key(bit))
            );
            if round == 3_999 {
                assert!(model.len() > most - 10, "{} of {most}", model.len());
            }
        }
    }
}
