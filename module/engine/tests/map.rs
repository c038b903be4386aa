// SPDX-License-Identifier: GPL-2.0

//! Maps against a model, from several threads, and from programs.

mod common;

use std::collections::{HashMap, HashSet};
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use common::asm::*;
use common::{core, map, program, run, TestServices, CONTEXT};
use engine::errno;
use engine::exec::XdpVerdict;
use engine::fault::FaultCause;
use engine::frame::Frame;
use engine::insn::{atomic as op, Insn};
use engine::limits::Limits;
use engine::map::{Map, MapError, MapKind, MapSpec, BPF_ANY, BPF_EXIST, BPF_NOEXIST};
use engine::memory::{HostMemory, Memory, OutOfMemory};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Lookup(u8),
    Update(u8, u8, u64),
    Delete(u8),
    NextKey(Option<u8>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..12_u8;
    let step = prop_oneof![
        key.clone().prop_map(Step::Lookup),
        (key.clone(), any::<u8>(), 0..4_u64)
            .prop_map(|(key, value, flags)| Step::Update(key, value, flags)),
        key.clone().prop_map(Step::Delete),
        proptest::option::of(key).prop_map(Step::NextKey),
    ];
    proptest::collection::vec(step, 0..200)
}

/// A key or value of `len` bytes, all of which tell `byte`.
fn bytes(byte: u8, len: u32) -> Vec<u8> {
    (0..len)
        .map(|i| byte.wrapping_mul(31).wrapping_add(i as u8))
        .collect()
}

proptest! {
    #[test]
    fn a_hash_map_is_a_hash_map(
        steps in steps(),
        key_size in 1..40_u32,
        value_size in 1..70_u32,
        max_entries in 1..10_u32,
    ) {
        let map = map(MapKind::Hash, key_size, value_size, max_entries);
        let mut model: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        for step in steps {
            match step {
                Step::Lookup(key) => {
                    let key = bytes(key, key_size);
                    let mut value = vec![0; value_size as usize];
                    let found = map.lookup(&key, &mut value).map(|()| value);
                    prop_assert_eq!(found, model.get(&key).cloned().ok_or(MapError::NotFound));
                }
                Step::Update(key, value, flags) => {
                    let (key, value) = (bytes(key, key_size), bytes(value, value_size));
                    let exists = model.contains_key(&key);
                    let expected = match flags {
                        BPF_NOEXIST if exists => Err(MapError::Exists),
                        BPF_EXIST if !exists => Err(MapError::NotFound),
                        3.. => Err(MapError::UpdateFlags { asked: flags }),
                        _ if !exists && model.len() as u32 == max_entries => Err(MapError::Full { max_entries }),
                        _ => Ok(()),
                    };
                    prop_assert_eq!(map.update(&key, &value, flags), expected);
                    if expected.is_ok() {
                        model.insert(key, value);
                    }
                }
                Step::Delete(key) => {
                    let key = bytes(key, key_size);
                    let expected = model.remove(&key).map(|_| ()).ok_or(MapError::NotFound);
                    prop_assert_eq!(map.delete(&key), expected);
                }
                Step::NextKey(key) => {
                    let mut next = vec![0; key_size as usize];
                    let found = map.get_next_key(key.map(|key| bytes(key, key_size)).as_deref(), &mut next);
                    match found {
                        Ok(()) => prop_assert!(model.contains_key(&next)),
                        Err(error) => prop_assert_eq!(error, MapError::NotFound),
                    }
                }
            }
            // A walk over all keys meets each once.
            let mut keys = HashSet::new();
            let mut key: Option<Vec<u8>> = None;
            let mut next = vec![0; key_size as usize];
            while map.get_next_key(key.as_deref(), &mut next).is_ok() {
                prop_assert!(keys.insert(next.clone()), "key met twice");
                key = Some(next.clone());
            }
            prop_assert_eq!(keys, model.keys().cloned().collect());
        }
    }

    #[test]
    fn an_array_is_an_array(steps in steps(), value_size in 1..70_u32, max_entries in 1..10_u32) {
        let map = map(MapKind::Array, 4, value_size, max_entries);
        let mut model = vec![vec![0; value_size as usize]; max_entries as usize];
        for step in steps {
            match step {
                Step::Lookup(key) => {
                    let mut value = vec![0; value_size as usize];
                    let found = map.lookup(&u32::from(key).to_le_bytes(), &mut value).map(|()| value);
                    prop_assert_eq!(found, model.get(usize::from(key)).cloned().ok_or(MapError::NotFound));
                }
                Step::Update(key, value, flags) => {
                    let value = bytes(value, value_size);
                    let element = model.get_mut(usize::from(key));
                    let expected = match flags {
                        3.. => Err(MapError::UpdateFlags { asked: flags }),
                        _ if element.is_none() => Err(MapError::Full { max_entries }),
                        BPF_NOEXIST => Err(MapError::Exists),
                        _ => Ok(()),
                    };
                    prop_assert_eq!(map.update(&u32::from(key).to_le_bytes(), &value, flags), expected);
                    if let (Some(element), Ok(())) = (element, expected) {
                        *element = value;
                    }
                }
                Step::Delete(key) => {
                    prop_assert_eq!(map.delete(&u32::from(key).to_le_bytes()), Err(MapError::DeleteFromArray));
                }
                Step::NextKey(key) => {
                    let mut next = [0; 4];
                    let key = key.map(u32::from);
                    let found = map.get_next_key(key.map(u32::to_le_bytes).as_ref().map(|key| &key[..]), &mut next);
                    let expected = key.filter(|key| *key < max_entries).map_or(0, |key| key + 1);
                    let expected = Some(expected).filter(|next| *next < max_entries).ok_or(MapError::NotFound);
                    prop_assert_eq!(found.map(|()| u32::from_le_bytes(next)), expected);
                }
            }
        }
    }
}

