// SPDX-License-Identifier: GPL-2.0

//! Messages to user space.

use crate::{
    bindings,
    error::message_too_long, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::prelude::*;

/// There is no room for more in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        message_too_long()
    }
}

/// A message in the making.
///
/// # Invariants
///
/// `skb` is valid for `'a` and nobody else uses it; a message was begun in it.
pub struct Message<'a> {
    skb: NonNull<bindings::sk_buff>,
    _skb: PhantomData<&'a mut bindings::sk_buff>,
}

/// Bytes in front of an attribute's value.
const ATTRIBUTE_HEADER: usize = size_of::<bindings::nlattr>();

impl Message<'_> {
    /// Appends attribute `number` with `value`.
    pub fn put(&mut self, number: u16, value: &[u8]) -> Result<(), Full> {
        // What is longer has no length in an attribute.
        let len = u16::try_from(value.len().saturating_add(ATTRIBUTE_HEADER)).map_err(|_| Full)?;
        let len = usize::from(len).saturating_sub(ATTRIBUTE_HEADER);
        // SAFETY: The message is valid by the type invariant, and the value has `len` bytes.
        let error = unsafe {
            bindings::nla_put(
                self.skb.as_ptr(),
                number.into(),
                // CAST: It fits into 16 bits.
                len as c_int,
                value.as_ptr().cast(),
            )
        };
        if error == 0 {
            Ok(())
        } else {
            Err(Full)
        }
    }

    /// Appends a number of 32 bits.
    pub fn put_u32(&mut self, number: u16, value: u32) -> Result<(), Full> {
        self.put(number, &value.to_ne_bytes())
    }

    /// Appends a number of 32 bits, or of 64 if it needs them (`uint` of a specification).
    pub fn put_uint(&mut self, number: u16, value: u64) -> Result<(), Full> {
        match u32::try_from(value) {
            Ok(value) => self.put_u32(number, value),
            Err(_) => self.put(number, &value.to_ne_bytes()),
        }
    }

    /// Appends a text and the zero byte at its end. It must have no other.
    pub fn put_text(&mut self, number: u16, text: &CStr) -> Result<(), Full> {
        self.put(number, text.to_bytes_with_nul())
    }

    /// Appends an attribute that is there or not.
    pub fn put_flag(&mut self, number: u16) -> Result<(), Full> {
        self.put(number, &[])
    }

    /// Appends attribute `number` with the attributes in it that `fill` appends.
    pub fn nest(
        &mut self,
        number: u16,
        fill: impl FnOnce(&mut Message<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let before = self.len();
        // SAFETY: The message is valid by the type invariant.
        let start =
            unsafe { bindings::offload_nic_nla_nest_start(self.skb.as_ptr(), number.into()) };
        if start.is_null() {
            return Err(Full);
        }
        let filled = fill(self);
        if filled.is_err() || self.len().saturating_sub(before) > usize::from(u16::MAX) {
            // SAFETY: `start` is in the message, which has not moved. What came behind it goes.
            unsafe { bindings::offload_nic_nla_nest_cancel(self.skb.as_ptr(), start) };
            return Err(Full);
        }
        // SAFETY: `start` is in the message, which has not moved; nothing was taken out of it.
        unsafe { bindings::offload_nic_nla_nest_end(self.skb.as_ptr(), start) };
        Ok(())
    }

    /// Bytes that the value of one more attribute can have.
    pub fn room(&self) -> usize {
        // SAFETY: The message is valid by the type invariant.
        let room = unsafe { bindings::offload_nic_skb_tailroom(self.skb.as_ptr()) } as usize;
        // An attribute ends at a multiple of four bytes.
        (room & !3).saturating_sub(ATTRIBUTE_HEADER)
    }

    fn len(&self) -> usize {
        // SAFETY: As above. CAST: `usize` has at least 32 bits.
        unsafe { (*self.skb.as_ptr()).len as usize }
    }
}

/// Appends a message to `skb` that `fill` writes, and hands its header to `finish`. On an error `skb`
/// is as before.
///
/// # Safety
///
/// `skb` must be valid and the caller's, and `family` one that was registered.
pub(super) unsafe fn append(
    skb: NonNull<bindings::sk_buff>,
    family: *const bindings::genl_family,
    (portid, sequence): (u32, u32),
    (flags, command): (u32, u8),
    fill: impl FnOnce(&mut Message<'_>) -> Result<(), Full>,
    finish: impl FnOnce(*mut c_void),
) -> Result<(), Full> {
    // SAFETY: By the function's contract. CAST: The flags of a message have 16 bits.
    let header = unsafe {
        bindings::genlmsg_put(
            skb.as_ptr(),
            portid,
            sequence,
            family,
            flags as c_int,
            command,
        )
    };
    if header.is_null() {
        return Err(Full);
    }
    // INVARIANT: Begun above.
    let mut message = Message {
        skb,
        _skb: PhantomData,
    };
    if let Err(full) = fill(&mut message) {
        // SAFETY: `header` is that of the message that was begun last.
        unsafe { bindings::offload_nic_genlmsg_cancel(skb.as_ptr(), header) };
        return Err(full);
    }
    finish(header);
    // SAFETY: As above.
    unsafe { bindings::offload_nic_genlmsg_end(skb.as_ptr(), header) };
    Ok(())
}

/// Bytes that a message has room for at first, and at last.
const FIRST_ROOM: usize = 2048;
const LAST_ROOM: usize = 64 << 10;

/// A message of its own that `fill` writes, with as much room as that needs.
///
/// # Errors
///
/// `ENOMEM`; `EMSGSIZE` if it would have more than 64 KiB.
pub(super) fn build(
    family: *const bindings::genl_family,
    portid: u32,
    sequence: u32,
    command: u8,
    fill: impl Fn(&mut Message<'_>) -> Result<(), Full>,
) -> Result<NonNull<bindings::sk_buff>> {
    let mut room = FIRST_ROOM;
    loop {
        // SAFETY: No requirement but process context.
        let skb = NonNull::new(unsafe { bindings::offload_nic_genlmsg_new(room) }).ok_or(ENOMEM)?;
        // SAFETY: The skb is new. The family of the caller is registered.
        let result =
            unsafe { append(skb, family, (portid, sequence), (0, command), &fill, |_| {}) };
        if result.is_ok() {
            return Ok(skb);
        }
        // SAFETY: The skb is ours.
        unsafe { bindings::offload_nic_consume_skb(skb.as_ptr()) };
        room = room.saturating_mul(2);
        if room > LAST_ROOM {
            return Err(Full.into());
        }
    }
}
