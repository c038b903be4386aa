// SPDX-License-Identifier: GPL-2.0

//! The flows of a queue beside a list of them: whatever is taken in and out, and however many share a chain.

use engine::checksum::sum;
use engine::coalesce::{Flows, Held, Segment};
use engine::memory::HostMemory;

use super::frames::Ip;
use super::random::Random;
use super::rules::{segment, v4, v6};

/// A flow in the list, which has the oldest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    slot: u16,
    print: u32,
    since: u64,
    held: Held,
}

/// What is held of a segment that carries `len` bytes: what tells one from another here.
fn held(len: usize) -> Held {
    let bytes = segment(&[v4()], 0, len).bytes();
    let rest = sum(&bytes[14..]).fold();
    Held::new(&Segment::of(&bytes, rest).expect("a segment"))
}

/// Compares all that can be asked.
#[track_caller]
fn compare(flows: &Flows<HostMemory>, known: &[Known], slots: u16, prints: &[u32]) {
    assert_eq!(flows.len(), known.len());
    assert_eq!(flows.is_empty(), known.is_empty());
    assert_eq!(flows.is_full(), known.len() == usize::from(slots));
    let oldest = known.first().map(|it| (it.slot, it.since));
    assert_eq!(flows.oldest(), oldest);
    for print in prints {
        let found: Vec<_> = flows
            .with_print(*print)
            .map(|(slot, held)| (slot, *held))
            .collect();
        let expected: Vec<_> = known
            .iter()
            .filter(|it| it.print == *print)
            .map(|it| (it.slot, it.held))
            .collect();
        assert_eq!(found, expected, "print {print:#x}");
    }
}

#[test]
fn flows_are_as_a_list_of_them() {
    let kinds: Vec<_> = (1..20).map(held).collect();
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let slots = [0, 1, 2, 3, 64, 100][random.below(6)];
        // Some have the same print, and many only the same chain.
        let prints: Vec<_> = match random.below(3) {
            0 => vec![7],
            1 => (0..40).map(|high: u32| (high << 16) ^ high).collect(),
            _ => (0..200)
                .map(|it: u32| it.wrapping_mul(0x9e37_79b1))
                .collect(),
        };
        let mut flows = Flows::new(&HostMemory, slots, 1).expect("memory");
        let mut known: Vec<Known> = Vec::new();
        for since in 0..500 {
            match random.below(8) {
                // More come than go, so that it is full now and then.
                0..=3 => {
                    let (print, held) = (
                        prints[random.below(prints.len())],
                        kinds[random.below(kinds.len())],
                    );
                    let slot = flows.insert(print, held, since);
                    assert_eq!(slot.is_some(), known.len() < usize::from(slots));
                    let Some(slot) = slot else { continue };
                    assert!(slot < slots && known.iter().all(|it| it.slot != slot));
                    known.push(Known {
                        slot,
                        print,
                        since,
                        held,
                    });
                }
                4 | 5 if !known.is_empty() => {
                    let gone = known.remove(random.below(known.len()));
                    assert_eq!(flows.remove(gone.slot), Some(gone.held));
                    assert_eq!(flows.remove(gone.slot), None, "it is gone");
                }
                6 if !known.is_empty() => {
                    let gone = known.remove(0);
                    assert_eq!(flows.oldest(), Some((gone.slot, gone.since)));
                    assert_eq!(flows.remove(gone.slot), Some(gone.held));
                }
                _ if !known.is_empty() => {
                    let index = random.below(known.len());
                    let it = &mut known[index];
                    it.held = kinds[random.below(kinds.len())];
                    *flows.held_mut(it.slot).expect("it is held") = it.held;
                }
                _ => {
                    assert_eq!(flows.remove(slots), None, "there is no such slot");
                    assert_eq!(flows.held_mut(u16::MAX), None, "nor this");
                }
            }
            compare(&flows, &known, slots, &prints);
        }
    }
}

/// Flows that share what they are found by with one secret do not with another.
#[test]
fn who_shares_a_chain_is_a_secret() {
    const FLOWS: usize = 64;
    let print = |secret: u64, ips: &[Ip], ports: [u16; 2]| {
        let flows = Flows::new(&HostMemory, 64, secret).expect("memory");
        let mut frame = segment(ips, 0, 10);
        frame.tcp.ports = ports;
        let bytes = frame.bytes();
        let found = Segment::of(&bytes, sum(&bytes[14..]).fold()).expect("a segment");
        let print = flows.print(&found, &bytes);
        assert_eq!(flows.print_of(&bytes), Some(print));
        print
    };
    let place = |print: u32| (print ^ (print >> 16)) % FLOWS as u32;
    for ips in [vec![v4()], vec![v6()], vec![v4(), v6()]] {
        let all = (0..u16::MAX).map(|port| [port, 80]);
        let mut alike = Vec::new();
        for ports in all {
            if place(print(1, &ips, ports)) == 0 {
                alike.push(ports);
            }
            if alike.len() == FLOWS {
                break;
            }
        }
        let mut chains = vec![0; FLOWS];
        for ports in &alike {
            chains[place(print(2, &ips, *ports)) as usize] += 1;
        }
        let longest = chains.iter().max();
        assert!(longest < Some(&10), "{chains:?}");
    }
}
