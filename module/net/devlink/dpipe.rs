// SPDX-License-Identifier: GPL-2.0

//! The pipeline of a device: its tables, what they match and do, and what is in them, for `devlink dpipe`.
//!
//! A driver has [headers](Headers) that live for ever: the core keeps a pointer to them as long as they are
//! registered, and hands numbers of fields out to user space, which must mean the same for as long. What may
//! change is what its tables tell of themselves when they are asked.
//!
//! Tables are asked in process context with the lock of the instance held, RTNL not held; so nothing of what
//! that lock guards changes during a dump, and none outlives the instance.

use crate::{
    bindings,
    error::message_too_long, //
};
use core::{
    marker::PhantomData,
    ptr::null_mut, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// A field of a header.
#[repr(transparent)]
pub struct Field(bindings::devlink_dpipe_field);

// SAFETY: Nobody changes it, and its name lives for ever.
unsafe impl Sync for Field {}

impl Field {
    /// Field number `id` of its header, which has `bits` bits.
    pub const fn new(name: &'static CStr, id: u32, bits: u32) -> Self {
        Self(bindings::devlink_dpipe_field {
            name: name.to_bytes_with_nul().as_ptr().cast(),
            id,
            bitwidth: bits,
            mapping_type:
                bindings::devlink_dpipe_field_mapping_type_DEVLINK_DPIPE_FIELD_MAPPING_TYPE_NONE,
        })
    }

    /// This, with values that belong to interfaces.
    pub const fn of_interfaces(mut self) -> Self {
        self.0.mapping_type =
            bindings::devlink_dpipe_field_mapping_type_DEVLINK_DPIPE_FIELD_MAPPING_TYPE_IFINDEX;
        self
    }
}

/// A header of the driver's own.
///
/// # Invariants
///
/// It has as many fields as it says, which live for ever, and the number of each is its index.
#[repr(transparent)]
pub struct Header(bindings::devlink_dpipe_header);

// SAFETY: Nobody changes it: the core has a pointer to it that is not `const`, and only reads.
unsafe impl Sync for Header {}

impl Header {
    /// Header number `id` of the driver's.
    ///
    /// # Panics
    ///
    /// If the number of a field is not its index.
    pub const fn new(name: &'static CStr, id: u32, fields: &'static [Field]) -> Self {
        let mut index = 0;
        while index < fields.len() {
            // CAST: `usize` has at most 64 bits.
            assert!(fields[index].0.id as u64 == index as u64);
            index += 1;
        }
        assert!(fields.len() < 1 << 16);
        // INVARIANT: Just looked at.
        Self(bindings::devlink_dpipe_header {
            name: name.to_bytes_with_nul().as_ptr().cast(),
            id,
            fields: fields.as_ptr().cast_mut().cast(),
            // CAST: Few, as was just looked at.
            fields_count: fields.len() as u32,
            global: false,
        })
    }

    /// Its field number `id`.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub const fn field(&'static self, id: u32) -> Place {
        assert!(id < self.0.fields_count);
        // INVARIANT: Just looked at; it lives for ever.
        Place {
            header: Listed::new(self),
            id,
        }
    }
}

/// A header as the core knows it.
///
/// # Invariants
///
/// It lives for ever.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Listed(*mut bindings::devlink_dpipe_header);

// SAFETY: As for `Header`, which is what it points to, be it of the driver or of the core.
unsafe impl Send for Listed {}
// SAFETY: As above.
unsafe impl Sync for Listed {}

impl Listed {
    /// One of the driver's own.
    pub const fn new(header: &'static Header) -> Self {
        // INVARIANT: By the reference's lifetime.
        Self(core::ptr::from_ref(header).cast_mut().cast())
    }

    /// Ethernet, which all drivers have in common.
    pub const fn ethernet() -> Self {
        // INVARIANT: The core outlives the module that uses it.
        Self(&raw mut bindings::devlink_dpipe_header_ethernet)
    }

    /// IPv4, as [`Self::ethernet`].
    pub const fn ipv4() -> Self {
        // INVARIANT: As above.
        Self(&raw mut bindings::devlink_dpipe_header_ipv4)
    }

    /// IPv6, as [`Self::ethernet`].
    pub const fn ipv6() -> Self {
        // INVARIANT: As above.
        Self(&raw mut bindings::devlink_dpipe_header_ipv6)
    }
}

