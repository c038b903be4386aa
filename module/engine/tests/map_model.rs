// SPDX-License-Identifier: GPL-2.0

//! Maps against a model, and what is refused when one is made.

mod common;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

use common::map;
use engine::errno;
use engine::limits::Limits;
use engine::map::{Map, MapError, MapKind, MapSpec, BPF_ANY, BPF_EXIST, BPF_NOEXIST};
use engine::memory::{HostMemory, LockClass, Memory, OutOfMemory, LOCK_BYTES};
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
        // Large maps are walked in another way.
        max_entries in prop_oneof![1..10_u32, Just(100)],
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
            // A walk over all keys meets each once, in a small map in the order of the keys.
            let words = |key: &[u8]| -> Vec<u64> {
                let number = |word: &[u8]| word.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                key.chunks(8).map(number).collect()
            };
            let mut keys = HashSet::new();
            let mut key: Option<Vec<u8>> = None;
            let mut next = vec![0; key_size as usize];
            while map.get_next_key(key.as_deref(), &mut next).is_ok() {
                prop_assert!(keys.insert(next.clone()), "key met twice");
                if let Some(key) = key.filter(|_| max_entries < 10) {
                    prop_assert!(words(&key) < words(&next), "{next:?} after {key:?}");
                }
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

/// BPF_F_LOCK is a flag for maps whose values hold a lock. The order in which the kernel looks at
/// index, BPF_NOEXIST and BPF_F_LOCK decides which error a program sees.
#[test]
fn a_lock_that_a_value_does_not_have_is_refused_in_the_kernels_order() {
    const BPF_F_LOCK: u64 = 4;
    let make = |kind| map(kind, 4, 8, 2);
    let errno = |result: Result<(), MapError>| result.map_err(|error| error.errno());
    let (array, hash) = (make(MapKind::Array), make(MapKind::Hash));
    for (map, key, flags, expected) in [
        (&array, 1, BPF_F_LOCK, errno::EINVAL),
        (&array, 1, BPF_F_LOCK | BPF_EXIST, errno::EINVAL),
        (&array, 1, BPF_F_LOCK | BPF_NOEXIST, errno::EEXIST),
        (&array, 2, BPF_F_LOCK | BPF_NOEXIST, errno::E2BIG),
        (&array, 2, BPF_F_LOCK, errno::E2BIG),
        (&array, 2, BPF_F_LOCK | 3, errno::EINVAL),
        (&array, 2, 8, errno::EINVAL),
        (&hash, 1, BPF_F_LOCK, errno::EINVAL),
        (&hash, 1, BPF_F_LOCK | BPF_NOEXIST, errno::EINVAL),
    ] {
        let found = errno(map.update(&u32::to_le_bytes(key), &[0xff; 8], flags));
        assert_eq!(found, Err(expected), "key {key}, flags {flags}");
    }
    let mut value = [1; 8];
    array.lookup(&[1, 0, 0, 0], &mut value).expect("element 1");
    assert_eq!(value, [0; 8]);
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

impl Quota {
    fn take(&self, bytes: u64) -> Result<(), OutOfMemory> {
        let take = |left: u64| left.checked_sub(bytes);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(|_| ()).map_err(|_| OutOfMemory)
    }
}

impl Memory for Quota {
    type Buffer<T: Send + Sync + 'static> = Vec<T>;
    type Lock<T: Send + Unpin + 'static> = Mutex<T>;

    fn allocate<T: Send + Sync + 'static>(
        &self,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<T>, OutOfMemory> {
        self.take((len * size_of::<T>()) as u64)?;
        HostMemory.allocate(len, fill)
    }

    fn locks<T: Send + Unpin + 'static>(
        &self,
        class: LockClass,
        len: usize,
        fill: impl FnMut(usize) -> T,
    ) -> Result<Vec<Mutex<T>>, OutOfMemory> {
        self.take(len as u64 * LOCK_BYTES)?;
        HostMemory.locks(class, len, fill)
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