#[test]
fn errors_have_the_numbers_of_the_kernels_maps() {
    let array = map(MapKind::Array, 4, 8, 2);
    let hash = map(MapKind::Hash, 4, 8, 2);
    let errno = |result: Result<(), MapError>| result.map_err(|error| error.errno());
    let mut value = [0; 8];
    assert_eq!(
        errno(array.lookup(&[2, 0, 0, 0], &mut value)),
        Err(errno::ENOENT)
    );
    assert_eq!(
        errno(array.update(&[2, 0, 0, 0], &value, BPF_ANY)),
        Err(errno::E2BIG)
    );
    assert_eq!(
        errno(array.update(&[0; 4], &value, BPF_NOEXIST)),
        Err(errno::EEXIST)
    );
    assert_eq!(errno(array.update(&[0; 4], &value, 4)), Err(errno::EINVAL));
    assert_eq!(errno(array.delete(&[0; 4])), Err(errno::EINVAL));
    assert_eq!(errno(hash.delete(&[0; 4])), Err(errno::ENOENT));
    assert_eq!(
        errno(hash.update(&[0; 4], &value, BPF_EXIST)),
        Err(errno::ENOENT)
    );
    assert_eq!(
        errno(hash.update(&[0; 5], &value, BPF_ANY)),
        Err(errno::EINVAL)
    );
    assert_eq!(
        errno(hash.update(&[0; 4], &value[1..], BPF_ANY)),
        Err(errno::EINVAL)
    );
    hash.update(&[0; 4], &value, BPF_ANY).expect("room for one");
    hash.update(&[1; 4], &value, BPF_ANY).expect("room for two");
    assert_eq!(
        errno(hash.update(&[1; 4], &value, BPF_NOEXIST)),
        Err(errno::EEXIST)
    );
    assert_eq!(
        errno(hash.update(&[2; 4], &value, BPF_ANY)),
        Err(errno::E2BIG)
    );
}

