// SPDX-License-Identifier: GPL-2.0

//! The addresses of a filter, beside a plain list.

use engine::filter::{is_group, Address, AddressSet, BROADCAST};
use engine::memory::HostMemory;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Addresses of few values, so that those that are asked for are often there, or next to one.
fn address() -> impl Strategy<Value = Address> {
    let byte = || select(&[0_u8, 1, 0x80, 0xff][..]);
    (byte(), byte(), byte()).prop_map(|(first, middle, last)| [first, 0, middle, 7, 0, last])
}

proptest! {
    #[test]
    fn has_what_it_was_made_of_and_nothing_else(
        addresses in vec(address(), 0..64),
        asked in vec(address(), 1..64),
    ) {
        let set = AddressSet::new(&HostMemory, &addresses).expect("memory");
        prop_assert!(addresses.iter().all(|address| set.has(*address)));
        for address in asked {
            prop_assert_eq!(set.has(address), addresses.contains(&address), "{:02x?}", address);
        }
    }
}

#[test]
fn as_many_as_a_port_has_room_for() {
    let addresses: Vec<Address> = (0..1024_u16)
        .map(|number| {
            let [high, low] = number.wrapping_mul(40_503).to_be_bytes();
            [2, low, 0, high, 0, 1]
        })
        .collect();
    let set = AddressSet::new(&HostMemory, &addresses).expect("memory");
    for address in addresses {
        assert!(set.has(address));
        let [.., last] = address;
        let other = [0, 1, 2, 3, 4, last];
        assert!(!set.has(other));
    }
}

#[test]
fn groups() {
    assert!(is_group(BROADCAST) && is_group([0x33, 0x33, 0, 0, 0, 1]));
    assert!(!is_group([2, 0xff, 0xff, 0xff, 0xff, 0xff]) && !is_group([0; 6]));
}
