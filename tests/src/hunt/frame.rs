// SPDX-License-Identifier: GPL-2.0

//! Frames for programs that are run one at a time, not sent.

use rand::seq::IndexedRandom;
use rand::Rng;

use crate::frames::{Frames, SHORTEST};

/// A frame, and the fields of its context that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// `mark` of `struct __sk_buff`.
    pub mark: u32,
    /// `priority` of `struct __sk_buff`.
    pub priority: u32,
    /// `cb` of `struct __sk_buff`.
    pub cb: [u32; 5],
}

impl Input {
    /// A frame of `bytes`, with nothing in its context.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            mark: 0,
            priority: 0,
            cb: [0; 5],
        }
    }

    /// Whether the kernel lets a classifier run on it: one for IP needs a whole header of it.
    pub fn is_for_classifiers(&self) -> bool {
        let network = self.bytes.len().saturating_sub(SHORTEST);
        match self.bytes.get(12..14) {
            Some([0x08, 0x00]) => network >= 20,
            Some([0x86, 0xdd]) => network >= 40,
            Some(_) => true,
            None => false,
        }
    }
}

/// Destination addresses: of the port (that of the loopback device), of everybody, of a group, of
/// somebody else.
const DESTINATIONS: [[u8; 6]; 4] = [[0; 6], [0xff; 6], [1, 0, 0x5e, 0, 0, 1], [2, 0, 0, 0, 0, 9]];

/// The longest frame: what native XDP has room for in one page.
const LONGEST: usize = 3500;

/// A number of frames for programs of both types.
pub fn inputs(rng: &mut impl Rng, count: usize) -> Vec<Input> {
    let mut frames = Frames::new(rng.random(), LONGEST - SHORTEST);
    let mut inputs = Vec::with_capacity(count);
    while inputs.len() < count {
        let mut bytes = if rng.random_ratio(1, 4) {
            let len = rng.random_range(SHORTEST..=96);
            let mut bytes = vec![0; len];
            rng.fill(&mut bytes[..]);
            bytes
        } else {
            frames.next_frame()
        };
        // Long frames take time and are like short ones.
        if bytes.len() > 300 && rng.random_ratio(9, 10) {
            bytes.truncate(rng.random_range(SHORTEST..=300));
        }
        if rng.random_ratio(1, 2) {
            if let (Some(to), Some(from)) = (bytes.get_mut(..6), DESTINATIONS.choose(rng)) {
                to.copy_from_slice(from);
            }
        }
        let input = Input {
            mark: rng.random(),
            priority: if rng.random() { rng.random() } else { 0 },
            cb: rng.random(),
            ..Input::new(bytes)
        };
        if input.is_for_classifiers() && input.bytes.len() <= LONGEST {
            inputs.push(input);
        }
    }
    inputs
}
