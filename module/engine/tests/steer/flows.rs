// SPDX-License-Identifier: GPL-2.0

//! The table of flows against a model, and with several CPUs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Barrier;

use engine::memory::{HostMemory, OutOfMemory};
use engine::steer::{FlowTable, MAX_FLOWS};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::memory::Ending;

/// Slots that a hash may be in.
const WAYS: usize = 8;

fn table(flows: u32) -> FlowTable<HostMemory> {
    FlowTable::new(&HostMemory, flows).expect("memory")
}

#[derive(Clone, Debug)]
enum Step {
    /// A flow, and whether it is admitted if it is a new one.
    Steer(u32, u16, u32, bool),
    /// Flows whose ID has one of these bits may expire.
    Expire(u32),
    ClearAbove(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Many more hashes than fit into the least table, and so few that they come again.
    let hash = (0..40_u32).prop_map(|number| number.wrapping_mul(0x1357_9bdf));
    let step = prop_oneof![
        8 => (hash, 0..20_u16, any::<u32>(), prop::bool::weighted(0.9))
            .prop_map(|(hash, queue, id, admit)| Step::Steer(hash, queue, id, admit)),
        2 => (0..8_u32).prop_map(Step::Expire),
        1 => (0..25_u16).prop_map(Step::ClearAbove),
    ];
    vec(step, 0..200)
}

/// What the model knows of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Flow {
    queue: u16,
    flow_id: u32,
    filter: u16,
    is_new: bool,
}

proptest! {
    #[test]
    fn a_flow_goes_where_it_was_steered_last(steps in steps(), flows in prop_oneof![Just(8_u32), Just(64)]) {
        let table = table(flows);
        let mut model: HashMap<u32, Flow> = HashMap::new();
        for step in steps {
            match step {
                Step::Steer(hash, queue, flow_id, admit) => {
                    let mut asked = false;
                    let steered = table.steer(hash, queue, flow_id, || {
                        asked = true;
                        admit
                    });
                    let is_new = !model.contains_key(&hash);
                    prop_assert!(!asked || is_new, "asked about one that is there");
                    match steered {
                    Some(filter) => {
                        prop_assert_eq!(asked, is_new);
                        prop_assert!(admit || !is_new);
                        prop_assert!(u32::from(filter) < table.capacity());
                        let mut others = model.iter().filter(|(other, _)| **other != hash);
                        prop_assert!(others.all(|(_, other)| other.filter != filter));
                        let flow = Flow { queue, flow_id, filter, is_new: true };
                        if let Some(old) = model.insert(hash, flow) {
                            prop_assert_eq!(old.filter, filter);
                        }
                    }
                    None => {
                        prop_assert!(is_new, "it has a slot");
                        prop_assert!(asked && !admit || model.len() >= WAYS, "there is a free one");
                    }
                }
                }
                Step::Expire(bits) => {
                    let mut asked = Vec::new();
                    let removed = table.expire(|queue, flow_id, filter| {
                        asked.push((queue, flow_id, filter));
                        flow_id & bits != 0
                    });
                    let mut expected = Vec::new();
                    let before = model.len();
                    model.retain(|_, flow| {
                        let was_new = std::mem::replace(&mut flow.is_new, false);
                        if !was_new {
                            expected.push((flow.queue, flow.flow_id, flow.filter));
                        }
                        was_new || flow.flow_id & bits == 0
                    });
                    asked.sort_unstable();
                    expected.sort_unstable();
                    prop_assert_eq!(asked, expected);
                    prop_assert_eq!(removed as usize, before - model.len());
                }
                Step::ClearAbove(queues) => {
                    let before = model.len();
                    model.retain(|_, flow| flow.queue < queues);
                    prop_assert_eq!(table.clear_above(queues) as usize, before - model.len());
                }
            }
            prop_assert_eq!(table.len() as usize, model.len());
            prop_assert_eq!(table.is_empty(), model.is_empty());
            for hash in (0..41_u32).map(|number| number.wrapping_mul(0x1357_9bdf)) {
                let expected = model.get(&hash).map(|flow| flow.queue);
                prop_assert_eq!(table.find(hash), expected, "{:#x}", hash);
            }
            let mut all: Vec<_> = table.all().collect();
            let expected = model.iter().map(|(hash, flow)| (flow.filter, *hash, flow.queue));
            let mut expected: Vec<_> = expected.collect();
            all.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(all, expected);
        }
    }
}

