// SPDX-License-Identifier: GPL-2.0

//! What the device has a limited amount of: taken and given back by several at once, and the words
//! for those who get none.

#[path = "common/counting.rs"]
mod counting;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread;

use engine::errno::{E2BIG, ENOMEM};
use engine::image::Image;
use engine::insn::Insn;
use engine::limits::Limits;
use engine::map::{Map, MapKind, MapSpec};
use engine::resources::{Charge, Resource, Resources, Tally, Unit};
use engine::store::{ProgramKind, Source};

use counting::Counting;

#[test]
fn a_charge_is_given_back() {
    let resources = Arc::new(Resources::new());
    let used = || resources.usage(Resource::Programs).used;
    let charge = |amount| Charge::new(resources.clone(), Resource::Programs, amount);
    resources.set_size(Resource::Programs, 10);
    let one = charge(6).expect("there are 10");
    let two = charge(4).expect("there are 4 left");
    assert_eq!(used(), 10);
    assert!(charge(1).is_err());
    assert!(charge(0).is_ok());
    assert!(charge(u64::MAX).is_err(), "the sum would overflow");
    assert_eq!(used(), 10, "what was refused takes nothing");
    drop(one);
    assert_eq!(used(), 4);
    drop(two);
    assert_eq!(used(), 0);
    // Nothing else was touched.
    assert!(resources.all().all(|usage| usage.used == 0));
}

#[test]
fn a_charge_that_changes() {
    let resources = Arc::new(Resources::new());
    let used = || resources.usage(Resource::Operations).used;
    resources.set_size(Resource::Operations, 10);
    let mut charge = Charge::new(resources.clone(), Resource::Operations, 0).expect("nothing");
    for amount in [7, 7, 10, 2] {
        charge.resize(amount).expect("it fits");
        assert_eq!(used(), amount);
    }
    let exhausted = charge.resize(11).expect_err("one too many");
    assert_eq!((exhausted.asked, exhausted.usage.used), (9, 2));
    assert_eq!(used(), 2, "as it was");
    assert_eq!(charge.amount(), 2);
    // What the device can't be without.
    charge.force(12);
    assert_eq!((used(), charge.amount()), (12, 12));
    assert!(charge.resize(13).is_err());
    charge.force(3);
    assert_eq!(used(), 3);
    drop(charge);
    assert_eq!(used(), 0);
}

/// What is in use stays so; nothing is taken before enough was given back.
#[test]
fn a_size_below_what_is_in_use() {
    let resources = Arc::new(Resources::new());
    let charge = |amount| Charge::new(resources.clone(), Resource::MapEntries, amount);
    let held = charge(8).expect("plenty");
    resources.set_size(Resource::MapEntries, 3);
    let usage = resources.usage(Resource::MapEntries);
    assert_eq!((usage.size, usage.used), (3, 8));
    assert!(charge(1).is_err());
    drop(held);
    assert!(charge(4).is_err());
    assert!(charge(3).is_ok());
}

#[test]
fn many_at_once() {
    const SIZE: u64 = 5;
    let resources = Arc::new(Resources::new());
    resources.set_size(Resource::Programs, SIZE);
    let (taken, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert!(resources.usage(Resource::Programs).used <= SIZE);
            }
        });
        let takers: Vec<_> = (1..=4)
            .map(|amount| {
                let (resources, taken, refused) = (&resources, &taken, &refused);
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        match Charge::new(resources.clone(), Resource::Programs, amount) {
                            Ok(charge) => {
                                taken.fetch_add(1, Ordering::Relaxed);
                                thread::yield_now();
                                drop(charge);
                            }
                            Err(exhausted) => {
                                assert!(exhausted.usage.used + amount > SIZE);
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                })
            })
            .collect();
        for taker in takers {
            taker.join().expect("a taker");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(taken.into_inner() > 0 && refused.into_inner() > 0);
    assert_eq!(resources.usage(Resource::Programs).used, 0);
}

/// Several take from two tallies of one resource, and give back; nobody gets more than there is.
#[test]
fn tallies_are_given_back() {
    const SIZE: u64 = 5;
    let resources = Arc::new(Resources::new());
    let used = || resources.usage(Resource::Flows).used;
    resources.set_size(Resource::Flows, SIZE);
    let tallies = [(); 2].map(|()| Tally::new(resources.clone(), Resource::Flows));
    let taken = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 0..4 {
            let (tally, resources, taken) = (&tallies[number % 2], &resources, &taken);
            scope.spawn(move || {
                let mut held = 0;
                for round in 0..20_000 {
                    match tally.take() {
                        Ok(()) => held += 1,
                        Err(exhausted) => assert_eq!(exhausted.usage.used, SIZE),
                    }
                    assert!(resources.usage(Resource::Flows).used <= SIZE);
                    if round % 3 == 0 {
                        tally.give_back(held);
                        held = 0;
                    }
                }
                taken.fetch_add(held, Ordering::Relaxed);
            });
        }
    });
    let left = taken.into_inner();
    assert_eq!(used(), left);
    let [one, two] = tallies;
    drop(two);
    one.give_back(used());
    for _ in 0..SIZE {
        assert!(one.has_room());
        one.take().expect("there is room");
    }
    assert!(!one.has_room());
    let exhausted = one.take().expect_err("all is taken");
    assert_eq!((exhausted.asked, exhausted.usage.used), (1, SIZE));
    drop(one);
    assert_eq!(used(), 0);
}

