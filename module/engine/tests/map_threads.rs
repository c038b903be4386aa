// SPDX-License-Identifier: GPL-2.0

//! Maps that several queues and user space use at once.

mod common;

use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use common::asm::*;
use common::{core, map, map_and_key, program, run, TestServices, CONTEXT};
use engine::exec::XdpVerdict;
use engine::frame::Frame;
use engine::insn::atomic as op;
use engine::limits::Limits;
use engine::map::{Map, MapError, MapKind, MapSpec, BPF_ANY, BPF_EXIST, BPF_NOEXIST};
use engine::memory::{HostMemory, Lock, LockClass, Memory, OutOfMemory};

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

/// How many have asked for a lock of the class, and for how many of them its holder is to wait.
#[derive(Default)]
struct Crowd {
    state: Mutex<(usize, usize)>,
    changed: Condvar,
}

impl Crowd {
    fn ask(&self) {
        self.state.lock().unwrap().0 += 1;
        self.changed.notify_all();
    }

    /// Stops the holder, as a host that takes its CPU away would do.
    fn stall(&self) {
        let state = self.state.lock().unwrap();
        let waits = |(asked, wanted): &mut (usize, usize)| *asked < *wanted;
        drop(self.changed.wait_while(state, waits).unwrap());
    }

    /// From now on a holder waits for `others` to ask while it holds the lock.
    fn wait_for(&self, others: usize) {
        let holder = usize::from(others > 0);
        *self.state.lock().unwrap() = (0, holder + others);
    }
}

/// Memory with locks whose holder is stopped in the middle.
#[derive(Default)]
struct Stalling {
    class: Option<LockClass>,
    crowd: Arc<Crowd>,
}

struct StallingLock<T> {
    guarded: Mutex<T>,
    crowd: Option<Arc<Crowd>>,
}

impl<T: Send + Unpin + 'static> Lock<T> for StallingLock<T> {
    fn with<R>(&self, critical: impl FnOnce(&mut T) -> R) -> R {
        if let Some(crowd) = &self.crowd {
            crowd.ask();
        }
        let mut guarded = self.guarded.lock().unwrap();
        if let Some(crowd) = &self.crowd {
            crowd.stall();
        }
        critical(&mut guarded)
    }
}

impl Memory for Stalling {
    type Buffer<T: Send + Sync + 'static> = Vec<T>;
    type Lock<T: Send + Unpin + 'static> = StallingLock<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<T>, OutOfMemory> {
        HostMemory.allocate(len, fill)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        mut fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<StallingLock<T>>, OutOfMemory> {
        self.allocate(len, |index| StallingLock {
            guarded: Mutex::new(fill(index)),
            crowd: (self.class == Some(class)).then(|| self.crowd.clone()),
        })
    }
}

/// Whoever meets a lock waits for its holder, however long that one has lost its CPU: no operation
/// fails, none is done by half, and no element gets lost, though there are more threads than the map
/// was told.
#[test]
fn a_holder_that_stands_still_makes_others_wait_and_nothing_else() {
    const THREADS: u8 = 24;
    let spec = MapSpec {
        kind: MapKind::Hash,
        key_size: 1,
        value_size: 1,
        max_entries: THREADS.into(),
        flags: 0,
        hash_seed: 1,
    };
    for class in [LockClass::Buckets, LockClass::FreeElements] {
        let memory = Stalling {
            class: Some(class),
            ..Stalling::default()
        };
        let map = Map::new(&memory, &spec, &Limits::default(), 1).expect("a good map");
        // All ask for the lock of one bucket; or they have buckets of their own, and meet where the
        // free elements are.
        let is_one_bucket = class == LockClass::Buckets;
        let key_of = |thread| if is_one_bucket { [0] } else { [thread] };
        let others = if is_one_bucket { THREADS - 1 } else { 1 };
        let at_once = |operation: &(dyn Fn(u8) -> Result<(), MapError> + Sync)| -> Vec<_> {
            memory.crowd.wait_for(others.into());
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS)
                    .map(|thread| scope.spawn(move || operation(thread)))
                    .collect();
                let results = threads.into_iter().map(|thread| thread.join());
                results.map(|result| result.expect("no panic")).collect()
            })
        };
        for _ in 0..20 {
            let results = at_once(&|thread| map.update(&key_of(thread), &[thread], BPF_ANY));
            assert_eq!(results, [Ok(()); THREADS as usize], "{class:?}");
            let results = at_once(&|thread| map.delete(&key_of(thread)));
            let (done, others): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
            let keys = if is_one_bucket { 1 } else { THREADS.into() };
            assert_eq!(done.len(), keys, "{class:?}");
            assert!(others.iter().all(|other| *other == Err(MapError::NotFound)));
        }
        memory.crowd.wait_for(0);
        for key in 0..THREADS {
            map.update(&[key], &[0], BPF_NOEXIST).expect("room");
        }
        let full = MapError::Full {
            max_entries: THREADS.into(),
        };
        assert_eq!(map.update(&[THREADS], &[0], BPF_NOEXIST), Err(full));
    }
}