#[test]
fn a_map_that_the_device_refuses_names_the_limit() {
    let good = MapSpec {
        kind: MapKind::Hash,
        key_size: 4,
        value_size: 8,
        max_entries: 16,
        flags: 0,
        hash_seed: 0,
    };
    let refusal = |spec: MapSpec| {
        let error = Map::new(&HostMemory, &spec, &Limits::default(), 1)
            .err()
            .expect("a refusal");
        (error.errno(), error.to_string())
    };
    for (spec, errno, text) in [
        (
            MapSpec {
                key_size: 0,
                ..good
            },
            errno::EINVAL,
            "key_size is 0",
        ),
        (
            MapSpec {
                value_size: 0,
                ..good
            },
            errno::EINVAL,
            "value_size is 0",
        ),
        (
            MapSpec {
                max_entries: 0,
                ..good
            },
            errno::EINVAL,
            "max_entries is 0",
        ),
        (
            MapSpec { flags: 1, ..good },
            errno::EINVAL,
            "map flags 0x1: the device takes no map flags",
        ),
        (
            MapSpec {
                key_size: 513,
                ..good
            },
            errno::E2BIG,
            "key_size is 513, the device takes at most 512",
        ),
        (
            MapSpec {
                value_size: 65537,
                ..good
            },
            errno::E2BIG,
            "value_size is 65537, the device takes at most 65536",
        ),
        (
            MapSpec {
                max_entries: 1 << 20 | 1,
                ..good
            },
            errno::E2BIG,
            "max_entries is 1048577, the device takes at most 1048576",
        ),
        (
            MapSpec {
                kind: MapKind::Array,
                value_size: 65536,
                max_entries: 1 << 20,
                ..good
            },
            errno::E2BIG,
            "memory of the map in bytes is 68719476736, the device takes at most 1073741824",
        ),
        (
            MapSpec {
                kind: MapKind::Array,
                key_size: 8,
                ..good
            },
            errno::EINVAL,
            "array key_size is 8, must be 4",
        ),
        (
            MapSpec {
                max_entries: u32::MAX,
                value_size: u32::MAX,
                key_size: u32::MAX,
                ..good
            },
            errno::E2BIG,
            "key_size is 4294967295, the device takes at most 512",
        ),
    ] {
        assert_eq!(refusal(spec), (errno, text.to_owned()));
    }
}

/// Memory that ends after a number of bytes.
struct Quota(AtomicU64);

impl Memory for Quota {
    type Buffer<T: Send + Sync + 'static> = Vec<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<T>, OutOfMemory> {
        let bytes = (len * size_of::<T>()) as u64;
        let take = |left: u64| left.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| OutOfMemory)?;
        HostMemory.allocate(len, fill)
    }
}

#[test]
fn a_map_takes_the_memory_that_it_says_or_is_refused() {
    for kind in [MapKind::Array, MapKind::Hash] {
        let spec = MapSpec {
            kind,
            key_size: 4,
            value_size: 20,
            max_entries: 100,
            flags: 0,
            hash_seed: 0,
        };
        let quota = Quota(AtomicU64::new(1 << 20));
        let map = Map::new(&quota, &spec, &Limits::default(), 2)
            .unwrap_or_else(|error| panic!("{error}"));
        let taken = (1 << 20) - quota.0.load(Ordering::Relaxed);
        assert_eq!(
            map.size_in_memory() as u64,
            taken + size_of::<Map<Quota>>() as u64
        );
        let error = Map::new(
            &Quota(AtomicU64::new(taken - 1)),
            &spec,
            &Limits::default(),
            2,
        )
        .err();
        assert_eq!(error, Some(MapError::OutOfMemory { asked: taken }));
    }
}

/// Instructions that leave the address of a four-byte key `key` in r2 and the map in r1.
fn map_and_key(key: i32) -> Vec<Insn> {
    let mut code = vec![st(W, R10, -4, key), mov_reg(R2, R10), alu_imm(ADD, R2, -4)];
    code.extend(ld_map(R1, 0));
    code
}

#[test]
fn a_program_uses_a_map_by_helpers_and_pointers() {
    for kind in [MapKind::Array, MapKind::Hash] {
        let map = map(kind, 4, 12, 4);
        // Looks up, makes the element if it is missing, counts in all sizes.
        let mut code = map_and_key(1);
        code.extend([call(1), jmp_imm(JNE, R0, 0, 15)]);
        let create = [
            st(DW, R10, -24, 100),
            st(W, R10, -16, 7),
            mov_reg(R2, R10),
            alu_imm(ADD, R2, -4),
            mov_reg(R3, R10),
            alu_imm(ADD, R3, -24),
            mov_imm(R4, 0),
        ];
        code.extend(create);
        code.extend(ld_map(R1, 0));
        code.push(call(2));
        code.extend([mov_reg(R2, R10), alu_imm(ADD, R2, -4)]);
        code.extend(ld_map(R1, 0));
        code.push(call(1));
        code.extend([
            mov_imm(R1, 1),
            atomic(DW, R0, 0, R1, op::ADD),
            ldx(B, R2, R0, 8),
            alu_imm(ADD, R2, 1),
            stx(B, R0, 8, R2),
            stx(H, R0, 9, R2),
            mov_imm(R0, 2),
            exit(),
        ]);
        let program = program(&code, from_ref(&map));
        let data = [0; 60];
        for round in 1..=3_u8 {
            assert_eq!(
                run(&program, &mut Frame::read_only(&data)),
                Ok(XdpVerdict::Pass)
            );
            let mut value = [0; 12];
            map.lookup(&[1, 0, 0, 0], &mut value).expect("the element");
            let start = if kind == MapKind::Array {
                [0, 0]
            } else {
                [100, 7]
            };
            assert_eq!(
                value,
                [
                    start[0] + round,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    start[1] + round,
                    start[1] + round,
                    0,
                    0
                ]
            );
        }
    }
}