#[test]
fn a_capacity_is_a_power_of_two_that_filters_can_number() {
    for (asked, got) in [(0, 8), (8, 8), (9, 16), (1000, 1024), (u32::MAX, MAX_FLOWS)] {
        assert_eq!(table(asked).capacity(), got, "{asked}");
    }
}

/// Hashes that end alike, as those of the flows of one queue do, find room; the last filter's number is
/// not that which the host takes for none.
#[test]
fn a_large_table_fills_up() {
    let table = table(MAX_FLOWS);
    let filters = (0..u32::MAX).step_by(128).take(1 << 18);
    let filters: Vec<_> = filters
        .filter_map(|hash| table.steer(hash, 1, 2, || true))
        .collect();
    assert_eq!(filters.len() as u32, table.len());
    assert!(table.len() > MAX_FLOWS / 10 * 9, "{} flows", table.len());
    assert!(filters.iter().all(|filter| u32::from(*filter) < MAX_FLOWS));
}

#[test]
fn out_of_memory_is_told() {
    let made_with = |allocations| FlowTable::new(&Ending::after(allocations), 8);
    assert!(made_with(3).is_ok());
    for allocations in 0..3 {
        assert_eq!(
            made_with(allocations).err(),
            Some(OutOfMemory),
            "{allocations}"
        );
    }
}

/// Threads steer, take out and look up the flows of one line: who finds a flow finds a queue of its own,
/// and one that nobody takes out is always found.
#[test]
fn readers_never_see_the_queue_of_another_flow() {
    const STABLE: u32 = 3;
    const FLOWS: u32 = 20;
    const ROUNDS: u32 = 20_000;
    let table = table(8);
    // The upper half of a queue's number tells the flow.
    let queue = |hash: u32, round: u32| (hash << 8 | round & 0xff) as u16;
    for hash in 0..STABLE {
        table
            .steer(hash, queue(hash, 0), hash, || true)
            .expect("room");
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3_u32)
            .map(|writer| {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let hash = round.wrapping_mul(7).wrapping_add(writer) % FLOWS;
                        let filter = table.steer(hash, queue(hash, round), hash, || true);
                        assert!(hash >= STABLE || filter.is_some());
                        if round % 4 == 0 {
                            table.expire(|queue, flow_id, filter| {
                                assert_eq!(u32::from(queue >> 8), flow_id);
                                assert!(filter < 8);
                                flow_id >= STABLE
                            });
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut hash = 0;
            while !done.load(Ordering::Relaxed) {
                hash = (hash + 1) % FLOWS;
                match table.find(hash) {
                    Some(queue) => assert_eq!(u32::from(queue >> 8), hash),
                    None => assert!(hash >= STABLE, "flow {hash} was there all the time"),
                }
            }
        });
        let ends: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Relaxed);
        ends.into_iter()
            .for_each(|end| end.expect("the writer ends well"));
    });
    let found = (0..FLOWS).filter(|hash| table.find(*hash).is_some());
    assert_eq!(found.count() as u32, table.len());
    let len = table.len();
    assert_eq!(table.clear_above(0), len);
    assert!(table.is_empty());
}

/// CPUs that meet one flow at the same time make one entry of it.
#[test]
fn a_flow_is_there_once() {
    const THREADS: u16 = 4;
    const FLOWS: u32 = 6;
    for _ in 0..200 {
        let table = table(8);
        let start = Barrier::new(THREADS.into());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (table, start) = (&table, &start);
                scope.spawn(move || {
                    start.wait();
                    for hash in 0..FLOWS {
                        table
                            .steer(hash, thread, hash, || true)
                            .expect("room for all");
                    }
                });
            }
        });
        assert_eq!(table.len(), FLOWS);
        assert_eq!(table.expire(|_, _, _| true), 0, "all are new");
        let mut flow_ids = Vec::new();
        table.expire(|_, flow_id, _| {
            flow_ids.push(flow_id);
            false
        });
        flow_ids.sort_unstable();
        assert_eq!(flow_ids, (0..FLOWS).collect::<Vec<_>>());
    }
}