/// A field of a certain header.
///
/// # Invariants
///
/// `header` has a field `id`: the core looks that up without a check.
#[derive(Clone, Copy)]
pub struct Place {
    header: Listed,
    id: u32,
}

impl Place {
    /// The destination address of Ethernet: 6 bytes.
    pub const fn ethernet_destination() -> Self {
        // INVARIANT: The core's headers have one field each.
        Self {
            header: Listed::ethernet(),
            id: bindings::devlink_dpipe_field_ethernet_id_DEVLINK_DPIPE_FIELD_ETHERNET_DST_MAC,
        }
    }

    /// The destination address of IPv4: a number.
    pub const fn ipv4_destination() -> Self {
        // INVARIANT: As above.
        Self {
            header: Listed::ipv4(),
            id: bindings::devlink_dpipe_field_ipv4_id_DEVLINK_DPIPE_FIELD_IPV4_DST_IP,
        }
    }

    /// The destination address of IPv6: 16 bytes.
    pub const fn ipv6_destination() -> Self {
        // INVARIANT: As above.
        Self {
            header: Listed::ipv6(),
            id: bindings::devlink_dpipe_field_ipv6_id_DEVLINK_DPIPE_FIELD_IPV6_DST_IP,
        }
    }

    fn as_match(self) -> bindings::devlink_dpipe_match {
        bindings::devlink_dpipe_match {
            type_: bindings::devlink_dpipe_match_type_DEVLINK_DPIPE_MATCH_TYPE_FIELD_EXACT,
            header_index: 0,
            header: self.header.0,
            field_id: self.id,
        }
    }

    fn as_action(self) -> bindings::devlink_dpipe_action {
        bindings::devlink_dpipe_action {
            type_: bindings::devlink_dpipe_action_type_DEVLINK_DPIPE_ACTION_TYPE_FIELD_MODIFY,
            header_index: 0,
            header: self.header.0,
            field_id: self.id,
        }
    }
}

/// All headers of a device.
///
/// # Invariants
///
/// There are as many as it says, and the list lives for ever.
#[repr(transparent)]
pub struct Headers(bindings::devlink_dpipe_headers);

// SAFETY: As for `Header`.
unsafe impl Sync for Headers {}

impl Headers {
    pub(super) fn as_ptr(&'static self) -> *mut bindings::devlink_dpipe_headers {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The headers in `list`.
    pub const fn new(list: &'static [Listed]) -> Self {
        assert!(list.len() < 1 << 16);
        // INVARIANT: By the reference.
        Self(bindings::devlink_dpipe_headers {
            headers: list.as_ptr().cast_mut().cast(),
            // CAST: Few, as was just looked at.
            headers_count: list.len() as u32,
        })
    }
}

/// A table of a device.
pub struct Table {
    /// Its name.
    pub name: &'static CStr,
    /// The resource of which an entry takes one, by its number in the table of resources.
    pub resource: Option<usize>,
}

/// The pipeline of an instance with a `T`. Its tables are known by their numbers in the list. They count
/// nothing, and nobody can have them do so.
///
/// All of it runs in process context with the lock of the instance held, RTNL not held.
pub trait Pipeline<T> {
    /// The tables, four at most.
    const TABLES: &'static [Table];

    /// The headers, always the same.
    fn headers() -> &'static Headers;

    /// How many entries table `index` has room for.
    fn size(instance: &T, index: usize) -> u64;

    /// Puts the fields that entries of table `index` may match into `list`.
    ///
    /// # Errors
    ///
    /// What `list` gives.
    fn matches(instance: &T, index: usize, list: &mut Fields<'_>) -> Result;

    /// Puts the fields that entries of table `index` may set into `list`.
    ///
    /// # Errors
    ///
    /// What `list` gives.
    fn actions(instance: &T, index: usize, list: &mut Fields<'_>) -> Result;

    /// Puts all entries of table `index` into `dump`.
    ///
    /// # Errors
    ///
    /// What `dump` gives, and what else is in the way; the reader gets it, and not all entries.
    fn dump(instance: &T, index: usize, dump: &mut Dump<'_>) -> Result;
}

/// A list of fields that a table tells of itself.
///
/// # Invariants
///
/// `skb` is valid for `'a`, and this value's alone.
pub struct Fields<'a> {
    skb: *mut bindings::sk_buff,
    is_matched: bool,
    _call: PhantomData<&'a mut ()>,
}

impl Fields<'_> {
    /// # Safety
    ///
    /// `skb` must be what devlink passed to a callback, for what is matched if `is_matched` and for actions
    /// otherwise, and the call last for all of the lifetime that is chosen.
    pub(super) unsafe fn from_raw(skb: *mut bindings::sk_buff, is_matched: bool) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            skb,
            is_matched,
            _call: PhantomData,
        }
    }