#[test]
fn helpers_give_programs_the_kernels_error_numbers() {
    let hash = map(MapKind::Hash, 4, 8, 1);
    let outcome = |key: i32, helper: i32, flags: i32, expected: i32| {
        let mut code = map_and_key(key);
        code.extend([
            mov_reg(R3, R10),
            alu_imm(ADD, R3, -16),
            mov_imm(R4, flags),
            st(DW, R10, -16, 3),
        ]);
        code.extend([
            call(helper),
            mov_reg(R1, R0),
            mov_imm(R0, 2),
            jmp_imm(JEQ, R1, -expected, 1),
            mov_imm(R0, 1),
        ]);
        code.push(exit());
        let data = [0; 60];
        let verdict = run(
            &program(&code, from_ref(&hash)),
            &mut Frame::read_only(&data),
        );
        assert_eq!(
            verdict,
            Ok(XdpVerdict::Pass),
            "helper {helper} for key {key} with flags {flags}"
        );
    };
    outcome(1, 3, 0, errno::ENOENT);
    outcome(1, 2, 2, errno::ENOENT);
    outcome(1, 2, 0, 0);
    outcome(1, 2, 1, errno::EEXIST);
    outcome(2, 2, 0, errno::E2BIG);
    outcome(1, 2, 3, errno::EINVAL);
    outcome(1, 3, 0, 0);
}

#[test]
fn keys_and_values_may_lie_in_the_frame_and_in_a_map() {
    let hash = map(MapKind::Hash, 6, 6, 4);
    // map[frame[0..6]] = frame[6..12]; then map[frame[6..12]] = *lookup(frame[0..6]).
    let mut code = vec![
        mov_reg(R6, R1),
        ldx(W, R7, R6, 0),
        mov_reg(R2, R7),
        mov_reg(R3, R7),
    ];
    code.extend([alu_imm(ADD, R3, 6), mov_imm(R4, 0)]);
    code.extend(ld_map(R1, 0));
    code.extend([call(2), mov_reg(R2, R7)]);
    code.extend(ld_map(R1, 0));
    code.extend([
        call(1),
        mov_reg(R3, R0),
        mov_reg(R2, R7),
        alu_imm(ADD, R2, 6),
        mov_imm(R4, 0),
    ]);
    code.extend(ld_map(R1, 0));
    code.extend([call(2), mov_imm(R0, 2), exit()]);
    let program = program(&code, from_ref(&hash));
    let data: Vec<u8> = (1..=60).collect();
    assert_eq!(
        run(&program, &mut Frame::read_only(&data)),
        Ok(XdpVerdict::Pass)
    );
    for key in [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]] {
        let mut value = [0; 6];
        hash.lookup(&key, &mut value).expect("the element");
        assert_eq!(value, [7, 8, 9, 10, 11, 12]);
    }
    // A key that hangs over the end of the frame.
    let fault = run(&program, &mut Frame::read_only(&data[..11])).expect_err("a fault");
    assert_eq!(fault.cause, FaultCause::Frame);
}

