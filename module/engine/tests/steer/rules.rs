// SPDX-License-Identifier: GPL-2.0

//! The table of rules against a walk through all of them.

use engine::memory::{HostMemory, OutOfMemory};
use engine::parser::{KeyWords, Keys, Parsed};
use engine::steer::{Action, Rule, RuleTable, Unseen};
use proptest::collection::{hash_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

use crate::memory::Ending;

/// The rule of `table` for a frame with `keys`.
fn found(table: &RuleTable<HostMemory>, keys: &Keys) -> Option<(u32, Action)> {
    let parsed = Parsed {
        keys: *keys,
        ..Parsed::default()
    };
    table.find(&parsed, &Unseen)
}

/// The first rule, by location, that matches.
fn model(rules: &[(u32, Rule)], keys: &Keys) -> Option<(u32, Action)> {
    let words = keys.words();
    let matches = |rule: &Rule| {
        let mut all = words.iter().zip(&rule.key).zip(&rule.mask);
        all.all(|((word, key), mask)| (word ^ key) & mask == 0)
    };
    let found = rules.iter().filter(|(_, rule)| matches(rule));
    let first = found.min_by_key(|(location, _)| *location);
    first.map(|(location, rule)| (*location, rule.action))
}

/// Keys of few values, so that rules meet frames and each other.
fn keys() -> impl Strategy<Value = Keys> {
    let few = || 0..3_u8;
    (few(), few(), few(), few(), 0..4_u16).prop_map(|(mac, from, to, protocol, port)| {
        let [high, low] = (80 + port).to_be_bytes();
        Keys {
            destination: [mac; 6],
            ether_type: 0x0800,
            vlan_tci: port << 12 | 5,
            ip_version: 4,
            ip_protocol: 6 + protocol,
            tos: from << 2,
            ip_source: [from; 16],
            ip_destination: [to; 16],
            ports: [high, low, from, to],
            ..Keys::default()
        }
    })
}

/// Masks such as users give, with partial addresses, and any bits at all.
fn mask() -> impl Strategy<Value = KeyWords> {
    let none = Keys::default();
    let usual = [
        none,
        Keys {
            ports: [0xff; 4],
            ip_protocol: 0xff,
            ip_version: 0xff,
            ..none
        },
        Keys {
            ports: [0, 0, 0xff, 0xff],
            ip_protocol: 0xff,
            ..none
        },
        Keys {
            ip_source: [0xff; 16],
            ip_destination: [0xff; 16],
            ports: [0xff; 4],
            ..none
        },
        Keys {
            ip_destination: [2; 16],
            ..none
        },
        Keys {
            vlan_tci: 0x0fff,
            destination: [0xff; 6],
            ..none
        },
        Keys {
            vlan_tci: 0xe000,
            ..none
        },
    ];
    let usual = usual.map(|keys| keys.words());
    let any_bits = any::<[(u64, u64, u64); Keys::WORDS]>();
    prop_oneof![
        8 => select(usual.to_vec()),
        1 => any_bits.prop_map(|words| words.map(|(a, b, c)| a & b & c)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Drop),
        any::<u16>().prop_map(Action::Queue),
        (any::<u32>(), any::<u16>()).prop_map(|(id, offset)| Action::Context { id, offset }),
    ]
}

/// Rules of few shapes, some with bits in their keys that are in no mask; in any order.
fn rules() -> impl Strategy<Value = Vec<(u32, Rule)>> {
    let masks = vec(mask(), 1..5);
    (masks, 0..80_usize).prop_flat_map(|(masks, count)| {
        let beside = prop_oneof![Just([0_u64; Keys::WORDS]), any::<KeyWords>()];
        let rule = (keys(), select(masks), beside, action());
        let rule = rule.prop_map(|(keys, mask, beside, action)| {
            let words = keys.words();
            let key = std::array::from_fn(|i| words[i] ^ beside[i] & !mask[i]);
            Rule {
                key,
                mask,
                payload: None,
                action,
            }
        });
        let location = prop_oneof![0..200_u32, any::<u32>()];
        (hash_set(location, count), vec(rule, count))
            .prop_map(|(locations, rules)| locations.into_iter().zip(rules).collect())
    })
}

proptest! {
    #[test]
    fn the_lowest_location_wins(rules in rules(), frames in vec(keys(), 1..60), seed in any::<u64>()) {
        let table = RuleTable::new(&HostMemory, &rules, seed).expect("memory");
        prop_assert_eq!(table.is_empty(), rules.is_empty());
        for keys in frames {
            prop_assert_eq!(found(&table, &keys), model(&rules, &keys));
        }
    }

    #[test]
    fn their_order_does_not_matter(
        (rules, shuffled) in rules().prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        frames in vec(keys(), 1..60),
    ) {
        let [one, other] = [&rules, &shuffled]
            .map(|rules| RuleTable::new(&HostMemory, rules, 1).expect("memory"));
        for keys in frames {
            prop_assert_eq!(found(&one, &keys), found(&other, &keys));
        }
    }
}

/// A rule for each of many flows: each is found, and nothing beside them.
#[test]
fn ten_thousand_rules_of_one_shape() {
    const RULES: u32 = 10_000;
    let flow = |number: u32| Keys {
        ip_version: 4,
        ip_protocol: 17,
        ports: number.to_be_bytes(),
        ..Keys::default()
    };
    let mask = Keys {
        ports: [0xff; 4],
        ip_protocol: 0xff,
        ..Keys::default()
    };
    let rule = |number: u32| Rule {
        key: flow(number).words(),
        mask: mask.words(),
        payload: None,
        action: Action::Queue((number % 100) as u16),
    };
    // Of every flow there are two rules; the second one never counts.
    let rules: Vec<_> = (0..2 * RULES).map(|i| (i, rule(i % RULES))).collect();
    let table = RuleTable::new(&HostMemory, &rules, 7).expect("memory");
    for number in 0..RULES {
        let action = Action::Queue((number % 100) as u16);
        assert_eq!(found(&table, &flow(number)), Some((number, action)));
    }
    for number in RULES..2 * RULES {
        assert_eq!(found(&table, &flow(number)), None);
    }
}

/// One that is found does not keep a shape behind it from being looked at that begins before it.
#[test]
fn a_later_shape_may_have_an_earlier_rule() {
    let frame = Keys {
        ports: [1, 2, 3, 4],
        ..Keys::default()
    };
    let ports = |mask: [u8; 4]| {
        Keys {
            ports: mask,
            ..Keys::default()
        }
        .words()
    };
    let rule = |key, mask, queue| Rule {
        key: ports(key),
        mask: ports(mask),
        payload: None,
        action: Action::Queue(queue),
    };
    let (whole, half) = ([0xff; 4], [0xff, 0xff, 0, 0]);
    // The shape with location 0 matches at 9 only, the one with location 3 at 5.
    let rules = [
        (0, rule([9; 4], whole, 0)),
        (9, rule([1, 2, 3, 4], whole, 9)),
        (3, rule([7, 7, 0, 0], half, 3)),
        (5, rule([1, 2, 0, 0], half, 5)),
    ];
    let table = RuleTable::new(&HostMemory, &rules, 0).expect("memory");
    assert_eq!(found(&table, &frame), Some((5, Action::Queue(5))));
    assert_eq!(
        found(
            &table,
            &Keys {
                ports: [9; 4],
                ..frame
            }
        ),
        Some((0, Action::Queue(0)))
    );
    assert_eq!(found(&table, &Keys::default()), None);
}

#[test]
fn without_rules_nothing_is_found() {
    let empty = RuleTable::<HostMemory>::empty();
    assert!(empty.is_empty());
    assert_eq!(found(&empty, &Keys::default()), None);
    // A rule without a mask is for all frames.
    let all = Rule {
        key: [u64::MAX; Keys::WORDS],
        mask: [0; Keys::WORDS],
        payload: None,
        action: Action::Drop,
    };
    let table = RuleTable::new(&HostMemory, &[(u32::MAX, all)], 3).expect("memory");
    assert!(!table.is_empty());
    assert_eq!(
        found(&table, &Keys::default()),
        Some((u32::MAX, Action::Drop))
    );
}

#[test]
fn out_of_memory_is_told() {
    let rule = Rule {
        key: [1; Keys::WORDS],
        mask: [1; Keys::WORDS],
        payload: None,
        action: Action::Drop,
    };
    let made_with = |allocations| RuleTable::new(&Ending::after(allocations), &[(1, rule)], 0);
    let needed = (0..9).find(|allocations| made_with(*allocations).is_ok());
    let needed = needed.expect("there is memory enough");
    assert_eq!(needed, 4, "rules in order, entries, shapes, starts");
    for allocations in 0..needed {
        assert_eq!(
            made_with(allocations).err(),
            Some(OutOfMemory),
            "{allocations}"
        );
    }
}
