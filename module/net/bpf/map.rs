// SPDX-License-Identifier: GPL-2.0

//! Maps that live in a device.

use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::from_result,
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};

/// The types of maps that the core lets devices have: see `bpf_map_offload_map_alloc()`.
pub(super) const OFFLOADABLE: [u32; 2] = [
    bindings::bpf_map_type_BPF_MAP_TYPE_ARRAY,
    bindings::bpf_map_type_BPF_MAP_TYPE_HASH,
];

/// What the user asks for in `BPF_MAP_CREATE`. The map's name comes later.
#[derive(Clone, Copy, Debug)]
pub struct MapSpec {
    /// Type, by its number in `linux/bpf.h`.
    pub kind: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub flags: u32,
    /// The NUMA node asked for, if one was.
    pub numa_node: Option<u32>,
    /// Type-specific extra word.
    pub extra: u64,
}

/// A map that lives in a device, as user space reaches it through `bpf()`.
///
/// The operations run in process context, several at once, on behalf of whoever has a descriptor.
/// Keys are of the map's key size and values of its value size. Errors are those of the host's
/// maps.
pub trait MapOffload: Send + Sync + Sized + 'static {
    /// What programs and maps share.
    type Device: Send + Sync + 'static;

    /// Makes a map. Process context, RTNL held.
    fn alloc(device: &Self::Device, spec: &MapSpec) -> Result<Arc<Self>>;

    /// Copies the value of `key` to `value`, which is zero before.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such element.
    fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result;

    /// Sets the value of `key`. `flags` is `BPF_ANY`, `BPF_NOEXIST` or `BPF_EXIST`.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENOENT` by `flags`; `E2BIG` if the map is full.
    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result;

    /// Removes the element of `key`.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such element, `EINVAL` if the type's elements cannot be removed.
    fn delete(&self, key: &[u8]) -> Result;

    /// Finds the key that follows `key`, the first one if `key` is `None` or not in the map, and
    /// copies it to `next`, which is zero before.
    ///
    /// # Errors
    ///
    /// `ENOENT` after the last one.
    fn get_next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result;
}

/// Serves `BPF_OFFLOAD_MAP_ALLOC`.
///
/// # Safety
///
/// `offmap` must be a map that is being created, initialised from the user's attributes.
pub(super) unsafe fn alloc<M: MapOffload>(
    device: &M::Device,
    offmap: *mut bindings::bpf_offloaded_map,
) -> Result {
    // SAFETY: Valid by the function's contract; nobody else knows of the map yet.
    let offmap = unsafe { &mut *offmap };
    let map = &offmap.map;
    let spec = MapSpec {
        kind: map.map_type,
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
        flags: map.map_flags,
        numa_node: u32::try_from(map.numa_node).ok(),
        extra: map.map_extra,
    };
    offmap.dev_priv = M::alloc(device, &spec)?.into_foreign();
    offmap.dev_ops = Adapter::<M>::OPS;
    Ok(())
}

/// Serves `BPF_OFFLOAD_MAP_FREE`.
///
/// # Safety
///
/// [`alloc`] with the same `M` must have succeeded for `offmap`, and this must be the last use.
pub(super) unsafe fn free<M: MapOffload>(offmap: *mut bindings::bpf_offloaded_map) {
    // SAFETY: Valid by the function's contract, and `alloc` stored an `Arc<M>` there.
    drop(unsafe { Arc::<M>::from_foreign((*offmap).dev_priv) });
}

/// The C side of the map operations.
struct Adapter<M>(PhantomData<M>);

