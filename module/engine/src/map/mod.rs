// SPDX-License-Identifier: GPL-2.0

//! Maps in device memory: `BPF_MAP_TYPE_ARRAY` and `BPF_MAP_TYPE_HASH` with the kernel's semantics.
//!
//! Programs on several queues and user space use a map at once. All memory is atomic words, so
//! there is no state that needs a lock to be read; writers of a hash bucket take the bucket's lock, which
//! the embedder supplies.

mod array;
mod elements;
mod error;
mod free;
mod hash;
mod shape;
pub(crate) mod words;

use core::fmt;
use core::sync::atomic::AtomicU64;

use self::elements::{Elements, Layout};
pub use self::error::MapError;
use self::shape::{Shape, BPF_F_LOCK};
pub use self::shape::{BPF_ANY, BPF_EXIST, BPF_NOEXIST};
use self::words::{words_for, WordSource, KEY_WORDS};
use crate::address;
use crate::limits::{Limits, MAX_KEY_SIZE};
use crate::memory::{Memory, OutOfMemory};
use crate::numbered::numbered;

/// Makes of the table of map types, the rows below, [`MapKind`], and [`Index`], which does what a
/// map's type does.
macro_rules! map_types {
    ($(
        $(#[$doc:meta])*
        $number:literal, $name:ident, $text:literal, $module:ident: $index:ident $(<$memory:ident>)?;
    )*) => {
        /// Types of maps. The discriminant is the type's number in `linux/bpf.h`.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub enum MapKind {
            $($(#[$doc])* $name = $number,)*
        }

        impl MapKind {
            /// All types of maps of the device.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The type with number `number`, if the device has it.
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// A short name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Refuses what no map of the type can be.
            fn check(self, shape: &Shape) -> Result<(), MapError> {
                match self {
                    $(Self::$name => $module::check(shape),)*
                }
            }

            /// Elements that there is memory for.
            fn elements(self, shape: &Shape) -> u32 {
                match self {
                    $(Self::$name => $module::elements(shape),)*
                }
            }

            /// Words that the index keeps in each element.
            fn head(self, shape: &Shape) -> usize {
                match self {
                    $(Self::$name => $module::head(shape),)*
                }
            }

            /// Bytes that an index allocates.
            fn index_bytes(self, shape: &Shape) -> u64 {
                match self {
                    $(Self::$name => $module::bytes(shape),)*
                }
            }
        }

        /// How keys lead to elements.
        enum Index<M: Memory> {
            $($name($module::$index $(<$memory>)?),)*
        }

        impl<M: Memory> Index<M> {
            fn new(memory: &M, kind: MapKind, shape: &Shape) -> Result<Self, OutOfMemory> {
                Ok(match kind {
                    $(MapKind::$name => Self::$name($module::$index::new(memory, shape)?),)*
                })
            }

            fn size_in_memory(&self) -> u64 {
                match self {
                    $(Self::$name(index) => index.size_in_memory(),)*
                }
            }

            #[inline]
            fn find(&self, elements: &Elements<M>, key: &[u64]) -> Option<u32> {
                match self {
                    $(Self::$name(index) => index.find(elements, key),)*
                }
            }

            fn read(
                &self,
                elements: &Elements<M>,
                key: &[u64],
                copy: impl FnMut(u32),
            ) -> Result<(), MapError> {
                match self {
                    $(Self::$name(index) => index.read(elements, key, copy),)*
                }
            }

            fn update(
                &self,
                elements: &Elements<M>,
                key: &[u64],
                flags: u64,
                fill: impl FnOnce(u32),
            ) -> Result<(), MapError> {
                match self {
                    $(Self::$name(index) => index.update(elements, key, flags, fill),)*
                }
            }

            fn delete(&self, elements: &Elements<M>, key: &[u64]) -> Result<(), MapError> {
                match self {
                    $(Self::$name(index) => index.delete(elements, key),)*
                }
            }

            fn next_key(
                &self,
                elements: &Elements<M>,
                key: Option<&[u64]>,
                next: &mut [u8],
            ) -> Result<(), MapError> {
                match self {
                    $(Self::$name(index) => index.next_key(elements, key, next),)*
                }
            }
        }
    };
}

// Number and name in `linux/bpf.h`, name in messages, and the module and the type in it which are
// the way from keys to elements.
map_types! {
    /// `BPF_MAP_TYPE_HASH`.
    1, Hash, "hash", hash: HashTable<M>;
    /// `BPF_MAP_TYPE_ARRAY`.
    2, Array, "array", array: ArrayIndex;
}

impl fmt::Display for MapKind {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a map is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapSpec {
    /// Its type.
    pub kind: MapKind,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `map_flags` of the system call; anything but 0 is refused.
    pub flags: u32,
    /// A random number, so that nobody outside can choose keys that share a bucket.
    pub hash_seed: u64,
}

impl MapSpec {
    /// What the index depends on.
    fn shape(&self, cpus: usize) -> Shape {
        Shape {
            key_size: self.key_size,
            max_entries: self.max_entries,
            hash_seed: self.hash_seed,
            cpus,
        }
    }

    /// Where the parts of elements lie.
    fn layout(&self, shape: &Shape) -> Layout {
        Layout {
            head: self.kind.head(shape),
            value: words_for(self.value_size as usize),
        }
    }

    /// Bytes that [`Map::new`] allocates for such a map.
    ///
    /// # Errors
    ///
    /// [`MapError`] with the field for which the device has no such map.
    pub fn bytes(&self, limits: &Limits, cpus: usize) -> Result<u64, MapError> {
        let shape = self.shape(cpus);
        check_spec(self, &shape, limits)?;
        let elements = self.kind.elements(&shape);
        let bytes = self.layout(&shape).bytes(elements);
        let asked = bytes.saturating_add(self.kind.index_bytes(&shape));
        // What lies beyond has no device address.
        let limit = limits.max_map_bytes.min(address::BIAS);
        if asked > limit {
            return Err(MapError::Limit {
                field: "memory of the map in bytes",
                asked,
                limit,
            });
        }
        Ok(asked)
    }
}

/// One map.
pub struct Map<M: Memory> {
    spec: MapSpec,
    elements: Elements<M>,
    index: Index<M>,
    /// Whether it only stands for an array of events.
    is_event_array: bool,
}

impl<M: Memory> Map<M> {
    /// Makes a map with all its memory. `cpus` is the number of threads that change it at the same
    /// moment: more of them wait more often.
    ///
    /// Process context; may sleep.
    ///
    /// # Errors
    ///
    /// [`MapError`] with the field at fault; nothing stays allocated.
    pub fn new(memory: &M, spec: &MapSpec, limits: &Limits, cpus: usize) -> Result<Self, MapError> {
        let asked = spec.bytes(limits, cpus)?;
        let shape = spec.shape(cpus);
        let elements = spec.kind.elements(&shape);
        let no_memory = |_| MapError::OutOfMemory { asked };
        Ok(Self {
            spec: *spec,
            elements: Elements::new(memory, spec.layout(&shape), elements).map_err(no_memory)?,
            index: Index::new(memory, spec.kind, &shape).map_err(no_memory)?,
            is_event_array: false,
        })
    }

    /// Stands in a program's map table for a map of the host's that samples go to
    /// (`BPF_MAP_TYPE_PERF_EVENT_ARRAY`). In the device it has no elements. Process context; may
    /// sleep.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn event_array(memory: &M) -> Result<Self, OutOfMemory> {
        let spec = MapSpec {
            kind: MapKind::Array,
            key_size: 0,
            value_size: 0,
            max_entries: 0,
            flags: 0,
            hash_seed: 0,
        };
        let shape = spec.shape(1);
        Ok(Self {
            spec,
            elements: Elements::new(memory, spec.layout(&shape), 0)?,
            index: Index::new(memory, spec.kind, &shape)?,
            is_event_array: true,
        })
    }

    /// Whether the map is an [event array](Self::event_array).
    pub(crate) fn is_event_array(&self) -> bool {
        self.is_event_array
    }

    /// What the map was made from.
    pub fn spec(&self) -> &MapSpec {
        &self.spec
    }

    /// Bytes of device memory that the map takes.
    pub fn size_in_memory(&self) -> usize {
        let index = self.index.size_in_memory();
        size_of_val::<[AtomicU64]>(self.elements.words())
            .saturating_add(index as usize)
            .saturating_add(size_of::<Self>())
    }

    /// Copies the value of `key` to `value`. For user space, with bottom halves disabled.
    ///
    /// # Errors
    ///
    /// [`MapError::NotFound`]; [`MapError::Length`] if a length is not the map's.
    pub fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<(), MapError> {
        check_length(value.len(), self.spec.value_size)?;
        let mut storage = [0; KEY_WORDS];
        let key = self.key_words(key, &mut storage)?;
        self.index.read(&self.elements, key, |element| {
            words::copy_out(self.elements.value(element), value)
        })
    }

    /// Sets the value of `key`. For user space, with bottom halves disabled.
    ///
    /// # Errors
    ///
    /// [`MapError::Exists`], [`MapError::NotFound`] as `flags` demand; [`MapError::Full`];
    /// [`MapError::UpdateFlags`]; [`MapError::Length`].
    pub fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        check_length(value.len(), self.spec.value_size)?;
        let mut storage = [0; KEY_WORDS];
        let key = self.key_words(key, &mut storage)?;
        self.update_words(key, value, flags)
    }

    /// Removes `key`. For user space, with bottom halves disabled.
    ///
    /// # Errors
    ///
    /// [`MapError::NotFound`]; [`MapError::DeleteFromArray`]; [`MapError::Length`].
    pub fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        let mut storage = [0; KEY_WORDS];
        let key = self.key_words(key, &mut storage)?;
        self.delete_words(key)
    }

    /// The key after `key`, or the first one if there is no `key` or it is not in the map. For user
    /// space, with bottom halves disabled. The order is the map's own; a walk during changes may
    /// miss keys or see them twice.
    ///
    /// # Errors
    ///
    /// [`MapError::NotFound`] after the last key; [`MapError::Length`].
    pub fn get_next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<(), MapError> {
        check_length(next.len(), self.spec.key_size)?;
        let mut storage = [0; KEY_WORDS];
        let key = match key {
            Some(key) => Some(self.key_words(key, &mut storage)?),
            None => None,
        };
        self.index.next_key(&self.elements, key, next)
    }

    /// The element of `key`, as a byte offset into [`Map::values`]. For programs.
    #[inline]
    pub(crate) fn find(&self, key: &[u64]) -> Option<u64> {
        let element = self.index.find(&self.elements, key)?;
        Some(self.elements.offset_of(element))
    }

    /// Element `index` of an array, as [`Map::find`] gives it.
    #[inline]
    pub(crate) fn find_element(&self, index: u32) -> Option<u64> {
        (index < self.spec.max_entries).then(|| self.elements.offset_of(index))
    }

    /// Whether keys of the map are indices.
    #[inline]
    pub(crate) fn is_array(&self) -> bool {
        matches!(self.index, Index::Array(_))
    }

    /// See [`Map::update`]; `key` has [`Map::key_len_words`] words.
    pub(crate) fn update_words(
        &self,
        key: &[u64],
        value: &(impl WordSource + ?Sized),
        flags: u64,
    ) -> Result<(), MapError> {
        // BPF_F_LOCK is for values that hold a lock, and the device has none of these: refused by the
        // index, which knows when the kernel says so.
        if flags & !BPF_F_LOCK > BPF_EXIST {
            return Err(MapError::UpdateFlags { asked: flags });
        }
        self.index.update(&self.elements, key, flags, |element| {
            words::copy_in(self.elements.value(element), value)
        })
    }

    /// See [`Map::delete`].
    pub(crate) fn delete_words(&self, key: &[u64]) -> Result<(), MapError> {
        self.index.delete(&self.elements, key)
    }

    /// Bytes of a key.
    pub(crate) fn key_size(&self) -> usize {
        self.spec.key_size as usize
    }

    /// Bytes of a value.
    pub(crate) fn value_size(&self) -> usize {
        self.spec.value_size as usize
    }

    /// The memory in which all values lie, each behind what the index keeps of its element.
    #[inline]
    pub(crate) fn values(&self) -> &[AtomicU64] {
        self.elements.words()
    }

    fn key_words<'a>(
        &self,
        key: &[u8],
        storage: &'a mut [u64; KEY_WORDS],
    ) -> Result<&'a [u64], MapError> {
        check_length(key.len(), self.spec.key_size)?;
        let words = storage.get_mut(..words_for(key.len())).unwrap_or_default();
        for (index, word) in numbered(&mut *words) {
            *word = key.word(index);
        }
        Ok(words)
    }
}

fn check_length(asked: usize, expected: u32) -> Result<(), MapError> {
    if asked == expected as usize {
        Ok(())
    } else {
        Err(MapError::Length { asked, expected })
    }
}

fn check_spec(spec: &MapSpec, shape: &Shape, limits: &Limits) -> Result<(), MapError> {
    let sizes = [
        (
            "key_size",
            spec.key_size,
            limits.max_key_size.min(MAX_KEY_SIZE),
        ),
        ("value_size", spec.value_size, limits.max_value_size),
        ("max_entries", spec.max_entries, limits.max_map_entries),
    ];
    for (field, asked, _) in sizes {
        if asked == 0 {
            return Err(MapError::Zero { field });
        }
    }
    if spec.flags != 0 {
        return Err(MapError::CreateFlags { asked: spec.flags });
    }
    spec.kind.check(shape)?;
    for (field, asked, limit) in sizes {
        if asked > limit {
            return Err(MapError::Limit {
                field,
                asked: asked.into(),
                limit: limit.into(),
            });
        }
    }
    Ok(())
}
