// SPDX-License-Identifier: GPL-2.0

//! Why a map was not made, or an operation on it failed.

use core::fmt;

use crate::errno;
use crate::memory::OutOfMemory;

/// An error of map creation or of an operation on a map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MapError {
    /// There is no such element.
    NotFound,
    /// The element exists and `BPF_NOEXIST` was asked for.
    Exists,
    /// All elements are in use, or an array has no such index.
    Full {
        /// The map's number of elements.
        max_entries: u32,
    },
    /// An array's elements can't be deleted.
    DeleteFromArray,
    /// Update flags that the device does not know.
    UpdateFlags {
        /// The flags.
        asked: u64,
    },
    /// A key or value of another length than the map's.
    Length {
        /// Length given, in bytes.
        asked: usize,
        /// The map's length, in bytes.
        expected: u32,
    },
    /// Map creation: no memory.
    OutOfMemory {
        /// Bytes that the map needs.
        asked: u64,
    },
    /// Map creation: flags; the device takes none.
    CreateFlags {
        /// The flags.
        asked: u32,
    },
    /// Map creation: a size of zero.
    Zero {
        /// Which one.
        field: &'static str,
    },
    /// Map creation: an array's key is not four bytes long.
    ArrayKeySize {
        /// Length given, in bytes.
        asked: u32,
    },
    /// Map creation: a limit of the device.
    Limit {
        /// What is limited.
        field: &'static str,
        /// The value asked for.
        asked: u64,
        /// The largest value that the device takes.
        limit: u64,
    },
}

impl MapError {
    /// The error number (positive) that the kernel's own maps give in the same case.
    pub const fn errno(&self) -> i32 {
        match self {
            Self::NotFound => errno::ENOENT,
            Self::Exists => errno::EEXIST,
            Self::Full { .. } | Self::Limit { .. } => errno::E2BIG,
            Self::OutOfMemory { .. } => errno::ENOMEM,
            Self::DeleteFromArray
            | Self::UpdateFlags { .. }
            | Self::Length { .. }
            | Self::CreateFlags { .. }
            | Self::Zero { .. }
            | Self::ArrayKeySize { .. } => errno::EINVAL,
        }
    }
}

impl From<OutOfMemory> for MapError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory { asked: 0 }
    }
}

impl fmt::Display for MapError {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotFound => f.write_str("no such element"),
            Self::Exists => f.write_str("the element exists"),
            Self::Full { max_entries } => write!(f, "no room: the map has {max_entries} elements"),
            Self::DeleteFromArray => f.write_str("elements of an array can't be deleted"),
            Self::UpdateFlags { asked } => {
                write!(
                    f,
                    "update flags {asked:#x}: the device knows BPF_ANY, BPF_NOEXIST and BPF_EXIST"
                )
            }
            Self::Length { asked, expected } => {
                write!(f, "{asked} bytes given, the map's length is {expected}")
            }
            Self::OutOfMemory { asked } => {
                write!(
                    f,
                    "no device memory for the map: {asked} bytes asked for; \
                     free maps or programs of this device"
                )
            }
            Self::CreateFlags { asked } => {
                write!(f, "map flags {asked:#x}: the device takes no map flags")
            }
            Self::Zero { field } => write!(f, "{field} is 0"),
            Self::ArrayKeySize { asked } => write!(f, "array key_size is {asked}, must be 4"),
            Self::Limit {
                field,
                asked,
                limit,
            } => write!(f, "{field} is {asked}, the device takes at most {limit}"),
        }
    }
}
