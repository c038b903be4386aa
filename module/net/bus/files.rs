// SPDX-License-Identifier: GPL-2.0

//! Files in sysfs that can be written and not read.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::{
        from_ref,
        null, //
    }, //
};
use kernel::prelude::*;

/// A file of a bus or of a device, behind which is a `T`. Root may write to it, and nobody read it.
pub struct File<T> {
    /// Its name.
    pub name: &'static CStr,
    /// Serves what is written: text, without the blanks and the line end around it. Process context,
    /// several at once.
    pub write: fn(&T, &str) -> Result,
}

/// The most files of one bus or device.
pub(super) const MOST: usize = 8;

/// What has files.
pub(super) trait Owner: Sized {
    /// What is behind them.
    type Context: 'static;
    /// A file as the driver core has it, which begins with its `attribute`.
    type Attribute: 'static;
    const FILES: &'static [File<Self::Context>];
    /// A function for each of them, and nothing in what is left.
    const ATTRIBUTES: &'static [Self::Attribute; MOST];
}

/// A function with the number of a file for each that there may be: the driver core does not tell a
/// function which file it is for.
macro_rules! for_each_file {
    ($($function:tt)*) => {
        [
            $($function)*::<0>,
            $($function)*::<1>,
            $($function)*::<2>,
            $($function)*::<3>,
            $($function)*::<4>,
            $($function)*::<5>,
            $($function)*::<6>,
            $($function)*::<7>,
        ]
    };
}
pub(super) use for_each_file;

/// The files of an owner, as the driver core takes them.
pub(super) struct Groups<O>(PhantomData<O>);

impl<O: Owner> Groups<O> {
    const ATTRIBUTES: &'static [*const bindings::attribute; MOST + 1] = &{
        assert!(O::FILES.len() <= MOST);
        let mut attributes = [null(); MOST + 1];
        let mut index = 0;
        while index < O::FILES.len() {
            attributes[index] = from_ref(&O::ATTRIBUTES[index]).cast();
            index += 1;
        }
        attributes
    };
    const GROUP: &'static bindings::attribute_group = &bindings::attribute_group {
        __bindgen_anon_2: bindings::attribute_group__bindgen_ty_2 {
            attrs_const: from_ref(Self::ATTRIBUTES).cast(),
        },
        ..pin_init::zeroed()
    };
    pub(super) const ALL: &'static [*const bindings::attribute_group; 2] = &[Self::GROUP, null()];
}

/// May be written by root.
const WRITE_ONLY: bindings::umode_t = 0o200;

pub(super) const fn attribute(name: &'static CStr) -> bindings::attribute {
    // There are more fields where lock dependencies are checked.
    let mut attribute: bindings::attribute = pin_init::zeroed();
    attribute.name = name.to_bytes_with_nul().as_ptr().cast();
    attribute.mode = WRITE_ONLY;
    attribute
}

/// Has file number `index` answer to the `count` bytes at `text` that were written to it.
///
/// # Safety
///
/// `text` must be readable for `count` bytes.
pub(super) unsafe fn write<O: Owner>(
    index: usize,
    context: &O::Context,
    text: *const c_char,
    count: usize,
) -> isize {
    // SAFETY: By the function's contract.
    let text = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), count) };
    let written = core::str::from_utf8(text)
        .map_err(|_| EINVAL)
        .and_then(|text| {
            let file = O::FILES.get(index).ok_or(EINVAL)?;
            (file.write)(context, text.trim())
        });
    match written {
        // CAST: At most a page.
        Ok(()) => count as isize,
        // CAST: A small number.
        Err(error) => error.to_errno() as isize,
    }
}