#[test]
fn a_pointer_leads_to_its_map_only() {
    let map = map(MapKind::Array, 4, 8, 2);
    for (size, off, expected) in [
        (DW, 8, Ok(XdpVerdict::Pass)),
        (DW, 9, Err(FaultCause::MapValue)),
        (B, 15, Ok(XdpVerdict::Pass)),
        (B, 16, Err(FaultCause::MapValue)),
        (B, -1, Err(FaultCause::MapValue)),
        (W, 14, Err(FaultCause::MapValue)),
    ] {
        for access in [ldx(size, R1, R0, off), st(size, R0, off, 0)] {
            let mut code = map_and_key(0);
            code.extend([call(1), access, mov_imm(R0, 2), exit()]);
            let data = [0; 60];
            let verdict = run(
                &program(&code, from_ref(&map)),
                &mut Frame::read_only(&data),
            );
            assert_eq!(verdict.map_err(|fault| fault.cause), expected, "{access:?}");
        }
    }
    for (off, expected) in [
        (0, None),
        (4, None),
        (8, None),
        (3, Some(FaultCause::MisalignedAtomic)),
    ] {
        let mut code = map_and_key(0);
        code.extend([
            call(1),
            mov_imm(R1, 1),
            atomic(DW, R0, off, R1, op::ADD),
            mov_imm(R0, 2),
            exit(),
        ]);
        let data = [0; 60];
        let verdict = run(
            &program(&code, from_ref(&map)),
            &mut Frame::read_only(&data),
        );
        let expected = if off == 4 {
            Some(FaultCause::MisalignedAtomic)
        } else {
            expected
        };
        assert_eq!(
            verdict.err().map(|fault| fault.cause),
            expected,
            "atomic at {off}"
        );
    }
}

#[test]
fn counters_of_several_queues_add_up() {
    const THREADS: u32 = 4;
    const FRAMES: u32 = 2_000;
    for (size, off) in [(DW, 0), (W, 8), (W, 12)] {
        let map = map(MapKind::Array, 4, 16, 1);
        let mut code = map_and_key(0);
        code.extend([
            call(1),
            mov_imm(R1, 3),
            atomic(size, R0, off, R1, op::ADD),
            mov_imm(R0, 2),
            exit(),
        ]);
        let program = Arc::new(program(&code, from_ref(&map)));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut core = core();
                    let data = [0; 60];
                    for _ in 0..FRAMES {
                        let mut frame = Frame::read_only(&data);
                        let verdict =
                            core.run_xdp(&program, &mut frame, &mut CONTEXT.clone(), &TestServices);
                        assert_eq!(verdict, Ok(XdpVerdict::Pass));
                    }
                });
            }
        });
        let mut value = [0; 16];
        map.lookup(&[0; 4], &mut value).expect("element 0");
        let mut expected = [0; 16];
        expected[off as usize..][..4].copy_from_slice(&(3 * THREADS * FRAMES).to_le_bytes());
        assert_eq!(value, expected, "size {size:#x} at {off}");
    }
}

#[test]
fn neighbouring_bytes_do_not_lose_stores() {
    let map = map(MapKind::Array, 4, 8, 1);
    let data = [0; 60];
    std::thread::scope(|scope| {
        for byte in 0..4_i16 {
            let map = map.clone();
            scope.spawn(move || {
                let mut code = map_and_key(0);
                code.extend([
                    call(1),
                    ldx(B, R1, R0, byte),
                    alu_imm(ADD, R1, 1),
                    stx(B, R0, byte, R1),
                ]);
                code.extend([mov_imm(R0, 2), exit()]);
                let program = program(&code, &[map]);
                for _ in 0..2_001 {
                    assert_eq!(
                        run(&program, &mut Frame::read_only(&data)),
                        Ok(XdpVerdict::Pass)
                    );
                }
            });
        }
    });
    let mut value = [0; 8];
    map.lookup(&[0; 4], &mut value).expect("element 0");
    assert_eq!(value, [209, 209, 209, 209, 0, 0, 0, 0]);
}

