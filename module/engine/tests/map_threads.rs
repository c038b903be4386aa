// SPDX-License-Identifier: GPL-2.0

//! Maps that several queues and user space use at once.

mod common;

use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use common::asm::*;
use common::{core, map, map_and_key, program, run, TestServices, CONTEXT};
use engine::exec::XdpVerdict;
use engine::frame::Frame;
use engine::insn::atomic as op;
use engine::map::{MapError, MapKind, BPF_ANY, BPF_EXIST, BPF_NOEXIST};

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

/// Threads insert, replace and delete; readers check that a key that stays in the map is always
/// found, that a value always belongs to its key, and that it is never a mixture of two.
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