    /// Adds a field.
    ///
    /// # Errors
    ///
    /// `EMSGSIZE`: there is no room, and none of the table's lists is of use.
    pub fn push(&mut self, place: Place) -> Result {
        if self.is_matched {
            let mut matched = place.as_match();
            // SAFETY: The message is valid by the type invariant; header and field are by that of `Place`. The
            // core reads all of it before it returns.
            return to_result(unsafe { bindings::devlink_dpipe_match_put(self.skb, &mut matched) });
        }
        let mut action = place.as_action();
        // SAFETY: As above.
        to_result(unsafe { bindings::devlink_dpipe_action_put(self.skb, &mut action) })
    }
}

/// The most bytes that a value has.
const VALUE_BYTES: usize = 16;

/// The value that a field is to have, or gets.
#[derive(Clone, Copy)]
pub struct Value {
    place: Place,
    /// The first `len` of them count.
    value: [u8; VALUE_BYTES],
    mask: [u8; VALUE_BYTES],
    /// At most `VALUE_BYTES`.
    len: usize,
    /// Whether there is a mask.
    is_masked: bool,
    interface: Option<u32>,
}

impl Value {
    /// A number, in the byte order of the host, as `devlink` shows it.
    pub fn number(place: Place, value: u32) -> Self {
        Self::bytes(place, &value.to_ne_bytes())
    }

    /// Bytes, as they are on the wire: the first 16 of `value` at most.
    pub fn bytes(place: Place, value: &[u8]) -> Self {
        let mut bytes = [0; VALUE_BYTES];
        let len = value.len().min(VALUE_BYTES);
        for (place, byte) in bytes.iter_mut().zip(value) {
            *place = *byte;
        }
        Self {
            place,
            value: bytes,
            mask: [0; VALUE_BYTES],
            len,
            is_masked: false,
            interface: None,
        }
    }

    /// This, of which only the bits of `mask` count, a number as well.
    pub fn under_number(self, mask: u32) -> Self {
        self.under(&mask.to_ne_bytes())
    }

    /// This, of which only the bits of `mask` count.
    pub fn under(mut self, mask: &[u8]) -> Self {
        for (place, byte) in self.mask.iter_mut().zip(mask) {
            *place = *byte;
        }
        self.is_masked = true;
        self
    }

    /// This, which belongs to the interface with index `ifindex`.
    pub fn of_interface(mut self, ifindex: u32) -> Self {
        self.interface = Some(ifindex);
        self
    }
}

/// The message that entries go into.
enum Message {
    /// There is none, or it is not ours.
    Absent,
    /// It has so many entries, and may get more.
    Open(usize),
    /// It is full, and not sent yet.
    Full,
}

/// Where the entries of a table go: as many messages as it takes, each of which the reader gets when the next
/// one begins.
///
/// What the core reads of an entry is made in lists that are kept from one to the next, and go with this.
///
/// # Invariants
///
/// `context` is valid for `'a`, and this value's alone. If `message` is not `Absent`, its `skb` is a message
/// of ours; if it is `Open`, one that was begun and not ended. Else `skb` is null.
pub struct Dump<'a> {
    context: *mut bindings::devlink_dpipe_dump_ctx,
    message: Message,
    matches: KVec<bindings::devlink_dpipe_match>,
    actions: KVec<bindings::devlink_dpipe_action>,
    values: KVec<bindings::devlink_dpipe_value>,
    _call: PhantomData<&'a mut ()>,
}