#[test]
fn the_words_of_a_refusal() {
    let maps = "free maps of this device, or set another size (devlink resource)";
    let programs = "free programs of this device, or set another size (devlink resource)";
    let rules = "delete rules of this device, or set another size (devlink resource)";
    let contexts = "delete RSS contexts of this device, or set another size (devlink resource)";
    for (resource, errno, text) in [
        (
            Resource::Memory,
            ENOMEM,
            "memory: 30 bytes asked for, 80 of 100 in use; free maps or programs of this device"
                .to_owned(),
        ),
        (
            Resource::MapMemory,
            ENOMEM,
            format!("map_memory: 30 bytes asked for, 80 of 100 in use; {maps}"),
        ),
        (
            Resource::MapEntries,
            E2BIG,
            format!("map_entries: 30 asked for, 80 of 100 in use; {maps}"),
        ),
        (
            Resource::Programs,
            E2BIG,
            format!("programs: 30 asked for, 80 of 100 in use; {programs}"),
        ),
        (
            Resource::Operations,
            E2BIG,
            format!("operations: 30 asked for, 80 of 100 in use; {programs}"),
        ),
        (
            Resource::Rules,
            E2BIG,
            format!("rules: 30 asked for, 80 of 100 in use; {rules}"),
        ),
        (
            Resource::RssContexts,
            E2BIG,
            format!("rss_contexts: 30 asked for, 80 of 100 in use; {contexts}"),
        ),
        (
            Resource::RssEntries,
            E2BIG,
            format!("rss_entries: 30 asked for, 80 of 100 in use; {contexts}"),
        ),
        (
            Resource::Flows,
            E2BIG,
            "flows: 30 asked for, 80 of 100 in use; \
             wait for flows to end, or set another size (devlink resource)"
                .to_owned(),
        ),
    ] {
        let resources = Arc::new(Resources::new());
        assert!(!resource.is_of_each());
        resources.set_size(resource, 100);
        let _held = Charge::new(resources.clone(), resource, 80).expect("it fits");
        let Err(exhausted) = Charge::new(resources.clone(), resource, 30) else {
            panic!("{resource:?}: 30 of 20 taken");
        };
        assert_eq!(exhausted.to_string(), text);
        assert_eq!(exhausted.errno(), errno, "{resource:?}");
        assert_eq!(resource.name(), resource.c_name().to_str().unwrap());
    }
}

#[test]
fn what_is_a_limit_of_each_is_not_divided() {
    let resources = Resources::new();
    let of_each = Resource::ALL.into_iter().filter(|it| it.is_of_each());
    let mut seen = 0;
    for resource in of_each {
        assert_eq!(resources.usage(resource).size, resource.most());
        resources.set_size(resource, 100);
        for _ in 0..2 {
            resources.admit(resource, 100).expect("as much as there is");
        }
        resources.set_used(resource, 80);
        assert_eq!(resources.usage(resource).used, 80);
        let exhausted = resources.admit(resource, 101).expect_err("more than that");
        let bytes = if resource == Resource::ParserBytes {
            " bytes"
        } else {
            ""
        };
        let name = resource.name();
        assert_eq!(
            exhausted.to_string(),
            format!(
                "{name}: it has 101{bytes}, and may have 100; set another size (devlink resource)"
            )
        );
        assert_eq!(resource.name(), resource.c_name().to_str().unwrap());
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// A map is charged before it is made.
#[test]
fn bytes_of_a_map_are_what_it_allocates() {
    let limits = Limits::default();
    for kind in [MapKind::Array, MapKind::Hash] {
        for (key_size, value_size, max_entries) in
            [(4, 1, 1), (4, 8, 1000), (4, 4096, 3), (512, 9, 4097)]
        {
            if kind == MapKind::Array && key_size != 4 {
                continue;
            }
            let spec = MapSpec {
                kind,
                key_size,
                value_size,
                max_entries,
                flags: 0,
                hash_seed: 1,
            };
            for cpus in [1, 64, 5000] {
                let memory = Counting::default();
                let bytes = spec.bytes(&limits, cpus).expect("a good map");
                let map = Map::new(&memory, &spec, &limits, cpus).expect("a good map");
                assert_eq!(memory.0.load(Ordering::Relaxed) as u64, bytes, "{spec:?}");
                let overhead = size_of::<Map<Counting>>();
                assert_eq!(map.size_in_memory(), bytes as usize + overhead, "{spec:?}");
                // More elements than a device of full size has memory for are more than it has.
                let unit = Resource::MapMemory.most() / Resource::MapEntries.most();
                assert!(bytes >= u64::from(max_entries) * unit, "{spec:?}");
            }
        }
    }
}

/// The sizes of a full device refuse nothing that its memory has room for.
#[test]
fn memory_is_the_only_limit_of_a_full_device() {
    let memory = Counting::default();
    let limits = Limits::default();
    // The shortest program that the verifier takes.
    let insns = [Insn::new(0xb7, 0, 0, 0, 2), Insn::new(0x95, 0, 0, 0, 0)];
    let source = Source::new(&memory, ProgramKind::Xdp, insns.into_iter(), &limits);
    let source = source.expect("a good program");
    let stored = memory.0.swap(0, Ordering::Relaxed) as u64;
    let image = Image::translate(&memory, &source, [0; 32], &mut |_| None, &limits);
    let image = image.expect("a good program");
    let shown = image.bytes().len() as u64;
    let total = Resource::Memory.most();
    assert!(stored + shown >= total / Resource::Programs.most());
    let operations = image.ops().len() as u64;
    let run = (size_of_val(image.ops()) as u64) + 4 * operations;
    assert!(run + 20 * operations >= operations * (total / Resource::Operations.most()));
    for resource in Resource::ALL {
        let usage = Resources::default().usage(resource);
        assert_eq!((usage.size, usage.used), (resource.most(), 0));
        let in_bytes = [Resource::Memory, Resource::MapMemory, Resource::ParserBytes];
        assert_eq!(resource.unit() == Unit::Bytes, in_bytes.contains(&resource));
    }
}