/// Threads insert, replace and delete; readers check that a key that stays in the map is always found, that a value
/// always belongs to its key, and that it is never a mixture of two.
#[test]
fn readers_never_see_a_torn_or_a_foreign_value() {
    const STABLE: u32 = 8;
    const KEYS: u32 = 24;
    let map = map(MapKind::Hash, 4, 64, KEYS);
    let value_of = |key: u32, version: u32| -> Vec<u8> {
        (0..8)
            .flat_map(|_| {
                u64::from(key)
                    .wrapping_shl(32)
                    .wrapping_add(version.into())
                    .to_le_bytes()
            })
            .collect()
    };
    for key in 0..STABLE {
        map.update(&key.to_le_bytes(), &value_of(key, 0), BPF_ANY)
            .expect("room");
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2_u32)
            .map(|writer| {
                let map = &map;
                scope.spawn(move || {
                    for version in 1..6_000_u32 {
                        let stable = version.wrapping_mul(7).wrapping_add(writer) % STABLE;
                        let stable_value = value_of(stable, version);
                        map.update(&stable.to_le_bytes(), &stable_value, BPF_EXIST)
                            .expect("it exists");
                        let passing =
                            STABLE + version.wrapping_mul(5).wrapping_add(writer) % (KEYS - STABLE);
                        match map.update(
                            &passing.to_le_bytes(),
                            &value_of(passing, version),
                            BPF_ANY,
                        ) {
                            Ok(()) => {}
                            Err(error) => panic!("{error}"),
                        }
                        let gone = STABLE + version.wrapping_mul(3) % (KEYS - STABLE);
                        match map.delete(&gone.to_le_bytes()) {
                            Ok(()) | Err(MapError::NotFound) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut key = 0_u32;
                while !done.load(Ordering::Relaxed) {
                    key = (key + 1) % KEYS;
                    let mut value = [0; 64];
                    match map.lookup(&key.to_le_bytes(), &mut value) {
                        Ok(()) => {
                            let first = &value[..8];
                            assert!(
                                value.chunks(8).all(|word| word == first),
                                "torn: {value:x?}"
                            );
                            assert_eq!(value[4..8], key.to_le_bytes(), "a value of another key");
                        }
                        Err(error) => {
                            assert_eq!(error, MapError::NotFound);
                            assert!(key >= STABLE, "key {key} was in the map all the time");
                        }
                    }
                    let mut next = [0; 4];
                    match map.get_next_key(Some(&key.to_le_bytes()), &mut next) {
                        Ok(()) => assert!(u32::from_le_bytes(next) < KEYS),
                        Err(error) => assert_eq!(error, MapError::NotFound),
                    }
                }
            });
        }
        for writer in writers {
            writer.join().expect("the writer ends well");
        }
        done.store(true, Ordering::Relaxed);
    });
    // Nothing was lost on the way: the map can be emptied and filled to the brim again.
    for key in 0..KEYS {
        let _ = map.delete(&key.to_le_bytes());
    }
    let mut next = [0; 4];
    assert_eq!(map.get_next_key(None, &mut next), Err(MapError::NotFound));
    for key in 0..KEYS {
        map.update(&key.to_le_bytes(), &value_of(key, 1), BPF_NOEXIST)
            .expect("room again");
    }
    assert_eq!(
        map.update(&[0xff; 4], &value_of(0, 0), BPF_ANY),
        Err(MapError::Full { max_entries: KEYS })
    );
}

/// A program may hold the pointer of an element that user space replaces: it goes on with the old one.
#[test]
fn a_replaced_value_stays_as_it_was_for_a_program_that_holds_it() {
    let hash = map(MapKind::Hash, 4, 8, 2);
    hash.update(&[1, 0, 0, 0], &[10; 8], BPF_ANY).expect("room");
    // Looks up, replaces the element by helper, then reads through the old pointer.
    let mut code = map_and_key(1);
    code.extend([
        call(1),
        mov_reg(R6, R0),
        st(DW, R10, -16, 99),
        mov_reg(R2, R10),
        alu_imm(ADD, R2, -4),
    ]);
    code.extend([mov_reg(R3, R10), alu_imm(ADD, R3, -16), mov_imm(R4, 0)]);
    code.extend(ld_map(R1, 0));
    code.extend([
        call(2),
        ldx(B, R1, R6, 0),
        mov_imm(R0, 2),
        jmp_imm(JEQ, R1, 10, 1),
        mov_imm(R0, 1),
        exit(),
    ]);
    let data = [0; 60];
    assert_eq!(
        run(
            &program(&code, from_ref(&hash)),
            &mut Frame::read_only(&data)
        ),
        Ok(XdpVerdict::Pass)
    );
    let mut value = [0; 8];
    hash.lookup(&[1, 0, 0, 0], &mut value).expect("the element");
    assert_eq!(value, [99, 0, 0, 0, 0, 0, 0, 0]);
}
