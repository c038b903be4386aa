// SPDX-License-Identifier: GPL-2.0

//! Which frames a port takes, by the address that they are for.

use crate::memory::{Memory, OutOfMemory};
use crate::sort::sort;

/// An Ethernet address, in the order of the wire.
pub type Address = [u8; 6];

/// The address of everybody.
pub const BROADCAST: Address = [0xff; 6];

/// Whether `address` is that of a group: multicast, or broadcast.
#[inline]
pub const fn is_group(address: Address) -> bool {
    address[0] & 1 != 0
}

/// Addresses. Who wants others makes a new set.
pub struct AddressSet<M: Memory>(M::Buffer<u64>);

/// The address as a number, by which it is found.
#[inline]
const fn number(address: Address) -> u64 {
    let [a, b, c, d, e, f] = address;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

impl<M: Memory> AddressSet<M> {
    /// Those of `addresses`, in any order, and of which some may be there twice. Process context; may
    /// sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(memory: &M, addresses: &[Address]) -> Result<Self, OutOfMemory> {
        let at = |index: usize| addresses.get(index).copied().map_or(0, number);
        let mut numbers = memory.allocate(addresses.len(), at)?;
        sort(&mut numbers, |a, b| a < b);
        Ok(Self(numbers))
    }

    /// Whether `address` is one of them. Any context.
    #[inline]
    pub fn has(&self, address: Address) -> bool {
        self.0.binary_search(&number(address)).is_ok()
    }
}