impl<M: MapOffload> Adapter<M> {
    /// The reference is the constant, so that it is static whatever is made of the constant elsewhere.
    const OPS: &'static bindings::bpf_map_dev_ops = &bindings::bpf_map_dev_ops {
        map_get_next_key: Some(Self::get_next_key),
        map_lookup_elem: Some(Self::lookup),
        map_update_elem: Some(Self::update),
        map_delete_elem: Some(Self::delete),
    };

    /// The device's map behind `offmap`.
    ///
    /// # Safety
    ///
    /// As for the operations below.
    unsafe fn map<'a>(offmap: *mut bindings::bpf_offloaded_map) -> ArcBorrow<'a, M> {
        // SAFETY: The core calls the operations of maps that have a device only, and keeps it from
        // being freed meanwhile; `alloc` stored an `Arc<M>` there.
        unsafe { Arc::<M>::borrow((*offmap).dev_priv) }
    }

    /// # Safety
    ///
    /// To be called by the core alone, with `bpf_devs_lock` held: `offmap` is valid and was made by
    /// [`alloc`] with the same `M`.
    unsafe extern "C" fn get_next_key(
        offmap: *mut bindings::bpf_offloaded_map,
        key: *mut c_void,
        next: *mut c_void,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let map = unsafe { Self::map(offmap) };
            // SAFETY: As above. The size is fixed.
            // CAST: `usize` has 32 bits or more.
            let size = unsafe { (*offmap).map.key_size } as usize;
            let key = if key.is_null() {
                None
            } else {
                // SAFETY: The core passes null or a buffer of the key's size.
                Some(unsafe { core::slice::from_raw_parts(key.cast::<u8>(), size) })
            };
            // SAFETY: The core passes a buffer of the key's size of its own for the answer, and looks
            // at it when the call has ended.
            let next = unsafe { zeroed(next, size) };
            map.get_next_key(key, next)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::get_next_key`].
    unsafe extern "C" fn lookup(
        offmap: *mut bindings::bpf_offloaded_map,
        key: *mut c_void,
        value: *mut c_void,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let map = unsafe { Self::map(offmap) };
            // SAFETY: By the function's contract; the core passes a key of the map's key size.
            let key = unsafe { Self::key(offmap, key) };
            // SAFETY: As above. The size is fixed.
            // CAST: As above.
            let size = unsafe { (*offmap).map.value_size } as usize;
            // SAFETY: The core passes a buffer of its own, of the value's size, and looks at it when
            // the call has ended.
            let value = unsafe { zeroed(value, size) };
            map.lookup(key, value)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::get_next_key`].
    unsafe extern "C" fn update(
        offmap: *mut bindings::bpf_offloaded_map,
        key: *mut c_void,
        value: *mut c_void,
        flags: u64,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let map = unsafe { Self::map(offmap) };
            // SAFETY: By the function's contract; the core passes a key of the map's key size.
            let key = unsafe { Self::key(offmap, key) };
            // SAFETY: As above. The size is fixed.
            // CAST: As above.
            let size = unsafe { (*offmap).map.value_size } as usize;
            // SAFETY: The core passes a buffer of the value's size.
            let value = unsafe { core::slice::from_raw_parts(value.cast::<u8>(), size) };
            map.update(key, value, flags)?;
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// As for [`Self::get_next_key`].
    unsafe extern "C" fn delete(
        offmap: *mut bindings::bpf_offloaded_map,
        key: *mut c_void,
    ) -> c_int {
        from_result(|| {
            // SAFETY: By the function's contract.
            let map = unsafe { Self::map(offmap) };
            // SAFETY: By the function's contract; the core passes a key of the map's key size.
            let key = unsafe { Self::key(offmap, key) };
            map.delete(key)?;
            Ok(0)
        })
    }

    /// The key that the core passed.
    ///
    /// # Safety
    ///
    /// `offmap` must be valid, `key` readable for its key size, for `'a`.
    unsafe fn key<'a>(offmap: *mut bindings::bpf_offloaded_map, key: *mut c_void) -> &'a [u8] {
        // SAFETY: Valid by the function's contract. The size is fixed.
        // CAST: As above.
        let size = unsafe { (*offmap).map.key_size } as usize;
        // SAFETY: Readable by the function's contract.
        unsafe { core::slice::from_raw_parts(key.cast::<u8>(), size) }
    }
}

/// The core's buffer for an answer, which goes to user space as it is on return. The core has not
/// initialised it: whatever of it a map leaves out is zero, and not what was in the heap.
///
/// # Safety
///
/// `buffer` must be valid for writes of `size` bytes, and nobody else use it for `'a`.
unsafe fn zeroed<'a>(buffer: *mut c_void, size: usize) -> &'a mut [u8] {
    let buffer = buffer.cast::<u8>();
    // SAFETY: By the function's contract; zeroed, it is initialised.
    unsafe {
        buffer.write_bytes(0, size);
        core::slice::from_raw_parts_mut(buffer, size)
    }
}