impl Dump<'_> {
    /// # Safety
    ///
    /// `context` must be what devlink passed to a callback, and the call last for all of the lifetime that is
    /// chosen.
    pub(super) unsafe fn from_raw(context: *mut bindings::devlink_dpipe_dump_ctx) -> Self {
        // INVARIANT: Promised by the caller; the core begins without a message.
        Self {
            context,
            message: Message::Absent,
            matches: KVec::new(),
            actions: KVec::new(),
            values: KVec::new(),
            _call: PhantomData,
        }
    }

    /// Adds entry number `index`, which has to match all of `matches` and then sets `actions`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EAGAIN` if the reader has no room for what it was to get already: it can't read before it
    /// has got all. `EMSGSIZE` for an entry that is longer than a message.
    pub fn entry(&mut self, index: u64, matches: &[Value], actions: &[Value]) -> Result {
        self.lay_out(matches, actions)?;
        let values = self.values.as_mut_ptr();
        let mut entry = bindings::devlink_dpipe_entry {
            index,
            match_values: values,
            match_values_count: matches.len().try_into()?,
            // All of them lie in the list, those of the actions behind those of the matches.
            action_values: values.wrapping_add(matches.len()),
            action_values_count: actions.len().try_into()?,
            counter: 0,
            counter_valid: false,
        };
        loop {
            let before = match self.message {
                Message::Open(entries) => entries,
                Message::Absent | Message::Full => {
                    self.begin()?;
                    0
                }
            };
            // SAFETY: The message is open. The entry, its values, and what those point to, which is in
            // `self`, in the caller's slices, or lives for ever, are valid, and read before this returns.
            let result = to_result(unsafe {
                bindings::devlink_dpipe_entry_ctx_append(self.context, &mut entry)
            });
            match result {
                Ok(()) => {
                    self.message = Message::Open(before.saturating_add(1));
                    return Ok(());
                }
                // What was put of the entry was taken out again.
                Err(error) if error == message_too_long() && before > 0 => self.end(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes what the core reads of an entry.
    fn lay_out(&mut self, matches: &[Value], actions: &[Value]) -> Result {
        self.matches.clear();
        self.actions.clear();
        self.values.clear();
        for value in matches {
            self.matches.push(value.place.as_match(), GFP_KERNEL)?;
        }
        for value in actions {
            self.actions.push(value.place.as_action(), GFP_KERNEL)?;
        }
        // Neither list gets longer, or moves, while there are pointers into it.
        let matched = self.matches.iter_mut().map(|matched| {
            bindings::devlink_dpipe_value__bindgen_ty_1 {
                match_: matched, //
            }
        });
        let acted = self.actions.iter_mut().map(|action| {
            bindings::devlink_dpipe_value__bindgen_ty_1 {
                action, //
            }
        });
        for (place, value) in Iterator::chain(matched.zip(matches), acted.zip(actions)) {
            // The core does not write to values.
            let pointer = |bytes: &[u8; VALUE_BYTES]| bytes.as_ptr().cast_mut().cast();
            let raw = bindings::devlink_dpipe_value {
                __bindgen_anon_1: place,
                mapping_value: value.interface.unwrap_or(0),
                mapping_valid: value.interface.is_some(),
                value_size: value.len.try_into()?,
                value: pointer(&value.value),
                mask: if value.is_masked {
                    pointer(&value.mask)
                } else {
                    null_mut()
                },
            };
            self.values.push(raw, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Sends the message, if there is one, and begins another.
    fn begin(&mut self) -> Result {
        // SAFETY: The context is valid, and its message is null or one that may be sent.
        let result = to_result(unsafe { bindings::devlink_dpipe_entry_ctx_prepare(self.context) });
        if result.is_err() {
            // INVARIANT: The core has sent or freed what there was, and may have left a pointer to it.
            self.message = Message::Absent;
            // SAFETY: The context is valid, and the pointer is used no more.
            unsafe { (*self.context).skb = null_mut() };
            return result;
        }
        // INVARIANT: Just begun.
        self.message = Message::Open(0);
        Ok(())
    }

    /// Ends the message.
    fn end(&mut self) {
        if let Message::Open(_) = self.message {
            // SAFETY: The context is valid, and its message was begun and not ended. It can't fail.
            unsafe { bindings::devlink_dpipe_entry_ctx_close(self.context) };
            // INVARIANT: Just ended.
            self.message = Message::Full;
        }
    }

    /// Leaves the last message to the core, which wants one even where there are no entries.
    pub(super) fn finish(mut self) -> Result {
        if let Message::Absent = self.message {
            self.begin()?;
        }
        self.end();
        // The core puts its end behind it, and sends it.
        self.message = Message::Absent;
        Ok(())
    }
}

impl Drop for Dump<'_> {
    /// The core does not look at the message of a dump that has failed.
    fn drop(&mut self) {
        if let Message::Absent = self.message {
            return;
        }
        // SAFETY: The context is valid, and its message is ours, which nobody else knows.
        unsafe {
            bindings::offload_nic_consume_skb((*self.context).skb);
            (*self.context).skb = null_mut();
        }
    }
}
